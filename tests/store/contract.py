"""What every store promises; a store's test file runs these with a fixture `store`."""

import hashlib
import json
import threading
import uuid
from typing import Any

import pytest

from protolith import BusyError, ConflictError, MalformedError, NotFoundError
from protolith.errors import MovedOnError
from protolith.store import (
    EVERYWHERE,
    File,
    KeptMode,
    NewVersion,
    Reference,
    Search,
    Store,
    acting_as,
    scopes,
)

A, B = "a" * 64, "b" * 64


COLUMNS = json.dumps(
    [
        {"name": "Card", "type": "STRING", "policyTags": {"names": ["p/1/pii"]}},
        {
            "name": "to",
            "type": "RECORD",
            "fields": [{"name": "city_100%", "type": "GEOGRAPHY", "description": "Where."}],
        },
    ]
)


def new(content: str = A, *, database: str = "d", table: str = "t", **more: Any) -> NewVersion:
    more = {"schema_json": '[{"name": "x"}]', **more}
    return NewVersion(database, table, content, **more)


def names(found: list[Any]) -> list[str]:
    return [subject.name for subject in found]


class StoreContract:
    def test_versions_count_from_one(self, store: Store) -> None:
        found = store.add([new(A), new(B)])
        assert [(v.version_id, v.version) for v in found] == [("d.t@1", 1), ("d.t@2", 2)]
        assert [line.version for line in store.history("d.t")] == [2, 1]
        assert store.subject("d.t").latest_version == 2

    def test_the_same_content_is_the_same_version(self, store: Store) -> None:
        first, _, again = store.add([new(A), new(B), new(A)])
        assert again == first
        assert len(store.history("d.t")) == 2
        assert store.find_content("d.t", A) == first
        assert store.find_content("d.t", "c" * 64) is None

    def test_another_message_of_the_same_content_is_a_conflict(self, store: Store) -> None:
        store.add([new(A, message="p.M")])
        with pytest.raises(ConflictError, match="has this content already, with the message p.M"):
            store.add([new(A, message="p.N")])

    def test_the_id_is_the_table_and_twelve_digits(self, store: Store) -> None:
        assert store.add([new(A)])[0].schema_id == f"t_{A[:12]}"

    def test_a_clash_of_twelve_digits_lengthens_the_id(self, store: Store) -> None:
        clash = A[:12] + B[:52]
        first, second = store.add([new(A), new(clash)])
        assert second.schema_id == f"t_{A[:12]}b"
        assert store.find(first.schema_id).version_hash == A
        assert store.find(second.schema_id).version_hash == clash

    def test_every_way_to_name_a_version(self, store: Store) -> None:
        first, second = store.add([new(A), new(B)])
        assert store.find("d.t") == store.find("d.t@2") == store.find(second.schema_id) == second
        assert store.find("d.t@1") == store.find(first.schema_id) == first

    @pytest.mark.parametrize("name", ["d.t@3", "d.t@0", "d.t@01", "d.t@x", "d.u", "t_1", "", "@1"])
    def test_what_is_not_there(self, store: Store, name: str) -> None:
        store.add([new(A)])
        with pytest.raises(NotFoundError) as caught:
            store.find(name)
        assert caught.value.hint

    def test_a_database_is_a_lineage_of_its_own(self, store: Store) -> None:
        one, two = store.add([new(A), new(A, database="e")])
        assert (one.version, two.version) == (1, 1)
        assert one.schema_id == two.schema_id
        with pytest.raises(ConflictError, match="names several versions: d.t@1, e.t@1"):
            store.find(one.schema_id)
        assert store.find("e.t") == two

    def test_all_or_nothing(self, store: Store) -> None:
        store.add([new(A, message="m")])
        with pytest.raises(ConflictError):
            store.add([new(B), new(A, message="other")])
        assert [line.version for line in store.history("d.t")] == [1]
        assert store.subject("d.t").latest_version == 1

    def test_files_come_back_byte_for_byte(self, store: Store) -> None:
        files = (File("b/x.proto", b"\xef\xbb\xbf// \r\n"), File("a.proto", b""))
        version = store.add([new(A, files=files, descriptors=b"\0\xff", roots=("a.proto",))])[0]
        assert store.files(version.version_id) == tuple(sorted(files, key=lambda f: f.path))
        assert (version.descriptors, version.roots) == (b"\0\xff", ("a.proto",))

    def test_subjects_are_listed_by_name(self, store: Store) -> None:
        store.add([new(A, table="z"), new(A, database="c"), new(B, table="z", description="last")])
        found = [(s.database, s.table, s.latest_version, s.description) for s in store.subjects()]
        assert found == [("c", "t", 1, None), ("d", "z", 2, "last")]

    def test_a_description_stays_until_another_is_given(self, store: Store) -> None:
        store.add([new(A, description="first"), new(B)])
        assert store.subject("d.t").description == "first"

    def test_deployments(self, store: Store) -> None:
        store.add([new(A)])
        store.keep_deployment("d.t", "duckdb", 1, created=False, layout="{}")
        assert [d.created for d in store.deployments("d.t")] == [False]
        store.keep_deployment("d.t", "duckdb", 1, created=True, layout="{}")
        store.keep_deployment("d.t", "clickhouse", 1, created=True, layout="{}")
        assert [(d.engine, d.created) for d in store.deployments("d.t")] == [
            ("clickhouse", True),
            ("duckdb", True),
        ]
        store.drop_deployment("d.t", "duckdb")
        assert [d.engine for d in store.all_deployments()["d.t"]] == ["clickhouse"]

    # ── identity ──

    def test_ids_are_dense_and_shared_by_all_who_have_the_content(self, store: Store) -> None:
        kept = store.add([new(A), new(B), new(B, table="u"), new("c" * 64, table="u")])
        assert [version.id for version in kept] == [1, 2, 2, 3]
        assert [v.version_id for v in store.find_id(2)] == ["d.t@2", "d.u@1"]
        assert store.find_guid(kept[3].guid) == [kept[3]]
        for wrong in (0, 4, 2**31 - 1):
            with pytest.raises(NotFoundError):
                store.find_id(wrong)
        with pytest.raises(NotFoundError):
            store.find_guid("x")

    def test_anyone_can_compute_what_identifies_a_content(self, store: Store) -> None:
        other, version = store.add(
            [
                new(B, table="u"),
                new(A, descriptors=b"", references=(Reference("u.proto", "d.u", 1),)),
            ]
        )
        text = f"protolith schema 1\nPROTOBUF\n{A}\nu.proto d.u 1\n"
        assert version.fingerprint == hashlib.sha256(text.encode()).hexdigest()
        plain = hashlib.sha256(f"protolith schema 1\nBIGQUERY\n{B}\n".encode()).hexdigest()
        assert other.fingerprint == plain
        assert plain == "a80e9f3b0a2e79856ce56d205e1d82c46adeb0c3ade477c2f216545bf6632e87"
        namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:protolith:schema")
        assert other.guid == str(uuid.uuid5(namespace, plain))
        assert other.guid == "ccc450fe-5ecc-5f56-a968-ac76cd7e31b4"

    def test_references_and_type_make_another_content(self, store: Store) -> None:
        _, *kept = store.add(
            [
                new(B, table="u"),
                new(A),
                new(A, descriptors=b""),
                new(A, descriptors=b"", references=(Reference("u.proto", "d.u", 1),)),
            ]
        )
        assert [(v.id, v.version) for v in kept] == [(2, 1), (3, 2), (4, 3)]
        assert len({v.schema_id for v in kept}) == 3
        assert [store.find(v.schema_id) for v in kept] == kept

    def test_a_version_checked_against_an_older_latest_is_refused(self, store: Store) -> None:
        store.add([new(A, after=0)])
        with pytest.raises(MovedOnError, match="at version 1 by now, not 0"):
            store.add([new(B, after=0)])
        assert store.add([new(A, after=0)])[0].version == 1  # it is there: nothing to check
        assert store.add([new(B, after=1)])[0].version == 2

    # ── delete ──

    def test_a_deleted_version_is_hidden_and_still_means_its_id(self, store: Store) -> None:
        first, second = store.add([new(A), new(B)])
        assert store.delete("d.t", 2) == [2]
        assert store.find("d.t") == first
        assert store.subject("d.t").latest_version == 1
        assert [line.version for line in store.history("d.t")] == [1]
        assert [line.version for line in store.history("d.t", deleted=True)] == [2, 1]
        for name in ("d.t@2", second.schema_id):
            with pytest.raises(NotFoundError):
                store.find(name)
            assert store.find(name, deleted=True).deleted
        assert [(v.version_id, v.deleted) for v in store.find_id(second.id)] == [("d.t@2", True)]
        assert store.find_content("d.t", B) is None

    def test_deleting_takes_two_steps_and_each_once(self, store: Store) -> None:
        store.add([new(A), new(B)])
        with pytest.raises(ConflictError, match="d.t@1 is not deleted yet"):
            store.delete("d.t", 1, for_good=True)
        store.delete("d.t", 1)
        with pytest.raises(ConflictError, match="d.t@1 is deleted already"):
            store.delete("d.t", 1)
        with pytest.raises(ConflictError, match="d.t is not deleted yet"):
            store.delete("d.t", for_good=True)
        assert store.delete("d.t") == [2]
        assert store.subjects() == []
        assert [(s.name, s.deleted) for s in store.subjects(deleted=True)] == [("d.t", True)]
        assert store.delete("d.t", for_good=True) == [1, 2]
        assert store.subjects(deleted=True) == []
        with pytest.raises(NotFoundError):
            store.delete("d.t")

    def test_neither_numbers_nor_ids_come_back(self, store: Store) -> None:
        store.add([new(A), new(B)])
        store.delete("d.t")
        store.delete("d.t", for_good=True)
        other, again = store.add([new("c" * 64), new(A)])
        assert [(v.version, v.id) for v in (other, again)] == [(3, 3), (4, 1)]

    def test_deleted_content_comes_back_under_a_new_number(self, store: Store) -> None:
        first = store.add([new(A)])[0]
        store.delete("d.t", 1)
        again = store.add([new(A)])[0]
        assert (again.version, again.id, again.schema_id) == (2, first.id, first.schema_id)
        with pytest.raises(ConflictError, match="d.t@1 has the content of d.t@2"):
            store.restore("d.t", 1)
        assert store.find(first.schema_id) == again

    def test_what_was_deleted_can_be_restored(self, store: Store) -> None:
        store.add([new(A), new(B), new("c" * 64)])
        before = store.history("d.t")
        store.delete("d.t", 1)
        store.delete("d.t")
        assert store.restore("d.t", 2) == [2]
        assert store.find("d.t").version == 2
        assert store.restore("d.t") == [1, 3]
        assert store.history("d.t") == before
        assert store.find("d.t").version == 3
        with pytest.raises(ConflictError, match="is not deleted"):
            store.restore("d.t")
        with pytest.raises(NotFoundError):
            store.restore("d.t", 9)

    def test_a_version_with_a_table_is_deleted_only_when_told(self, store: Store) -> None:
        store.add([new(A), new(B)])
        store.keep_deployment("d.t", "duckdb", 1, created=True, layout="{}")
        for number in (1, None):
            with pytest.raises(ConflictError, match="d.t has a table in duckdb"):
                store.delete("d.t", number)
        assert store.delete("d.t", 2) == [2]
        assert store.delete("d.t", 1, force=True) == [1]
        assert [d.version for d in store.deployments("d.t")] == [1]
        with pytest.raises(ConflictError, match="has a table"):
            store.delete("d.t", 1, for_good=True)
        store.delete("d.t", 1, for_good=True, force=True)
        assert store.deployments("d.t") == []

    def test_an_intent_stays_until_the_next_word(self, store: Store) -> None:
        store.add([new(A)])
        with pytest.raises(NotFoundError, match="has no table in duckdb"):
            store.keep_intent("d.t", "duckdb", "{}")
        about = ("d.t", "duckdb", 1)
        store.keep_deployment(*about, created=True, layout="{}")
        store.keep_intent("d.t", "duckdb", '{"version": 2}')
        assert [d.intent for d in store.deployments("d.t")] == ['{"version": 2}']
        assert [d.intent for d in store.all_deployments()["d.t"]] == ['{"version": 2}']
        store.keep_deployment(*about, created=True, layout="{}")
        assert [d.intent for d in store.deployments("d.t")] == [None]
        store.keep_intent("d.t", "duckdb", '{"version": 3}')
        for _ in range(2):
            store.keep_intent("d.t", "duckdb", None)
        assert [d.intent for d in store.deployments("d.t")] == [None]
        found = [(c.action, c.details.get("version")) for c in reversed(store.changes("d.t"))]
        assert found == [
            ("register", None),
            ("deploy", None),
            ("begin-migration", 2),
            ("deploy", None),
            ("begin-migration", 3),
            ("give-up-migration", None),
        ]

    def test_a_member_of_a_batch_follows_the_one_that_it_was_checked_against(
        self, store: Store
    ) -> None:
        pair = [new(A, after=0), new(B, follows=0)]
        assert [v.version for v in store.add(pair)] == [1, 2]
        assert [v.version for v in store.add(pair)] == [1, 2]
        with pytest.raises(MovedOnError, match="is at version 2 by now, not 1"):
            store.add([pair[0], new("c" * 64, follows=0)])
        store.delete("d.t", 2)
        more = [new("d" * 64, after=1), new("e" * 64, follows=0)]
        assert [v.version for v in store.add(more)] == [3, 4]

    def test_what_a_table_is_about_to_be_is_not_deleted(self, store: Store) -> None:
        store.add([new(A), new(B), new("c" * 64)])
        store.keep_deployment("d.t", "duckdb", 1, created=True, layout="{}")
        store.keep_intent("d.t", "duckdb", '{"version": 3}')
        for number in (1, 3):
            with pytest.raises(ConflictError, match="has a table in duckdb"):
                store.delete("d.t", number)
        assert store.delete("d.t", 2) == [2]

    def test_one_at_a_time_moves_a_table(self, store: Store) -> None:
        with store.migrating("d.t", "duckdb"):
            with store.migrating("d.t", "clickhouse", seconds=0):
                pass
            with pytest.raises(BusyError), store.migrating("d.t", "duckdb", seconds=0):
                pass
        with store.migrating("d.t", "duckdb", seconds=0):
            pass

    # ── subjects of any name, and what is set ──

    @pytest.mark.parametrize("name", ["orders-value", "a/b.proto", ":.ctx:s", "x@1", "ü b%2F'"])
    def test_a_subject_of_any_name(self, store: Store, name: str) -> None:
        other = new(A, table="orders")
        first, second = store.add([new(A, named=name, metadata="{}"), new(B, named=name)])
        assert (first.subject, first.metadata, first.rule_set) == (name, "{}", None)
        assert (first.database, first.table) == ("d", "t")
        assert store.find_exactly(name, None) == store.find_exactly(name, 2) == second
        assert store.find_exactly(name, 1) == first
        assert store.subject(name).name == name
        assert store.add([other])[0].id == first.id
        store.delete(name, 2)
        assert store.find_exactly(name, 2, deleted=True).deleted
        assert store.find_exactly(name, None) == first
        with pytest.raises(NotFoundError):
            store.find_exactly(name, 2)

    def test_a_name_without_a_dot_means_a_subject_too(self, store: Store) -> None:
        first, second = store.add([new(A, named="orders-value"), new(B, named="orders-value")])
        assert store.find("orders-value") == second
        assert store.find("orders-value@1") == first
        assert store.find(first.schema_id) == first

    def test_settings_are_of_a_kind_and_a_scope(self, store: Store) -> None:
        store.keep_setting("config", "a", {"x": "ä"})
        store.keep_setting("mode", "a", {"mode": "READONLY"})
        store.keep_setting("config", "a", {"y": [1]})
        assert store.ask(scopes.read_setting, "config", "a") == {"y": [1]}
        assert store.ask(scopes.read_setting, "config", "b") is None
        assert store.ask(scopes.read_settings, "mode") == {"a": {"mode": "READONLY"}}
        store.keep_setting("mode", "a", None)
        assert store.ask(scopes.read_settings, "mode") == {}
        assert [c.action for c in store.changes("a")][:2] == ["set-mode", "set-config"]

    def test_a_setting_is_looked_for_in_the_subject_its_context_and_all(self, store: Store) -> None:
        store.keep_setting("config", scopes.EVERYTHING, {"n": 0})
        store.keep_setting("config", ":.eu:", {"n": 1})
        store.keep_setting("config", ":.eu:s", {"n": 2})
        store.keep_setting("mode", "s", {"n": 3})

        def found(name: str) -> list[int]:
            return [one["n"] for _, one in store.ask(scopes.read_nearest, "config", name)]

        assert found(":.eu:s") == [2, 1, 0]
        assert found(":.eu:t") == [1, 0]
        assert found("s") == found(":.us:s") == found(scopes.EVERYTHING) == [0]

    def test_a_level_that_a_client_set_is_a_mode(self, store: Store) -> None:
        ours = {"policy": None, "levels": ["wire", "json"]}
        store.keep_setting("config", scopes.EVERYTHING, {"compatibility": "FULL"})
        store.keep_setting("config", "d.t", {"compatibility": "FORWARD", "protolith": ours})
        store.add([new(A)])
        assert store.mode("d.t") == (True, KeptMode("FORWARD", ("wire", "json"), None))
        assert store.mode("d.u") == (False, KeptMode("FULL", ("wire",), "confluent"))
        assert store.mode(EVERYWHERE) == (True, KeptMode("FULL", ("wire",), "confluent"))
        assert not store.has_mode("d.t")
        store.keep_mode("d.t", KeptMode("NONE", ("wire",)))
        assert store.has_mode("d.t")
        assert store.mode("d.t") == (True, KeptMode("NONE", ("wire",)))

    def test_the_highest_id_is_that_of_the_newest_content(self, store: Store) -> None:
        assert store.ask(scopes.read_highest_id) == 0
        store.add([new(A), new(B)])
        store.delete("d.t")
        store.delete("d.t", for_good=True)
        assert store.ask(scopes.read_highest_id) == 2

    def test_names_numbers_and_users_of_messages(self, store: Store) -> None:
        store.add([new(A, named="base", descriptors=b""), new(A, table="json")])
        store.add([new(B, named="base", descriptors=b""), new(A, named="gone", descriptors=b"")])
        user = new("c" * 64, named="u", descriptors=b"", references=(Reference("x", "base", 2),))
        kept = store.add([user])[0]
        store.delete("gone")
        store.delete("base", 1)
        assert store.ask(scopes.read_names) == {"base": True, "gone": False, "u": True}
        assert store.ask(scopes.read_numbers, "base") == {1: True, 2: False}
        assert store.ask(scopes.read_users, "base", 2) == [(kept.id, "u", False)]
        assert store.ask(scopes.read_numbers, "none") == {}

    # ── references ──

    def test_what_is_imported_cannot_be_deleted(self, store: Store) -> None:
        reference = Reference("t.proto", "d.t", 1)
        store.add([new(A), new(B, table="user", references=(reference,))])
        assert store.references("d.user@1") == (reference,)
        assert [v.version_id for v in store.referenced_by("d.t", 1)] == ["d.user@1"]
        with pytest.raises(ConflictError, match="d.t@1 is imported by d.user@1"):
            store.delete("d.t")
        store.delete("d.user")
        store.delete("d.t")
        with pytest.raises(ConflictError, match="d.t@1 is imported by d.user@1"):
            store.delete("d.t", for_good=True)
        store.delete("d.user", for_good=True)
        assert store.delete("d.t", for_good=True) == [1]

    def test_a_subject_that_imports_itself_can_go_as_a_whole(self, store: Store) -> None:
        store.add([new(A), new(B, references=(Reference("old.proto", "d.t", 1),))])
        with pytest.raises(ConflictError, match="is imported by d.t@2"):
            store.delete("d.t", 1)
        assert store.delete("d.t") == [1, 2]
        assert store.delete("d.t", for_good=True) == [1, 2]

    def test_relations_go_both_ways_in_the_order_of_numbers(self, store: Store) -> None:
        store.add([new(A), new(A, table="other")])
        imported = Reference("t.proto", "d.t", 1)
        contents = [f"{n:064x}" for n in range(11)]
        store.add([new(content, table="user", references=(imported,)) for content in contents])
        store.delete("d.user", 3)
        wanted = [("d.user", n, imported) for n in range(1, 12) if n != 3]
        assert store.relations("d.t") == store.relations("d.user") == wanted
        assert store.relations("d.other") == []

    def test_what_is_not_there_cannot_be_imported(self, store: Store) -> None:
        store.add([new(A)])
        store.delete("d.t")
        for number in (1, 2):
            with pytest.raises(NotFoundError, match=f"there is no d.t@{number} to refer to"):
                store.add([new(B, table="u", references=(Reference("t", "d.t", number),))])
        assert store.subjects() == []

    # ── lists and search ──

    def test_lists_are_paged(self, store: Store) -> None:
        store.add([new(A, database=d, table=t) for d in ("b", "B", "a1", "a") for t in ("x", "Y")])
        everything = store.subjects()
        assert names(everything) == sorted(names(everything))
        assert len(everything) == 8
        pages, after = [], ""
        while page := store.subjects(limit=3, after=after):
            pages.append(len(page))
            after = page[-1].name
        assert pages == [3, 3, 2]
        store.add([new(f"{n:064x}") for n in range(1, 6)])
        assert [v.version for v in store.history("d.t", limit=2, before=4)] == [3, 2]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({"name": "ORD"}, ["d.orders"]),
            ({"text": "where"}, ["d.orders"]),
            ({"text": "every"}, ["d.plain"]),
            ({"field": "to.CITY"}, ["d.orders"]),
            ({"field": "_100%"}, ["d.orders"]),
            ({"field": "%city"}, []),
            ({"type": "geography"}, ["d.orders"]),
            ({"type": "GEO"}, []),
            ({"description": "where."}, ["d.orders"]),
            ({"tag": "pii"}, ["d.orders"]),
            ({"label": "team"}, ["d.orders", "d.plain"]),
            ({"label": "team=a"}, ["d.plain"]),
            ({"label": "team", "field": "card"}, ["d.orders"]),
        ],
    )
    def test_search(self, store: Store, wanted: dict[str, str], found: list[str]) -> None:
        store.add([new(A, table="plain", description="Every one."), new(A, table="orders")])
        store.add([new(B, table="orders", schema_json=COLUMNS), new(A, table="gone")])
        store.delete("d.gone")
        store.label("d.plain", {"team": "a"})
        store.label("d.orders", {"team": "b"})
        assert names(store.search(Search(**wanted))) == found

    def test_a_search_sees_the_latest_version_and_has_pages(self, store: Store) -> None:
        store.add([new(A, schema_json=COLUMNS), new(B), new(A, table="u", schema_json=COLUMNS)])
        assert names(store.search(Search(field="card"))) == ["d.u"]
        store.delete("d.t", 2)
        assert names(store.search(Search(field="card"))) == ["d.t", "d.u"]
        assert names(store.search(Search(name="d."), limit=1, after="d.t")) == ["d.u"]
        store.delete("d.t")
        assert names(store.search(Search(field="card"))) == ["d.u"]
        with pytest.raises(MalformedError, match="nothing to search for"):
            Search()

    def test_labels_and_descriptions(self, store: Store) -> None:
        store.add([new(A)])
        assert store.label("d.t", {"b": "2", "a": "1"}) == {"a": "1", "b": "2"}
        assert store.label("d.t", {"a": None, "b": "3"}) == {"b": "3"}
        assert store.labels("d.t") == {"b": "3"}
        for wrong in ({"": "x"}, {"a=b": "x"}, {"a": "x" * 256}, {str(n): "" for n in range(65)}):
            with pytest.raises(MalformedError):
                store.label("d.t", wrong)
        assert store.labels("d.t") == {"b": "3"}
        store.describe("d.t", "New words.")
        assert store.subject("d.t").description == "New words."
        for change in (lambda: store.label("d.u", {}), lambda: store.describe("d.u", None)):
            with pytest.raises(NotFoundError):
                change()

    def test_labels_and_a_description_change_together(self, store: Store) -> None:
        store.add([new(A, description="Old words.")])
        about = store.change_about("d.t", {"a": "1"})
        assert (about.description, about.labels) == ("Old words.", {"a": "1"})
        about = store.change_about("d.t", {}, description=None)
        assert (about.description, about.labels) == (None, {"a": "1"})
        with pytest.raises(MalformedError):
            store.change_about("d.t", {"": "x"}, description="Half a change.")
        store.delete("d.t")  # whoever looked it up before that is still told what was changed
        about = store.change_about("d.t", {"a": None})
        assert (about.description, about.labels) == (None, {})
        assert [change.action for change in store.changes("d.t")[:2]] == ["label", "delete"]

    # ── audit ──

    def test_every_change_is_in_the_trail_and_no_refusal(self, store: Store) -> None:
        with acting_as("ann"):
            store.add([new(A), new(A)])
            store.label("d.t", {"a": "1"})
            store.describe("d.t", "x")
            store.keep_deployment("d.t", "duckdb", 1, created=False, layout="{}")
            store.keep_deployment("d.t", "duckdb", 1, created=True, layout="{}")
            store.drop_deployment("d.t", "duckdb")
            store.delete("d.t")
            store.restore("d.t")
        store.delete("d.t")
        store.delete("d.t", for_good=True)
        with pytest.raises(NotFoundError):
            store.delete("d.t")
        store.add([new(A, table="t2")])
        found = store.changes("d.t")
        actions = "register label describe deploy delete undelete delete delete-for-good"
        assert [change.action for change in found][::-1] == actions.split()
        assert [change.actor for change in found[2:]] == ["ann"] * 6
        assert found[0].actor not in ("ann", "")
        assert found[-1].details["id"] == 1
        sequences = [change.sequence for change in store.changes()]
        assert sequences == sorted(sequences, reverse=True)
        page = store.changes(limit=2, before=sequences[3])
        assert [change.sequence for change in page] == sequences[4:6]

    # ── many at once ──

    def test_what_fails_among_many_fails_alone(self, store: Store) -> None:
        store.add([new(A, message="m")])
        found: list[object] = []

        def register(number: int) -> None:
            try:
                if number % 3:
                    found.append(store.add([new(f"{number:064x}", table=f"t{number}")])[0])
                else:
                    store.add([new(A, message="other")])
            except (ConflictError, BusyError) as error:
                found.append(error.code)

        threads = [threading.Thread(target=register, args=(n,)) for n in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found.count("CONFLICT") == 10
        assert len(store.subjects()) == 21
        assert len(store.changes()) == 21

    def test_of_two_that_were_checked_against_the_same_version_one_wins(self, store: Store) -> None:
        store.add([new(A)])
        outcomes: list[str] = []

        def register(number: int) -> None:
            try:
                store.add([new(f"{number:064x}", after=1)])
                outcomes.append("kept")
            except MovedOnError:
                outcomes.append("moved on")

        threads = [threading.Thread(target=register, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["kept"] + ["moved on"] * 7
        assert store.subject("d.t").latest_version == 2

    def test_many_threads_agree(self, store: Store) -> None:
        contents = [f"{n % 5:064x}" for n in range(40)]
        found: list[tuple[str, int]] = []

        def register(content: str) -> None:
            version = store.add([new(content)])[0]
            found.append((version.version_hash, version.version))

        threads = [threading.Thread(target=register, args=(c,)) for c in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 40
        assert len(set(found)) == 5
        assert sorted(line.version for line in store.history("d.t")) == [1, 2, 3, 4, 5]
