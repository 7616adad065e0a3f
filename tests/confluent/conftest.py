"""A server and a real client of Confluent's, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient

from confluent.server import serving
from postgres import PostgresServer, postgres
from protolith.store.postgres import PostgresStore

__all__ = ["postgres"]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path / "served") as found:
        yield found


@pytest.fixture
def on_postgresql(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that this test serves is in a PostgreSQL database."""
    address = postgres.database()
    store = PostgresStore(address, checked=False)
    store.upgrade()
    store.close()
    monkeypatch.setenv("PROTOLITH_STORE", address)


@pytest.fixture
def client(address: str) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": address}) as opened:
        yield opened
