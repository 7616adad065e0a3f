"""Confluent's client with credentials: a person's, a program's, and somebody's who is not known."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from confluent.server import serving
from confluent.test_client import ONE, SUBJECT, proto, refused
from protolith import SchemaRegistry
from protolith.store import Grant

WORDS = "correct horse battery"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    with SchemaRegistry(tmp_path / "served") as registry:
        known = registry.identities
        known.add_user("ana", WORDS, [Grant("write", "orders-*")])
        return known.create_token("kafka", [Grant("read", "orders-*")]).secret


@pytest.fixture
def address(tmp_path: Path, secret: str) -> Iterator[str]:
    assert secret
    with serving(tmp_path / "served", authentication=True) as found:
        yield found


def test_a_person_and_a_program(address: str, secret: str) -> None:
    settings = {"url": address, "basic.auth.user.info": f"ana:{WORDS}"}
    with SchemaRegistryClient(settings) as ana:
        assert ana.register_schema(SUBJECT, proto(ONE)) == 1
        with refused(40301):
            ana.register_schema("hr-value", proto(ONE))
        with refused(40300):
            ana.delete_subject(SUBJECT)
    for more in (
        {"basic.auth.user.info": f"kafka:{secret}"},
        {
            "bearer.auth.credentials.source": "STATIC_TOKEN",
            "bearer.auth.token": secret,
            "bearer.auth.logical.cluster": "lsrc-1",
            "bearer.auth.identity.pool.id": "pool-1",
        },
    ):
        with SchemaRegistryClient({"url": address, **more}) as program:
            assert program.get_subjects() == [SUBJECT]
            assert program.get_latest_version(SUBJECT).schema_id == 1
            with refused(40300):
                program.register_schema(SUBJECT, proto(f"{ONE}// more"))


@pytest.mark.parametrize("more", [{}, {"basic.auth.user.info": "ana:wrong password"}], ids=str)
def test_somebody_who_is_not_known(address: str, more: dict[str, str]) -> None:
    with SchemaRegistryClient({"url": address, **more}) as client:
        with pytest.raises(SchemaRegistryError) as caught:
            client.get_subjects()
        assert caught.value.http_status_code == 401
