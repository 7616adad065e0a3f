"""Every method of Confluent's own client."""

import base64
import inspect

import pytest
from confluent_kafka.schema_registry import (
    Metadata,
    MetadataProperties,
    Rule,
    RuleKind,
    RuleMode,
    RuleSet,
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    ServerConfig,
)
from confluent_kafka.schema_registry.common.schema_registry_client import (
    AssociationCreateOrUpdateInfo,
    AssociationCreateOrUpdateRequest,
    ConfigCompatibilityLevel,
)
from confluent_kafka.schema_registry.error import SchemaRegistryError
from google.protobuf import descriptor_pb2

ONE = 'syntax = "proto3"; package acme;\r\nmessage User { string name = 1; } // Ümlaut\n'
TWO = 'syntax = "proto3"; package acme; message User { string name = 1; int64 age = 2; }'
BAD = 'syntax = "proto3"; package acme; message User { double name = 1; }'
SUBJECT = "orders-value"


def proto(text: str, *references: SchemaReference, **more: object) -> Schema:
    return Schema(text, "PROTOBUF", references=list(references), **more)  # type: ignore[arg-type]


def refused(number: int, status: int | None = None) -> "pytest.RaisesExc[SchemaRegistryError]":
    def check(error: SchemaRegistryError) -> bool:
        return (error.error_code, error.http_status_code) == (number, status or number // 100)

    return pytest.RaisesExc(SchemaRegistryError, check=check)


class TestSchemas:
    def test_registering_and_looking_up(self, client: SchemaRegistryClient) -> None:
        assert client.register_schema(SUBJECT, proto(ONE)) == 1
        client.clear_caches()
        full = client.register_schema_full_response(SUBJECT, proto(ONE))
        assert (full.schema_id, full.version) == (1, 1)
        assert client.register_schema(SUBJECT, proto(TWO)) == 2
        client.clear_caches()
        found = client.lookup_schema(SUBJECT, proto(TWO))
        assert (found.subject, found.version, found.schema_id) == (SUBJECT, 2, 2)
        with refused(40403):
            client.lookup_schema(SUBJECT, proto(BAD))
        with refused(40401):
            client.lookup_schema("none", proto(ONE))

    def test_a_text_comes_back_byte_for_byte(self, client: SchemaRegistryClient) -> None:
        id_ = client.register_schema(SUBJECT, proto(ONE))
        client.clear_caches()
        assert client.get_schema(id_).schema_str == ONE
        assert client.get_latest_version(SUBJECT).schema.schema_str == ONE
        assert client.get_version(SUBJECT, 1).schema.schema_type == "PROTOBUF"

    def test_the_same_schema_as_text_and_as_descriptor(self, client: SchemaRegistryClient) -> None:
        id_ = client.register_schema(SUBJECT, proto(ONE))
        client.clear_caches()
        served = client.get_schema(id_, fmt="serialized").schema_str
        file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(served))
        assert not file.HasField("source_code_info")
        file.name = "any/name.proto"
        file.message_type[0].field[0].ClearField("json_name")
        other = base64.b64encode(file.SerializeToString()).decode()
        for sent in (served, other):
            client.clear_caches()
            assert client.register_schema("other", proto(sent)) == id_
            assert client.lookup_schema(SUBJECT, proto(sent)).version == 1
        text = client.get_latest_version("other").schema.schema_str
        assert text.startswith('syntax = "proto3";\npackage acme;\n')
        client.clear_caches()
        assert client.register_schema("third", proto(text)) == id_

    def test_normalizing_ignores_order(self, client: SchemaRegistryClient) -> None:
        first = """syntax = "proto3"; import "google/protobuf/any.proto";
            import "google/protobuf/empty.proto";
            message M { google.protobuf.Any a = 1; google.protobuf.Empty b = 2; }"""
        other = """// Other words.
            syntax = "proto3"; import "google/protobuf/empty.proto";
            import "google/protobuf/any.proto";
            message M { google.protobuf.Empty b = 2;   google.protobuf.Any a = 1; }"""
        id_ = client.register_schema(SUBJECT, proto(first))
        with refused(40403):
            client.lookup_schema(SUBJECT, proto(other))
        assert client.lookup_schema(SUBJECT, proto(other), normalize_schemas=True).version == 1
        client.clear_caches()
        assert client.register_schema(SUBJECT, proto(other), normalize_schemas=True) == id_
        client.clear_caches()
        assert client.register_schema(SUBJECT, proto(other)) == id_ + 1

    def test_ids_and_guids(self, client: SchemaRegistryClient) -> None:
        full = client.register_schema_full_response(SUBJECT, proto(ONE))
        client.register_schema("second", proto(ONE))
        client.clear_caches()
        assert client.get_schema_by_guid(full.guid).schema_str == ONE
        assert client.get_subjects_by_schema_id(1) == [SUBJECT, "second"]
        assert [(v.subject, v.version) for v in client.get_schema_versions(1)] == [
            (SUBJECT, 1),
            ("second", 1),
        ]
        assert client.get_schema(1, subject_name="second").schema_str == ONE
        for wrong in (lambda: client.get_schema(99), lambda: client.get_schema_by_guid("x")):
            with refused(40403):
                wrong()
        assert client.get_schema_types() == ["PROTOBUF"]

    def test_metadata_and_rules_come_back(self, client: SchemaRegistryClient) -> None:
        rule = Rule(
            "r",
            "Doc.",
            RuleKind.CONDITION,
            RuleMode.WRITE,
            "CEL",
            None,
            None,
            "true",
            None,
            None,
            None,
        )
        sent = proto(
            ONE,
            metadata=Metadata(None, MetadataProperties({"owner": "a b", "v": "1"}), None),
            rule_set=RuleSet(None, [rule]),
        )
        id_ = client.register_schema(SUBJECT, sent)
        client.clear_caches()
        found = client.get_schema(id_)
        assert found.metadata is not None
        assert found.metadata.properties.properties == {"owner": "a b", "v": "1"}
        assert found.rule_set is not None
        assert [one.name for one in found.rule_set.domain_rules or []] == ["r"]
        assert client.get_latest_with_metadata(SUBJECT, {"owner": "a b"}).version == 1
        with refused(40403):
            client.get_latest_with_metadata(SUBJECT, {"owner": "b"})
        assert client.register_schema(SUBJECT, proto(TWO)) == 2
        inherited = client.get_latest_version(SUBJECT).schema
        assert inherited.metadata == found.metadata
        assert client.get_latest_with_metadata(SUBJECT, {"v": "1"}).version == 2

    def test_what_is_refused(self, client: SchemaRegistryClient) -> None:
        client.register_schema(SUBJECT, proto(ONE))
        with refused(409, 409) as caught:
            client.register_schema(SUBJECT, proto(BAD))
        assert "incompatible with an earlier schema for subject" in str(caught.value)
        assert "FIELD_SCALAR_KIND_CHANGED" in str(caught.value)
        with refused(42201) as caught:
            client.register_schema(SUBJECT, proto("syntax = 'proto3'; message {"))
        assert "schema.proto:1:" in str(caught.value)
        for schema in (
            Schema('{"type": "string"}', "AVRO"),
            proto('import "nowhere.proto";'),
            proto(ONE, SchemaReference("a.proto", "none", 1)),
            proto(ONE, SchemaReference("../a", SUBJECT, 1)),
            proto(""),
        ):
            with refused(42201):
                client.register_schema("fresh", schema)
        for name in ("a\nb", "__GLOBAL", ":.ctx:"):
            with refused(42208):
                client.register_schema(name, proto(ONE))
        assert client.get_subjects() == [SUBJECT]


class TestSubjects:
    @pytest.mark.parametrize("name", ["a/b.proto", "a%2Fb", "ü é+%", "a/../b", "x@1", "x@1@2"])
    def test_a_name_may_hold_anything(self, client: SchemaRegistryClient, name: str) -> None:
        client.register_schema(name, proto(ONE))
        client.register_schema(name, proto(TWO))
        client.clear_caches()
        assert client.get_subjects() == [name]
        assert client.get_versions(name) == [1, 2]
        assert client.get_version(name, 2).subject == name
        assert client.lookup_schema(name, proto(ONE)).version == 1
        assert client.delete_version(name, 2) == 2
        assert client.delete_subject(name) == [1]
        assert client.delete_subject(name, permanent=True) == [1, 2]

    def test_lists_have_pages_and_prefixes(self, client: SchemaRegistryClient) -> None:
        for name in ("b", "a", "ab", ":.ctx:a"):
            client.register_schema(name, proto(ONE))
        assert client.get_subjects() == [":.ctx:a", "a", "ab", "b"]
        assert client.get_subjects(subject_prefix="a") == ["a", "ab"]
        assert client.get_subjects(subject_prefix=":.ctx:") == [":.ctx:a"]
        assert client.get_subjects(subject_prefix=":*:a") == [":.ctx:a", "a", "ab"]
        assert client.get_subjects(offset=1, limit=2) == ["a", "ab"]
        client.delete_subject("b")
        assert client.get_subjects(deleted=True) == [":.ctx:a", "a", "ab", "b"]
        assert client.get_subjects(deleted_only=True) == ["b"]
        assert client.get_contexts() == [".", ".ctx"]

    def test_versions(self, client: SchemaRegistryClient) -> None:
        client.register_schema(SUBJECT, proto(ONE))
        client.register_schema(SUBJECT, proto(TWO))
        client.delete_version(SUBJECT, 1)
        assert client.get_versions(SUBJECT) == [2]
        assert client.get_versions(SUBJECT, deleted=True) == [1, 2]
        assert client.get_versions(SUBJECT, deleted_only=True) == [1]
        with refused(40402):
            client.get_version(SUBJECT, 1)
        client.clear_caches()
        assert client.get_version(SUBJECT, 1, deleted=True).version == 1
        with refused(40402):
            client.get_version(SUBJECT, 9)
        with refused(40401):
            client.get_versions("none")
        with refused(42202):
            client.get_version(SUBJECT, 0)

    def test_deleting_has_two_steps(self, client: SchemaRegistryClient) -> None:
        client.register_schema(SUBJECT, proto(ONE))
        client.register_schema(SUBJECT, proto(TWO))
        with refused(40405):
            client.delete_subject(SUBJECT, permanent=True)
        with refused(40407):
            client.delete_version(SUBJECT, 1, permanent=True)
        assert client.delete_version(SUBJECT, 1) == 1
        with refused(40406):
            client.delete_version(SUBJECT, 1)
        assert client.delete_version(SUBJECT, 1, permanent=True) == 1
        with refused(40402):
            client.delete_version(SUBJECT, 1)
        assert client.delete_subject(SUBJECT) == [2]
        with refused(40404):
            client.delete_subject(SUBJECT)
        with refused(40401):
            client.get_latest_version(SUBJECT)
        client.clear_caches()
        assert client.get_schema(2).schema_str == TWO
        assert client.delete_subject(SUBJECT, permanent=True) == [2]
        with refused(40401):
            client.delete_subject(SUBJECT)
        client.clear_caches()
        assert client.register_schema(SUBJECT, proto(TWO)) == 2
        assert client.get_versions(SUBJECT) == [3]

    def test_references(self, client: SchemaRegistryClient) -> None:
        client.register_schema("base", proto(ONE))
        reference = SchemaReference("acme/user.proto", "base", -1)
        user = 'syntax = "proto3"; import "acme/user.proto"; message Team { acme.User lead = 1; }'
        id_ = client.register_schema("team", proto(user, reference))
        deep = 'syntax = "proto3"; import "team.proto"; message Firm { Team all = 1; }'
        top = client.register_schema("firm", proto(deep, SchemaReference("team.proto", "team", 1)))
        client.clear_caches()
        found = client.get_schema(id_)
        assert [(r.name, r.subject, r.version) for r in found.references or []] == [
            ("acme/user.proto", "base", 1)
        ]
        assert client.get_referenced_by("base", 1) == [id_]
        assert client.get_referenced_by("team", 1) == [top]
        for name in ("base", "team"):
            with refused(42206):
                client.delete_subject(name)
        client.delete_subject("firm")
        assert client.get_referenced_by("team", 1) == []
        client.delete_subject("team")
        client.delete_subject("base")
        with refused(42206):
            client.delete_subject("base", permanent=True)


class TestSettings:
    def test_compatibility_levels(self, client: SchemaRegistryClient) -> None:
        client.register_schema(SUBJECT, proto(ONE))
        assert client.get_compatibility() == "BACKWARD"
        with refused(40408):
            client.get_compatibility(SUBJECT)
        assert client.set_compatibility(SUBJECT, "none") == {"compatibility": "NONE"}
        assert client.get_compatibility(SUBJECT) == "NONE"
        assert client.register_schema(SUBJECT, proto(BAD)) == 2
        assert client.set_compatibility(level="FULL_TRANSITIVE") == {
            "compatibility": "FULL_TRANSITIVE"
        }
        assert client.get_compatibility() == "FULL_TRANSITIVE"
        with refused(42203):
            client.set_compatibility(SUBJECT, "SOMEHOW")

    def test_configs(self, client: SchemaRegistryClient) -> None:
        client.set_config(SUBJECT, ServerConfig(ConfigCompatibilityLevel.FULL))
        client.set_config(SUBJECT, ServerConfig(compatibility_group="major"))
        found = client.get_config(SUBJECT)
        assert (found.compatibility_level, found.compatibility_group) == ("FULL", "major")
        client.set_config(config=ServerConfig(ConfigCompatibilityLevel.NONE))
        assert client.get_config().compatibility_level == "NONE"
        assert client.delete_config(SUBJECT).compatibility_level == "FULL"
        with refused(40408):
            client.get_config(SUBJECT)
        with refused(40401):
            client.delete_config(SUBJECT)
        client.delete_config()
        assert client.get_compatibility() == "BACKWARD"

    def test_defaults_and_overrides(self, client: SchemaRegistryClient) -> None:
        owner = Metadata(None, MetadataProperties({"owner": "us", "v": "0"}), None)
        client.set_config(SUBJECT, ServerConfig(default_metadata=owner))
        mine = Metadata(None, MetadataProperties({"v": "1"}), None)
        answer = client.register_schema_full_response(SUBJECT, proto(ONE, metadata=mine))
        assert answer.schema.schema_str == ONE
        client.clear_caches()
        found = client.get_latest_version(SUBJECT).schema.metadata
        assert found is not None
        assert found.properties.properties == {"owner": "us", "v": "1"}

    def test_only_versions_of_a_group_are_compared(self, client: SchemaRegistryClient) -> None:
        def major(number: str) -> Metadata:
            return Metadata(None, MetadataProperties({"major": number}), None)

        client.set_config(SUBJECT, ServerConfig(compatibility_group="major"))
        client.register_schema(SUBJECT, proto(ONE, metadata=major("1")))
        with refused(409, 409):
            client.register_schema(SUBJECT, proto(BAD, metadata=major("1")))
        assert client.test_compatibility(SUBJECT, proto(BAD, metadata=major("2")))
        assert client.register_schema(SUBJECT, proto(BAD, metadata=major("2"))) == 2
        assert client.register_schema(SUBJECT, proto(TWO, metadata=major("1"))) == 3
        assert not client.test_compatibility(SUBJECT, proto(BAD, metadata=major("1")))

    def test_checks(self, client: SchemaRegistryClient) -> None:
        assert client.test_compatibility(SUBJECT, proto(ONE))
        client.register_schema(SUBJECT, proto(ONE))
        assert client.test_compatibility(SUBJECT, proto(TWO))
        assert not client.test_compatibility(SUBJECT, proto(BAD))
        assert not client.test_compatibility(SUBJECT, proto(BAD), version=1)
        assert not client.test_compatibility_all_versions(SUBJECT, proto(BAD))
        assert client.test_compatibility_all_versions(SUBJECT, proto(TWO))
        with refused(40402):
            client.test_compatibility(SUBJECT, proto(TWO), version=7)
        with refused(42201):
            client.test_compatibility(SUBJECT, proto("message"))

    def test_modes(self, client: SchemaRegistryClient) -> None:
        client.register_schema(SUBJECT, proto(ONE))
        assert client.get_global_mode() == "READWRITE"
        with refused(40409):
            client.get_mode(SUBJECT)
        assert client.update_mode(SUBJECT, "READONLY") == "READONLY"
        assert client.get_mode(SUBJECT) == "READONLY"
        with refused(42205):
            client.register_schema(SUBJECT, proto(TWO))
        client.clear_caches()
        assert client.register_schema(SUBJECT, proto(ONE)) == 1
        with refused(42205):
            client.delete_subject(SUBJECT)
        assert client.delete_mode(SUBJECT) == "READONLY"
        with refused(40401):
            client.delete_mode(SUBJECT)
        assert client.register_schema(SUBJECT, proto(TWO)) == 2
        assert client.update_global_mode("READONLY") == "READONLY"
        with refused(42205):
            client.delete_version(SUBJECT, 1)
        with refused(42204):
            client.update_global_mode("SOMEHOW")
        assert client.update_mode(SUBJECT, "READWRITE") == "READWRITE"
        assert client.delete_version(SUBJECT, 1) == 1
        with refused(42205):
            client.update_mode(SUBJECT, "IMPORT")

    def test_contexts_are_apart(self, client: SchemaRegistryClient) -> None:
        client.register_schema("s", proto(ONE))
        client.set_compatibility(":.ctx:", "NONE")
        assert client.register_schema(":.ctx:s", proto(ONE)) == 1
        assert client.register_schema(":.ctx:s", proto(BAD)) == 2
        with refused(409, 409):
            client.register_schema("s", proto(BAD))
        reference = SchemaReference("user.proto", "s", 2)
        user = 'syntax = "proto3"; import "user.proto"; message T { acme.User u = 1; }'
        id_ = client.register_schema(":.ctx:t", proto(user, reference))
        client.clear_caches()
        found = client.get_schema(id_, subject_name=":.ctx:t", reference_format="qualified")
        assert [r.subject for r in found.references or []] == [":.ctx:s"]
        client.clear_caches()
        assert [r.subject for r in client.get_version(":.ctx:t", 1).schema.references or []] == [
            "s"
        ]


class TestAssociations:
    def request(self, subject: str, **more: object) -> AssociationCreateOrUpdateRequest:
        info = AssociationCreateOrUpdateInfo(subject=subject, association_type="value", **more)
        return AssociationCreateOrUpdateRequest("orders", "lkc-1", "id-1", "topic", [info])

    def test_associations(self, client: SchemaRegistryClient) -> None:
        assert client.get_associations_by_resource_name("orders", "-", "topic", ["value"]) == []
        client.register_schema("mine", proto(ONE))
        made = client.create_association(self.request("mine"))
        assert [one.subject for one in made.associations or []] == ["mine"]
        found = client.get_associations_by_resource_name("orders", "-", "topic", ["value"])
        assert [(one.subject, one.resource_namespace) for one in found] == [("mine", "lkc-1")]
        assert client.get_associations_by_resource_name("orders", "-", "topic", ["key"]) == []
        with refused(40904):
            client.delete_subject("mine")
        with refused(40907):
            client.delete_version("mine", 1)
        client.delete_associations("id-1")
        with refused(40410):
            client.delete_associations("id-1")
        assert client.delete_subject("mine") == [1]

    def test_a_strong_one_owns_its_subject(self, client: SchemaRegistryClient) -> None:
        schema = proto(ONE)
        client.create_association(self.request("owned", lifecycle="STRONG", schema=schema))
        assert client.get_versions("owned") == [1]
        other = self.request("owned")
        other.resource_id, other.resource_name = "id-2", "other"
        with refused(40905):
            client.create_association(other)
        client.delete_associations("id-1", cascade_lifecycle=True)
        with refused(40401):
            client.get_versions("owned")


def test_no_method_is_left_out() -> None:
    offline = {"close", "new_client", "clear_latest_caches", "config"}
    methods = {
        name
        for name, _ in inspect.getmembers(SchemaRegistryClient, inspect.isfunction)
        if not name.startswith("_") and name not in offline
    }
    text = inspect.getsource(inspect.getmodule(test_no_method_is_left_out))  # type: ignore[arg-type]
    assert {name for name in methods if f"client.{name}(" not in text} == set()
