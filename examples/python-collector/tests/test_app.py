"""The plugin against the contract's own types, with fakes for what the host gives."""

import unittest
from unittest import mock

import app
from componentize_py_types import Err
from wit_world.imports import files, log, types

TARGET = types.Target("backup", "/srv/status.json", [])


def collect(document: bytes, config: str = "{}"):
    """One collection of a file with these bytes; the log lines come with it."""
    lines = []
    with (
        mock.patch.object(files, "read", lambda path, bytes_max: document[:bytes_max]),
        mock.patch.object(log, "write", lambda level, message, fields: lines.append(message)),
    ):
        app.Lifecycle().init(config)
        return app.Collector().collect(TARGET), lines


class Collecting(unittest.TestCase):
    def test_a_file_becomes_families(self):
        families, lines = collect(b'{"a": 1}', '{"values": [{"path": "a", "name": "a_total", "kind": "counter"}]}')
        points = types.Points_Numbers([types.Point([], 1.0, None)])
        self.assertEqual(families, [types.Family("a_total", types.Kind.COUNTER, "", "", [], points)])
        self.assertEqual(lines, [])

    def test_what_the_host_refuses_goes_through_as_it_came(self):
        refused = Err(types.Error(types.Fault.DENIED, "no grant for `/srv/status.json`", None))
        with mock.patch.object(files, "read", side_effect=refused), self.assertRaises(Err) as raised:
            app.Collector().collect(TARGET)
        self.assertIs(raised.exception, refused)

    def test_no_more_is_asked_for_than_is_allowed(self):
        families, _ = collect(b'{"a": 1}', '{"bytes-max": 8}')
        self.assertEqual(len(families), 1)
        with self.assertRaises(Err):
            collect(b'{"a": 1}', '{"bytes-max": 7}')

    def test_rubbish_is_an_error_that_names_the_file(self):
        with self.assertRaises(Err) as raised:
            collect(b"<html>")
        self.assertEqual(raised.exception.value.fault, types.Fault.TRANSIENT)
        self.assertIn("`/srv/status.json`: not JSON", raised.exception.value.message)

    def test_a_wrong_configuration_is_an_error_of_the_configuration(self):
        for config in ['{"values": [{"path": "*", "name": "a"}]}', "[]", "{", '{"values": [3]}']:
            with self.subTest(config), self.assertRaises(Err) as raised:
                collect(b"{}", config)
            self.assertEqual(raised.exception.value.fault, types.Fault.CONFIG)


if __name__ == "__main__":
    unittest.main()
