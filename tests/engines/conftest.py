"""Servers for the tests of engines, each in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest

from engines.fake_bigquery import FakeBigQuery
from protolith.engines import EMBEDDED, Engine, EngineSettings, open_engine

PASSWORD = "pass/word@%41"  # noqa: S105


@dataclass
class ClickHouseServer:
    """An address without the password's escapes, and the statements that named a cluster."""

    process: "subprocess.Popen[str]"
    port: int
    clustered: "SimpleQueue[str]" = field(default_factory=SimpleQueue)

    def address(self, *, password: str = "pass%2Fword%40%2541", query: str = "") -> str:  # noqa: S107
        return f"http://reader:{password}@127.0.0.1:{self.port}/{query}"


@pytest.fixture(scope="module")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    program = str(Path(__file__).parent / "clickhouse_server.py")
    words = [sys.executable, program, str(tmp_path_factory.mktemp("server")), PASSWORD]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        server = ClickHouseServer(process, int(process.stdout.readline()))
        lines = process.stdout
        Thread(target=lambda: [server.clustered.put(x) for x in lines], daemon=True).start()
        yield server
        process.terminate()


@pytest.fixture
def bigquery() -> Iterator[FakeBigQuery]:
    with FakeBigQuery() as service:
        thread = Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield service
        service.shutdown()
        thread.join()


@pytest.fixture(params=[*EMBEDDED, "clickhouse server", "bigquery"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    name, _, server = request.param.partition(" ")
    settings = EngineSettings()
    if server:
        address = request.getfixturevalue("clickhouse_server").address()
        settings = EngineSettings(clickhouse=address)
    if name == "bigquery":
        endpoint = request.getfixturevalue("bigquery").endpoint
        settings = EngineSettings(bigquery="shop-1/EU", bigquery_endpoint=endpoint)
    opened = open_engine(name, tmp_path, settings)
    yield opened
    if server:
        opened.run([f"DROP DATABASE IF EXISTS {database}" for database in ("shop", "d")])
    opened.close()
