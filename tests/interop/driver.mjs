// Official socket.io-client sockets under remote control: commands come in as JSON lines, what happens goes out as JSON lines.
// Bytes travel as {"$bytes": "<hex>"} both ways.
import { createInterface } from "node:readline";
import { Manager } from "socket.io-client";
import msgpackParser from "socket.io-msgpack-parser";

const managers = new Map();
const sockets = new Map();
const answers = new Map(); // "<socket> <event>" -> what an ack for this event carries; default: the arguments themselves

function fromJson(value) {
  if (Array.isArray(value)) return value.map(fromJson);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$bytes === "string") return Buffer.from(value.$bytes, "hex");
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromJson(item)]));
}

function toJson(value) {
  if (value instanceof ArrayBuffer) value = Buffer.from(value);
  if (ArrayBuffer.isView(value)) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
  }
  if (Array.isArray(value)) return value.map(toJson);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
}

function report(fields) {
  process.stdout.write(JSON.stringify(toJson(fields)) + "\n");
}

function openManager({ manager: name, url, options = {}, msgpack = false }) {
  const manager = new Manager(url, { autoConnect: false, ...(msgpack && { parser: msgpackParser }), ...options });
  managers.set(name, manager);
  manager.on("open", () => {
    manager.engine.once("upgrade", ({ name: transport }) => report({ type: "upgrade", manager: name, transport }));
  });
  manager.on("reconnect", (attempt) => report({ type: "reconnect", manager: name, attempt }));
  return manager;
}

// Emit the numbers 0, 1, 2, ... in small batches, and start the upgrade of the connection, if it is to have one, in their midst.
function sendNumbers({ socket: name, total, upgrade }) {
  const socket = sockets.get(name);
  const engine = socket.io.engine;
  const before = engine.transport.name;
  let upgrading = upgrade;
  let number = 0;
  engine.once("upgrade", () => {
    upgrading = false;
    total += 100;
  });
  const timer = setInterval(() => {
    for (let i = 0; i < 20 && (number < total || upgrading); i++) {
      if (upgrade && number === 200) engine._probe("websocket");
      socket.emit("number", number++);
    }
    if (number >= total && !upgrading) {
      clearInterval(timer);
      report({ type: "numbers_sent", socket: name, count: number, transports: [before, engine.transport.name] });
    }
  }, 1);
}

const commands = {
  open(command) {
    const { socket: name, manager: managerName, namespace = "/", auth } = command;
    const manager = managers.get(managerName) ?? openManager(command);
    const socket = manager.socket(namespace, { auth });
    sockets.set(name, socket);
    socket.on("connect", () => {
      report({ type: "connect", socket: name, id: socket.id, transport: manager.engine.transport.name });
      if (command.numbers) sendNumbers({ socket: name, ...command.numbers });
    });
    socket.on("disconnect", (reason) => report({ type: "disconnect", socket: name, reason }));
    socket.on("connect_error", (error) => {
      report({ type: "connect_error", socket: name, message: error.message, data: error.data ?? null });
    });
    socket.onAny((event, ...args) => {
      const answer = typeof args.at(-1) === "function" ? args.pop() : null;
      report({ type: "event", socket: name, event, args });
      answer?.(...(answers.get(`${name} ${event}`) ?? args));
    });
    socket.connect();
  },
  emit({ socket: name, event, args, ack }) {
    const callback = (...answer) => report({ type: "ack", socket: name, ack, args: answer });
    sockets.get(name).emit(event, ...fromJson(args), ...(ack === null ? [] : [callback]));
  },
  answer({ socket: name, event, args }) {
    answers.set(`${name} ${event}`, fromJson(args));
  },
  disconnect({ socket: name }) {
    sockets.get(name).disconnect();
  },
  connect({ socket: name }) {
    sockets.get(name).connect();
  },
  close({ manager: name }) {
    const manager = managers.get(name);
    manager.reconnection(false);
    manager._close();
    managers.delete(name);
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.command](command);
  })
  .on("close", () => process.exit(0));
