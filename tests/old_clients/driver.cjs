// Sockets of an official client of any age under remote control, as tests/interop/driver.mjs: `node driver.cjs <package>`.
"use strict";
const io = require(process.argv[2]);
const isOld = ["1", "2"].includes(process.argv[2].split("-").pop());
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

function openManager({ manager: name, url, options }) {
  const manager = new io.Manager(url, { autoConnect: false, ...options });
  managers.set(name, manager);
  manager.on("open", () => {
    manager.engine.once("upgrade", ({ name: transport }) => report({ type: "upgrade", manager: name, transport }));
  });
  manager.on("connect_error", () => {}); // it is each socket's to report; without a listener it would be thrown
  return manager;
}

function onAny(name, socket) {
  const receive = (event, args, answer) => {
    report({ type: "event", socket: name, event, args });
    answer?.(...(answers.get(`${name} ${event}`) ?? args));
  };
  if (!isOld) {
    socket.onAny((event, ...args) => receive(event, args, typeof args.at(-1) === "function" ? args.pop() : null));
  } else {
    socket.onevent = ({ id, data }) => receive(data[0], data.slice(1), id === undefined ? null : socket.ack(id));
  }
}

const commands = {
  open(command) {
    const { socket: name, manager: managerName, namespace, auth, query } = command;
    const manager = managers.get(managerName) ?? openManager(command);
    const socket = manager.socket(namespace, { auth, query });
    sockets.set(name, socket);
    socket.on("connect", () => {
      report({ type: "connect", socket: name, id: socket.id, transport: manager.engine.transport.name });
    });
    socket.on("disconnect", (reason) => report({ type: "disconnect", socket: name, reason }));
    const refused = (error) => {
      report({ type: "connect_error", socket: name, message: error.message ?? error, data: error.data ?? null });
    };
    socket.on("error", refused);
    socket.on("connect_error", refused);
    onAny(name, socket);
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
    manager.engine?.close();
    managers.delete(name);
  },
};

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.command](command);
  })
  .on("close", () => process.exit(0));
