"""Who sees and changes what: every call of a store, under every kind of grant."""

from collections.abc import Callable
from typing import Any

import pytest

from protolith import (
    ConflictError,
    ForbiddenError,
    MalformedError,
    NotFoundError,
    SchemaRegistryError,
)
from protolith.store import Grant, KeptMode, Reference, Scope, Search, Store, limited_to, scopes
from store.contract import A, B, new

MINE, HIDDEN = "shop.orders", "hr.people"
MODE = KeptMode("FULL", ("wire",))

# What a call needs, by name. Those that only read are compared with a subject that is not there.
READS: dict[str, Callable[[Store, str], Any]] = {
    "find": lambda store, name: store.find(name),
    "find a version": lambda store, name: store.find(f"{name}@1"),
    "find what is deleted": lambda store, name: store.find(name, deleted=True),
    "subject": lambda store, name: store.subject(name),
    "find exactly": lambda store, name: store.find_exactly(name, 1),
}
CHANGES: dict[str, tuple[Scope, Callable[[Store, str], Any]]] = {
    "describe": ("write", lambda store, name: store.describe(name, "x")),
    "label": ("write", lambda store, name: store.label(name, {"a": "b"})),
    "deploy": (
        "write",
        lambda store, name: store.keep_deployment(name, "duckdb", 1, created=True, layout="{}"),
    ),
    "intend": ("write", lambda store, name: store.keep_intent(name, "duckdb", '{"version": 1}')),
    "forget a table": ("write", lambda store, name: store.drop_deployment(name, "duckdb")),
    "mode": ("admin", lambda store, name: store.keep_mode(name, MODE)),
    "delete": ("admin", lambda store, name: store.delete(name)),
    "undelete": ("admin", lambda store, name: store.restore(name)),
}
GRANTS = [
    (),
    (Grant("read", "shop.*"),),
    (Grant("write", "shop.*"),),
    (Grant("write", MINE),),
    (Grant("admin", "shop.o*"),),
    (Grant("read", "hr.*"), Grant("admin", "SHOP.*")),
]


def furnish(store: Store) -> None:
    imports = (Reference("o.proto", MINE, 1),)
    store.add([new(A, database="shop", table="orders")])
    store.add([new(A, database="hr", table="people", references=imports)])
    for name in (MINE, HIDDEN):
        store.keep_deployment(name, "duckdb", 1, created=True, layout="{}")


def said(call: Callable[[Store, str], Any], store: Store, name: str) -> tuple[type, str]:
    try:
        call(store, name)
    except SchemaRegistryError as error:
        return type(error), str(error).replace(name, "it")
    return type(None), ""


class AccessContract:
    @pytest.mark.parametrize("grants", GRANTS, ids=lambda grants: " ".join(map(str, grants)))
    def test_each_call_asks(self, store: Store, grants: tuple[Grant, ...]) -> None:
        furnish(store)
        for subject in (MINE, HIDDEN):
            may = {s: any(g.covers(s, subject) for g in grants) for s in ("read", "write", "admin")}
            with limited_to(grants):
                for name, read in READS.items():
                    known, unknown = said(read, store, subject), said(read, store, "no.such")
                    assert (known[0] is type(None)) == may["read"], name
                    assert known == unknown or may["read"], name
                for name, (scope, change) in CHANGES.items():
                    if may[scope]:
                        assert said(change, store, subject)[0] in {type(None), ConflictError}
                    elif may["read"]:
                        assert said(change, store, subject)[0] is ForbiddenError, name
                    else:
                        assert said(change, store, subject) == said(change, store, "no.such"), name
            done = {change.action for change in store.changes(subject)} - {
                "register",
                "deploy",
                "begin-migration",
            }
            allowed = {"describe", "label"} if may["write"] else set()
            assert done == (allowed | {"mode"} if may["admin"] else allowed)

    def test_adding_is_refused_alike_whether_the_subject_exists(self, store: Store) -> None:
        furnish(store)
        grants = (Grant("read", "shop.*"), Grant("write", "web.*"))
        with limited_to(grants):
            for table in (MINE, HIDDEN, "no.such"):
                with pytest.raises(ForbiddenError, match=f"the scope admin for {table}$"):
                    store.keep_setting("config", table, {"a": 1})
                database, _, name = table.partition(".")
                with pytest.raises(ForbiddenError, match=f"the scope write for {table}$"):
                    store.add([new(B, database=database, table=name)])
            with pytest.raises(ForbiddenError):  # one of several is enough
                store.add([new(B, database="web", table="a"), new(B, database="hr", table="b")])
            assert store.add([new(B, database="web", table="a")])[0].version == 1
        assert [subject.name for subject in store.subjects()] == [HIDDEN, MINE, "web.a"]

    def test_what_may_not_be_seen_cannot_be_imported(self, store: Store) -> None:
        furnish(store)
        said_ = set()
        with limited_to((Grant("write", "web.*"),)):
            for subject in (MINE, "no.such"):
                imports = (Reference("o.proto", subject, 1),)
                with pytest.raises(NotFoundError) as caught:
                    store.add([new(B, database="web", table="a", references=imports)])
                said_.add(str(caught.value).replace(subject, "it"))
        assert len(said_) == 1
        with limited_to((Grant("write", "web.*"), Grant("read", MINE))):
            imports = (Reference("o.proto", MINE, 1),)
            store.add([new(B, database="web", table="a", references=imports)])

    def test_what_hangs_together_shows_only_what_may_be_seen(self, store: Store) -> None:
        furnish(store)
        [version] = store.add([new(A, database="shop", table="orders")])
        store.add([new(A, database="hr", table="copy")])
        assert [v.subject for v in store.find_id(version.id)] == ["hr.copy", MINE]
        assert [v.subject for v in store.referenced_by(MINE, 1)] == [HIDDEN]
        with limited_to((Grant("admin", "shop.*"),)):
            assert [v.subject for v in store.find_id(version.id)] == [MINE]
            assert [v.subject for v in store.find_guid(version.guid)] == [MINE]
            assert store.referenced_by(MINE, 1) == store.relations(MINE) == []
            assert list(store.all_deployments()) == [MINE]
            assert list(store.all_deployments(first="a", last="z")) == [MINE]
            assert store.history(HIDDEN) == []
            assert store.find_content(HIDDEN, A) is None
            assert store.find_fingerprint(HIDDEN, version.fingerprint) is None
            assert store.ask(scopes.read_names) == {}
            assert store.ask(scopes.read_numbers, HIDDEN) == {}
            assert store.ask(scopes.read_users, MINE, 1) == []
            with pytest.raises(Exception, match="imported by others") as caught:
                store.delete(MINE, 1, force=True)
            assert HIDDEN not in str(caught.value)
        with limited_to((Grant("read", "web.*"),)):
            for call in (lambda: store.find_id(version.id), lambda: store.find_guid(version.guid)):
                with pytest.raises(NotFoundError):
                    call()

    def test_pages_are_full_of_what_may_be_seen(self, store: Store) -> None:
        for index in range(6):
            store.add([new(A, database="hr", table=f"t{index}")])
            store.add([new(A, database="shop", table=f"t{index}")])
        with limited_to((Grant("read", "shop.*"),)):
            page = store.subjects(limit=4)
            assert [subject.table for subject in page] == ["t0", "t1", "t2", "t3"]
            rest = store.subjects(limit=4, after=page[-1].name)
            assert [subject.table for subject in rest] == ["t4", "t5"]
            found = store.search(Search(name="t"), limit=4)
            assert [subject.database for subject in found] == ["shop"] * 4
        with limited_to((Grant("read", "shop.t_"), Grant("write", "shop.t1"))):
            assert [subject.name for subject in store.subjects()] == ["shop.t1"]
        with limited_to(()):
            assert store.subjects() == store.search(Search(name="t")) == []

    def test_the_audit_trail_is_for_those_who_look_after_a_subject(self, store: Store) -> None:
        furnish(store)
        store.keep_mode("", MODE)
        with limited_to((Grant("admin", MINE), Grant("read", "*"))):
            assert {change.object for change in store.changes()} == {f"{MINE}@1"}
        with limited_to((Grant("write", "*"),)):
            assert store.changes() == []
        with limited_to((Grant("admin", "*"),)):
            assert {change.object for change in store.changes()} >= {"*", f"{HIDDEN}@1"}

    def test_the_mode_of_every_subject_is_nobodys_alone(self, store: Store) -> None:
        with limited_to((Grant("admin", "shop.*"),)), pytest.raises(ForbiddenError):
            store.keep_mode("", MODE)
        with limited_to((Grant("admin", "*"),)):
            store.keep_mode("", MODE)

    def test_settings_of_what_may_be_seen_and_of_all(self, store: Store) -> None:
        for scope in (":.__GLOBAL:", MINE, HIDDEN):
            store.keep_setting("config", scope, {"a": 1})
        with limited_to((Grant("read", "shop.*"),)):
            assert list(store.ask(scopes.read_settings, "config")) == [":.__GLOBAL:", MINE]
            assert store.ask(scopes.read_setting, "config", HIDDEN) is None
            assert store.ask(scopes.read_setting, "config", MINE) == {"a": 1}

    def test_a_schema_id_is_looked_up_among_what_may_be_seen(self, store: Store) -> None:
        for database in ("hr", "shop"):
            store.add([new(A, database=database, table="t")])
        with pytest.raises(Exception, match="names several"):
            store.find(f"t_{A[:12]}")
        with limited_to((Grant("read", "shop.*"),)):
            assert store.find(f"t_{A[:12]}").subject == "shop.t"

    @pytest.mark.parametrize(
        ("scope", "subjects"), [("owner", "*"), ("read", ""), ("read", "*.t"), ("read", "a\n")]
    )
    def test_what_is_no_grant(self, scope: Any, subjects: str) -> None:
        with pytest.raises(MalformedError):
            Grant(scope, subjects)
