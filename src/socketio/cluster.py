"""What servers tell each other through a broker: JSON messages in the format of python-socketio, encoded and checked.

A message is an object with `method` and `host_id`, the id of the process that has sent it (of a `callback`, the one
that it is for), and
    emit: event, data (a list of the arguments; if `binary`, a list of those and of the attachments in base64),
        namespace, room, skip_sid, callback (`null`, or [room, namespace, id])
    callback: sid (what the emit was sent to), namespace, id, args
    disconnect: sid, namespace
    enter_room, leave_room: sid, namespace, room
    close_room: namespace, room
Ours also number what a process has sent, in `seq`, and say in `again` that the broker may have had a message before; of
a `callback` with binary arguments the attachments are in `attachments`. Members that are not known are ignored.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from engineio.json import Codec

from .exceptions import ProtocolError
from .packet import RESERVED_EVENTS, reconstruct

__all__ = [
    "AGAIN",
    "MAX_SIZE",
    "BadMessage",
    "arguments_of",
    "callback_of",
    "client_of",
    "decode",
    "encode_callback",
    "encode_emit",
    "listed",
    "room_of",
    "with_attachments",
]

MAX_SIZE = 32 * 1024 * 1024
"""How large a message may be, in bytes."""

AGAIN = b',"again":true}'
"""What the end of a message that is sent again is replaced with."""

_SCALARS = (str, int, type(None))


class BadMessage(Exception):
    """A message is none, or not one that a server sends."""


class _Attachments(list[str]):
    """The attachments of a message in base64: what `dumps` calls for objects that have no form in JSON."""

    __slots__ = ()

    def __call__(self, obj: Any) -> dict[str, Any]:
        if not isinstance(obj, (bytes, bytearray, memoryview)):
            raise TypeError(f"Object of type {type(obj).__name__} is not JSON serializable")
        self.append(b64encode(obj).decode())
        return {"_placeholder": True, "num": len(self) - 1}


def encode_emit(dumps: Callable[..., bytes], message: dict[str, Any]) -> bytes:
    """Encodes a message of the method `emit`.

    Args:
        dumps: Encodes JSON; see :meth:`engineio.json.Codec.dumps`.
        message: Its members; `data` is the list of the arguments, `binary` is set here.

    Raises:
        TypeError: something in the data has no form in JSON.
    """
    attachments = _Attachments()
    message["binary"] = False
    encoded = dumps(message, attachments)
    if not attachments:
        return encoded
    together = [message["data"], *attachments]
    return dumps({**message, "binary": True, "data": together}, _Attachments())


def encode_callback(dumps: Callable[..., bytes], message: dict[str, Any], arguments: tuple[Any, ...]) -> bytes:
    """Encodes a message of the method `callback`."""
    attachments = _Attachments()
    encoded = dumps({**message, "args": list(arguments)}, attachments)
    if not attachments:
        return encoded
    return dumps({**message, "args": list(arguments), "attachments": list(attachments)}, _Attachments())


def decode(message: Any, codec: Codec) -> Mapping[str, Any]:
    """Decodes a message and checks what all of them have in common.

    Args:
        message: What the broker delivered: bytes, text, or what that stands for.
        codec: Decodes JSON.

    Raises:
        BadMessage: it is not a message.
    """
    if isinstance(message, (bytes, bytearray, str)):
        if len(message) > MAX_SIZE:
            raise BadMessage(f"a message of {len(message)} bytes")
        try:
            message = codec.loads(message.encode() if isinstance(message, str) else bytes(message))
        except (ValueError, RecursionError) as exc:
            raise BadMessage("not JSON") from exc
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        raise BadMessage("no method")
    host_id = message.get("host_id")
    if host_id is not None and not isinstance(host_id, str):
        raise BadMessage("the host_id is no text")
    namespace = message.get("namespace")
    if namespace is not None and not (isinstance(namespace, str) and namespace[:1] == "/"):
        raise BadMessage("the namespace is none")
    room = message.get("room")
    if not isinstance(room, _SCALARS) and not _is_list_of(room, (str, int)):
        raise BadMessage("the room is none")
    return message


def arguments_of(message: Mapping[str, Any]) -> Any:
    """Returns the data of an `emit` as `Server.emit` takes it: a tuple, or the only argument.

    Raises:
        BadMessage: it is not an event that a server sends.
    """
    event = message.get("event")
    if not isinstance(event, str) or event in RESERVED_EVENTS:
        raise BadMessage("the event is none")
    skip_sid = message.get("skip_sid")
    if skip_sid is not None and not isinstance(skip_sid, str) and not _is_list_of(skip_sid, (str,)):
        raise BadMessage("the skip_sid is none")
    if "data" not in message:
        raise BadMessage("no data")
    data = message["data"]
    if message.get("binary"):
        if not isinstance(data, list) or not data:
            raise BadMessage("binary data without data")
        data = with_attachments(data[0], data[1:])
    if not isinstance(data, list):
        return data
    return data[0] if len(data) == 1 else tuple(data)


def with_attachments(data: Any, encoded: Any) -> Any:
    """Returns data with its attachments in their places.

    Raises:
        BadMessage: they do not belong together.
    """
    if not _is_list_of(encoded, (str,)):
        raise BadMessage("the attachments are no texts")
    try:
        return reconstruct(data, [b64decode(item, validate=True) for item in encoded])
    except (binascii.Error, ValueError, ProtocolError) as exc:
        raise BadMessage("bad attachments") from exc


def callback_of(message: Mapping[str, Any]) -> tuple[str, Any, str, int] | None:
    """Returns who waits for the acknowledgement of an `emit`: (host id, room, namespace, id); `None` for nobody.

    Raises:
        BadMessage: that is not who can wait.
    """
    callback = message.get("callback")
    if callback is None:
        return None
    host_id = message.get("host_id")
    if not isinstance(host_id, str) or not isinstance(callback, (list, tuple)) or len(callback) != 3:
        raise BadMessage("the callback is none")
    room, namespace, callback_id = callback
    if not isinstance(room, _SCALARS) or not isinstance(namespace, str) or type(callback_id) is not int:
        raise BadMessage("the callback is none")
    return host_id, room, namespace, callback_id


def client_of(message: Mapping[str, Any]) -> tuple[str, str]:
    """Returns which client a message is about: sid and namespace.

    Raises:
        BadMessage: that is none.
    """
    sid = message.get("sid")
    if not isinstance(sid, str):
        raise BadMessage("the sid is none")
    return sid, message.get("namespace") or "/"


def room_of(message: Mapping[str, Any]) -> str | int:
    """Returns which room a message is about.

    Raises:
        BadMessage: that is none.
    """
    room = message.get("room")
    if not isinstance(room, (str, int)):
        raise BadMessage("the room is none")
    return room


def listed(value: Any) -> Any:
    """Returns rooms or sids as JSON can hold them."""
    return list(value) if isinstance(value, (tuple, set, frozenset)) else value


def _is_list_of(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, kinds) for item in value)
