"""The import rules of `src/`: what each file may import, read from its import statements.

A new file has to be placed: add its dotted name, or a pattern that matches it, to `LAYERS` (or to `ALIASES`, when it
only re-exports names from where they moved). A framework or driver that a file may import goes into `THIRD_PARTY`.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
PACKAGES = ("engineio", "socketio")

LAYERS: dict[str, tuple[str, ...]] = {
    "values": (
        "engineio.exceptions",
        "engineio.config",
        "engineio.json",
        "engineio.types",
        *("engineio.cookies", "engineio.logs"),
        "socketio.exceptions",
        "socketio.config",
        "socketio.types",
    ),
    "codecs": (
        "engineio.packet",
        *("engineio.payload", "engineio.revision3", "engineio.jsonp"),
        "engineio.websocket",
        *("engineio.request", "engineio.static_files"),
        *("engineio.cors", "engineio.compression", "engineio.environ"),
        "socketio.packet",
        *("socketio.msgpack_packet", "socketio.encoder", "socketio.old_packet"),
    ),
    "core": (
        "engineio.interfaces",
        *("engineio.protocol", "engineio.old_protocol"),
        "engineio.polling_link",
        "engineio.upgrade",
        "engineio.admission",
        *("engineio.deadlines", "engineio.client_revisions", "engineio.handshake", "engineio.client_protocol"),
        "engineio.websocket_link",
        "engineio.flow",
        *("socketio.protocol", "socketio.old_protocol"),
        "socketio.packet_connection",
        "socketio.members",
        "socketio.interfaces",
        "socketio.handlers",
        "socketio.rooms",
        "socketio.acks",
        "socketio.broadcast",
        *("socketio.cluster", "socketio.outbox", "socketio.senders"),
        *("socketio.backoff", "socketio.client_revisions", "socketio.client_protocol", "socketio.offline"),
        "socketio.observer",
    ),
    "base": (
        "*.base_server",
        *("*.base_client", "engineio.admitted"),
        "socketio.base_manager",
        *("socketio.base_namespace", "socketio.client_life", "socketio.base_simple_client"),
    ),
    "shells": ("*.sync.*", "*.asyncio.*", "engineio.interrupts"),
    "bindings": ("*.bindings.*", "socketio.asgi", "socketio.embedded", "socketio.wsgi", "socketio.tornado"),
    "managers": ("socketio.managers.*",),
    "top": ("socketio.cli", "socketio.cli_*", "socketio.__main__", "socketio.demo*", "socketio.terminal*"),
}
"""Layer -> patterns of its modules, lowest first. A module imports from its own layer and from lower ones."""

RANK = {layer: rank for rank, layer in enumerate(LAYERS)}

COLOURLESS = ("values", "codecs", "core", "base")
"""The layers that both colours share: they wait for nothing and look at no clock."""

INITS = ("engineio", "socketio", "*.sync", "*.asyncio", "*.bindings", "*.managers")
"""Packages whose `__init__` only gathers names: it may import anything below it, and only the top layer imports it."""

ALIASES = (
    "engineio.async_client",
    "engineio.async_drivers",
    "engineio.async_drivers.*",
    "engineio.async_server",
    "engineio.async_socket",
    "engineio.base_socket",
    "engineio.client",
    "engineio.middleware",
    "engineio.server",
    "engineio.socket",
    "socketio.admin",
    "socketio.asgi",
    "socketio.async_*",
    "socketio.base_namespace",
    "socketio.client",
    "socketio.*_manager",
    "socketio.manager",
    *("socketio.middleware", "socketio.namespace"),
    "socketio.server",
    "socketio.simple_client",
)
"""Import paths of existing programs whose names moved: the file re-exports them. `LAYERS` wins where both match."""

THIRD_PARTY: dict[str, tuple[str, ...]] = {
    "*": ("orjson", "websockets.frames", "websockets.speedups", "websockets.utils.apply_mask"),
    "socketio.msgpack_packet": ("msgpack",),
    "engineio.bindings.aiohttp_client": ("aiohttp",),
    "engineio.bindings.requests_client": ("requests",),
    "engineio.bindings.websocket_client": ("websocket",),
    **dict.fromkeys(("*.bindings.uvicorn", "*.bindings.embedded"), ("uvicorn",)),
    "*.bindings.aiohttp": ("aiohttp", "multidict", "yarl"),
    "*.bindings.sanic": ("sanic",),
    **dict.fromkeys(("*.bindings.tornado", "*.bindings.tornado_stream", "socketio.tornado"), ("tornado",)),
    "*.bindings.gevent": ("gevent",),
    "*.bindings.eventlet": ("eventlet",),
    "*.bindings.uwsgi": ("uwsgi", "gevent"),
    "socketio.managers.redis": ("redis",),
    "socketio.managers.kombu": ("kombu",),
    "socketio.managers.kafka": ("kafka",),
    "socketio.managers.zmq": ("zmq",),
    "socketio.managers.amqp_session": ("pamqp",),
}
"""Pattern -> what such a module imports beside the standard library: the first line holds everywhere, and each binding
and each manager has one framework or driver."""

WAITING = (
    *("asyncio", "concurrent", "multiprocessing", "queue", "sched", "select", "selectors", "signal"),
    *("socket", "subprocess", "threading", "time"),
)
"""Standard modules that wait, lock or tell the time; a colourless file may name them in annotations only."""

TYPE_ONLY: frozenset[tuple[str, str]] = frozenset()
"""(importer, imported): may point one layer up under `if TYPE_CHECKING:`. Prefer a `typing.Protocol` below."""


@dataclass(frozen=True)
class Import:
    """One import statement, or one name of a `from` import, with the imported name written out in full."""

    target: str
    line: int
    type_only: bool


@cache
def modules() -> dict[str, Path]:
    """Find every module in `src/`: dotted name -> file, a package standing for its `__init__`."""
    found = {}
    for package in PACKAGES:
        for path in sorted((SRC / package).rglob("*.py")):
            parts = path.relative_to(SRC).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def layers_of(module: str) -> list[str]:
    return [layer for layer, patterns in LAYERS.items() if matches(module, patterns)]


def is_init(module: str) -> bool:
    return matches(module, INITS) and not layers_of(module)


def is_alias(module: str) -> bool:
    return matches(module, ALIASES) and not layers_of(module)


def is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def read_imports(module: str, source: str, *, is_package: bool = False) -> list[Import]:
    """Read every import statement, those inside functions too."""
    package = module if is_package else module.rpartition(".")[0]

    def visit(node: ast.AST, type_only: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(name.name, node.lineno, type_only) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([node.module] if node.module else [])])
            yield from (Import(f"{base}.{name.name}", node.lineno, type_only) for name in node.names)
        elif isinstance(node, ast.If) and is_type_checking(node.test):
            for statement in node.body:
                yield from visit(statement, True)
            for statement in node.orelse:
                yield from visit(statement, type_only)
        else:
            for child in ast.iter_child_nodes(node):
                yield from visit(child, type_only)

    return list(visit(ast.parse(source), False))


def own_module(target: str, known: frozenset[str]) -> str | None:
    """Name the module of ours that an import loads: the longest prefix that is one; `None` for anybody else's."""
    while target:
        if target in known:
            return target
        target = target.rpartition(".")[0]
    return None


def breaches(module: str, imports: list[Import], known: frozenset[str]) -> Iterator[str]:
    """Tell each import of one module that a rule forbids."""
    layer = next(iter(layers_of(module)), None)
    for imported in imports:
        target = own_module(imported.target, known)
        where = f"{module}:{imported.line} imports {target or imported.target}"
        if target is None:
            yield from (f"{where}: {why}" for why in foreign_breaches(module, layer, imported))
            continue
        if module.startswith("engineio") and target.startswith("socketio"):
            yield f"{where}: engineio knows nothing of socketio"
        elif is_init(module):
            if not target.startswith(module + "."):
                yield f"{where}: an __init__ gathers names of its own package only"
        elif is_alias(module):
            continue
        elif is_init(target):
            if layer != "top":
                yield f"{where}: name the module, not the package that gathers it"
        elif is_alias(target):
            yield f"{where}: an alias is for other people's programs"
        elif {".sync.", ".asyncio."} == {colour for name in (module, target) for colour in colours(name)}:
            yield f"{where}: the two colours know nothing of each other"
        elif layer is not None:
            other = next(iter(layers_of(target)), "top")
            up = RANK[other] - RANK[layer]
            excused = imported.type_only and up == 1 and (module, target) in TYPE_ONLY
            if up > 0 and not excused:
                yield f"{where}: {layer} is below {other}"


def foreign_breaches(module: str, layer: str | None, imported: Import) -> Iterator[str]:
    top = imported.target.partition(".")[0]
    if top in PACKAGES:
        yield "no such module"
    elif top in sys.stdlib_module_names:
        if layer in COLOURLESS and top in WAITING and not imported.type_only:
            yield "a file that both colours share does not wait and has no clock"
        if ".sync." in colours(module) and top == "asyncio":
            yield "no event loop hides under the sync API"
    else:
        allowed = [name for pattern, names in THIRD_PARTY.items() if fnmatchcase(module, pattern) for name in names]
        if not any(imported.target == name or imported.target.startswith(name + ".") for name in allowed):
            yield "not among what it may import (THIRD_PARTY)"


def colours(module: str) -> set[str]:
    return {colour for colour in (".sync.", ".asyncio.") if colour in module}


@cache
def all_imports() -> dict[str, list[Import]]:
    return {
        module: read_imports(module, path.read_text("utf-8"), is_package=path.name == "__init__.py")
        for module, path in modules().items()
    }


def alias_breaches(source: str) -> list[int]:
    """Give the lines of an alias module that are neither its docstring, nor an import, nor `__all__`."""
    return [
        node.lineno
        for number, node in enumerate(ast.parse(source).body)
        if not (
            isinstance(node, ast.Import | ast.ImportFrom)
            or (number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            or (isinstance(node, ast.Assign) and [ast.unparse(name) for name in node.targets] == ["__all__"])
        )
    ]


def test_every_module_has_one_place() -> None:
    misplaced = {
        module: layers_of(module)
        for module in modules()
        if len(layers_of(module)) != 1 and not (is_init(module) or is_alias(module))
    }
    assert misplaced == {}, "place each in LAYERS, once"


@pytest.mark.parametrize("module", modules())
def test_imports_go_downward(module: str) -> None:
    assert list(breaches(module, all_imports()[module], frozenset(modules()))) == []


def test_no_two_modules_import_each_other() -> None:
    known = frozenset(modules())
    graph = {
        module: {
            target
            for imported in imports
            if not imported.type_only and (target := own_module(imported.target, known)) and not is_init(target)
        }
        for module, imports in all_imports().items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("imports go round: " + " <- ".join(error.args[1]))


def test_every_type_only_exception_is_needed() -> None:
    known = frozenset(modules())
    used = {
        (module, own_module(imported.target, known))
        for module, imports in all_imports().items()
        for imported in imports
        if imported.type_only
    }
    assert used >= TYPE_ONLY


def test_alias_modules_hold_nothing_but_imports() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for module, path in modules().items()
        if is_alias(module) and (lines := alias_breaches(path.read_text("utf-8")))
    }
    assert found == {}


KNOWN = frozenset(
    {
        *("engineio", "engineio.json", "engineio.packet", "engineio.protocol", "engineio.server"),
        *("engineio.sync.server", "engineio.asyncio.server", "engineio.bindings.asgi"),
        *("socketio", "socketio.packet", "socketio.asyncio", "socketio.asyncio.server"),
    }
)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engineio.json", "from . import packet"),
        ("engineio.packet", "def f():\n    import engineio.protocol"),
        ("engineio.packet", "if TYPE_CHECKING:\n    from .protocol import State"),
        ("engineio.packet", "from engineio import Server"),
        ("engineio.protocol", "from .server import Server"),
        ("engineio.protocol", "import time"),
        ("engineio.protocol", "from uvicorn import Config"),
        ("engineio.protocol", "import websockets"),
        ("engineio.protocol", "from .missing import nothing"),
        ("engineio.protocol", "try:\n    import msgpack\nexcept ImportError:\n    pass"),
        ("engineio.bindings.asgi", "from socketio.packet import Packet"),
        ("engineio.bindings.aiohttp", "import aiohttp\nimport tornado.web"),
        ("engineio.sync.server", "from ..asyncio.server import AsyncServer"),
        ("engineio.asyncio.server", "from ..sync import server"),
        ("engineio.sync.server", "import asyncio"),
        ("engineio.asyncio.server", "from ..bindings.asgi import ASGIApp"),
        ("socketio.asyncio", "from ..packet import Packet"),
    ],
)
def test_a_breach_is_seen(module: str, source: str) -> None:
    imports = read_imports(module, source, is_package=is_init(module))
    assert len(list(breaches(module, imports, KNOWN))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engineio.protocol", "import enum\nfrom . import json, packet\nfrom websockets.frames import apply_mask"),
        ("engineio.protocol", "if TYPE_CHECKING:\n    import asyncio"),
        ("engineio.asyncio.server", "import asyncio, time\nfrom engineio.protocol import Connection"),
        ("engineio.bindings.uvicorn", "from uvicorn.config import Config\nfrom ..asyncio import server"),
        ("engineio", "from .bindings.asgi import ASGIApp"),
        ("engineio.server", "from .sync.server import Server"),
        ("socketio.asyncio.server", "from engineio.asyncio.server import AsyncServer"),
        ("socketio.cli", "import socketio"),
    ],
)
def test_a_rightful_import_passes(module: str, source: str) -> None:
    imports = read_imports(module, source, is_package=is_init(module))
    assert list(breaches(module, imports, KNOWN)) == []


def test_an_alias_that_holds_code_is_seen() -> None:
    assert alias_breaches('"""Moved."""\n\nfrom .sync.server import Server\n\n__all__ = ["Server"]\n') == []
    assert alias_breaches('from .sync.server import Server\n\n"""Late."""\nServer.x = 1\n') == [3, 4]
