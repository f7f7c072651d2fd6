"""The exceptions: their tree, and what a refusal tells the client (api-contract A.3)."""

from __future__ import annotations

import builtins

import pytest

import socketio
from socketio import exceptions


@pytest.mark.parametrize(
    ("arguments", "payload"),
    [
        ((), {"message": "Connection rejected by server"}),
        (("no",), {"message": "no"}),
        ((7,), {"message": "7"}),
        (("no", {"code": 1}), {"message": "no", "data": {"code": 1}}),
        (("no", 1, 2), {"message": "no", "data": (1, 2)}),
    ],
)
def test_error_args(arguments: tuple[object, ...], payload: dict[str, object]) -> None:
    error = exceptions.ConnectionRefusedError(*arguments)
    assert error.error_args == payload
    assert error.args == arguments


def test_tree() -> None:
    base = exceptions.SocketIOError
    for name in exceptions.__all__:
        assert issubclass(getattr(exceptions, name), base)
    assert issubclass(base, Exception)
    assert issubclass(exceptions.ConnectionRefusedError, exceptions.ConnectionError)
    assert issubclass(exceptions.ProtocolError, ValueError)


def test_none_is_a_builtin_in_disguise() -> None:
    """`except TimeoutError` of the two kinds must be told apart by programs that import this one."""
    assert not issubclass(exceptions.TimeoutError, builtins.TimeoutError)
    assert not issubclass(exceptions.ConnectionError, builtins.ConnectionError)


def test_reachable_from_the_package() -> None:
    assert socketio.exceptions is exceptions
