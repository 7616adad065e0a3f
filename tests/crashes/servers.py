"""The program `protolith serve` as a process that can be killed, and requests to it."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

FAULTY = str(Path(__file__).parent / "faulty.py")
PLAIN = ("-c", "from protolith.cli import main; main()")


class Server:
    """A server on a data directory; with a fault of `faulty.py` if one is named."""

    def __init__(self, home: Path, fault: str | None = None, *, name: str = "server") -> None:
        self.home, self.fault = home, fault
        self.log = home.with_name(f"{name}.log")
        self.start()

    def start(self) -> None:
        program = PLAIN if self.fault is None else (FAULTY, self.fault)
        command = [sys.executable, *program, "--home", str(self.home), "serve", "--port", "0"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log)
        self.port = self._port()
        for _ in range(600):
            with suppress(OSError, http.client.HTTPException):
                if ask(self.port, "GET", "/health")[0] == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def _port(self) -> int:
        for _ in range(1200):
            if found := re.search(r"http://\S+:(\d+),", self.log.read_text()):
                return int(found[1])
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError("the server does not start")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    status, _, told = answered(port, method, path, body)
    return status, told


def answered(
    port: int, method: str, path: str, body: Any = None
) -> tuple[int, http.client.HTTPMessage, Any]:
    """The status, the headers and the JSON of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        head = {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), head)
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())
    finally:
        connection.close()
