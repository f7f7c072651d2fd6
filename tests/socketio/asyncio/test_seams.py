"""The undocumented names of an asyncio server that existing programs touch (api-contract A.6, behaviours)."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any

import pytest

from socketio import ASGIApp, AsyncManager, AsyncServer
from socketio.base_server import BaseServer
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Packet

from .clients import ack, connect, event, joined, settle

E = "an-eio-sid-of-a-test"


class Recorder:
    """A test client as programs write them: it stands in for the transport of a server."""

    def __init__(self, server: AsyncServer, seam: str, kind: str) -> None:
        self.server = server
        self.packets: list[tuple[str, str, Any]] = []

        def take(eio_sid: str, pkt: Any) -> None:
            if seam == "_send_packet":
                assert isinstance(pkt, Packet)
                encoded = pkt.encode()
                for part in encoded if isinstance(encoded, list) else [encoded]:
                    self.packets.append((eio_sid, seam, part))
            else:
                self.packets.append((eio_sid, seam, pkt.data))

        async def take_later(eio_sid: str, pkt: Any) -> None:
            await asyncio.sleep(0)
            take(eio_sid, pkt)

        setattr(server, seam, take if kind == "sync" else take_later)

    async def send(self, *packets: str | bytes) -> None:
        for packet in packets:
            await self.server._handle_eio_message(E, packet)

    def taken(self) -> list[Any]:
        taken = [packet for _, _, packet in self.packets]
        self.packets.clear()
        return taken


both_seams = pytest.mark.parametrize("seam", ["_send_packet", "_send_eio_packet"])
both_kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@both_seams
@both_kinds
async def test_a_client_of_the_test_programs(seam: str, kind: str) -> None:
    """A.6: every send goes through the replaced method; _handle_eio_* take an eio_sid that no transport has."""
    server = AsyncServer()
    server.async_handlers = False  # as they do, so that an event is over when its message has been handled
    recorder = Recorder(server, seam, kind)
    seen: list[Any] = []

    async def handler(sid: str, environ: Any, auth: Any) -> None:
        assert environ is server.environ[E]
        await server.enter_room(sid, "room")
        for to in (sid, "room", None):
            await server.emit("early", to=to)

    async def slow(sid: str, *data: Any) -> Any:
        await asyncio.sleep(0)
        seen.append(data)
        return data

    server.on("connect", handler)
    server.on("e", slow)
    server.on("disconnect", lambda sid, reason: seen.append(reason))
    await server._handle_eio_connect(E, {"from": "a test"})
    assert server.environ[E] == {"from": "a test"} and list(server.environ) == [E]
    await recorder.send('0{"token":1}')
    sid = server.manager.sid_from_eio_sid(E, "/")
    assert sid is not None
    assert recorder.taken() == [f'0{{"sid":"{sid}"}}', *[event("early")] * 3]
    await recorder.send(event("e", 1, ack_id=7), '51-["e",{"_placeholder":true,"num":0}]', b"x")
    assert seen == [(1,), (b"x",)] and recorder.taken() == [ack(7, 1)]
    await server.emit("e", b"x", callback=lambda value: seen.append(value))
    assert recorder.taken() == ['51-1["e",{"_placeholder":true,"num":0}]', b"x"]
    await recorder.send(ack(1, "answer"))
    assert seen[2:] == ["answer"]
    await server.disconnect(sid)
    await settle()
    assert seen[3:] == ["server disconnect"] and recorder.taken() == ["1"]
    await recorder.send("0")
    await server._handle_eio_disconnect(E, "transport close")
    await settle()
    assert seen[4:] == ["transport close"] and not server.environ and not server.manager.groups


@both_seams
@both_kinds
async def test_nothing_is_sent_to_a_refused_client(seam: str, kind: str) -> None:
    server = AsyncServer()
    recorder = Recorder(server, seam, kind)

    async def refuse(sid: str, environ: Any) -> bool:
        await server.emit("early", to=sid)
        await server.emit("early")
        return False

    server.on("connect", refuse)
    await server._handle_eio_connect(E, {})
    await recorder.send("0", "0/nowhere,")
    assert recorder.taken() == [
        '4{"message":"Connection rejected by server"}',
        '4/nowhere,{"message":"Invalid namespace"}',
    ]


@both_seams
async def test_real_clients_go_through_the_seam_as_well(seam: str) -> None:
    server = AsyncServer()
    server.on("e", lambda sid: "answer")
    client = await joined(server)
    recorder = Recorder(server, seam, "sync")
    client.send(event("e", ack_id=1))
    await settle()
    await server.emit("e")
    await server.disconnect(client.sid)
    await settle()
    assert [eio_sid for eio_sid, *_ in recorder.packets] == [client.eio_sid] * 3
    assert recorder.taken() == [ack(1, "answer"), event("e"), "1"]
    assert await client.rest() == []


async def test_a_wrapped_method_still_sends() -> None:
    """Programs also put themselves in front of the method and call it."""
    server = AsyncServer()
    original = server._send_packet
    kinds: list[int] = []

    async def wrapper(eio_sid: str, pkt: Packet) -> None:
        kinds.append(pkt.packet_type)
        await original(eio_sid, pkt)

    server._send_packet = wrapper  # type: ignore[method-assign]
    server.on("e", lambda sid: b"x")
    client = await joined(server)
    client.send(event("e", ack_id=1), "0/nowhere,")
    await settle()
    await server.emit("e", (1, b"x"))
    await server.disconnect(client.sid)
    packets = await client.rest()
    assert kinds[0] == CONNECT and sorted(kinds[1:]) == sorted([ACK + 3, CONNECT_ERROR, EVENT + 3, DISCONNECT])
    assert len(packets) == 6


async def test_overridden_in_a_subclass() -> None:
    class Server(AsyncServer):
        async def _send_packet(self, eio_sid: str, pkt: Packet) -> None:
            sent.append(pkt.packet_type)
            await super()._send_packet(eio_sid, pkt)

    sent: list[int] = []
    server = Server()
    client = await joined(server)
    await server.emit("e")
    assert await client.rest() == [event("e")]
    assert sent == [CONNECT, EVENT]


async def test_a_failing_replacement_breaks_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    server = AsyncServer()
    client = await joined(server)

    async def fail(eio_sid: str, pkt: Packet) -> None:
        raise RuntimeError("inside")

    server._send_packet = fail  # type: ignore[method-assign]
    server.on("e", lambda sid: 1)
    client.send(event("e", ack_id=1))
    await settle()
    assert "RuntimeError: inside" in caplog.text
    with pytest.raises(RuntimeError, match="inside"):
        await server.emit("e")


async def test_json_and_serializer_of_a_server_with_a_seam() -> None:
    """The packets that a replaced method gets are encoded with the server's own module."""

    class Loud:
        loads = staticmethod(json.loads)

        @staticmethod
        def dumps(value: Any, **options: Any) -> str:
            return json.dumps(value, **options).upper()

    server = AsyncServer(json=Loud)
    recorder = Recorder(server, "_send_eio_packet", "async")
    await server._handle_eio_connect(E, {})
    await recorder.send("0")
    recorder.taken()
    await server.emit("e", "loud")
    assert recorder.taken() == ['2["E","LOUD"]']


async def test_messages_of_an_unknown_connection() -> None:
    server = AsyncServer()
    await server._handle_eio_message("nobody", event("e"))
    await server._handle_eio_disconnect("nobody", "transport close")
    assert not server.environ


async def test_environ() -> None:
    """A.6 server.environ (eio_sid -> environ): a mapping that programs write into."""
    server = AsyncServer()
    client = await joined(server)
    assert list(server.environ) == [client.eio_sid] and len(server.environ) == 1 and client.eio_sid in server.environ
    assert server.environ[client.eio_sid] is server.get_environ(client.sid)
    replaced = {"mine": 1}
    server.environ[client.eio_sid] = replaced
    assert server.get_environ(client.sid) is replaced
    server.environ["invented"] = {"a": 1}
    assert server.environ["invented"] == {"a": 1} and "invented" in server.environ
    await server._handle_eio_message("invented", "0")
    sid = server.manager.sid_from_eio_sid("invented", "/")
    assert sid is not None and server.get_environ(sid) == {"a": 1}
    async with server.session(sid) as session:
        session["kept"] = 1
    assert await server.get_session(sid) == {"kept": 1}
    del server.environ["invented"]
    assert server.environ.get("invented") is None


async def test_manager_initialized() -> None:
    """behaviours: `sio.manager_initialized = True; sio.manager.initialize()`; otherwise the first client does it."""
    calls: list[str] = []

    class Manager(AsyncManager):
        def initialize(self) -> None:
            calls.append("initialize")
            super().initialize()

    early = AsyncServer(client_manager=Manager())
    early.manager_initialized = True
    early.manager.initialize()
    await joined(early)
    assert calls == ["initialize"]
    late = AsyncServer(client_manager=Manager())
    assert calls == ["initialize"]
    await joined(late)
    await joined(late)
    assert calls == ["initialize"] * 2 and late.manager_initialized is True


async def test_intervals_assigned_after_construction() -> None:
    """behaviours: `sio.eio.ping_interval/ping_timeout` are written before the first connection and take effect."""
    server = AsyncServer()
    server.eio.ping_interval, server.eio.ping_timeout = 7, 3
    client = await connect(server)
    handshake = json.loads(server.eio.handshake(server.eio.sockets[client.eio_sid]).text[1:])
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (7000, 3000)
    assert server.eio.create_queue().empty()


@pytest.mark.parametrize("method", ["on", "emit", "call", "__init__", "_send_packet"])
async def test_classes_are_patchable(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """behaviours: setattr(Server, "__init__"/"on"/"emit"/"call", f); the plain functions are called with self."""
    original = getattr(AsyncServer, method)
    calls: list[str] = []

    @functools.wraps(original)
    def patched(self: AsyncServer, *args: Any, **kwargs: Any) -> Any:
        calls.append(method)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(AsyncServer, method, patched)
    server = AsyncServer()
    server.on("e", lambda sid: None)
    client = await joined(server)
    await AsyncServer.emit(server, "e")
    answer = asyncio.create_task(server.call("e", to=client.sid))
    assert await client.receive() == event("e")
    assert await client.receive() == event("e", ack_id=1)
    client.send(ack(1, 2))
    assert await answer == 2
    assert calls and set(calls) == {method}


async def test_base_server_methods_are_patchable(monkeypatch: pytest.MonkeyPatch) -> None:
    original = BaseServer.on
    events: list[str] = []

    def on(self: BaseServer, event: str, *args: Any, **kwargs: Any) -> Any:
        events.append(event)
        return original(self, event, *args, **kwargs)

    monkeypatch.setattr(BaseServer, "on", on)
    server = AsyncServer()
    server.on("a", print)

    @server.event
    def b(sid: str) -> None: ...

    assert events == ["a", "b"] and set(server.handlers["/"]) == {"a", "b"}


class Proxy:
    """Forwards the names without an underscore, like the proxies of frameworks."""

    def __init__(self, server: AsyncServer) -> None:
        object.__setattr__(self, "_server", server)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(object.__getattribute__(self, "_server"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_server"), name, value)


@pytest.mark.parametrize("proxied", [False, True])
async def test_an_asgi_app_around_a_server_or_its_proxy(proxied: bool) -> None:
    """behaviours: the server handed to ASGIApp may be a proxy object. A whole client, in ASGI messages."""
    server = AsyncServer()
    server.on("e", lambda sid, data: data)
    app = ASGIApp(socketio_server=Proxy(server) if proxied else server, socketio_path="/ws/socket.io")
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/ws/socket.io/",
        "query_string": b"EIO=4&transport=websocket",
        "headers": [(b"host", b"server.test")],
        "client": ("192.0.2.7", 4321),
    }
    serving = asyncio.create_task(app(scope, inbox.get, outbox.put))

    async def packet() -> Any:
        return (await outbox.get())["text"]

    inbox.put_nowait({"type": "websocket.connect"})
    assert (await outbox.get())["type"] == "websocket.accept"
    eio_sid = json.loads((await packet())[1:])["sid"]
    inbox.put_nowait({"type": "websocket.receive", "text": "40"})
    assert (await packet()).startswith('40{"sid":')
    inbox.put_nowait({"type": "websocket.receive", "text": "4" + event("e", "x", ack_id=1)})
    assert await packet() == "4" + ack(1, "x")
    assert server.environ[eio_sid]["REMOTE_ADDR"] == "192.0.2.7"
    inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await serving
    await settle()
    assert not server.environ
