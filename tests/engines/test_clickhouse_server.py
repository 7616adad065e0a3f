"""A ClickHouse server, asked with the real client over real HTTP.

The other end is `clickhouse_server.py`: the interface of a server in front of the embedded engine,
since no server could be had. It has no roles, quotas, replicas or cluster.
"""

from pathlib import Path

import pyarrow as pa
import pytest

from conftest import ORDER, delimited
from engines.conftest import ClickHouseServer
from protolith import EngineUnavailableError, SchemaRegistry
from protolith.engines import Engine, EngineSettings, open_engine
from protolith.engines.settings import Server
from protolith.tables import Column, Integer, Storage, Table

TABLE = Table("shop", "clustered", (Column("a", Integer()),))


def _open(address: str, folder: Path) -> Engine:
    return open_engine("clickhouse", folder, EngineSettings(clickhouse=address))


def test_a_registry_creates_loads_and_queries_and_leaves_no_folder(
    tmp_path: Path, clickhouse_server: ClickHouseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROTOLITH_CLICKHOUSE", clickhouse_server.address())
    with SchemaRegistry(tmp_path / "home") as registry:
        registry.register_schema(ORDER, "orders", "shop")
        assert registry.create_table("shop.orders", "clickhouse").created
        assert not registry.create_table("shop.orders", "clickhouse").created
        assert registry.ingest("shop.orders", delimited(b"\x0a\x01a\x22\x00")).rows == 1
        assert registry.drift("shop.orders").differences == ()
        (row,) = registry.query("clickhouse", "SELECT * FROM shop.orders").to_pylist()
    assert row["to"] == {"city": ""}
    assert not (tmp_path / "home" / "clickhouse").exists()


def test_a_cluster_is_on_every_statement_that_defines_a_table(
    tmp_path: Path, clickhouse_server: ClickHouseServer
) -> None:
    engine = _open(clickhouse_server.address(query="?cluster=c1"), tmp_path)
    placed = engine.placed(TABLE)
    assert placed.stored_in("clickhouse").cluster == "c1"
    own = Table(TABLE.database, TABLE.name, TABLE.columns, storage=(
        ("clickhouse", Storage(cluster="mine", ttl="x")),
    ))  # fmt: skip
    assert engine.placed(own) == own
    assert engine.create(TABLE)
    for statement in engine.dialect.create(placed):
        if "ON CLUSTER" in statement:
            assert clickhouse_server.clustered.get(timeout=60).split() == statement.split()
    assert engine.compare(TABLE) == ()
    engine.load(TABLE, pa.table({"a": pa.array([1], pa.int64())}))
    assert engine.query("SELECT count() AS n FROM shop.clustered").to_pylist() == [{"n": 1}]


def test_a_wrong_password_is_said_and_not_shown(
    tmp_path: Path, clickhouse_server: ClickHouseServer
) -> None:
    with pytest.raises(EngineUnavailableError, match="Authentication failed") as caught:
        _open(clickhouse_server.address(password="secret%21"), tmp_path)  # noqa: S106
    assert "secret" not in f"{caught.value}{caught.value.hint}{caught.value.details}"


def test_a_server_that_is_not_there_or_goes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EngineUnavailableError, match=r"127\.0\.0\.1:9 cannot be used") as caught:
        _open("http://reader:secret@127.0.0.1:9", tmp_path)
    assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("reader:secret@host", "must be http"),
        ("ftp://reader:secret@host", "must be http"),
        ("https://reader:secret@", "must be http"),
        ("https://reader:secret@[host", "not a URL"),
        ("https://reader:secret@host:99999", "the port"),
        ("https://reader:secret@host:port", "the port"),
        ("https://reader:secret@host/shop", "nothing after the host"),
        ("https://reader:secret@host/#secret", "nothing after the host"),
        ("https://reader:secret@host/?verify=secret", "the parameter 'verify' is unknown"),
        ("https://reader:secret@host/?cluster=a&cluster=b", "given twice"),
        ("https://reader:secret@host/?cluster=", "name of the cluster"),
        ("https://reader:secret@host/?cluster=a`;", "name of the cluster"),
    ],
)
def test_an_address_that_cannot_be_used(tmp_path: Path, address: str, text: str) -> None:
    with pytest.raises(EngineUnavailableError, match=text) as caught:
        _open(address, tmp_path)
    assert "secret" not in f"{caught.value}{caught.value.hint}"
    assert "PROTOLITH_CLICKHOUSE=" in str(caught.value.hint)


def test_what_an_address_says() -> None:
    server = Server.of("https://me:p%40ss@host/?cluster=c1")
    assert server == Server("host", 8443, True, "me", "p@ss", "c1")  # noqa: FBT003
    plain = Server.of("http://[::1]")
    assert (plain.host, plain.port, plain.user, plain.password) == ("::1", 8123, "default", "")


def test_settings_and_addresses_show_no_password() -> None:
    address = "https://me:secret@host"
    shown = f"{EngineSettings(clickhouse=address)!r} {Server.of(address)!r}"
    assert "secret" not in shown


def test_a_server_that_stops_is_an_error_of_its_own(
    tmp_path: Path, clickhouse_server: ClickHouseServer
) -> None:
    engine = _open(clickhouse_server.address(), tmp_path)
    clickhouse_server.process.terminate()
    clickhouse_server.process.wait()
    with pytest.raises(EngineUnavailableError, match="does not answer"):
        engine.query("SELECT 1")
