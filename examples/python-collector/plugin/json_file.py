"""From the text of a JSON file to metrics. Pure: knows nothing of the contract, so that plain unit tests reach all of it.

Whatever stands in the file ends as points or as an `Unreadable` with a message: an exception that nobody catches would
be a trap, and a trap costs the instance.
"""

import json
from dataclasses import dataclass, field

#: More points than this are cut, and said so: one file should not become thousands of series by accident.
POINTS_MAX = 1_000
#: Deeper documents are refused. Machines write flat files; a deep one is an accident or an attack on the parser.
DEPTH_MAX = 64
#: What stands in the place of a number in a document when it cannot be one.
KINDS = ("gauge", "counter", "unknown")


class Unreadable(Exception):
    """The document or the configuration cannot be used; the text says why."""


@dataclass(frozen=True)
class Value:
    """Which number of the document becomes which metric."""

    path: tuple[str, ...]
    name: str
    kind: str = "gauge"
    unit: str = ""
    help: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The operator's configuration."""

    bytes_max: int = 1_048_576
    values: tuple[Value, ...] = ()


@dataclass
class Metric:
    """A metric and its points: pairs of label values and a number."""

    name: str
    kind: str
    unit: str
    help: str
    label_names: tuple[str, ...]
    points: list[tuple[tuple[str, ...], float]] = field(default_factory=list)


@dataclass
class Read:
    """What one document gave, and what a person should know about it."""

    metrics: list[Metric]
    warnings: list[str]


def settings(text: str) -> Settings:
    """Reads the configuration. The host has checked it against the schema; what a schema cannot say is checked here."""
    config = json.loads(text)
    values = tuple(_value(entry) for entry in config.get("values", []))
    return Settings(bytes_max=int(config.get("bytes-max", Settings.bytes_max)), values=values)


def _value(entry: dict) -> Value:
    path = tuple(entry["path"].split("."))
    labels = tuple(entry.get("labels", []))
    stars = path.count("*")
    if stars != len(labels):
        raise Unreadable(
            f"the path `{entry['path']}` has {stars} `*` and {len(labels)} labels: give one label for each `*`"
        )
    kind = entry.get("kind", "gauge")
    if kind not in KINDS:
        raise Unreadable(f"the kind `{kind}` of `{entry['name']}` is none of {', '.join(KINDS)}")
    return Value(path, entry["name"], kind, entry.get("unit", ""), entry.get("help", ""), labels)


def read(document: bytes, wanted: Settings) -> Read:
    """Finds the wanted numbers in a document."""
    parsed = _parse(document)
    metrics = _chosen(parsed, wanted.values) if wanted.values else [_every_number(parsed)]
    warnings = [f"nothing of `{metric.name}` is in the file" for metric in metrics if not metric.points]
    if len(warnings) == len(metrics):
        raise Unreadable("the file holds none of the numbers asked for")
    return Read([metric for metric in metrics if metric.points], warnings + _cut(metrics))


def _parse(document: bytes):
    if not document.strip():
        raise Unreadable("the file is empty")
    if _depth(document) > DEPTH_MAX:
        raise Unreadable(f"the file is nested deeper than {DEPTH_MAX} levels")
    try:
        return json.loads(document.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Unreadable(f"the file is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError as error:
        # Python refuses to read integers of more than 4,300 digits.
        raise Unreadable(f"not JSON that can be read: {error}") from None


def _no_constant(name: str):
    raise Unreadable(f"`{name}` is not JSON")


def _depth(document: bytes) -> int:
    """How deep brackets are nested, read without recursion. Brackets within strings count too, which only errs upwards."""
    depth = deepest = 0
    for byte in document:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _chosen(document, values: tuple[Value, ...]) -> list[Metric]:
    metrics = []
    for value in values:
        metric = Metric(value.name, value.kind, value.unit, value.help, value.labels)
        metric.points = list(_found(document, value.path, ()))
        metrics.append(metric)
    return metrics


def _found(node, path: tuple[str, ...], stars: tuple[str, ...]):
    """The numbers at a path, with the keys that its `*` met."""
    if not path:
        number = _number(node)
        if number is not None:
            yield stars, number
        return
    key, rest = path[0], path[1:]
    if key == "*":
        for name, child in _children(node):
            yield from _found(child, rest, (*stars, name))
    else:
        for name, child in _children(node):
            if name == key:
                yield from _found(child, rest, stars)
                return


def _children(node):
    if isinstance(node, dict):
        return node.items()
    if isinstance(node, list):
        return ((str(index), child) for index, child in enumerate(node))
    return ()


def _every_number(document) -> Metric:
    metric = Metric("json_file_value", "unknown", "", "A number in the file, by its path.", ("path",))
    waiting = [("", document)]
    while waiting:
        path, node = waiting.pop()
        number = _number(node)
        if number is not None:
            metric.points.append(((path or "$",), number))
        children = [(f"{path}.{name}" if path else name, child) for name, child in _children(node)]
        waiting.extend(reversed(children))
    return metric


def _number(node) -> float | None:
    """A number, or a boolean as 0 or 1. Texts that look like numbers are texts."""
    if isinstance(node, (bool, int, float)):
        try:
            return float(node)
        except OverflowError:
            return float("inf") if node > 0 else float("-inf")
    return None


def _cut(metrics: list[Metric]) -> list[str]:
    """Keeps `POINTS_MAX` points over all metrics, and says what it left out."""
    room, left_out = POINTS_MAX, 0
    for metric in metrics:
        left_out += max(0, len(metric.points) - room)
        del metric.points[room:]
        room -= len(metric.points)
    return [f"{left_out} points left out: {POINTS_MAX} are the most that one file gives"] if left_out else []
