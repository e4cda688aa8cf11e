// The operators' page: asks the API every two seconds and changes what has changed, so that focus and
// selection stay where they are. All text comes by textContent: names are what people typed.
"use strict";

const EVERY_MS = 2000;
const LOSS_BAD_PERCENT = 5;
const TOKEN_KEY = "rtpfwd-operator-token";
const byId = (id) => document.getElementById(id);

const state = { paused: false, recorder: false, captures: [], dumps: [], timer: 0, asking: false };
const rows = new Map(); // key -> tr

class Unauthorized extends Error {}

async function ask(method, path, body) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, {
    method, headers, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(8000),
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) throw new Unauthorized();
  if (!response.ok) throw new Error(answer.error?.message ?? `HTTP ${response.status}`);
  return answer;
}

async function look() {
  if (state.asking) return;
  state.asking = true;
  clearTimeout(state.timer);
  try {
    const [server, routes, captures] = await Promise.all([
      ask("GET", "/api/server"), ask("GET", "/api/routes"), ask("GET", "/api/captures"),
    ]);
    byId("login").hidden = true;
    byId("routes").hidden = false;
    byId("metrics").hidden = sessionStorage.getItem(TOKEN_KEY) !== null; // a link carries no token
    say(routes.truncated ? "There are more routes than are shown here." : "");
    state.recorder = captures.available;
    state.captures = captures.captures;
    state.dumps = captures.dumps;
    showFigures(server, routes);
    showRoutes(routes);
    showCaptures();
  } catch (error) {
    if (error instanceof Unauthorized) askForToken();
    else say(`No answer from the server: ${error.message}. Asking again.`);
  } finally {
    state.asking = false;
    plan();
  }
}

function plan() {
  clearTimeout(state.timer);
  if (!state.paused && !document.hidden && byId("login").hidden) state.timer = setTimeout(look, EVERY_MS);
}

function askForToken() {
  const given = sessionStorage.getItem(TOKEN_KEY) !== null;
  sessionStorage.removeItem(TOKEN_KEY);
  say(given ? "This is not the token." : "");
  byId("login").hidden = false;
  byId("routes").hidden = true;
  byId("token").focus();
}

// -- text

const say = (text) => put(byId("status"), text);
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const ssrc = (number) => `0x${number.toString(16).padStart(8, "0")}`;
const percent = (value) => (value === undefined ? "" : `${value.toFixed(1)} %`);
const ms = (value) => (value === undefined ? "" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
const drops = (found) => Object.entries(found).map(([name, n]) => `${name} ${n.toLocaleString("en")}`).join(", ");
const layers = (found) => (found ? `${found.spatialLayer}/${found.temporalLayer ?? 0}` : "");

function rate(bps) {
  if (bps === undefined) return "";
  if (bps >= 1e6) return `${(bps / 1e6).toFixed(2)} Mbit/s`;
  return bps >= 1e3 ? `${(bps / 1e3).toFixed(1)} kbit/s` : `${bps} bit/s`;
}

function since(seconds) {
  const hours = Math.floor(seconds / 3600);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  return hours ? `${hours} h ${Math.floor(seconds / 60) % 60} min` : `${Math.floor(seconds / 60)} min`;
}

// -- figures

function showFigures(server, routes) {
  put(byId("version"), server.version);
  const incoming = routes.routes.reduce((sum, one) => sum + one.bitrate, 0);
  const outgoing = routes.routes.flatMap((one) => one.consumers).reduce((sum, one) => sum + one.bitrate, 0);
  const figures = [
    ["up", since(server.uptimeS)], ["rooms", server.rooms], ["people", server.people],
    ["in", rate(incoming)], ["out", rate(outgoing)],
    ["loop lag", `${server.loopLagMs.toFixed(1)} ms`, server.loopLagWorstMs > 50],
  ];
  if (server.draining) figures.push(["draining, at most", `${Math.round(server.remainingS)} s`, true]);
  const list = byId("figures");
  figures.forEach(([name, value, warn], place) => {
    let pair = list.children[place];
    if (!pair) {
      pair = document.createElement("div");
      pair.append(document.createElement("dt"), document.createElement("dd"));
      list.append(pair);
    }
    put(pair.firstChild, name);
    put(pair.lastChild, String(value));
    pair.lastChild.classList.toggle("warn", Boolean(warn));
  });
  while (list.children.length > figures.length) list.lastChild.remove();
}

// -- routes

const COLUMNS = [
  ["mono", "", (one) => ssrc(one.ssrc)],
  ["what", "", (one) => one.what],
  ["who", "", (one) => one.who],
  ["address mono-soft", "Address", (one) => one.address ?? ""],
  ["number", "Packets/s", (one) => one.packetRate.toLocaleString("en")],
  ["number", "Rate", (one) => rate(one.bitrate)],
  ["number loss", "Loss", (one) => percent(one.lostPercent)],
  ["number", "Round trip", (one) => ms(one.rttMs)],
  ["layers", "Layers", (one) => layers(one.layers)],
  ["number", "Estimate", (one) => rate(one.estimateBps)],
  ["drops", "Drops", (one) => drops(one.drops)],
];

function showRoutes(table) {
  const people = table.people;
  const who = (row) => people[row.transportId]?.displayName ?? row.transportId.slice(0, 8);
  const wanted = [];
  const rooms = new Map(table.rooms.map((room) => [room.routerId, room]));
  const of = new Map();
  for (const row of [...table.routes, ...table.idle]) {
    if (!of.has(row.routerId)) of.set(row.routerId, []);
    of.get(row.routerId).push(row);
  }
  const order = [...of.keys()].sort((a, b) => (rooms.get(a)?.name ?? "").localeCompare(rooms.get(b)?.name ?? ""));
  for (const routerId of order) {
    const room = rooms.get(routerId);
    wanted.push({ key: `room ${routerId}`, kind: "room", room, routerId });
    for (const row of of.get(routerId)) {
      if (row.consumerId) { wanted.push(consumerRow(row, "idle", who(row))); continue; }
      const rid = row.rid ? ` ${row.rid}` : "";
      const condition = row.paused ? ", paused" : row.active ? "" : ", silent";
      wanted.push({
        ...row, key: `stream ${row.ssrc} ${row.producerId}`, kind: "route", who: who(row), address: row.from,
        what: `${row.mimeType}${rid}${condition}`, target: { scope: "producer", id: row.producerId },
        thing: `what ${who(row)} sends (${row.mimeType}${rid})`,
      });
      for (const one of row.consumers) wanted.push(consumerRow(one, "consumer", who(one)));
    }
  }
  arrange(wanted);
  byId("table").hidden = wanted.length === 0;
  byId("empty").hidden = wanted.length !== 0;
  for (const element of document.querySelectorAll("[data-capture]")) element.hidden = !state.recorder;
}

function consumerRow(one, kind, who) {
  return {
    ...one, key: `consumer ${one.consumerId}`, kind, who, address: one.to,
    what: one.paused ? "paused" : (one.reason ?? (kind === "idle" ? "no media yet" : "")).replaceAll("_", " "),
    target: { scope: "consumer", id: one.consumerId }, thing: `what ${who} receives`,
  };
}

function arrange(wanted) {
  const body = byId("rows");
  const keys = new Set(wanted.map((one) => one.key));
  for (const [key, row] of rows) if (!keys.has(key)) { row.remove(); rows.delete(key); }
  let place = body.firstElementChild;
  for (const one of wanted) {
    let row = rows.get(one.key);
    if (!row) { row = one.kind === "room" ? roomRow(one) : emptyRow(one); rows.set(one.key, row); }
    if (row !== place) body.insertBefore(row, place); else place = place.nextElementSibling;
    fill(row, one);
  }
}

function emptyRow(one) {
  const row = document.createElement("tr");
  for (const [name, label] of COLUMNS) {
    const cell = row.insertCell();
    cell.className = name;
    if (label) cell.dataset.label = label;
  }
  const cell = row.insertCell();
  cell.className = "record";
  cell.dataset.capture = "";
  cell.append(recordButton(one.target, one.thing));
  return row;
}

function roomRow(one) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.colSpan = COLUMNS.length + 1;
  head.scope = "rowgroup";
  const button = recordButton({ scope: "room", id: one.routerId }, `room ${one.room?.name ?? ""}`);
  button.dataset.capture = "";
  const keep = keepButton({ scope: "room", id: one.routerId }, `room ${one.room?.name ?? ""}`);
  keep.dataset.capture = "";
  head.append(document.createElement("b"), document.createElement("span"), button, keep);
  row.append(head);
  return row;
}

function fill(row, one) {
  row.className = one.kind;
  if (one.kind === "room") {
    const [name, count] = row.firstChild.children;
    put(name, one.room?.name ?? "without a room");
    put(count, one.room ? ` ${one.room.people} people` : "");
  } else {
    COLUMNS.forEach(([, , text], place) => put(row.cells[place], text(one)));
    row.cells[6].classList.toggle("bad", (one.lostPercent ?? 0) >= LOSS_BAD_PERCENT);
  }
  const button = row.querySelector("button");
  if (button) showRecording(button);
}

// -- recordings

function recordButton(target, thing) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.scope = target.scope;
  if (target.id) button.dataset.target = target.id;
  button.dataset.thing = thing;
  button.addEventListener("click", () => toggleRecording(button));
  showRecording(button);
  return button;
}

function recordingOf(button) {
  const { scope, target } = button.dataset;
  return state.captures.find((one) => one.running && one.scope === scope && (one.of ?? undefined) === target);
}

function showRecording(button) {
  const running = recordingOf(button) !== undefined;
  const everything = button.id === "record-all";
  put(button, `${running ? "Stop" : "Record"}${everything ? (running ? " recording" : " everything") : ""}`);
  button.setAttribute("aria-label", `${running ? "Stop recording" : "Record"} ${button.dataset.thing}`);
  button.classList.toggle("recording", running);
}

async function toggleRecording(button) {
  const running = recordingOf(button);
  const { scope, target } = button.dataset;
  button.disabled = true;
  try {
    if (running) await ask("DELETE", `/api/captures/${encodeURIComponent(running.id)}`);
    else await ask("POST", "/api/captures", target ? { scope, id: target } : { scope });
    await look();
  } catch (error) {
    if (error instanceof Unauthorized) askForToken();
    else say(`Recording: ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

// The flight recorder's last minute: headers only, as a file on the server.
function keepButton(target, thing) {
  const button = document.createElement("button");
  button.type = "button";
  put(button, "Keep the last minute");
  button.setAttribute("aria-label", `Keep the last minute of ${thing}`);
  button.addEventListener("click", () => keepLastMinute(button, target));
  return button;
}

async function keepLastMinute(button, target) {
  button.disabled = true;
  try {
    await ask("POST", "/api/flight", target);
    await look();
  } catch (error) {
    if (error instanceof Unauthorized) askForToken();
    else say(`Flight recorder: ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

function showCaptures() {
  byId("captures").hidden = state.captures.length + state.dumps.length === 0;
  showRecording(byId("record-all"));
  const list = byId("capture-list");
  const texts = state.captures.map((one) =>
    Object.entries(one).filter(([, value]) => value !== null && typeof value !== "object")
      .map(([name, value]) => `${name}: ${value}`).join("   "));
  texts.push(...state.dumps.map((one) =>
    `last minute: ${one.file}   ${one.complete ? "complete" : (one.error ?? "being written")}`));
  if (JSON.stringify(texts) === list.dataset.shown) return;
  list.dataset.shown = JSON.stringify(texts);
  list.replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

// -- begin

byId("pause").addEventListener("click", () => {
  state.paused = !state.paused;
  byId("pause").setAttribute("aria-pressed", String(state.paused));
  put(byId("pause"), state.paused ? "Go on" : "Pause");
  if (!state.paused) look();
});
byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN_KEY, byId("token").value);
  byId("token").value = "";
  byId("login").hidden = true;
  look();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && !state.paused) look(); });
byId("record-all").dataset.scope = "server";
byId("record-all").dataset.thing = "everything";
byId("record-all").addEventListener("click", () => toggleRecording(byId("record-all")));
byId("keep-all").setAttribute("aria-label", "Keep the last minute of everything");
byId("keep-all").addEventListener("click", () => keepLastMinute(byId("keep-all"), { scope: "server" }));
look();
