"use strict";
// One plain page: asks the API for the present, then lets the event stream say when to ask again.

const API = "/api/vigie/v1";
const EVENTS_SHOWN_MAX = 100;
const ROWS_SHOWN_MAX = 500;
const REFRESH_MS = 1000;
const FALLBACK_MS = 15000;

const at = (id) => document.getElementById(id);

/** An element with text only: nothing that a plugin or a target said is ever markup. */
function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = String(text);
  if (className) made.className = className;
  return made;
}

function cell(name, content, className) {
  const made = element("td", typeof content === "object" && content !== null ? undefined : content, className);
  if (name) made.dataset.name = name;
  if (typeof content === "object" && content !== null) made.append(content);
  return made;
}

function state(text, look) {
  return cell("", element("span", text, `state ${look}`));
}

function titled(title, detail) {
  const made = document.createDocumentFragment();
  made.append(element("span", title));
  if (detail) made.append(element("small", detail));
  return made;
}

function labels(pairs, hidden) {
  const made = document.createDocumentFragment();
  for (const [name, value] of Object.entries(pairs ?? {})) {
    if (!hidden.includes(name)) made.append(element("span", `${name}=${value}`, "label"));
  }
  return made;
}

function number(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(5)));
}

function bytes(value) {
  if (!value) return "";
  const power = Math.min(3, Math.floor(Math.log2(value) / 10));
  return `${(value / 2 ** (10 * power)).toFixed(power ? 1 : 0)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}

function since(time) {
  if (!time) return "";
  const made = element("time", age(Date.now() - Date.parse(time)));
  made.dateTime = time;
  made.title = time;
  return made;
}

function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

function row(...cells) {
  const made = element("tr");
  made.append(...cells);
  return made;
}

function fill(id, rows, nothing, columns) {
  const shown = rows.slice(0, ROWS_SHOWN_MAX);
  if (rows.length > shown.length) shown.push(note(`${rows.length - shown.length} more are in the API`, columns));
  if (rows.length === 0) shown.push(note(nothing, columns));
  at(id).replaceChildren(...shown);
  at(`${id}-count`).textContent = rows.length ? String(rows.length) : "";
}

function note(text, columns) {
  const made = element("tr", undefined, "empty");
  const only = element("td", text);
  only.colSpan = columns;
  made.append(only);
  return made;
}

const ALERT_LOOK = { firing: "bad", pending: "warn", resolved: "good" };
const STATUS_LOOK = { up: "good", degraded: "warn", down: "bad", unknown: "none" };
const PLUGIN_LOOK = { running: "good", starting: "none", stopped: "none", refused: "bad", quarantined: "bad" };

function showAlerts(alerts) {
  fill("alerts", alerts.map((alert) => row(
    state(alert.state, ALERT_LOOK[alert.state] ?? "none"),
    cell("", titled(alert.rule, alert.annotations?.summary ?? alert.annotations?.message)),
    cell("", labels(alert.labels, ["alertname"])),
    cell("value", number(alert.value), "number"),
    cell("since", since(alert.active_since)),
  )), "No alerts. That is good.", 5);
}

function showTargets(targets) {
  fill("targets", targets.map((target) => row(
    state(target.status, STATUS_LOOK[target.status] ?? "none"),
    cell("", titled(target.target, [target.plugin, target.address].filter(Boolean).join(" · "))),
    cell("", target.message ?? ""),
    cell("latency", target.latency_ms === null || target.latency_ms === undefined ? "" : `${number(target.latency_ms)} ms`, "number"),
    cell("since", since(target.since)),
  )), "No health check has answered yet. Targets come from [[targets]] in a health check's NAME.toml.", 5);
}

function showPlugins(plugins) {
  fill("plugins", plugins.map((plugin) => row(
    state(plugin.state, PLUGIN_LOOK[plugin.state] ?? "none"),
    cell("", titled(plugin.name, plugin.error ?? [plugin.version, plugin.description].filter(Boolean).join(" · "))),
    cell("", (plugin.roles ?? []).join(", ")),
    cell("calls", number(plugin.calls?.ok), "number"),
    cell("failed", number((plugin.calls?.error ?? 0) + (plugin.calls?.trap ?? 0) + (plugin.calls?.timeout ?? 0)), "number"),
    cell("samples", number(plugin.samples?.applied), "number"),
    cell("memory", bytes(plugin.memory_bytes), "number"),
  )), "No plugins. Put a component into a plugin directory.", 7);
}

function showSummary(plugins, targets, alerts) {
  const count = (list, key, value) => list.filter((one) => one[key] === value).length;
  const firing = count(alerts, "state", "firing");
  const parts = [
    firing ? `${firing} firing` : "nothing firing",
    `${count(targets, "status", "up")} of ${targets.length} targets up`,
    `${count(plugins, "state", "running")} of ${plugins.length} plugins running`,
  ];
  at("summary").textContent = parts.join(", ");
  document.title = firing ? `(${firing}) Vigie` : "Vigie";
}

function trouble(text) {
  at("trouble").hidden = !text;
  at("trouble").textContent = text ?? "";
}

async function ask(path) {
  const answer = await fetch(API + path, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

let asking = false;
let again = false;

async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const [plugins, targets, alerts] = await Promise.all([ask("/plugins"), ask("/targets"), ask("/alerts")]);
    showAlerts(alerts.alerts);
    showTargets(targets.targets);
    showPlugins(plugins.plugins);
    showSummary(plugins.plugins, targets.targets, alerts.alerts);
    trouble(null);
  } catch (error) {
    trouble(`The host does not answer as expected (${error.message}). What is shown may be old.`);
  } finally {
    asking = false;
  }
}

let due = null;
/** Many events at once cost one refresh. */
function soon() {
  again = true;
  due ??= setTimeout(() => { due = null; if (again) { again = false; refresh(); } }, REFRESH_MS);
}

function showEvent(event) {
  const line = element("li");
  const time = element("time", event.at?.slice(11, 23));
  time.dateTime = event.at;
  line.append(time, element("i", event.kind), element("span", event.summary));
  const list = at("events");
  list.prepend(line);
  while (list.children.length > EVENTS_SHOWN_MAX) list.lastElementChild.remove();
}

function live(text, look) {
  at("live").dataset.state = look;
  at("live").querySelector("b").textContent = text;
}

function listen() {
  const source = new EventSource(`${API}/events/stream`);
  source.onopen = () => live("live", "live");
  source.onerror = () => live("connection lost, trying again", "lost");
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.kind !== "samples-collected") showEvent(event);
    soon();
  };
  source.addEventListener("lagged", soon);
}

async function start() {
  await refresh();
  try {
    const recent = await ask("/events?last=50");
    recent.events.filter((event) => event.kind !== "samples-collected").forEach(showEvent);
    const build = await ask("");
    at("version").textContent = `version ${build.version}`;
  } catch { /* the refresh has said what is wrong */ }
  listen();
  setInterval(refresh, FALLBACK_MS);
}

start();
