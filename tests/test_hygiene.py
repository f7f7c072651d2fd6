"""What no file of the repository may hold: paths of the machine it was written on, registries, conflicts of merges."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

REGISTRIES = (
    ("pypi", "org"),
    ("files", "pythonhosted", "org"),
    ("registry", "npmjs", "org"),
    ("registry", "yarnpkg", "com"),
    ("deb", "debian", "org"),
    ("static", "crates", "io"),
)
"""Hosts in parts, so that this file holds none of them."""

MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work/|tmp/w(?![\w-]))")
REGISTRY = re.compile("|".join(rf"(?<![\w-]){re.escape('.'.join(host))}(?![\w-])" for host in REGISTRIES))
RESOLVED = re.compile(r'"resolved"\s*:\s*"[a-z+]+:')
CONFLICT = re.compile(r"^(?:<{7}|>{7}) ")
NPM_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")


@cache
def files() -> list[Path]:
    """List the files that git has, and those that it would take with `git add`."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def findings(rule: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Give `file:line: text` for each line that the rule matches."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in paths
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if rule.search(line)
    ]


def test_no_machine_paths() -> None:
    assert findings(MACHINE_PATH, files()) == []


def test_no_registry_hosts() -> None:
    assert findings(REGISTRY, files()) == []


def test_no_conflicts_of_merges() -> None:
    assert findings(CONFLICT, files()) == []


def test_npm_locks_name_no_address() -> None:
    assert findings(RESOLVED, [path for path in files() if path.name in NPM_LOCKS]) == []


@pytest.mark.parametrize("parts", [("see ", "/work", "/main/x"), ("'/tmp", "/w'"), ("/tmp", "/w/bench")])
def test_a_machine_path_is_seen(parts: tuple[str, ...]) -> None:
    assert MACHINE_PATH.search("".join(parts))


@pytest.mark.parametrize("text", ["/network/", "src/work/x", "/tmp/www", "/tmp/work"])
def test_other_paths_pass(text: str) -> None:
    assert not MACHINE_PATH.search(text)


@pytest.mark.parametrize("host", REGISTRIES)
def test_a_registry_is_seen(host: tuple[str, ...]) -> None:
    assert REGISTRY.search(f"https://{'.'.join(host)}/simple")


def test_a_resolved_address_is_seen() -> None:
    assert RESOLVED.search('"resolved": ' + '"https://example.test/a.tgz"')
    assert not RESOLVED.search('"resolved": "../sibling", "link": true')
