"""What a real server sees of the HTTP side of a client: cookies that are nobody else's."""

from __future__ import annotations

from typing import Any

from engineio.base_client import BaseClient
from engineio.bindings.requests_client import ClientHTTP, make_jar

from .raw_server import RawServer, opening, values


def test_the_cookies_of_a_websocket_are_those_of_one_client() -> None:
    heads: list[Any] = []

    def serve(connection: Any) -> None:
        heads.append(connection.head())
        connection.send(opening(heads[-1], "Set-Cookie: session=of-the-first; Domain=127.0.0.1; Path=/\r\n"))
        connection.is_over()

    server = RawServer(serve)
    try:
        for _ in range(2):
            http = ClientHTTP(BaseClient(), {}, make_jar())
            http.open()
            http.websocket(server.websocket_url).close()
            http.close()
    finally:
        server.close()
    assert values(heads[1], "Cookie") == []
