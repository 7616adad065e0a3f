"""Confluent's own serializer and deserializer against the server."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import (
    AsyncSchemaRegistryClient,
    Metadata,
    MetadataProperties,
    Rule,
    RuleKind,
    RuleMode,
    RuleParams,
    RuleSet,
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    ServerConfig,
    header_schema_id_serializer,
    record_subject_name_strategy,
    topic_record_subject_name_strategy,
)
from confluent_kafka.schema_registry._async.protobuf import (
    AsyncProtobufDeserializer,
    AsyncProtobufSerializer,
)
from confluent_kafka.schema_registry.common.schema_registry_client import (
    AssociationCreateOrUpdateInfo,
    AssociationCreateOrUpdateRequest,
)
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import (
    MessageField,
    SerializationContext,
    SerializationError,
)

from confluent.server import message_class
from protolith.store.sqlite import FILE

FILES = {
    "acme/user.proto": """syntax = "proto3"; package acme;
        import "acme/common.proto"; import "google/protobuf/timestamp.proto";
        message Before { string x = 1; }
        message User { string name = 1; Address home = 2; google.protobuf.Timestamp at = 3;
          map<string, int64> counts = 4; message Inner { int32 n = 1; } repeated Inner inner = 5; }
        """,
    "acme/common.proto": """syntax = "proto3"; package acme; import "acme/deep/city.proto";
        message Address { string street = 1; deep.City city = 2; }""",
    "acme/deep/city.proto": """syntax = "proto3"; package acme.deep;
        message City { string name = 1; }""",
}
PLAIN: dict[str, Any] = {"use.deprecated.format": False}


@pytest.fixture(scope="module")
def user_class() -> Any:
    return message_class(FILES, "acme.User")


@pytest.fixture
def other(address: str) -> Iterator[SchemaRegistryClient]:
    """A client that has seen nothing of what the first one did."""
    with SchemaRegistryClient({"url": address}) as opened:
        yield opened


def user(cls: Any) -> Any:
    made = cls(name="Ann", counts={"a": 2**40})
    made.home.street, made.home.city.name = "Main", "Köln"
    made.at.seconds = 1_700_000_000
    made.inner.add(n=7)
    return made


@pytest.mark.parametrize("side", [MessageField.VALUE, MessageField.KEY])
def test_what_is_serialized_comes_back(
    client: SchemaRegistryClient, address: str, user_class: Any, side: MessageField
) -> None:
    sent = user(user_class)
    context = SerializationContext("orders", side)
    data = ProtobufSerializer(user_class, client, PLAIN)(sent, context)
    assert data is not None
    with SchemaRegistryClient({"url": address}) as other:
        reader = ProtobufDeserializer(user_class, PLAIN, other)
        assert reader(data, context) == sent
    subject = f"orders-{side}"
    assert client.get_subjects() == sorted(["acme/common.proto", "acme/deep/city.proto", subject])
    assert client.get_versions(subject) == [1]


@pytest.mark.usefixtures("on_postgresql")
def test_what_is_serialized_comes_back_from_postgresql(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any, tmp_path: Path
) -> None:
    assert not (tmp_path / "served" / FILE).exists()
    context = SerializationContext("a/ü", MessageField.VALUE)
    data = ProtobufSerializer(user_class, client, PLAIN)(user(user_class), context)
    reader = ProtobufDeserializer(user_class, PLAIN, other)
    assert reader(data, context) == user(user_class)
    client.set_compatibility("a/ü-value", "FULL")
    assert client.get_compatibility("a/ü-value") == "FULL"
    assert client.delete_subject("a/ü-value") == [1]
    assert client.delete_subject("a/ü-value", permanent=True) == [1]


VALUE = SerializationContext("orders", MessageField.VALUE)
NEWER = FILES | {
    "acme/user.proto": FILES["acme/user.proto"].replace(
        "message Inner", "int64 age = 6; message Inner"
    )
}


def writing(cls: Any, client: SchemaRegistryClient, **settings: Any) -> Any:
    dotted = {name.replace("_", "."): value for name, value in settings.items()}
    return ProtobufSerializer(cls, client, PLAIN | dotted)


def reading(cls: Any, other: SchemaRegistryClient, **settings: Any) -> Any:
    dotted = {name.replace("_", "."): value for name, value in settings.items()}
    return ProtobufDeserializer(cls, PLAIN | dotted, other)


def test_schemas_that_are_only_looked_up(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    looking = writing(user_class, client, auto_register_schemas=False)
    with pytest.raises(SchemaRegistryError) as caught:
        looking(user(user_class), VALUE)
    assert caught.value.error_code == 40401
    writing(user_class, client)(user(user_class), VALUE)
    data = writing(user_class, other, auto_register_schemas=False)(user(user_class), VALUE)
    assert reading(user_class, other)(data, VALUE) == user(user_class)


def test_schemas_that_people_wrote_are_found_for_generated_classes(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    """Text with comments and other spaces, registered by hand: the producer only looks it up."""
    texts = {name: f"// By hand.\n{text}\n" for name, text in FILES.items()}
    deep, address_of = "acme/deep/city.proto", "acme/common.proto"
    client.register_schema(deep, Schema(texts[deep], "PROTOBUF"))
    references = [SchemaReference(deep, deep, 1)]
    client.register_schema(address_of, Schema(texts[address_of], "PROTOBUF", references))
    references = [SchemaReference(address_of, address_of, 1)]
    schema = Schema(texts["acme/user.proto"], "PROTOBUF", references)
    id_ = client.register_schema("orders-value", schema)
    client.clear_caches()
    data = writing(user_class, client, auto_register_schemas=False)(user(user_class), VALUE)
    assert int.from_bytes(data[1:5], "big") == id_
    assert reading(user_class, other)(data, VALUE) == user(user_class)


def test_the_latest_version_is_used(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    newer = message_class(NEWER, "acme.User")
    writing(user_class, client)(user(user_class), VALUE)
    writing(newer, client)(newer(name="x"), VALUE)
    assert client.get_versions("orders-value") == [1, 2]
    client.clear_caches()
    settings = {"auto_register_schemas": False, "use_latest_version": True}
    data = writing(user_class, client, **settings)(user(user_class), VALUE)
    assert int.from_bytes(data[1:5], "big") == client.get_latest_version("orders-value").schema_id
    assert reading(newer, other, use_latest_version=True)(data, VALUE).name == "Ann"


def test_one_id_is_used(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    data = writing(user_class, client)(user(user_class), VALUE)
    id_ = int.from_bytes(data[1:5], "big")
    settings = {"auto_register_schemas": False, "use_schema_id": id_}
    assert writing(user_class, other, **settings)(user(user_class), VALUE) == data


def test_the_version_with_a_property_is_used(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    writing(user_class, client)(user(user_class), VALUE)
    first = client.get_latest_version("orders-value", fmt="serialized").schema
    marked = Schema(
        first.schema_str, "PROTOBUF", first.references,
        Metadata(None, MetadataProperties({"app": "a b"}), None),
    )  # fmt: skip
    id_ = client.register_schema("orders-value", marked)
    client.clear_caches()
    settings = {"auto_register_schemas": False, "use_latest_with_metadata": {"app": "a b"}}
    data = writing(user_class, client, **settings)(user(user_class), VALUE)
    assert int.from_bytes(data[1:5], "big") == id_
    assert reading(user_class, other)(data, VALUE) == user(user_class)


@pytest.mark.parametrize("skipped", [True, False])
def test_known_types_may_be_sent(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any, *, skipped: bool
) -> None:
    data = writing(user_class, client, skip_known_types=skipped)(user(user_class), VALUE)
    known = "google/protobuf/timestamp.proto" in client.get_subjects()
    assert known is not skipped
    assert reading(user_class, other)(data, VALUE) == user(user_class)


def test_schemas_are_normalized(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    writing(user_class, client)(user(user_class), VALUE)
    turned = FILES | {
        "acme/user.proto": FILES["acme/user.proto"].replace(
            "string name = 1; Address home = 2;", "Address home = 2; string name = 1;"
        )
    }
    same = message_class(turned, "acme.User")
    writing(same, other, normalize_schemas=True)(same(name="x"), VALUE)
    assert other.get_versions("orders-value") == [1]
    other.clear_caches()
    writing(same, other)(same(name="x"), VALUE)
    assert other.get_versions("orders-value") == [1, 2]


@pytest.mark.parametrize(
    ("strategy", "subject"),
    [
        (record_subject_name_strategy, "acme.User"),
        (topic_record_subject_name_strategy, "orders-acme.User"),
    ],
)
def test_strategies_for_subjects(
    client: SchemaRegistryClient,
    other: SchemaRegistryClient,
    user_class: Any,
    strategy: Any,
    subject: str,
) -> None:
    data = writing(user_class, client, subject_name_strategy=strategy)(user(user_class), VALUE)
    assert client.get_versions(subject) == [1]
    reader = reading(user_class, other, subject_name_strategy=strategy)
    assert reader(data, VALUE) == user(user_class)


def test_an_association_names_the_subject(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    writing(user_class, client)(user(user_class), SerializationContext("other", VALUE.field))
    info = AssociationCreateOrUpdateInfo(subject="other-value", association_type="value")
    request = AssociationCreateOrUpdateRequest("orders", "lkc-1", "id-1", "topic", [info])
    client.create_association(request)
    client.clear_caches()
    data = writing(user_class, client)(user(user_class), VALUE)
    assert "orders-value" not in client.get_subjects()
    assert reading(user_class, other)(data, VALUE) == user(user_class)


def test_the_schema_in_a_header(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    headers: list[tuple[str, bytes]] = []
    context = SerializationContext("orders", MessageField.VALUE, headers)
    settings = {"schema_id_serializer": header_schema_id_serializer}
    data = writing(user_class, client, **settings)(user(user_class), context)
    assert data == user(user_class).SerializeToString()
    assert [name for name, _ in headers] == ["__value_schema_id"]
    assert reading(user_class, other)(data, context) == user(user_class)


def test_a_schema_evolves_while_old_data_is_read(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    newer = message_class(NEWER, "acme.User")
    old = writing(user_class, client)(user(user_class), VALUE)
    reader, new_reader = reading(user_class, other), reading(newer, other)
    assert reader(old, VALUE) == user(user_class)
    new = writing(newer, client)(newer(name="Bob", age=7), VALUE)
    assert reader(new, VALUE).name == "Bob"
    assert (new_reader(old, VALUE).name, new_reader(new, VALUE).age) == ("Ann", 7)
    assert reader(old, VALUE) == user(user_class)
    breaking = message_class(
        FILES | {"acme/user.proto": FILES["acme/user.proto"].replace("string name", "double name")},
        "acme.User",
    )
    with pytest.raises(SchemaRegistryError) as caught:
        writing(breaking, client)(breaking(name=1.5), VALUE)
    assert caught.value.http_status_code == 409


def test_a_nested_message_and_one_that_is_not_the_first(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    inner = type(user(user_class).inner[0])
    data = writing(inner, client)(inner(n=3), VALUE)
    assert data[5:8] == b"\x04\x02\x02"
    assert reading(inner, other)(data, VALUE).n == 3


def test_rules_run_in_the_client(
    client: SchemaRegistryClient, other: SchemaRegistryClient, user_class: Any
) -> None:
    if not os.environ.get("CI"):
        pytest.importorskip("celpy", reason="cel-python is not installed")
    from confluent_kafka.schema_registry.rules.cel.cel_executor import (  # noqa: PLC0415
        CelExecutor,
    )

    CelExecutor.register()
    writing(user_class, client)(user(user_class), VALUE)
    first = client.get_latest_version("orders-value", fmt="serialized").schema
    rule = Rule(
        "long-names", None, RuleKind.CONDITION, RuleMode.WRITE, "CEL", None,
        RuleParams({}), "size(message.name) >= 3", None, None, disabled=False,
    )  # fmt: skip
    ruled = Schema(first.schema_str, "PROTOBUF", first.references, None, RuleSet(None, [rule]))
    client.register_schema("orders-value", ruled)
    client.clear_caches()
    settings = {"auto_register_schemas": False, "use_latest_version": True}
    writer = writing(user_class, client, **settings)
    data = writer(user(user_class), VALUE)
    assert reading(user_class, other)(data, VALUE) == user(user_class)
    with pytest.raises(SerializationError) as caught:
        writer(user_class(name="x"), VALUE)
    assert "Rule expr failed: size(message.name) >= 3" in str(caught.value.__cause__)


def test_the_asynchronous_twins(address: str, user_class: Any) -> None:
    async def run() -> None:
        async with AsyncSchemaRegistryClient({"url": address}) as client:
            writer = await AsyncProtobufSerializer(user_class, client, PLAIN)
            data = await writer(user(user_class), VALUE)
            assert await client.get_versions("orders-value") == [1]
            assert (await client.get_latest_version("orders-value")).version == 1
            await client.set_config("orders-value", ServerConfig(compatibility_group="a"))
            assert (await client.get_config("orders-value")).compatibility_group == "a"
        async with AsyncSchemaRegistryClient({"url": address}) as other:
            reader = await AsyncProtobufDeserializer(user_class, PLAIN, other)
            assert await reader(data, VALUE) == user(user_class)

    asyncio.run(run())
