import assert from "node:assert/strict";
import { test } from "node:test";

import { duration, evaluate, rulesFrom } from "../src/drift.js";

const STEP_MS = 15_000;

/** A rule of a configuration with this one entry. */
const rule = (entry) => rulesFrom({ rules: [{ name: "R", selector: "a", ...entry }] })[0];

/** What the host sends: series of values, one sample each 15 seconds, the name and labels in the key. */
const inputs = (all) => [
    {
        selector: "a[5m]",
        series: Object.entries(all).map(([key, values]) => ({
            fresh: 1,
            series: {
                labels: key.split(",").map((pair) => pair.split("=")),
                times: values.map((_, index) => 1_000_000 + index * STEP_MS),
                values,
            },
        })),
    },
];

const flat = (value, length = 20) => Array.from({ length }, () => value);
const found = (entry, values) => evaluate(rule(entry), inputs({ "__name__=a": values }));

test("a counter that keeps its value over the window stands still", () => {
    const findings = evaluate(rule({ find: "standstill" }), inputs({ "__name__=a,device=eth0": flat(7) }));
    assert.deepEqual(findings, [
        {
            labels: [["metric", "a"], ["device", "eth0"]],
            value: 285,
            annotations: [["found", "has stood at 7 for at least 285 s"]],
        },
    ]);
});

test("a counter that moved at any time within the window does not", () => {
    for (const values of [[...flat(7), 8], [6, ...flat(7)], [...flat(7), 0]]) {
        assert.deepEqual(found({ find: "standstill" }, values), []);
    }
});

test("a series that has just begun is not judged", () => {
    assert.deepEqual(found({ find: "standstill" }, flat(7, 12)), [], "12 samples reach over 165 of 300 seconds");
    assert.deepEqual(found({ find: "standstill", "samples-min": 30 }, flat(7)), [], "fewer than samples-min");
});

test("a newest value far from the mean of the others deviates, upwards and downwards", () => {
    const quiet = Array.from({ length: 20 }, (_, index) => 100 + (index % 2 === 0 ? 1 : -1));
    for (const newest of [110, 90]) {
        const [finding] = found({ find: "deviation" }, [...quiet, newest]);
        assert.equal(finding.value, 10);
        assert.deepEqual(finding.annotations, [["found", `is ${newest}, was 100 ± 1 before`]]);
    }
    assert.deepEqual(found({ find: "deviation" }, [...quiet, 103]), []);
});

test("a difference up to change-min is none, however quiet the series was", () => {
    assert.deepEqual(found({ find: "deviation", "change-min": 5 }, [...flat(7), 12]), []);
    assert.equal(found({ find: "deviation", "change-min": 5 }, [...flat(7), 13])[0].value, Infinity);
});

test("large values that differ little keep their spread", () => {
    const values = Array.from({ length: 20 }, (_, index) => 1e12 + (index % 2));
    assert.deepEqual(found({ find: "deviation" }, [...values, 1e12 + 2]), []);
});

test("NaN is no finding", () => {
    assert.deepEqual(found({ find: "deviation" }, [...flat(7), NaN]), []);
    assert.deepEqual(found({ find: "deviation" }, [...flat(NaN), 7]), []);
    assert.deepEqual(found({ find: "standstill" }, flat(NaN)), []);
});

test("each series is judged alone, and no series is no finding", () => {
    const findings = evaluate(rule({ find: "standstill" }), inputs({ "__name__=a": flat(7), "__name__=b": [...flat(7), 8] }));
    assert.deepEqual(findings.map(({ labels }) => labels), [[["metric", "a"]]]);
    assert.deepEqual(evaluate(rule({ find: "standstill" }), inputs({})), []);
    assert.deepEqual(evaluate(rule({ find: "standstill" }), []), []);
});

test("a declared rule has every field of the contract", () => {
    const { declared } = rule({
        find: "standstill", selector: 'a{b="c"}', window: "2m", for: "90s",
        labels: { severity: "warning" }, annotations: { summary: "quiet" },
    });
    assert.deepEqual(declared, {
        name: "R",
        group: "drift",
        intervalMs: null,
        expression: 'standstill of a{b="c"} within 2m',
        selectors: ['a{b="c"}[2m]'],
        forMs: 90_000,
        keepFiringForMs: 0,
        labels: [["severity", "warning"]],
        annotations: [["summary", "quiet"]],
    });
});

test("durations have a unit", () => {
    assert.deepEqual(["250ms", "90s", "5m", "2h"].map(duration), [250, 90_000, 300_000, 7_200_000]);
    assert.throws(() => duration("5"), /`5` is no duration: write a whole number and ms, s, m or h/);
});

test("what the schema cannot say is an error of the configuration", () => {
    const entry = { name: "R", selector: "a", find: "standstill" };
    assert.throws(() => rulesFrom({ rules: [entry, entry] }), /two rules are called `R`/);
    assert.throws(() => rulesFrom({ rules: [{ ...entry, selector: "a[5m]" }] }), /has a window: write it as `window = "5m"`/);
    assert.throws(() => rulesFrom({ rules: [{ ...entry, find: "gold" }] }), /nothing that can be found/);
});
