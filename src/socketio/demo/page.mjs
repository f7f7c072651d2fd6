/** The demo's page: ties what the person does and what the server sends to the document. No text becomes markup. */

import { RoundTripChart, format } from "./chart.mjs";
import { Socket } from "./client.mjs";

const TRANSPORTS = { upgrade: ["polling", "websocket"], websocket: ["websocket"], polling: ["polling"] };
const NAMES = { polling: "HTTP polling", websocket: "WebSocket" };
const SAMPLE_EVERY = 1000; // ms
const TYPING_SHOWN = 3000; // ms
const TYPING_EVERY = 1500; // ms

const $ = (id) => document.getElementById(id);
const page = document.body;
const chart = new RoundTripChart($("chart"));
const typists = new Map(); // member -> timer
const seen = new Set(); // ids of the messages shown

let wanted = roomOfAddress() || "lobby"; // the room to be in whenever there is a connection; "" for none
let shown = ""; // the room whose messages are shown
let nickname = sessionStorage.getItem("nickname") || randomNickname();
let me = 0; // this window's number among the members
let members = [];
let typedAt = -Infinity;

const socket = new Socket({ auth: { client: crypto.randomUUID?.() ?? String(Math.random()) } });

// Connection

socket.on("connect", () => {
  showState("online");
  if (wanted) join(wanted);
});
socket.on("transport", () => showState(socket.connected ? "online" : "connecting"));
socket.on("disconnect", (reason) => {
  showState("offline", "Disconnected");
  showMembers([]);
  for (const member of [...typists.keys()]) stopTyping(member);
  // A server that goes away in good order says so; this page wants to be back when it is.
  if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
});
socket.on("connect_error", () => showState("offline", "Cannot connect"));
socket.on("reconnecting", ({ delay }) => {
  showState("offline", `Disconnected, next try in ${(delay / 1000).toFixed(1)} s`);
});

$("transports").addEventListener("change", (event) => {
  socket.transports = TRANSPORTS[event.target.value];
  connectAgain();
});
$("reconnect").addEventListener("click", connectAgain);
addEventListener("pagehide", () => socket.disconnect());
addEventListener("pageshow", (event) => event.persisted && connectAgain());

function connectAgain() {
  socket.disconnect();
  showState("connecting");
  socket.connect();
}

function showState(state, text = "") {
  page.dataset.state = state;
  page.dataset.transport = socket.transport ?? "";
  const name = NAMES[socket.transport];
  $("status-text").textContent = text || (state === "online" ? `Connected over ${name}` : "Connecting…");
  $("reconnect").hidden = state !== "offline";
  for (const control of document.querySelectorAll("main button, #text")) control.disabled = state !== "online";
  if (state === "online") showJoined();
}

// Rooms

socket.on("rooms", (rooms) => {
  const buttons = rooms.map(({ name, count }) => {
    const parts = [element("span", { class: "name" }, name), element("span", { class: "count" }, count)];
    const button = element("button", { type: "button" }, ...parts);
    button.dataset.room = name;
    button.setAttribute("aria-label", `${name}, ${count} ${count === 1 ? "person" : "people"}`);
    button.addEventListener("click", () => join(name));
    return element("li", {}, button);
  });
  const focused = document.activeElement?.dataset?.room;
  $("rooms").replaceChildren(...buttons);
  if (focused !== undefined) $("rooms").querySelector(`[data-room="${CSS.escape(focused)}"]`)?.focus();
  showJoined();
});

$("new-room").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("room-name").value.trim();
  if (!name) return;
  $("room-name").value = "";
  join(name);
});
$("leave").addEventListener("click", async () => {
  wanted = "";
  await ask("leave");
  shown = "";
  history.replaceState(null, "", " ");
  $("messages").replaceChildren();
  showMembers([]);
  showJoined();
});
addEventListener("hashchange", () => roomOfAddress() && join(roomOfAddress()));

async function join(room) {
  const answer = await ask("join", { room, nickname });
  if (!answer) return;
  wanted = answer.room;
  me = answer.member;
  // The number the server adds to a taken name is not kept: the next room may have the name free.
  $("nickname").value = answer.nickname;
  const back = answer.room === shown;
  if (!back) {
    shown = answer.room;
    $("messages").replaceChildren();
    seen.clear();
  }
  history.replaceState(null, "", `#${encodeURIComponent(answer.room)}`);
  for (const message of answer.history) showMessage(message);
  showNotice(back ? "You are back" : `You joined ${answer.room}`);
  showMembers(answer.members);
  showJoined();
}

function showJoined() {
  page.dataset.joined = String(Boolean(shown));
  $("room-title").textContent = shown ? `# ${shown}` : "No room";
  $("text").disabled = !shown || !socket.connected;
  $("compose").querySelector("button").disabled = $("text").disabled;
  $("text").placeholder = shown ? `Write to ${shown}` : "Join a room to write";
  if (!shown && !$("messages").hasChildNodes()) showNotice("Pick a room, or make one of your own.");
  for (const button of $("rooms").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.room === shown));
  }
}

// People

socket.on("members", showMembers);

$("rename").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask("rename", $("nickname").value);
  if (!answer) return;
  nickname = $("nickname").value = answer.nickname;
  sessionStorage.setItem("nickname", nickname);
});

function showMembers(list) {
  members = list;
  $("people-count").textContent = list.length || "";
  $("people").replaceChildren(...list.map((member) => {
    const face = coloured(element("span", { class: "face" }, [...member.nickname][0].toUpperCase()), member.nickname);
    face.setAttribute("aria-hidden", "true");
    const you = member.id === me ? [element("span", { class: "you" }, "you")] : [];
    return element("li", {}, face, element("span", { class: "name" }, member.nickname), ...you);
  }));
}

// Messages

socket.on("message", (message) => {
  stopTyping(message.member);
  showMessage(message);
});
socket.on("notice", ({ text }) => showNotice(text));
socket.on("typing", ({ member }) => {
  clearTimeout(typists.get(member));
  typists.set(member, setTimeout(() => stopTyping(member), TYPING_SHOWN));
  showTyping();
});

$("compose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (!text.trim()) return;
  $("text").value = "";
  typedAt = -Infinity;
  if (!(await ask("say", text))) $("text").value ||= text;
});
$("text").addEventListener("input", () => {
  if (!socket.connected || performance.now() - typedAt < TYPING_EVERY || !$("text").value) return;
  typedAt = performance.now();
  socket.emit("typing");
});

function showMessage({ id, member, nickname: name, text, at }) {
  if (seen.has(id)) return;
  seen.add(id);
  const time = element("time", {}, new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = new Date(at).toISOString();
  const who = coloured(element("span", { class: "who" }, name), name);
  const own = member === me ? " own" : "";
  const more = $("messages").lastElementChild?.dataset.member === String(member) ? " more" : "";
  const by = element("div", { class: "by" }, who, time);
  const message = element("div", { class: `message${own}${more}` }, by, element("div", { class: "text" }, text));
  message.dataset.member = member;
  append(message, Boolean(own));
}

function showNotice(text) {
  append(element("p", {}, text));
}

/** Append to the log, which follows its end unless the person has scrolled up. */
function append(node, always = false) {
  const log = $("messages");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  log.append(node);
  while (log.childElementCount > 500) log.firstElementChild.remove();
  if (atEnd || always) log.scrollTop = log.scrollHeight;
}

function stopTyping(member) {
  clearTimeout(typists.get(member));
  typists.delete(member);
  showTyping();
}

function showTyping() {
  const names = members.filter(({ id }) => typists.has(id)).map((member) => member.nickname);
  const verb = names.length === 1 ? "is" : "are";
  $("typing").textContent = names.length ? `${names.slice(0, 3).join(", ")} ${verb} typing…` : "";
}

// Round trips

async function sample() {
  if (!socket.connected) return;
  const { transport } = socket;
  const start = performance.now();
  let lost = false;
  const late = setTimeout(() => { lost = true; add(null, transport); }, 4 * SAMPLE_EVERY);
  try {
    await socket.call("rtt");
    if (!lost) add(performance.now() - start, transport);
  } catch {
    if (!lost) add(null, transport);
  }
  clearTimeout(late);
}

function add(ms, transport) {
  chart.add(ms, transport);
  for (const [name, value] of Object.entries(chart.figures())) {
    $(`rtt-${name}`).textContent = value === null ? "–" : `${format(value)} ms`;
  }
}

// Helpers

/** Emit and return the ack, or show its error and return null. */
async function ask(event, ...args) {
  let answer;
  try {
    answer = await socket.call(event, ...args);
  } catch {
    answer = { error: "The connection was lost before the server answered." };
  }
  $("problem").hidden = !answer.error;
  $("problem").textContent = answer.error ?? "";
  return answer.error ? null : answer;
}

function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.map((child) => (child instanceof Node ? child : String(child)))); // strings become text nodes
  return node;
}

/** Give a node the colour that belongs to a name. */
function coloured(node, name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 3600;
  node.style.setProperty("--hue", (hash * 137.5) % 360);
  return node;
}

function randomNickname() {
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const first = ["Amber", "Brisk", "Calm", "Dapper", "Eager", "Fond", "Gentle", "Keen", "Lucky", "Merry", "Swift"];
  const second = ["Badger", "Crane", "Finch", "Heron", "Lynx", "Marten", "Otter", "Panda", "Robin", "Seal", "Wren"];
  return `${pick(first)} ${pick(second)}`;
}

function roomOfAddress() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}

$("nickname").value = nickname;
showState("connecting");
setInterval(sample, SAMPLE_EVERY);
socket.connect();
