"""The undocumented names of a server for threads that existing programs touch (api-contract A.6, behaviours)."""

from __future__ import annotations

import functools
import io
import json
from typing import Any

import pytest

import socketio
from socketio import Server, WSGIApp
from socketio.base_server import BaseServer
from socketio.packet import ACK, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Packet

from .clients import OPENED, ack, connect, event, joined, settle, start

E = "an-eio-sid-of-a-test"


class Recorder:
    """A test client as programs write them: it stands in for the transport of a server."""

    def __init__(self, server: Server, seam: str) -> None:
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

        setattr(server, seam, take)

    def send(self, *packets: str | bytes) -> None:
        for packet in packets:
            self.server._handle_eio_message(E, packet)

    def taken(self) -> list[Any]:
        taken = [packet for _, _, packet in self.packets]
        self.packets.clear()
        return taken


both_seams = pytest.mark.parametrize("seam", ["_send_packet", "_send_eio_packet"])


@both_seams
def test_a_client_of_the_test_programs(seam: str) -> None:
    """A.6: every send goes through the replaced method; _handle_eio_* take an eio_sid that no transport has."""
    server = Server()
    server.async_handlers = False  # as they do, so that an event is over when its message has been handled
    recorder = Recorder(server, seam)
    seen: list[Any] = []

    def handler(sid: str, environ: Any, auth: Any) -> None:
        assert environ is server.environ[E]
        server.enter_room(sid, "room")
        for to in (sid, "room", None):
            server.emit("early", to=to)

    def slow(sid: str, *data: Any) -> Any:
        seen.append(data)
        return data

    server.on("connect", handler)
    server.on("e", slow)
    server.on("disconnect", lambda sid, reason: seen.append(reason))
    server._handle_eio_connect(E, {"from": "a test"})
    assert server.environ[E] == {"from": "a test"} and list(server.environ) == [E]
    recorder.send('0{"token":1}')
    sid = server.manager.sid_from_eio_sid(E, "/")
    assert sid is not None
    assert recorder.taken() == [f'0{{"sid":"{sid}"}}', *[event("early")] * 3]
    recorder.send(event("e", 1, ack_id=7), '51-["e",{"_placeholder":true,"num":0}]', b"x")
    assert seen == [(1,), (b"x",)] and recorder.taken() == [ack(7, 1)]
    server.emit("e", b"x", callback=lambda value: seen.append(value))
    assert recorder.taken() == ['51-1["e",{"_placeholder":true,"num":0}]', b"x"]
    recorder.send(ack(1, "answer"))
    assert seen[2:] == ["answer"]
    server.disconnect(sid)
    settle(server)
    assert seen[3:] == ["server disconnect"] and recorder.taken() == ["1"]
    recorder.send("0")
    server._handle_eio_disconnect(E, "transport close")
    settle(server)
    assert seen[4:] == ["transport close"] and not server.environ and not server.manager.groups


@both_seams
def test_nothing_is_sent_to_a_refused_client(seam: str) -> None:
    server = Server()
    recorder = Recorder(server, seam)

    def refuse(sid: str, environ: Any) -> bool:
        server.emit("early", to=sid)
        server.emit("early")
        return False

    server.on("connect", refuse)
    server._handle_eio_connect(E, {})
    recorder.send("0", "0/nowhere,")
    assert recorder.taken() == [
        '4{"message":"Connection rejected by server"}',
        '4/nowhere,{"message":"Invalid namespace"}',
    ]


@both_seams
def test_real_clients_go_through_the_seam_as_well(seam: str) -> None:
    server = Server()
    server.on("e", lambda sid: "answer")
    client = joined(server)
    recorder = Recorder(server, seam)
    client.send(event("e", ack_id=1))
    settle(server)
    server.emit("e")
    server.disconnect(client.sid)
    settle(server)
    assert [eio_sid for eio_sid, *_ in recorder.packets] == [client.eio_sid] * 3
    assert recorder.taken() == [ack(1, "answer"), event("e"), "1"]
    assert client.rest() == []


def test_a_wrapped_method_still_sends() -> None:
    """Programs also put themselves in front of the method and call it."""
    server = Server()
    original = server._send_packet
    kinds: list[int] = []

    def wrapper(eio_sid: str, pkt: Packet) -> None:
        kinds.append(pkt.packet_type)
        original(eio_sid, pkt)

    server._send_packet = wrapper  # type: ignore[method-assign]
    server.on("e", lambda sid: b"x")
    client = joined(server)
    client.send(event("e", ack_id=1), "0/nowhere,")
    settle(server)
    server.emit("e", (1, b"x"))
    server.disconnect(client.sid)
    packets = client.rest()
    assert kinds[0] == CONNECT and sorted(kinds[1:]) == sorted([ACK + 3, CONNECT_ERROR, EVENT + 3, DISCONNECT])
    assert len(packets) == 6


def test_overridden_in_a_subclass() -> None:
    class Mine(Server):
        def _send_packet(self, eio_sid: str, pkt: Packet) -> None:
            sent.append(pkt.packet_type)
            super()._send_packet(eio_sid, pkt)

    sent: list[int] = []
    server = Mine()
    client = joined(server)
    server.emit("e")
    assert client.rest() == [event("e")]
    assert sent == [CONNECT, EVENT]


def test_a_failing_replacement_breaks_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    client = joined(server)

    def fail(eio_sid: str, pkt: Packet) -> None:
        raise RuntimeError("inside")

    server._send_packet = fail  # type: ignore[method-assign]
    server.on("e", lambda sid: 1)
    client.send(event("e", ack_id=1))
    settle(server)
    assert "RuntimeError: inside" in caplog.text
    with pytest.raises(RuntimeError, match="inside"):
        server.emit("e")


def test_json_and_serializer_of_a_server_with_a_seam() -> None:
    """The packets that a replaced method gets are encoded with the server's own module."""

    class Loud:
        loads = staticmethod(json.loads)

        @staticmethod
        def dumps(value: Any, **options: Any) -> str:
            return json.dumps(value, **options).upper()

    server = Server(json=Loud)
    recorder = Recorder(server, "_send_eio_packet")
    server._handle_eio_connect(E, {})
    recorder.send("0")
    recorder.taken()
    server.emit("e", "loud")
    assert recorder.taken() == ['2["E","LOUD"]']


def test_messages_of_an_unknown_connection() -> None:
    server = Server()
    server._handle_eio_message("nobody", event("e"))
    server._handle_eio_disconnect("nobody", "transport close")
    assert not server.environ


def test_environ() -> None:
    """A.6 server.environ (eio_sid -> environ): a mapping that programs write into."""
    server = Server()
    client = joined(server)
    assert list(server.environ) == [client.eio_sid] and len(server.environ) == 1 and client.eio_sid in server.environ
    assert server.environ[client.eio_sid] is server.get_environ(client.sid)
    replaced = {"mine": 1}
    server.environ[client.eio_sid] = replaced
    assert server.get_environ(client.sid) is replaced
    server.environ["invented"] = {"a": 1}
    assert server.environ["invented"] == {"a": 1} and "invented" in server.environ
    server._handle_eio_message("invented", "0")
    sid = server.manager.sid_from_eio_sid("invented", "/")
    assert sid is not None and server.get_environ(sid) == {"a": 1}
    with server.session(sid) as session:
        session["kept"] = 1
    assert server.get_session(sid) == {"kept": 1}
    del server.environ["invented"]
    assert server.environ.get("invented") is None


def test_manager_initialized() -> None:
    """behaviours: `sio.manager_initialized = True; sio.manager.initialize()`; otherwise the first client does it."""
    calls: list[str] = []

    class Manager(socketio.Manager):
        def initialize(self) -> None:
            calls.append("initialize")
            super().initialize()

    early = Server(client_manager=Manager())
    early.manager_initialized = True
    early.manager.initialize()
    joined(early)
    assert calls == ["initialize"]
    late = Server(client_manager=Manager())
    assert calls == ["initialize"]
    joined(late)
    joined(late)
    assert calls == ["initialize"] * 2 and late.manager_initialized is True


def test_intervals_assigned_after_construction() -> None:
    """behaviours: `sio.eio.ping_interval/ping_timeout` are written before the first connection and take effect."""
    server = Server()
    server.eio.ping_interval, server.eio.ping_timeout = 7, 3
    client = connect(server)
    handshake = json.loads(server.eio.handshake(server.eio.sockets[client.eio_sid]).text[1:])
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (7000, 3000)
    assert server.eio.create_queue().empty()


@pytest.mark.parametrize("method", ["on", "emit", "call", "__init__", "_send_packet"])
def test_classes_are_patchable(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """behaviours: setattr(Server, "__init__"/"on"/"emit"/"call", f); the plain functions are called with self."""
    original = getattr(Server, method)
    calls: list[str] = []

    @functools.wraps(original)
    def patched(self: Server, *args: Any, **kwargs: Any) -> Any:
        calls.append(method)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Server, method, patched)
    server = Server()
    server.on("e", lambda sid: None)
    client = joined(server)
    Server.emit(server, "e")
    answer = start(server.call, "e", to=client.sid)
    assert client.receive() == event("e")
    assert client.receive() == event("e", ack_id=1)
    client.send(ack(1, 2))
    assert answer() == 2
    assert calls and set(calls) == {method}


def test_base_server_methods_are_patchable(monkeypatch: pytest.MonkeyPatch) -> None:
    original = BaseServer.on
    events: list[str] = []

    def on(self: BaseServer, event: str, *args: Any, **kwargs: Any) -> Any:
        events.append(event)
        return original(self, event, *args, **kwargs)

    monkeypatch.setattr(BaseServer, "on", on)
    server = Server()
    server.on("a", print)

    @server.event
    def b(sid: str) -> None: ...

    assert events == ["a", "b"] and set(server.handlers["/"]) == {"a", "b"}


class Proxy:
    """Forwards the names without an underscore, like the proxies of frameworks."""

    def __init__(self, server: Server) -> None:
        object.__setattr__(self, "_server", server)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(object.__getattribute__(self, "_server"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_server"), name, value)


@pytest.mark.parametrize("proxied", [False, True])
def test_a_wsgi_app_around_a_server_or_its_proxy(proxied: bool) -> None:
    """behaviours: the server handed over may be a proxy object. A whole client, by long-polling."""
    server = Server()
    server.on("e", lambda sid, data: data)
    app = WSGIApp(Proxy(server) if proxied else server, socketio_path="/ws/socket.io")
    query = "EIO=4&transport=polling"

    def request(method: str, body: str = "") -> str:
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": "/ws/socket.io/",
            "QUERY_STRING": query,
            "REMOTE_ADDR": "192.0.2.7",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body.encode()),
            "wsgi.url_scheme": "http",
        }
        statuses: list[str] = []
        answer = b"".join(app(environ, lambda status, headers: statuses.append(status)))
        assert statuses == ["200 OK"]
        return answer.decode()

    OPENED.add(server)
    eio_sid = json.loads(request("GET")[1:])["sid"]
    query += f"&sid={eio_sid}"
    assert request("POST", "40") == "ok"
    assert request("GET").startswith('40{"sid":')
    assert request("POST", "4" + event("e", "x", ack_id=1)) == "ok"
    assert request("GET") == "4" + ack(1, "x")
    assert server.environ[eio_sid]["REMOTE_ADDR"] == "192.0.2.7"
    assert request("POST", "1") == "ok"
    settle(server)
    assert not server.environ
