/**
 * A small Socket.IO client for browsers, protocol revision 5; engine.mjs carries its packets.
 *
 *     import { Socket } from "./client.mjs";
 *     const socket = new Socket({ transports: ["polling", "websocket"] });
 *     socket.on("message", (text) => …);
 *     socket.connect();
 *     const answer = await socket.call("say", "hello");   // the arguments of the ack
 *
 * One `Socket` is one connection to one namespace. Arguments are whatever JSON carries, and `ArrayBuffer`s or typed
 * arrays, which arrive as `Uint8Array`s. A listener of an event that wants an ack gets a function as last argument.
 *
 * Events of its own: `connect`, `disconnect` (reason), `connect_error` (Error), `reconnecting` ({attempt, delay}),
 * `transport` (name).
 */

import { Engine } from "./engine.mjs";

// Socket.IO v5, "Packet types".
const CONNECT = 0, DISCONNECT = 1, EVENT = 2, ACK = 3, CONNECT_ERROR = 4, BINARY_EVENT = 5, BINARY_ACK = 6;
const HAS_BINARY = { [EVENT]: BINARY_EVENT, [ACK]: BINARY_ACK };

/** A Socket.IO connection to one namespace, with reconnection. */
export class Socket {
  id = null;
  #options;
  #listeners = new Map();
  #engine = null;
  #acks = new Map();
  #nextId = 0;
  #waiting = []; // emitted while not connected
  #partial = null; // a packet whose attachments have not all come
  #attempt = 0;
  #retry = 0;
  #patience = 0;

  /**
   * `transports`: ["polling", "websocket"] starts with polling and upgrades; one name alone stays with it.
   * `auth`: the payload of CONNECT. Times are in milliseconds; `jitter` 0.5 means plus or minus half of the delay.
   */
  constructor(options = {}) {
    this.#options = {
      url: globalThis.location?.href, path: "/socket.io/", namespace: "/", transports: ["polling", "websocket"],
      auth: undefined, timeout: 20000, reconnection: true, reconnectionDelay: 500, reconnectionDelayMax: 5000,
      jitter: 0.5, ...options,
    };
  }

  get connected() { return this.id !== null; }

  /** The name of the transport in use, or `null`. */
  get transport() { return this.#engine?.transport.name ?? null; }

  /** Use these transports from the next `connect()` on. */
  set transports(names) { this.#options.transports = names; }

  on(event, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }

  off(event, listener) {
    this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter((other) => other !== listener));
    return this;
  }

  /** Connect now, also when a reconnection was waiting for its time. */
  connect() {
    clearTimeout(this.#retry);
    if (this.#engine) return;
    this.#engine = new Engine(this.#options, {
      opened: () => {
        this.#tell("transport", this.transport);
        this.#send(CONNECT, this.#options.auth);
      },
      switched: (name) => this.#tell("transport", name),
      message: (data) => this.#receive(data),
      closed: (reason, error) => this.#closed(reason, error),
    });
    const engine = this.#engine;
    this.#patience = setTimeout(() => engine.close("timeout", new Error("timeout")), this.#options.timeout);
  }

  disconnect() {
    clearTimeout(this.#retry);
    this.#attempt = 0;
    const farewell = this.connected ? this.#encode(DISCONNECT) : [];
    this.#engine?.close("io client disconnect", undefined, farewell);
  }

  /** Emit an event; a function as last argument is called with the ack. Kept until connected. */
  emit(event, ...args) {
    const ack = typeof args.at(-1) === "function" ? { resolve: args.pop() } : null;
    this.#emit([event, ...args], ack);
  }

  /** Emit an event and wait for the first argument of its ack; rejected when the connection is lost meanwhile. */
  call(event, ...args) {
    return new Promise((resolve, reject) => this.#emit([event, ...args], { resolve, reject }));
  }

  #emit(data, ack) {
    if (!this.connected) return void this.#waiting.push([data, ack]);
    const id = ack ? this.#nextId++ : undefined;
    if (ack) this.#acks.set(id, ack);
    this.#send(EVENT, data, id);
  }

  #tell(event, ...args) {
    for (const listener of this.#listeners.get(event) ?? []) {
      try { listener(...args); } catch (error) { reportError(error); } // one listener must not stop the next
    }
  }

  // Socket.IO v5, "Packet encoding": <type>[<attachments>-][<namespace>,][<ack id>][JSON], then the attachments.
  #encode(type, data, id) {
    const attachments = [];
    const json = data === undefined ? "" : JSON.stringify(takeBinary(data, attachments));
    const { namespace } = this.#options;
    const count = attachments.length ? `${attachments.length}-` : "";
    const head = `${count ? HAS_BINARY[type] : type}${count}${namespace === "/" ? "" : `${namespace},`}${id ?? ""}`;
    return [head + json, ...attachments];
  }

  #send(type, data, id) {
    for (const message of this.#encode(type, data, id)) this.#engine.send(message);
  }

  #receive(data) {
    try {
      if (typeof data !== "string") {
        this.#partial.attachments.push(data); // without a partial packet this throws: a protocol error
      } else {
        if (this.#partial) throw new Error("text where an attachment was expected");
        this.#partial = { ...parsePacket(data), attachments: [] };
      }
      const { count, attachments } = this.#partial;
      if (attachments.length < count) return;
      const packet = { ...this.#partial, data: putBinary(this.#partial.data, attachments) };
      this.#partial = null;
      if (packet.namespace === this.#options.namespace) this.#handle(packet);
    } catch (error) {
      this.#engine?.close("parse error", error);
    }
  }

  #handle({ type, id, data }) {
    if (type === CONNECT) {
      clearTimeout(this.#patience);
      this.id = data.sid;
      this.#attempt = 0;
      this.#tell("connect");
      for (const [event, ack] of this.#waiting.splice(0)) this.#emit(event, ack);
    } else if (type === CONNECT_ERROR) {
      this.#engine.close("refused", Object.assign(new Error(data.message), { data: data.data }));
    } else if (!this.connected) {
      return;
    } else if (type === DISCONNECT) {
      this.#engine.close("io server disconnect");
    } else if (type === ACK || type === BINARY_ACK) {
      const ack = this.#acks.get(id);
      this.#acks.delete(id);
      ack?.resolve(...data);
    } else {
      let answered = id === undefined;
      const ack = (...args) => {
        if (!answered && this.connected) this.#send(ACK, args, id);
        answered = true;
      };
      this.#tell(...data, ...(id === undefined ? [] : [ack]));
    }
  }

  #closed(reason, error) {
    clearTimeout(this.#patience);
    const wasConnected = this.connected;
    this.id = this.#engine = this.#partial = null;
    for (const ack of this.#acks.values()) ack.reject?.(new Error(reason));
    this.#acks.clear();
    if (wasConnected) this.#tell("disconnect", reason);
    else if (reason !== "io client disconnect") this.#tell("connect_error", error ?? new Error(reason));
    // Who was refused or sent away would be again: only the program can decide to come back.
    const final = ["io client disconnect", "io server disconnect", "refused"].includes(reason);
    if (final || !this.#options.reconnection || this.#engine) return;
    const { reconnectionDelay, reconnectionDelayMax, jitter } = this.#options;
    const delay = Math.min(reconnectionDelay * 2 ** this.#attempt++, reconnectionDelayMax);
    const spread = Math.round(delay * (1 + jitter * (2 * Math.random() - 1)));
    this.#retry = setTimeout(() => this.connect(), spread);
    this.#tell("reconnecting", { attempt: this.#attempt, delay: spread });
  }
}

function parsePacket(text) {
  const match = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),?)?(\d+)?/.exec(text);
  if (!match) throw new Error("malformed Socket.IO packet");
  const [head, type, count, namespace = "/", id] = match;
  const data = head.length < text.length ? JSON.parse(text.slice(head.length)) : undefined;
  const kind = Number(type);
  const wantsArray = kind !== CONNECT && kind !== DISCONNECT && kind !== CONNECT_ERROR;
  if (wantsArray && !Array.isArray(data)) throw new Error("malformed Socket.IO payload");
  return { type: kind, count: Number(count ?? 0), namespace, id: id === undefined ? undefined : Number(id), data };
}

/** Replace binary values by placeholders and collect them in `attachments`. */
function takeBinary(value, attachments) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    const bytes = ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : value;
    return { _placeholder: true, num: attachments.push(new Uint8Array(bytes)) - 1 };
  }
  return walk(value, (inner) => takeBinary(inner, attachments));
}

function putBinary(value, attachments) {
  if (!attachments.length) return value;
  if (value?._placeholder === true) {
    if (!(value.num in attachments)) throw new Error("illegal attachments");
    return attachments[value.num];
  }
  return walk(value, (inner) => putBinary(inner, attachments));
}

function walk(value, change) {
  if (Array.isArray(value)) return value.map(change);
  if (value === null || typeof value !== "object" || typeof value.toJSON === "function") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner)]));
}
