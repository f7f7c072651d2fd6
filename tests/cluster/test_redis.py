"""What only Redis does, or is asked to do."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..brokers.brokers import Redis, Sentinel, free_port
from .nodes import KINDS, Node, agree, wait_until


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 that it has signed itself, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key", "-out", "certificate"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    path = folder / "both"
    path.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_connections_that_are_closed_are_opened_again(
    redis_server: Redis, start_node: Callable[..., Node], kind: str
) -> None:
    here, there = (start_node(kind, redis_server, f"closed {kind}").client() for _ in range(2))
    agree(here, there)
    before = here.look()["connections"]
    for number, what in enumerate(("normal", "pubsub", "normal")):
        redis_server.ask("CLIENT", "KILL", "TYPE", what)
        if what == "pubsub":  # what is published before a process has noticed is lost for it
            agree(here, there)
        here.do("emit", "number", number)
        assert there.hear("number") == here.hear("number") == [number]
        there.do("emit", "back", number)
        assert there.hear("back") == here.hear("back") == [number]
    wait_until(lambda: here.look()["healthy"])
    assert here.look()["connections"] == before


def test_two_clusters_on_one_redis(redis_server: Redis, start_node: Callable[..., Node]) -> None:
    here, there = (start_node(kind, redis_server, kind).client() for kind in KINDS)
    wait_until(lambda: here.look()["healthy"] and there.look()["healthy"])
    spy = redis_server.spy("threads")
    here.do("emit", "one")
    there.do("emit", "two")
    (message,) = spy.messages(1)
    assert b'"two"' in message
    spy.close()
    assert (here.hear(), there.hear()) == (("one",), ("two",))
    assert here.heard.empty()
    assert there.heard.empty()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hangs", [False, True], ids=["killed", "hanging"])
def test_sentinel(start_node: Callable[..., Node], kind: str, hangs: bool) -> None:
    master = Redis()
    replica = Redis("--replicaof", f"127.0.0.1 {master.port}")
    sentinel = Sentinel(master)
    try:
        wait_until(lambda: b"slave0:ip=127.0.0.1" in master.info(), "the replica is there")
        wait_until(lambda: sentinel.ask("SENTINEL", "REPLICAS", "mymaster"), "the Sentinel knows of it")
        here, there = (start_node(kind, sentinel).client() for _ in range(2))
        agree(here, there)
        if hangs:
            master.pause()
        else:
            master.kill()
        wait_until(lambda: not here.look()["healthy"])
        here.do("emit", "meanwhile", 1)
        assert there.hear("meanwhile") == here.hear("meanwhile") == [1]
        agree(here, there)
        assert replica.ask("PUBSUB", "NUMSUB", "socketio") == [b"socketio", 2]
    finally:
        for broker in (sentinel, replica, master):
            broker.close()


@pytest.mark.parametrize("kind", KINDS)
def test_other_addresses(redis_server: Redis, start_node: Callable[..., Node], kind: str) -> None:
    folder = Path(redis_server.folder.name)
    secret = Redis("--unixsocket", str(folder / f"socket {kind}"), "--requirepass", "secret")
    url = f"redis://:secret@127.0.0.1:{secret.port}"
    unix = f"unix://{folder}/socket%20{kind}?password=secret&db=3"
    if kind == "asyncio":
        nodes = [start_node(kind, secret, url=url) for url in (url, unix, f"ready:{url}")]
    else:
        without = url.replace(":secret@", "")
        nodes = [start_node(kind, secret, url=without, redis_options={"password": "secret"})]
        nodes += [start_node(kind, secret, url=url) for url in (unix, f"factory:{url}")]
    if importlib.util.find_spec("valkey") is not None:
        nodes.append(start_node(kind, secret, url=url.replace("redis", "valkey")))
    agree(*(node.client() for node in nodes))
    secret.close()


@pytest.mark.parametrize("kind", KINDS)
def test_tls_and_wrong_passwords(start_node: Callable[..., Node], certificate: Path, kind: str) -> None:
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(certificate)]
    redis = Redis(*tls, "--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no", "--requirepass", "secret")
    url = f"rediss://:secret@127.0.0.1:{port}?ssl_ca_certs={certificate}"
    here, there = (start_node(kind, redis, url=url).client() for _ in range(2))
    agree(here, there)
    stranger = start_node(kind, redis, url=url.replace("secret", "wrong"))
    peer = stranger.client()
    peer.do("emit", "local", 1)
    assert peer.hear("local") == [1]
    wait_until(lambda: "cannot be reached" in stranger.log())
    assert not peer.look()["healthy"]
    assert "wrong" not in stranger.log()
    redis.close()
