// The server to compare with: Socket.IO on Node, with the handlers of handlers.py. Usage: node.mjs PORT.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { setImmediate } from "node:timers/promises";

// `require` looks in NODE_PATH, which `import` does not.
const { Server } = createRequire(import.meta.url)("socket.io");

const MESSAGE = "x".repeat(32);
const http = createServer();
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("echo", (data) => socket.emit("echo", data));
  socket.on("ack", (data, reply) => reply(data));
  socket.on("bcast", (count) => {
    for (let i = 0; i < count; i++) io.emit("msg", MESSAGE);
  });
  socket.on("paced", async (count) => {
    for (let i = 0; i < count; i++) {
      io.emit("msg", MESSAGE);
      await setImmediate();
    }
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1");
