"""How large the project may grow: lines of a file, and the part of `src/` that the shells of one colour take."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"

LINE_LIMIT = 400
LONG_FILES: frozenset[str] = frozenset()
"""Files, relative to the root of the repository, that may be longer than `LINE_LIMIT`."""

SHELL_SHARE = 0.25
"""The part of the code lines in `src/` that the shells of one colour stay under."""

NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
NOT_OURS = {"node_modules", ".cache", "__pycache__"}


def code_lines(source: str) -> int:
    """Count the lines that hold code: no blank lines, no comments, no docstrings."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def test_files_are_short() -> None:
    paths = [path for folder in ("src", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in paths
        if NOT_OURS.isdisjoint(path.parts)
    }
    assert {name: length for name, length in lengths.items() if length > LINE_LIMIT and name not in LONG_FILES} == {}
    assert {name for name in LONG_FILES if lengths.get(name, 0) <= LINE_LIMIT} == set(), "no longer long"


@pytest.mark.parametrize("colour", ["sync", "asyncio"])
def test_shells_of_one_colour_stay_small(colour: str) -> None:
    lines = {path.relative_to(SRC): code_lines(path.read_text("utf-8")) for path in SRC.rglob("*.py")}
    shell = sum(count for path, count in lines.items() if path.parts[1] == colour)
    assert shell < SHELL_SHARE * sum(lines.values())


def test_code_lines_leave_out_prose() -> None:
    prose = '"""One.\n\nTwo."""\n\n# no\nX = 1\n"""Says what X is."""\n'
    code = 'Y = """a\nb"""\n\ndef f():\n    return (\n    )\n'
    assert code_lines(prose) == 1
    assert code_lines(code) == 5
