"""The cache, and that it never answers with what an acknowledged write has changed."""

import threading
from pathlib import Path

from conftest import ORDER
from protolith import SchemaRegistry
from protolith.registry.cache import SchemaCache

NEXT = ORDER.replace("int64 cents = 2;", "int64 cents = 2; string note = 5;")


def test_the_least_recently_used_goes_first() -> None:
    cache: SchemaCache[int] = SchemaCache(max_size=2)
    cache.put_schema("a", 1)
    cache.put_schema("b", 2)
    assert cache.get_schema("a") == 1
    cache.put_schema("c", 3)
    assert [cache.get_schema(key) for key in "abc"] == [1, None, 3]
    assert len(cache) == 2


def test_nothing_outlives_its_time() -> None:
    now = 0.0
    cache: SchemaCache[int] = SchemaCache(ttl_seconds=10, clock=lambda: now)
    cache.put_schema("a", 1)
    now = 9.9
    assert cache.get_schema("a") == 1
    now = 10.0
    assert cache.get_schema("a") is None
    assert len(cache) == 0


def test_many_threads() -> None:
    cache: SchemaCache[int] = SchemaCache(max_size=10)

    def work(seed: int) -> None:
        for number in range(2000):
            key = (seed * number) % 25
            found = cache.get_schema(key)
            assert found in (None, key)
            cache.put_schema(key, key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 10


def test_no_answer_is_older_than_an_acknowledged_write(tmp_path: Path) -> None:
    """By this registry, and by another one on the same file, as a second process would be."""
    with SchemaRegistry(tmp_path) as one, SchemaRegistry(tmp_path) as two:
        one.register_schema(ORDER, "orders")
        for registry in (one, two):
            assert registry.get_schema_version("bigquery_lite.orders").version == 1
        two.register_schema(NEXT, "orders")
        for registry in (one, two):
            assert registry.get_schema_version("bigquery_lite.orders").version == 2
        one.create_table("bigquery_lite.orders", "duckdb")
        for registry in (one, two):
            found = registry.get_schema_version("bigquery_lite.orders")
            assert found.engines_created == ["duckdb"]
        two.delete_schema("bigquery_lite.orders@1")
        assert one.list_schemas()[0].version == 2


def test_what_has_not_changed_is_not_asked_again(tmp_path: Path) -> None:
    with SchemaRegistry(tmp_path) as registry:
        registry.register_schema(ORDER, "orders")
        first = registry._looked_up("bigquery_lite.orders")
        assert registry._looked_up("bigquery_lite.orders") is first
        answer = registry.get_schema_version("bigquery_lite.orders")
        answer.schema_json.clear()  # a caller's own copy
        assert registry.get_schema_version("bigquery_lite.orders").schema_json
