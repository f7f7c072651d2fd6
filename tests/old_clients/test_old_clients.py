"""Official clients of every age with our servers, for asyncio and for threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from js_client import JsSocket
from node import OLD, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from js_client import Clients
    from serving import ServerProcess

    OpenClients = Callable[[str, str], Clients]

VALUES = ["text", "é€😀\u2028", b"\x00\x04\xff", {"a": [b"1", "é", b"2" * 300], "b": None}, 5]


def talk(client: JsSocket) -> None:
    """Events and acknowledgements both ways, text and binary."""
    for value in VALUES:
        assert client.call("echo", value) == [value]
        client.emit("send_back", value, "second")
        assert client.receive("back") == [value, "second"]
    client.answer("question", {"answer": b"\1"}, "€")
    assert client.call("ask_me", {"q": b"\2"}) == [{"answer": b"\1"}, "€"]
    assert client.receive("question") == [{"q": b"\2"}]


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_a_client_does(version: str, how: str, server: ServerProcess, open_clients: OpenClients) -> None:
    clients = open_clients(version, how)
    main = clients.connect()
    heard = server.reports.take(type="connect", namespace="/", sid=main.id)
    assert heard["query"]["EIO"] == ("3" if version in OLD else "4")
    talk(main)
    # Another namespace on the same connection, with something to say.
    fields = {"query": "token=a%20b%2C%26%C3%A9"} if version in OLD else {"auth": {"token": "a b,&é"}}
    admin = clients.connect("/admin", manager=main.manager, **fields)
    # What 1.7 takes for its id in a namespace is that of the connection.
    sid = {"1": f"/admin#{main.id}"}.get(version, admin.id)
    heard = server.reports.take(type="connect", namespace="/admin", sid=sid)
    assert heard["auth"] == {"token": "a b,&é"}
    if version == "2":
        assert admin.id == f"/admin#{main.id}"
    talk(admin)
    # Who is thrown out of one stays in the other.
    admin.emit("leave")
    assert admin.take("disconnect")["reason"] == "io server disconnect"
    server.reports.take(type="disconnect", namespace="/admin", sid=sid, reason="server disconnect")
    assert main.call("echo", 1) == [1]
    main.disconnect()
    assert main.take("disconnect")["reason"] == "io client disconnect"
    reason = server.reports.take(type="disconnect", namespace="/", sid=main.id)["reason"]
    assert reason in ("client disconnect", "transport close", "transport error")
    server.reports.take_all()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refusal(version: str, server: ServerProcess, open_clients: OpenClients) -> None:
    clients = open_clients(version, "websocket")
    main = clients.connect()

    def refused(namespace: str, **said: str) -> dict[str, Any]:
        query = "&".join(f"{name}={value}" for name, value in said.items())
        fields = {"query": query} if version in OLD else {"auth": said}
        return clients.open(namespace, manager=main.manager, **fields).take("connect_error")

    assert refused("/admin", refuse="yes")["message"] == "not welcome"
    answer = clients.open("/nowhere", manager=main.manager).take("connect_error")
    assert answer["message"] == "Invalid namespace"
    assert main.call("echo", "still here") == ["still here"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refusal_in_the_main_namespace(version: str, open_clients: OpenClients) -> None:
    """What a client of 1.x or 2.x has to say there is in the URL of its connection."""
    clients = open_clients(version, "polling")
    said = {"refuse": "yes"}
    fields = {"options": {"query": said}} if version in OLD else {"auth": said}
    assert clients.open(**fields).take("connect_error")["message"] == "not welcome"


@pytest.mark.parametrize("how", ["polling", "websocket"])
@pytest.mark.parametrize("version", OLD)
def test_old_clients_ping(version: str, how: str, server: ServerProcess, open_clients: OpenClients) -> None:
    """Ping interval and ping timeout of the server are 0.3 and 1.5 s."""
    client = open_clients(version, how).connect()
    assert client.call("rest", 2.2) == ["rested"]
    assert client.call("echo", 1) == [1]
    assert server.reports.take_all(type="disconnect", sid=client.id) == []


@pytest.mark.parametrize("how", ["polling", "websocket"])
@pytest.mark.parametrize("version", VERSIONS)
def test_base64(version: str, how: str, open_clients: OpenClients) -> None:
    client = open_clients(version, how).connect(options={"forceBase64": True})
    for value in (b"\x00\x04\xff", {"a": [b"1", "x", b"2" * 300]}):
        assert client.call("echo", value) == [value]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_client_comes_back(version: str, server: ServerProcess, open_clients: OpenClients) -> None:
    """It leaves the main namespace, and joins it again on the same connection or on a new one."""
    clients = open_clients(version, "websocket")
    main = clients.connect()
    admin = clients.connect("/admin", manager=main.manager)
    for _ in range(2):
        admin.disconnect()
        admin.take("disconnect")
        server.reports.take(type="disconnect", namespace="/admin")
        admin.driver.send("connect", socket=admin.name)
        admin.wait_connected()
        assert admin.call("echo", 1) == [1]
