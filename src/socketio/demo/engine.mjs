/**
 * Engine.IO 4 for browsers: HTTP long polling, WebSocket, the upgrade from one to the other, and the heartbeat.
 *
 * `Engine` carries messages, strings or `Uint8Array`s; client.mjs puts Socket.IO on top of it.
 */

// Engine.IO v4, "Protocol": packet types. A packet is a string "<type><data>"; a binary message is a Uint8Array.
const OPEN = "0", CLOSE = "1", PING = "2", PONG = "3", MESSAGE = "4", UPGRADE = "5", NOOP = "6";
// Engine.IO v4, "Packet encoding": packets of one HTTP body are separated by the record separator.
const SEPARATOR = "\x1e";

/** HTTP long polling: one GET that waits for packets, at most one POST at a time. */
class Polling {
  name = "polling";
  writable = true;
  #polling = Promise.resolve();
  #posting = Promise.resolve();
  #stopped = false; // no further GET: paused for an upgrade, or closed
  #abort = new AbortController();

  /** @param url a function that returns the address of the next request; @param owner the Engine */
  constructor(url, owner) {
    this.url = url;
    this.owner = owner;
    this.resume();
  }

  resume() {
    this.#stopped = false;
    this.#polling = this.#poll();
  }

  async #poll() {
    while (!this.#stopped) {
      const body = await this.#request({ signal: this.#abort.signal });
      if (body === null) return;
      for (const packet of body.split(SEPARATOR)) {
        this.owner.receive(this, packet[0] === "b" ? fromBase64(packet.slice(1)) : packet);
      }
    }
  }

  write(packets, extra = {}) {
    this.writable = false;
    const body = packets.map((packet) => (typeof packet === "string" ? packet : `b${toBase64(packet)}`));
    const options = { method: "POST", body: body.join(SEPARATOR), ...extra };
    options.headers = { "Content-Type": "text/plain;charset=UTF-8" };
    this.#posting = this.#request(options).then((answer) => {
      this.writable = true;
      if (answer !== null) this.owner.drained(this);
    });
  }

  async #request(options) {
    try {
      const response = await fetch(this.url(), { cache: "no-store", credentials: "same-origin", ...options });
      const body = await response.text();
      if (!response.ok) throw new Error(`HTTP status ${response.status}: ${body.slice(0, 200)}`);
      return body;
    } catch (error) {
      this.owner.lost(this, "transport error", error);
      return null;
    }
  }

  /** Ends when no request is under way; packets that arrive with the last one are still delivered. */
  async pause() {
    this.#stopped = true;
    await Promise.all([this.#polling, this.#posting]);
  }

  /** Send what is left, then let go of the poll. `keepalive` lets the request outlive the page. */
  async close(packets) {
    this.#stopped = true;
    await this.#posting;
    if (packets) this.write(packets, { keepalive: true });
    await this.#posting;
    this.#abort.abort();
  }
}

/** One packet per WebSocket message. */
class WebSocketTransport {
  name = "websocket";
  writable = false;

  constructor(url, owner) {
    this.ws = new WebSocket(url());
    this.ws.binaryType = "arraybuffer";
    this.ws.onopen = () => {
      this.writable = true;
      owner.drained(this);
    };
    this.ws.onmessage = ({ data }) => owner.receive(this, typeof data === "string" ? data : new Uint8Array(data));
    this.ws.onclose = ({ code }) => {
      this.writable = false;
      owner.lost(this, "transport close", new Error(`WebSocket closed with code ${code}`));
    };
  }

  write(packets) {
    for (const packet of packets) this.ws.send(packet);
  }

  close(packets) {
    if (packets && this.ws.readyState === WebSocket.OPEN) this.write(packets);
    this.ws.close();
  }
}

const TRANSPORTS = { polling: Polling, websocket: WebSocketTransport };

/** An Engine.IO connection. Calls `opened()`, `message(data)`, `switched(name)` and, once, `closed(reason, error)`. */
export class Engine {
  #outbox = [];
  #upgrading = false; // polling is pausing: packets wait for the new transport
  #probe = null;
  #deadline = 0;
  #sid = "";
  #maxPayload = Infinity; // in bytes
  state = "opening"; // -> open -> closed

  constructor(options, listener) {
    this.options = options;
    this.listener = listener;
    this.transport = this.#create(options.transports[0]);
  }

  #create(name) {
    const url = () => {
      const address = new URL(this.options.path, this.options.url);
      if (name === "websocket") address.protocol = address.protocol.replace("http", "ws");
      address.search = new URLSearchParams({ EIO: "4", transport: name, ...(this.#sid && { sid: this.#sid }) });
      return address;
    };
    return new TRANSPORTS[name](url, this);
  }

  /** Send a message: a string or a Uint8Array. */
  send(data) {
    this.#sendPacket(toPacket(data));
  }

  #sendPacket(packet) {
    this.#outbox.push(packet);
    this.#flush();
  }

  /** Close for a reason of our own; what was not sent yet, and `farewell`, go out before. */
  close(reason, error = undefined, farewell = []) {
    this.#end(reason, error, this.state === "open" ? [...this.#outbox, ...farewell.map(toPacket), CLOSE] : null);
  }

  #end(reason, error, packets = null) {
    if (this.state === "closed") return;
    this.state = "closed";
    clearTimeout(this.#deadline);
    this.#probe?.close();
    this.transport.close(packets);
    this.listener.closed(reason, error);
  }

  #flush() {
    if (!this.#outbox.length || this.#upgrading || !this.transport.writable || this.state !== "open") return;
    let taken = 1;
    if (this.transport.name === "polling") {
      // Engine.IO v4, "Handshake": maxPayload lets the client split what it sends; the first packet always goes.
      let size = sizeOf(this.#outbox[0]);
      while (taken < this.#outbox.length && (size += 1 + sizeOf(this.#outbox[taken])) <= this.#maxPayload) taken++;
    } else {
      taken = this.#outbox.length;
    }
    this.transport.write(this.#outbox.splice(0, taken));
  }

  // What the transports call.

  drained(transport) {
    if (transport === this.#probe) transport.write([`${PING}probe`]);
    else if (transport === this.transport) this.#flush();
  }

  lost(transport, reason, error) {
    if (transport === this.#probe) this.#probe = null; // the upgrade failed: polling goes on
    else if (transport === this.transport) this.#end(reason, error);
  }

  receive(transport, packet) {
    if (transport === this.#probe) {
      if (packet === `${PONG}probe`) this.#finishUpgrade(transport);
      else transport.close();
    } else if (transport === this.transport && this.state !== "closed") {
      this.#packet(packet);
    }
  }

  #packet(packet) {
    if (typeof packet !== "string") return this.listener.message(packet);
    const data = packet.slice(1);
    switch (packet[0]) {
      case OPEN: return this.#handshake(data);
      case MESSAGE: return this.listener.message(data);
      case CLOSE: return this.#end("transport close");
      case NOOP: return;
      case PING:
        this.#expectPing();
        return this.#sendPacket(PONG + data);
      default: return this.close("parse error", new Error("unknown Engine.IO packet"));
    }
  }

  #handshake(data) {
    try {
      const { sid, upgrades, pingInterval, pingTimeout, maxPayload } = JSON.parse(data);
      this.#sid = sid;
      this.#maxPayload = maxPayload ?? Infinity;
      this.patience = pingInterval + pingTimeout;
      this.state = "open";
      this.#expectPing();
      this.listener.opened();
      const wanted = upgrades.includes("websocket") && this.options.transports.includes("websocket");
      if (wanted && this.transport.name === "polling" && this.state === "open") this.#startUpgrade();
    } catch (error) {
      this.close("parse error", error);
    }
  }

  #expectPing() {
    // Engine.IO v4, "Heartbeat": no ping within pingInterval + pingTimeout means that the connection is closed.
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.close("ping timeout", new Error("ping timeout")), this.patience);
  }

  #startUpgrade() {
    const probe = (this.#probe = this.#create("websocket"));
    setTimeout(() => probe === this.#probe && probe.close(), this.options.timeout);
  }

  // Engine.IO v4, "Upgrade": probe answered, pause polling (the server releases the poll with a noop), then upgrade.
  async #finishUpgrade(probe) {
    this.#upgrading = true;
    await this.transport.pause();
    this.#upgrading = false;
    if (this.state === "closed") return;
    if (probe === this.#probe) {
      probe.write([UPGRADE]);
      this.#probe = null;
      this.transport = probe;
      this.listener.switched(probe.name);
    } else {
      this.transport.resume();
    }
    this.#flush();
  }
}

function toPacket(data) {
  return typeof data === "string" ? MESSAGE + data : data;
}

function toBase64(bytes) {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** The size of a packet in a polling body, in bytes. */
function sizeOf(packet) {
  return typeof packet === "string" ? new TextEncoder().encode(packet).length : 1 + 4 * Math.ceil(packet.length / 3);
}
