"""What every store promises; a store's test file runs these with a fixture `store`."""

import threading

import pytest

from protolith import ConflictError, NotFoundError
from protolith.store import File, NewVersion, Store

A, B = "a" * 64, "b" * 64


def new(content: str = A, *, database: str = "d", table: str = "t", **more: object) -> NewVersion:
    return NewVersion(database, table, content, '[{"name": "x"}]', **more)  # type: ignore[arg-type]


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
