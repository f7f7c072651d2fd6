// The official server with the handlers of event_server.py: `node js_server.mjs <package> <port>`.
import { createServer } from "node:http";

const { Server } = await import(process.argv[2]);
const http = createServer();
const io = new Server(http, { pingInterval: 300, pingTimeout: 1000, maxHttpBufferSize: 1e6 });

for (const namespace of ["/", "/other"]) {
  io.of(namespace)
    .use((socket, next) => {
      if (socket.handshake.auth?.refuse) {
        const error = new Error("not you");
        error.data = { code: 7 };
        next(error);
      } else {
        next();
      }
    })
    .on("connection", (socket) => {
      socket.emit("auth", socket.handshake.auth);
      socket.on("echo", (...args) => args.at(-1)(...args.slice(0, -1)));
      socket.on("send back", (...args) => socket.emit("back", ...args));
      socket.on("ask me", (question, done) => socket.emit("question", question, (...answers) => done(...answers)));
      socket.on("burst", (count) => {
        for (let number = 0; number < count; number += 1) socket.emit("number", number);
      });
      socket.on("leave", () => socket.disconnect());
      socket.on("drop", () => socket.conn.close());
      socket.on("cookie", (done) => done(socket.handshake.headers.cookie ?? null));
      socket.on("never", () => {});
    });
}

http.listen(Number(process.argv[3]), "127.0.0.1", () => console.log("listening"));
