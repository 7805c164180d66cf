"""Appends a manifest to a component: `pack.py FILE.wasm MANIFEST.json`.

A manifest is a custom section named `vigie:manifest` at the top level of the component; the standard sections `version`
and `description` tell the same to tools that do not know Vigie.
"""

import json
import pathlib
import sys

COMPONENT_PREAMBLE = b"\0asm\x0d\0\x01\0"


def leb128(number: int) -> bytes:
    """An unsigned number as WebAssembly writes it: seven bits a byte, lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def custom_section(name: str, payload: bytes) -> bytes:
    body = leb128(len(name.encode())) + name.encode() + payload
    return b"\0" + leb128(len(body)) + body


def main() -> None:
    component, manifest = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    content = component.read_bytes()
    if content[:8] != COMPONENT_PREAMBLE:
        sys.exit(f"`{component}` is not a component")
    compact = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    sections = [("vigie:manifest", compact), ("version", facts["version"]), ("description", facts["description"])]
    component.write_bytes(content + b"".join(custom_section(name, text.encode()) for name, text in sections))


if __name__ == "__main__":
    main()
