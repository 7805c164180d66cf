// Builds the plugin: `node build.js [OUTPUT_FILE]`, after `npm ci`. Needs no network.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(here, "../../target");
const output = process.argv[2] ?? join(target, "examples/drift.wasm");
const work = join(target, "javascript-alerter");

/** An unsigned number as WebAssembly writes it: seven bits a byte, lowest first. */
function leb128(number) {
    return number < 0x80 ? [number] : [(number & 0x7f) | 0x80, ...leb128(number >>> 7)];
}

function customSection(name, text) {
    const body = Buffer.concat([Buffer.from(leb128(Buffer.byteLength(name))), Buffer.from(name), Buffer.from(text)]);
    return Buffer.concat([Buffer.from([0, ...leb128(body.length)]), body]);
}

/** A manifest is a custom section at the top level; the standard sections tell the same to tools that do not know Vigie. */
function pack(component, manifest) {
    const sections = [
        ["vigie:manifest", JSON.stringify(manifest)],
        ["version", manifest.version],
        ["description", manifest.description],
    ];
    return Buffer.concat([component, ...sections.map(([name, text]) => customSection(name, text))]);
}

// componentize-qjs takes one directory, in which other packages stand in `deps`.
rmSync(work, { recursive: true, force: true });
cpSync(join(here, "wit"), join(work, "wit"), { recursive: true });
cpSync(join(here, "../../wit"), join(work, "wit/deps/vigie-plugin"), { recursive: true });

const built = join(work, "drift.wasm");
execFileSync(
    join(here, "node_modules/.bin/componentize-qjs"),
    // --sync: no function of the contract is async, and hosts without that support load the component too.
    ["--sync", "--opt-size", "--wit", join(work, "wit"), "--world", "drift", "--js", join(here, "src/app.js"), "--output", built],
    { stdio: ["ignore", "ignore", "inherit"] },
);
const manifest = JSON.parse(readFileSync(join(here, "manifest.json"), "utf8"));
writeFileSync(built, pack(readFileSync(built), manifest));
mkdirSync(dirname(output), { recursive: true });
renameSync(built, output);
process.stdout.write(`${output}\n`);
