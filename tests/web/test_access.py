"""Who may do what: every route, every scope, every kind of identity."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from conftest import ORDER, delimited
from protolith import SchemaRegistry
from protolith.registry.identities import PREFIX
from protolith.store import Grant, Scope
from protolith.store.access import EVERYTHING, SCOPES
from protolith.web.access import Needs, needs
from protolith.web.app import create_app
from protolith.web.requests import StrictRoute
from web.test_oidc import Keys, claims, signed

MINE, HIDDEN, NONE = "shop.orders", "hr.people", "no.such"
WORDS = "correct horse battery"
OTHER = 'syntax = "proto3"; message Other { int32 a = 1; }'
# Of the framework, and without a scope on purpose: what the API is like is no secret.
DESCRIPTIONS = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/static/docs"}
VALUES = {"dialect": "duckdb", "engine": "duckdb", "version": "1", "id": "1", "guid": "x"}
VALUES |= {"context": ".c", "namespace": "n", "name": "n", "resource_id": "r"}


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    needs: Needs
    lenient: bool  # of Confluent's surface, where unknown parameters are ignored

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def target(self, subject: str) -> str:
        values = VALUES | {"schema_id": subject, "subject": subject}
        return self.path.format(**values, deployment_id=f"{subject}:duckdb")

    @property
    def about_one(self) -> bool:
        return any(f"{{{name}}}" in self.path for name in ("schema_id", "subject", "deployment_id"))


def routes() -> list[Route]:
    """The route table, as the application answers by it."""
    spec = create_app().openapi()["paths"]
    return [
        Route(
            method.upper(),
            path,
            Needs.said_by(operation, path),
            "Confluent" in operation.get("tags", ()),
        )
        for path, methods in spec.items()
        for method, operation in methods.items()
    ]


ROUTES = routes()
STRICT = [route for route in ROUTES if route.needs.scope is not None and not route.lenient]
LENIENT = [route for route in ROUTES if route.needs.scope is not None and route.lenient]


@dataclass(frozen=True)
class World:
    client: TestClient
    headers: dict[str, dict[str, str]]
    grants: dict[str, tuple[Grant, ...]]

    def ask(self, who: str, method: str, target: str, **more: Any) -> Any:
        return self.client.request(method, target, headers=self.headers[who], **more)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Keys]:
    with Keys() as keys:
        Thread(target=keys.serve_forever, args=(0.02,), daemon=True).start()
        yield keys
        keys.shutdown()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, issuer: Keys) -> Iterator[World]:
    home = tmp_path_factory.mktemp("guarded") / "home"
    headers: dict[str, dict[str, str]] = {"nobody": {}}
    grants: dict[str, tuple[Grant, ...]] = {}
    with SchemaRegistry(home) as registry:
        for subject in (MINE, HIDDEN):
            database, _, table = subject.partition(".")
            registry.register_schema(ORDER, table, database)
            registry.create_table(subject, "duckdb")
            registry.register_schema(f"{ORDER} // more", table, database)
        known = registry.identities
        for scope in SCOPES:
            for subjects in (EVERYTHING, "shop.*", MINE, "hr.*", "SHOP.*"):
                who = f"{scope}:{subjects}"
                grants[who] = (Grant(scope, subjects),)
                name = who.replace(":", ".").replace("*", "all")
                headers[who] = bearer(known.create_token(name, grants[who]).secret)
        grants["mixed"] = (Grant("admin", HIDDEN), Grant("read", "shop.*"))
        secret = known.create_token("mixed", grants["mixed"]).secret
        headers["mixed"] = bearer(secret)
        grants["kafka"], headers["kafka"] = grants["mixed"], basic("anything", secret)
        grants["ana"], headers["ana"] = (Grant("write", "shop.*"),), basic("ana", WORDS)
        known.add_user("ana", WORDS, grants["ana"])
        revoked = known.create_token("revoked", (Grant("admin"),))
        known.revoke_token("revoked")
    grants["jwt"] = (Grant("write", "shop.*"),)
    headers["jwt"] = bearer(signed(claims(issuer, scope="protolith:write:shop.*")))
    grants["jwt without scopes"] = ()
    headers["jwt without scopes"] = bearer(signed(claims(issuer, scope="openid")))
    headers |= {
        "revoked": bearer(revoked.secret),
        "unknown token": bearer(PREFIX + "A" * 43),
        "old jwt": bearer(signed(claims(issuer, exp=1))),
        "no scheme": {"Authorization": secret},
        "another scheme": {"Authorization": f"Digest {secret}"},
        "no base64": {"Authorization": "Basic !!"},
        "no colon": {"Authorization": "Basic " + base64.b64encode(b"ana").decode()},
        "long": bearer("x" * 20_000),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROTOLITH_OIDC_ISSUER", issuer.url)
        patch.setenv("PROTOLITH_OIDC_AUDIENCE", "registry")
        with TestClient(create_app(home, authentication=True)) as client:
            yield World(client, headers, grants)


def outcome(answer: Any, subject: str = "") -> tuple[Any, ...]:
    """An answer without what differs from request to request, and without the subject's name."""
    body = answer.text.replace(subject, "it") if subject else answer.text
    names = {"date", "content-length", "x-request-id"}
    headers = {name: value for name, value in answer.headers.items() if name not in names}
    return answer.status_code, nameless(body), headers


def nameless(text: str) -> str:
    return re.sub(r'"request_id":"[^"]*"', "", text)


def allowed(world: World, who: str, scope: Scope, subject: str | None) -> bool:
    return any(grant.covers(scope, subject) for grant in world.grants[who])


def test_every_route_declares_its_scope() -> None:
    app = create_app()
    paths = {getattr(route, "path", None) for route in app.routes} - {None}
    assert paths >= DESCRIPTIONS
    assert len(ROUTES) >= 30
    known = {route.path for route in ROUTES} | DESCRIPTIONS
    assert {path.replace("referencedBy", "referencedby") for path in paths} <= known
    for route in ROUTES:
        if route.method != "GET":
            assert route.needs.scope is not None, route
        if route.about_one and route.needs.scope != "read" and not route.lenient:
            assert route.needs.of in {"schema_id", "subject"}, route
    open_ = {route.path for route in ROUTES if route.needs.scope is None}
    assert open_ == {"/", "/health", "/health/live", "/health/ready"}


def test_a_route_without_a_scope_cannot_be_made() -> None:
    router = APIRouter(route_class=StrictRoute)
    for extra in (None, {}, {"description": "x"}, needs("read", "schema_id")):
        with pytest.raises(TypeError, match="/x"):
            router.get("/x", openapi_extra=extra)(lambda: None)
    router.get("/x/{schema_id}", openapi_extra=needs("write", "schema_id"))(lambda: None)
    FastAPI().include_router(router)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_who_is_not_known_gets_nothing(world: World, route: Route) -> None:
    for who in set(world.headers) - set(world.grants):
        for subject in (MINE, NONE):
            answer = world.ask(who, route.method, route.target(subject))
            if route.needs.scope is None:
                assert answer.status_code == 200, who
                continue
            assert answer.status_code == 401, who
            assert answer.json()["code"] == "UNAUTHENTICATED", who
            assert "Bearer" in answer.headers["www-authenticate"]
            assert outcome(answer, subject) == outcome(
                world.ask(who, route.method, route.target(HIDDEN)), HIDDEN
            )


def may_pass(world: World, who: str, route: Route, subject: str) -> bool:
    """Whether the declaration of a route lets somebody pass."""
    scope, grants = route.needs.scope, world.grants[who]
    assert scope is not None
    if route.about_one or route.needs.of == EVERYTHING:
        return allowed(world, who, scope, subject if route.about_one else None)
    return any(SCOPES.index(grant.scope) >= SCOPES.index(scope) for grant in grants)


@pytest.mark.parametrize("subject", [MINE, HIDDEN])
@pytest.mark.parametrize("route", STRICT, ids=str)
def test_each_identity_may_do_what_its_scope_says(world: World, route: Route, subject: str) -> None:
    """Where a route changes something, an unknown parameter ends it just behind the gate."""
    gate = "" if route.method == "GET" else "?unknown=1"
    target = route.target(subject) + gate
    wanted = outcome(world.ask("admin:*", route.method, target))
    assert wanted[0] in {200, 400}
    for who in world.grants:
        answer = world.ask(who, route.method, target)
        if may_pass(world, who, route, subject):
            assert answer.status_code == wanted[0], (who, answer.text)
            assert outcome(answer) == wanted or not route.about_one, who
        elif not world.grants[who] and route.needs.scope == "read":
            assert answer.status_code == 403, who
        elif route.about_one and not allowed(world, who, "read", subject):
            assert answer.status_code == 404, (who, answer.text)
            missing = world.ask(who, route.method, route.target(NONE) + gate)
            assert outcome(answer, subject) == outcome(missing, NONE), who
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN"), who


@pytest.mark.parametrize("route", LENIENT, ids=str)
def test_each_identity_may_ask_as_kafkas_clients_do(world: World, route: Route) -> None:
    """Behind the gate the store decides: who may not see a subject is told that it is not there."""
    scope = route.needs.scope
    assert scope is not None
    for who, grants in world.grants.items():
        level = max((SCOPES.index(grant.scope) for grant in grants), default=-1)
        enough = level >= SCOPES.index(scope)
        if route.needs.of == EVERYTHING:
            enough = allowed(world, who, scope, None)
        if not enough:
            answer = world.ask(who, route.method, route.target(MINE))
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN"), who
        elif route.method == "GET" and route.about_one:
            for subject in (MINE, HIDDEN):
                answer = outcome(world.ask(who, "GET", route.target(subject)), subject)
                wanted = (
                    (subject, "admin:*") if allowed(world, who, "read", subject) else (NONE, who)
                )
                other = world.ask(wanted[1], "GET", route.target(wanted[0]))
                assert answer == outcome(other, wanted[0]), who


def test_kafkas_clients_change_only_what_they_may(world: World) -> None:
    body = {"schema": OTHER, "schemaType": "PROTOBUF"}
    said = set()
    for subject in (HIDDEN, NONE):
        for who in ("ana", "write:shop.*"):
            answer = world.ask(who, "POST", f"/subjects/{subject}/versions", json=body)
            assert answer.status_code == 403, answer.text
            said.add(nameless(answer.text).replace(subject, "it"))
    assert len(said) == 1
    checks = ("/compatibility/subjects/{}/versions", "/subjects/{}")
    for path in (*checks, f"{checks[0]}/latest"):
        hidden, none = (
            outcome(world.ask("ana", "POST", path.format(name), json=body), name)
            for name in (HIDDEN, NONE)
        )
        assert hidden == none, path
    changes = [
        ("DELETE", "/subjects/{}", None),
        ("DELETE", "/subjects/{}/versions/1", None),
        ("PUT", "/config/{}", {"compatibility": "NONE"}),
        ("PUT", "/mode/{}", {"mode": "READONLY"}),
    ]
    for method, path, sent in changes:
        for who in ("mixed", "kafka", "admin:hr.*"):
            seen = method == "PUT" or allowed(world, who, "read", MINE)
            answer = world.ask(who, method, path.format(MINE), json=sent)
            assert answer.status_code == (403 if seen else 404), (who, path, answer.text)
        answer = world.ask("ana", method, path.format(HIDDEN), json=sent)
        assert answer.status_code == 403, path  # the scope is nowhere enough
    assert world.ask("admin:*", "GET", "/subjects").json() == sorted({MINE, HIDDEN})
    for who in ("ana", "jwt", "admin:hr.*"):
        names = [s for s in (HIDDEN, MINE) if allowed(world, who, "read", s)]
        assert world.ask(who, "GET", "/subjects").json() == names
    kept = world.ask("ana", "POST", "/subjects/shop.kafka/versions", json=body)
    assert kept.status_code == 200, kept.text
    trail = world.ask("admin:*", "GET", "/audit?limit=1").json()
    assert trail[0]["actor"] == "user:ana@testclient"
    world.ask("admin:*", "DELETE", "/subjects/shop.kafka")


def test_a_table_of_another_name_needs_that_name_too(tmp_path: Path) -> None:
    """Kafka's subject `people-value` is for the table `people`, which may be somebody else's."""
    ours, both = Grant("write", "people-*"), Grant("write", "bigquery_lite.people")
    body = {"schema": OTHER, "schemaType": "PROTOBUF"}
    with TestClient(create_app(tmp_path, authentication=True)) as client:
        registry = client.app.state.registry  # type: ignore[attr-defined]
        first, second = (
            bearer(registry.identities.create_token(name, grants).secret)
            for name, grants in (("subject", [ours]), ("subject-and-table", [ours, both]))
        )
        kept = client.post("/subjects/people-value/versions", json=body, headers=first)
        assert kept.status_code == 200, kept.text
        path = f"/schemas/{registry.get_schema_by_id(kept.json()['id']).schema_id}/tables"
        for headers, status in ((first, 403), (second, 200)):
            answer = client.post(path, json={"engine": "duckdb"}, headers=headers)
            assert answer.status_code == status, answer.text


def test_lists_have_only_what_may_be_seen(world: World) -> None:
    for who in world.grants:
        if not world.grants[who]:
            continue
        seen = [s for s in (HIDDEN, MINE) if allowed(world, who, "read", s)]
        listed = world.ask(who, "GET", "/schemas").json()
        assert [f"{x['database_name']}.{x['table_name']}" for x in listed] == seen, who
        found = world.ask(who, "GET", "/schemas/search?name=e").json()
        assert [f"{x['database_name']}.{x['table_name']}" for x in found] == seen, who
        tables = world.ask(who, "GET", "/deployments").json()
        assert [table["deployment_id"].partition(":")[0] for table in tables] == seen, who
        trail = world.ask(who, "GET", "/audit")
        if trail.status_code == 200 and EVERYTHING not in {g.subjects for g in world.grants[who]}:
            objects = {change["object"].partition("@")[0] for change in trail.json()}
            assert all(allowed(world, who, "admin", name) for name in objects), who
            assert objects >= {s for s in (HIDDEN, MINE) if allowed(world, who, "admin", s)}, who


def test_registering_where_one_may_not_tells_nothing(world: World) -> None:
    parts = [("proto_file", ("o.proto", OTHER))]
    said = set()
    for database, table in ((d, t) for d, _, t in (x.partition(".") for x in (HIDDEN, NONE))):
        form = {"table_name": table, "database_name": database}
        answer = world.ask("write:shop.*", "POST", "/schemas/register", files=parts, data=form)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
        said.add(nameless(answer.text).replace(f"{database}.{table}", "it"))
        batch = {"schemas": [{"proto_content": OTHER, **form}]}
        answer = world.ask("write:shop.*", "POST", "/schemas/register-batch", json=batch)
        assert answer.status_code == 403
        columns = {"schema_json": [{"name": "a", "type": "STRING"}], **form}
        answer = world.ask("write:shop.*", "POST", "/schemas/register-json", json=columns)
        assert answer.status_code == 403
    assert len(said) == 1
    form = {"table_name": "web", "database_name": "shop", "references": f"o.proto={HIDDEN}@1"}
    answer = world.ask("write:shop.*", "POST", "/schemas/register", files=parts, data=form)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_a_schema_of_somebody_else_in_a_body_looks_missing(world: World) -> None:
    fields = [{"name": "a", "type": "STRING"}]
    parts = [("proto_file", ("o.proto", OTHER))]
    said = set()
    for subject in (HIDDEN, NONE):
        body = {"schema_id": subject, "new_schema": fields}
        one = world.ask("admin:shop.*", "POST", "/schemas/compatibility", json=body)
        form = {"subject": subject}
        two = world.ask("admin:shop.*", "POST", "/compatibility/check", files=parts, data=form)
        assert (one.status_code, two.status_code) == (404, 404)
        said.add(nameless(one.text + two.text).replace(subject, "it"))
    assert len(said) == 1
    # What another was told is not told again, though it is remembered.
    body = {"schema_id": HIDDEN, "new_schema": fields}
    assert world.ask("admin:hr.*", "POST", "/schemas/compatibility", json=body).status_code == 200
    assert world.ask("jwt", "POST", "/schemas/compatibility", json=body).status_code == 404


@pytest.mark.parametrize(
    ("who", "actor"),
    [
        ("write:shop.*", "token:write.shop.all@testclient"),
        ("ana", "user:ana@testclient"),
        ("jwt", "oidc:ana@testclient"),
        ("admin:*", "token:admin.all@testclient"),
    ],
)
def test_the_audit_trail_says_who_it_was(world: World, who: str, actor: str) -> None:
    labels = {"labels": {"by": who.partition(":")[0]}}
    assert world.ask(who, "PATCH", f"/schemas/{MINE}", json=labels).status_code == 200
    parts = [("proto_file", ("o.proto", f"{OTHER} // {who}"))]
    form = {"table_name": "other", "database_name": "shop"}
    assert world.ask(who, "POST", "/schemas/register", files=parts, data=form).status_code == 200
    data = delimited(b"\x0a\x01a")
    loaded = world.ask(who, "POST", f"/schemas/{MINE}/ingest?engine=duckdb", content=data)
    assert loaded.status_code == 200, loaded.text
    trail = world.ask("admin:*", "GET", "/audit?limit=2").json()
    assert [(change["action"], change["actor"]) for change in trail] == [
        ("register", actor),
        ("label", actor),
    ]


def test_a_token_that_is_revoked_is_refused_at_once(world: World) -> None:
    known = world.client.app.state.registry.identities  # type: ignore[attr-defined]
    headers = bearer(known.create_token("short", (Grant("read"),)).secret)
    assert world.client.get("/schemas", headers=headers).status_code == 200
    known.revoke_token("short")
    assert world.client.get("/schemas", headers=headers).status_code == 401


def test_credentials_are_read_before_the_body(world: World) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(65_536)

    many = [*bearer("x").items(), *bearer("y").items()]
    answer = world.client.post("/schemas/register", content=b"noise", headers=many)
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_REQUEST")
    for who in ("nobody", "read:*"):
        answer = world.ask(who, "POST", "/schemas/register", content=b"noise")
        assert answer.status_code in {401, 403}


def test_wrong_passwords_are_few(world: World) -> None:
    for _ in range(5):
        assert world.client.get("/schemas", headers=basic("eve", WORDS)).status_code == 401
    answer = world.client.get("/schemas", headers=basic("eve", WORDS))
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
    assert answer.headers["retry-after"] == "60"
    assert world.ask("ana", "GET", "/schemas").status_code == 200  # remembered


def test_the_description_says_where_one_must_be_known(world: World) -> None:
    spec = world.client.get("/openapi.json").json()
    assert set(spec["components"]["securitySchemes"]) == {"bearer", "basic"}
    for path, methods in spec["paths"].items():
        for operation in methods.values():
            assert ("security" in operation) == (operation["x-scope"] != "none"), path
    assert "securitySchemes" not in create_app().openapi()["components"]


def test_without_authentication_everybody_may_do_everything(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path)) as client:
        for headers in ({}, bearer("nonsense")):
            assert client.get("/schemas", headers=headers).status_code == 200
