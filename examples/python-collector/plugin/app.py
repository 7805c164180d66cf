"""The plugin as the host sees it: `json_file` between the contract's types.

Every import stands at the top of a module: what runs at build time is kept in the component, and later there is no file
system to import from.
"""

import json_file
from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import files, log, types

KINDS = {"gauge": types.Kind.GAUGE, "counter": types.Kind.COUNTER, "unknown": types.Kind.UNKNOWN}

settings = json_file.Settings()


class Lifecycle(exports.Lifecycle):
    def init(self, config: str) -> None:
        global settings
        try:
            settings = json_file.settings(config)
        except (json_file.Unreadable, ValueError, TypeError, KeyError, AttributeError) as error:
            raise _error(types.Fault.CONFIG, str(error)) from None


class Collector(exports.Collector):
    def collect(self, target: types.Target) -> list[types.Family]:
        # The host refuses a file that is larger; its error goes through as it came.
        document = files.read(target.address, settings.bytes_max)
        try:
            result = json_file.read(document, settings)
        except json_file.Unreadable as error:
            # Transient: the writer may be in the middle of it, and writes it again.
            raise _error(types.Fault.TRANSIENT, f"`{target.address}`: {error}") from None
        for warning in result.warnings:
            log.write(log.Level.WARN, warning, [("file", target.address)])
        return [_family(metric) for metric in result.metrics]


def _family(metric: json_file.Metric) -> types.Family:
    points = [types.Point(list(labels), value, None) for labels, value in metric.points]
    return types.Family(
        name=metric.name,
        kind=KINDS[metric.kind],
        unit=metric.unit,
        help=metric.help,
        label_names=list(metric.label_names),
        points=types.Points_Numbers(points),
    )


def _error(fault: types.Fault, message: str) -> Err:
    return Err(types.Error(fault, message, None))
