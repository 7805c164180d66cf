// The plugin as the host sees it: `drift` between the contract's interfaces.
//
// QuickJS has no TextEncoder, URL, console, timers or Intl, and an exception that nobody catches is a trap, which costs the
// instance; so what may go wrong ends as one of the contract's errors.
import log from "vigie:plugin/log@0.1.0";
import { evaluate, rulesFrom } from "./drift.js";

let rules = new Map();

const failed = (fault, message) => ({ fault, message, retryAfterMs: null });

export const lifecycle = {
    init(config) {
        try {
            rules = new Map(rulesFrom(JSON.parse(config)).map((rule) => [rule.name, rule]));
        } catch (error) {
            throw failed("config", error.message);
        }
    },
};

export const alerter = {
    rules() {
        return [...rules.values()].map((rule) => rule.declared);
    },
    evaluate(_now, name, inputs) {
        const rule = rules.get(name);
        if (rule === undefined) {
            throw failed("permanent", `no rule is called \`${name}\``);
        }
        const findings = evaluate(rule, inputs);
        if (findings.length > 0 && log.enabled("debug")) {
            log.write("debug", `${findings.length} findings`, [["rule", name]]);
        }
        return findings;
    },
};
