"""Fixtures of the tests of nginx: workers, and nginx with the configuration of the examples in front of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import create_connection
from typing import Any

import pytest

FOLDER = Path(__file__).parent
CONFIGURATION = FOLDER.parents[1] / "examples" / "nginx.conf"
sys.path[:0] = [str(FOLDER.parent / "interop"), str(FOLDER.parent / "scenarios")]
pytest.register_assert_rewrite("js_client", "serving")

from serving import DEADLINE, ServerProcess, free_port  # noqa: E402
from ways import HOST  # noqa: E402

from ..interop.conftest import driver, node_packages  # noqa: E402, F401
from ..scenarios.conftest import pytest_pyfunc_call  # noqa: E402, F401

CERTIFICATE = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout key.pem -out certificate.pem"


def address(worker: int | Path) -> str:
    """Returns what nginx calls a worker."""
    return f"unix:{worker};" if isinstance(worker, Path) else f"{HOST}:{worker};"


class Nginx:
    """nginx, running in a directory of its own.

    Args:
        folder: The directory.
        workers: The ports of two workers, or the paths of their Unix sockets.
        uncomment: The beginnings of the lines of the configuration that are to count although they are comments.
        comment: And of those that are not to count.
    """

    def __init__(
        self, folder: Path, workers: list[Any], uncomment: tuple[str, ...] = (), comment: tuple[str, ...] = ()
    ) -> None:
        program = shutil.which("nginx", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
        if program is None:
            pytest.skip("nginx is not installed")
        self.port, self.tls_port = free_port(), free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.tls_url = f"https://{HOST}:{self.tls_port}"
        (folder / "temp").mkdir()
        text = CONFIGURATION.read_text()
        for old, new in (
            *((f"# {line}", line) for line in uncomment),
            *((line, f"# {line}") for line in comment),
            ("listen 8080;", f"listen {HOST}:{self.port};"),
            ("listen 8443 ssl;", f"listen {HOST}:{self.tls_port} ssl;"),
            *((f"{HOST}:{5001 + index};", address(worker)) for index, worker in enumerate(workers)),
        ):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / "nginx.conf").write_text(text)
        # Its workers are somebody else if it is root, and may not enter the directory of a test.
        user = "user root;" if os.geteuid() == 0 else ""
        self.process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", f"daemon off; {user}"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._wait_until_listening()

    def _wait_until_listening(self) -> None:
        end = time.monotonic() + DEADLINE
        while True:
            try:
                create_connection((HOST, self.port), timeout=DEADLINE).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.process.kill()
                    raise AssertionError(f"nginx did not start: {self.process.communicate()[1]!r}") from None
                time.sleep(0.02)

    def close(self) -> None:
        """Ends it, with its workers."""
        self.process.terminate()
        self.process.communicate(timeout=DEADLINE)


@pytest.fixture(scope="session")
def workers() -> Iterator[list[int]]:
    """The ports of two workers."""
    with ExitStack() as stack:
        processes = [ServerProcess(FOLDER / "worker.py", "embedded") for _ in range(2)]
        for process in processes:
            stack.callback(process.close)
        yield [process.port for process in processes]


@pytest.fixture
def start_worker() -> Iterator[Callable[[str], ServerProcess]]:
    """A function that starts a worker for one test alone."""
    with ExitStack() as stack:

        def start(way: str) -> ServerProcess:
            process = ServerProcess(FOLDER / "worker.py", way)
            stack.callback(process.close)
            return process

        yield start


@pytest.fixture(scope="session")
def start_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Nginx]]:
    """A function that starts nginx, see `Nginx`."""
    with ExitStack() as stack:

        def start(workers: list[Any], **lines: tuple[str, ...]) -> Nginx:
            folder = tmp_path_factory.mktemp("nginx")
            if any(line.startswith("listen") for line in lines.get("uncomment", ())):
                if shutil.which("openssl") is None:
                    pytest.skip("openssl is not installed")
                subprocess.run(CERTIFICATE.split(), cwd=folder, check=True, capture_output=True)
            nginx = Nginx(folder, workers, **lines)
            stack.callback(nginx.close)
            return nginx

        yield start


@pytest.fixture(scope="session")
def nginx(start_nginx: Callable[..., Nginx], workers: list[int]) -> Nginx:
    """nginx with the configuration as it is, and with the lines for TLS, in front of the two workers."""
    return start_nginx(workers, uncomment=("listen 8443", "ssl_certificate certificate", "ssl_certificate_key"))
