"""A real server in a process of its own, and sockets that say what they like to it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class Running:
    process: "subprocess.Popen[str]"
    url: str

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 0)

    def connect(self, seconds: float = 10) -> socket.socket:
        return socket.create_connection(self.address, timeout=seconds)

    def say(self, data: bytes) -> bytes:
        """Everything that is answered to these bytes until the server closes."""
        with self.connect() as opened:
            opened.sendall(data)
            return heard(opened)

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        self.process.send_signal(with_signal)


def heard(opened: socket.socket) -> bytes:
    found = b""
    try:
        while chunk := opened.recv(65_536):
            found += chunk
    except ConnectionResetError:
        pass
    return found


@contextmanager
def server(home: Path, *words: str, **environment: str) -> Iterator[Running]:
    """`protolith serve` on a free port."""
    code = "from protolith.cli import main; main()"
    command = [sys.executable, "-c", code, f"--home={home}", "serve", "--port=0", *words]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        try:
            assert first.startswith("Protolith on "), first + process.stderr.read()
            yield Running(process, first.split(",")[0].removeprefix("Protolith on "))
        finally:
            if process.poll() is None:
                process.kill()
