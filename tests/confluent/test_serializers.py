"""Confluent's own serializer and deserializer against the server."""

from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from confluent.server import message_class

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
