"""The demo's ASGI application: the chat's events on a Socket.IO server, and the files of its page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import ASGIApp, AsyncServer
from .chat import Chat, ChatError, clean_line, clean_text

__all__ = ["create_app"]

_MAX_BODY = 64 * 1024  # bytes; a message is at most 2,000 characters long


def create_app() -> ASGIApp:
    """Build a demo of its own: a server, an empty chat and the page.

    What the page sends, each answered by an ack:

    * `join` `{room, nickname}` -> `{room, nickname, member, members, history}`; leaves the room it was in
    * `rename` `nickname` -> `{nickname}`
    * `leave` -> `{}`
    * `say` `text` -> `{}`
    * `typing` -> `{}`
    * `rtt` -> `{}`; only there to be timed

    or by `{error}`. What it gets: `rooms` (a list with counts, to everyone), and inside a room `members`, `message`,
    `notice` and `typing`.
    """
    sio = AsyncServer(async_mode="asgi", max_http_buffer_size=_MAX_BODY)
    _register(sio, Chat())
    return ASGIApp(sio, static_files=_static_files())


def _static_files() -> dict[str, Any]:
    here = Path(__file__).parent
    script = "text/javascript; charset=utf-8"
    return {
        "/": {"filename": str(here / "index.html"), "content_type": "text/html; charset=utf-8"},
        "/style.css": {"filename": str(here / "style.css"), "content_type": "text/css; charset=utf-8"},
        **{
            f"/{name}.mjs": {"filename": str(here / f"{name}.mjs"), "content_type": script}
            for name in ("chart", "client", "engine", "page")
        },
    }


def _register(sio: AsyncServer, chat: Chat) -> None:
    clients: dict[str, str] = {}
    """sid -> what its page calls itself."""

    async def connect(sid: str, environ: Mapping[str, Any], auth: object = None) -> None:
        client = auth.get("client") if isinstance(auth, Mapping) else None
        clients[sid] = client if isinstance(client, str) and len(client) <= 64 else ""
        await sio.emit("rooms", chat.rooms(), to=sid)

    async def disconnect(sid: str, reason: object = None) -> None:
        clients.pop(sid, None)
        if await take_out(sid):
            await sio.emit("rooms", chat.rooms())

    async def take_out(sid: str) -> bool:
        """Take `sid` out of its room and tell the others there."""
        member = chat.leave(sid)
        if member is None:
            return False
        await sio.leave_room(sid, member.room)
        await sio.emit("notice", {"text": f"{member.nickname} left"}, room=member.room)
        await sio.emit("members", chat.members(member.room), room=member.room)
        return True

    # Any number of arguments: a page that sends too few or too many gets an answer, not a traceback in the log.
    async def join(sid: str, *args: object) -> dict[str, Any]:
        wish = args[0] if args and isinstance(args[0], Mapping) else {}
        try:
            room = clean_line(wish.get("room"), "room's name")
            nickname = clean_line(wish.get("nickname"), "nickname")
            # A page that lost its connection comes back before the old one has timed out: it keeps its nickname.
            for old_sid in {sid, *chat.sids_of_client(clients.get(sid, ""))}:
                await take_out(old_sid)
            if sid not in clients:  # it went away meanwhile: nobody would ever take it out again
                return {"error": "The connection is closed."}
            member = chat.join(sid, room, nickname, clients.get(sid, ""))
        except ChatError as exc:
            return {"error": str(exc)}
        await sio.enter_room(sid, room)
        await sio.emit("notice", {"text": f"{member.nickname} joined"}, room=room, skip_sid=sid)
        await sio.emit("members", chat.members(room), room=room, skip_sid=sid)
        await sio.emit("rooms", chat.rooms())
        return {
            "room": room,
            "nickname": member.nickname,
            "member": member.id,
            "members": chat.members(room),
            "history": chat.history(room),
        }

    async def rename(sid: str, *args: object) -> dict[str, Any]:
        member = chat.member(sid)
        try:
            nickname = clean_line(args[0] if args else None, "nickname")
        except ChatError as exc:
            return {"error": str(exc)}
        if member is None or member.nickname == nickname:
            return {"nickname": nickname}
        before, nickname = member.nickname, chat.rename(member, nickname)
        await sio.emit("notice", {"text": f"{before} is now {nickname}"}, room=member.room)
        await sio.emit("members", chat.members(member.room), room=member.room)
        return {"nickname": nickname}

    async def leave(sid: str, *args: object) -> dict[str, Any]:
        if await take_out(sid):
            await sio.emit("rooms", chat.rooms())
        return {}

    async def say(sid: str, *args: object) -> dict[str, Any]:
        member = chat.member(sid)
        if member is None:
            return {"error": "Join a room first."}
        try:
            message = chat.say(member, clean_text(args[0] if args else None))
        except ChatError as exc:
            return {"error": str(exc)}
        await sio.emit("message", message, room=member.room)
        return {}

    async def typing(sid: str, *args: object) -> dict[str, Any]:
        member = chat.member(sid)
        if member is not None:
            await sio.emit("typing", {"member": member.id}, room=member.room, skip_sid=sid)
        return {}

    async def rtt(sid: str, *args: object) -> dict[str, Any]:
        return {}

    for handler in (connect, disconnect, join, rename, leave, say, typing, rtt):
        sio.on(handler.__name__, handler)
