// A Socket.IO server of any age: `node server.cjs <package> <port> [allowEIO3]`. What happens goes out as JSON lines.
"use strict";
const [name, port, allowed] = process.argv.slice(2);
const socketIo = require(name);
const http = require("http").createServer();
const options = { pingInterval: 300, pingTimeout: 2000, allowEIO3: allowed === "allowEIO3" };
const io = socketIo.Server && Number(name.split("-").pop()) > 2 ? new socketIo.Server(http, options) : socketIo(http, options);

function report(fields) {
  process.stdout.write(JSON.stringify(fields) + "\n");
}

// What clients send by way of the query, or of `auth`.
function sent(socket) {
  const { EIO, transport, t, sid, b64, ...query } = socket.handshake.query;
  return { ...query, ...(socket.handshake.auth || {}) };
}

for (const namespace of ["/", "/admin"]) {
  io.of(namespace).use((socket, next) => {
    if (sent(socket).refuse !== namespace) return next();
    const error = new Error("not you");
    if (sent(socket).data) error.data = { code: 7 };
    next(error);
  });
  io.of(namespace).on("connection", (socket) => {
    let pings = 0;
    report({ type: "connect", namespace, sid: socket.id, sent: sent(socket), eio: socket.handshake.query.EIO });
    socket.on("disconnect", (reason) => report({ type: "disconnect", namespace, sid: socket.id, reason }));
    socket.on("echo", (...args) => args.pop()(...args));
    socket.on("send back", (...args) => socket.emit("back", ...args));
    socket.on("ask me", (question, done) => socket.emit("question", question, (...answers) => done(...answers)));
    socket.on("leave", () => socket.disconnect());
    socket.on("drop", () => socket.conn.close());
    socket.conn.on("packet", ({ type }) => {
      pings += type === "ping" || type === "pong";
      if (pings === 4) socket.emit("alive");
    });
  });
}

http.listen(Number(port), "127.0.0.1", () => report({ type: "listening" }));
