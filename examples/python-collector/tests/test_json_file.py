"""What stands in a file, and what becomes of it."""

import json
import unittest

import json_file
from json_file import Settings, Unreadable


def values(document, *wanted, **more):
    """`name{labels} value` for each point, as text."""
    config = json.dumps({"values": list(wanted)} if wanted else {})
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    read = json_file.read(text, json_file.settings(config))
    lines = []
    for metric in read.metrics:
        for labels, value in metric.points:
            inner = ",".join(f"{name}={label}" for name, label in zip(metric.label_names, labels, strict=True))
            lines.append(f"{metric.name}{{{inner}}} {value:g}")
    return lines


class WithoutConfiguration(unittest.TestCase):
    def test_every_number_becomes_a_point_with_its_path(self):
        document = {"a": 1, "b": {"c": 2.5, "d": [3, {"e": 4}]}}
        self.assertEqual(
            values(document),
            [
                "json_file_value{path=a} 1",
                "json_file_value{path=b.c} 2.5",
                "json_file_value{path=b.d.0} 3",
                "json_file_value{path=b.d.1.e} 4",
            ],
        )

    def test_booleans_are_0_and_1_and_texts_and_nulls_are_nothing(self):
        self.assertEqual(
            values({"up": True, "down": False, "text": "5", "none": None}),
            ["json_file_value{path=up} 1", "json_file_value{path=down} 0"],
        )

    def test_a_document_that_is_one_number_has_the_path_of_the_root(self):
        self.assertEqual(values(b"7"), ["json_file_value{path=$} 7"])

    def test_an_integer_beyond_all_floats_is_infinite(self):
        self.assertEqual(values(b"[1" + b"0" * 400 + b"]"), ["json_file_value{path=0} inf"])

    def test_more_points_than_allowed_are_cut_and_said(self):
        read = json_file.read(json.dumps(list(range(1_200))).encode(), Settings())
        self.assertEqual(len(read.metrics[0].points), json_file.POINTS_MAX)
        self.assertEqual(read.warnings, ["200 points left out: 1000 are the most that one file gives"])


class WithConfiguration(unittest.TestCase):
    def test_a_path_names_one_number(self):
        self.assertEqual(values({"a": {"b": 3}}, {"path": "a.b", "name": "ab"}), ["ab{} 3"])

    def test_each_star_fills_a_label(self):
        document = {"queues": {"mail": {"depth": 3}, "sms": {"depth": 0}}}
        wanted = {"path": "queues.*.depth", "name": "queue_depth", "labels": ["queue"]}
        self.assertEqual(values(document, wanted), ["queue_depth{queue=mail} 3", "queue_depth{queue=sms} 0"])

    def test_a_star_goes_over_lists_by_index(self):
        wanted = {"path": "*", "name": "item", "labels": ["index"]}
        self.assertEqual(values([5, 6], wanted), ["item{index=0} 5", "item{index=1} 6"])

    def test_what_is_missing_is_said_and_costs_only_itself(self):
        config = json_file.settings('{"values": [{"path": "a", "name": "a"}, {"path": "b", "name": "b"}]}')
        read = json_file.read(b'{"a": 1}', config)
        self.assertEqual([metric.name for metric in read.metrics], ["a"])
        self.assertEqual(read.warnings, ["nothing of `b` is in the file"])

    def test_stars_and_labels_must_agree(self):
        with self.assertRaisesRegex(Unreadable, "has 1 `\\*` and 0 labels: give one label for each"):
            json_file.settings('{"values": [{"path": "a.*", "name": "a"}]}')

    def test_the_kind_unit_and_help_are_kept(self):
        config = json_file.settings(
            '{"values": [{"path": "a", "name": "a_bytes_total", "kind": "counter", "unit": "bytes", "help": "As."}]}'
        )
        metric = json_file.read(b'{"a": 1}', config).metrics[0]
        self.assertEqual((metric.kind, metric.unit, metric.help), ("counter", "bytes", "As."))


class Rubbish(unittest.TestCase):
    def test_it_is_an_error_with_a_message_and_no_other_exception(self):
        wanted = {"path": "a", "name": "a"}
        cases = [
            (b"", "the file is empty"),
            (b" \n", "the file is empty"),
            (b"<html>502</html>", "not JSON in line 1, column 1"),
            (b'{"a": 1', "not JSON in line 1, column 8"),
            (b'{"a": \xff}', "not UTF-8 at byte 6"),
            (b'{"a": NaN}', "`NaN` is not JSON"),
            (b'{"oops": 1}', "none of the numbers asked for"),
            (b'{"a": "text"}', "none of the numbers asked for"),
            (b'["a"]', "none of the numbers asked for"),
            (b'"a"', "none of the numbers asked for"),
            (b"[" * 100_000, "nested deeper than 64 levels"),
            (b"1" * 5_000, "not JSON that can be read"),
        ]
        for document, message in cases:
            with self.subTest(document[:20]), self.assertRaisesRegex(Unreadable, message):
                values(document, wanted)


if __name__ == "__main__":
    unittest.main()
