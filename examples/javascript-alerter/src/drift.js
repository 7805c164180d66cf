// From the samples of a window to findings. Pure: knows nothing of the host, so that plain unit tests reach all of it.

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

// A window is judged when its samples reach over this part of it: a series that has just begun has not stood still for long.
const SPAN_MIN = 0.8;

/** Milliseconds of a duration such as `90s`. */
export function duration(text) {
    const parts = /^([0-9]+)(ms|s|m|h)$/.exec(text);
    if (parts === null) {
        throw new Error(`\`${text}\` is no duration: write a whole number and ms, s, m or h, as in \`90s\``);
    }
    return Number(parts[1]) * UNIT_MS[parts[2]];
}

/** The rules of a configuration that the host has checked against the schema; what a schema cannot say is checked here. */
export function rulesFrom(config) {
    const names = new Set();
    return config.rules.map((entry) => {
        if (names.has(entry.name)) {
            throw new Error(`two rules are called \`${entry.name}\`: give each its own name`);
        }
        names.add(entry.name);
        return ruleFrom(entry);
    });
}

function ruleFrom(entry) {
    const window = entry.window ?? "5m";
    const find = FINDERS[entry.find];
    if (find === undefined) {
        throw new Error(`\`${entry.find}\` is nothing that can be found: write \`standstill\` or \`deviation\``);
    }
    if (entry.selector.trimEnd().endsWith("]")) {
        throw new Error(`the selector \`${entry.selector}\` has a window: write it as \`window = "${window}"\``);
    }
    const rule = {
        name: entry.name,
        find,
        windowMs: duration(window),
        samplesMin: entry["samples-min"] ?? 10,
        deviations: entry.deviations ?? 4,
        changeMin: entry["change-min"] ?? 0,
    };
    // Every field of the contract's record, or the call traps without naming the one that is missing.
    rule.declared = {
        name: entry.name,
        group: "drift",
        intervalMs: null,
        expression: `${entry.find} of ${entry.selector} within ${window}`,
        selectors: [`${entry.selector}[${window}]`],
        forMs: duration(entry.for ?? "0s"),
        keepFiringForMs: 0,
        labels: Object.entries(entry.labels ?? {}),
        annotations: Object.entries(entry.annotations ?? {}),
    };
    return rule;
}

/** Every finding of the rule that holds for what the host has sent. */
export function evaluate(rule, inputs) {
    const findings = [];
    for (const { series: watched } of inputs) {
        for (const { series } of watched) {
            if (series.values.length >= rule.samplesMin) {
                const found = rule.find(rule, series);
                if (found !== null) {
                    findings.push({ labels: findingLabels(series.labels), ...found });
                }
            }
        }
    }
    return findings;
}

/** The series' labels with its name as `metric`: a selector may meet several names with otherwise equal labels. */
function findingLabels(labels) {
    return labels.map(([name, value]) => (name === "__name__" ? ["metric", value] : [name, value]));
}

/** A counter that has one and the same value over the window. A reset is a movement. */
function standstill(rule, { times, values }) {
    const stoodMs = times[times.length - 1] - times[0];
    if (stoodMs < rule.windowMs * SPAN_MIN || values.some((value) => value !== values[0])) {
        return null;
    }
    const seconds = stoodMs / 1000;
    return { value: seconds, annotations: [["found", `has stood at ${values[0]} for at least ${Math.round(seconds)} s`]] };
}

/** A newest value that is far from the mean of the values before it, measured in their standard deviations. */
function deviation(rule, { values }) {
    const newest = values[values.length - 1];
    const { mean, spread } = describe(values.slice(0, -1));
    const change = Math.abs(newest - mean);
    // Written so that NaN, in the newest or in the others, is no finding.
    if (!(change > rule.changeMin && change > rule.deviations * spread)) {
        return null;
    }
    const value = spread > 0 ? change / spread : Infinity;
    const range = `${number(mean)} ± ${number(spread)}`;
    return { value, annotations: [["found", `is ${number(newest)}, was ${range} before`]] };
}

/** Mean and standard deviation by Welford's method, which stays exact where values are large and differ little. */
function describe(values) {
    let mean = 0;
    let squares = 0;
    values.forEach((value, index) => {
        const before = value - mean;
        mean += before / (index + 1);
        squares += before * (value - mean);
    });
    return { mean, spread: Math.sqrt(squares / values.length) };
}

const number = (value) => String(Number(value.toPrecision(4)));

const FINDERS = { standstill, deviation };
