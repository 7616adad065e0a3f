"""Whatever is sent, no answer is the server's fault, and every refusal has the usual shape."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postgres import postgres
from protolith.store.postgres import PostgresStore
from protolith.web.app import create_app
from protolith.web.confluent.lenient import TAG

__all__ = ["postgres"]

EXAMPLES = int(os.environ.get("PROTOLITH_EXAMPLES", "150"))
ONE = 'syntax = "proto3"; package acme; message User { string name = 1; }'

names = st.sampled_from(
    ["s", "a/b", ":.c:s", ":.c:", ":.__GLOBAL:", "-", "", "%", "x@1", "\0", "ü"]
)
words = st.one_of(
    names,
    st.sampled_from(
        ["1", "-1", "latest", "0", "9" * 30, "true", "True", "serialized", "NONE", "²"]
    ),
    st.text(max_size=8),
)
schemas = st.sampled_from(
    [ONE, ONE.replace("string", "double"), "", "x", "CgFh", "CgFhYgA=", ";", "\ud800"]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
references = st.lists(
    st.fixed_dictionaries({"name": words, "subject": names, "version": st.integers(-2, 3)}),
    max_size=2,
)
rules = st.fixed_dictionaries(
    {}, optional={"domainRules": st.lists(st.fixed_dictionaries({"name": words}), max_size=2)}
)
properties = st.fixed_dictionaries(
    {}, optional={"properties": st.dictionaries(words, words, max_size=2)}
)
associations = st.lists(
    st.fixed_dictionaries({"subject": names}, optional={"lifecycle": st.just("STRONG")}), max_size=2
)
bodies = st.one_of(
    values,
    st.fixed_dictionaries(
        {"schema": schemas, "schemaType": st.just("PROTOBUF")},
        optional={
            "references": references | values,
            "metadata": properties | values,
            "ruleSet": rules | values,
            "id": values,
        },
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "compatibility": st.sampled_from(["FULL", "none", "x"]) | values,
            "mode": st.sampled_from(["READONLY", "READWRITE", "IMPORT"]) | values,
            "alias": names,
            "normalize": st.booleans(),
            "compatibilityGroup": words,
            "defaultMetadata": properties | values,
            "overrideRuleSet": rules | values,
            "protolith": st.dictionaries(
                st.sampled_from(["policy", "levels", "database", "table", "message"]), values
            ),
        },
    ),
    st.fixed_dictionaries(
        {"resourceName": words, "resourceNamespace": words, "resourceId": names},
        optional={"associations": associations | values, "requests": st.lists(values, max_size=2)},
    ),
)
parameters = st.dictionaries(
    st.sampled_from(
        ["deleted", "permanent", "normalize", "verbose", "format", "subject", "subjectPrefix",
         "offset", "limit", "key", "value", "force", "resourceType", "associationType",
         "latestOnly"]
    ),
    words,
    max_size=3,
)  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def http(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    home = tmp_path_factory.mktemp("fuzzed")
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "postgresql":
            address = request.getfixturevalue("postgres").database()
            store = PostgresStore(address, checked=False)
            store.upgrade()
            store.close()
            patched.setenv("PROTOLITH_STORE", address)
        yield from opened_at(home)


def opened_at(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(home), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def routes(http: TestClient) -> list[tuple[str, str]]:
    paths = http.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if TAG in operation.get("tags", ())
    ]


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_answer_is_the_servers_fault(
    http: TestClient, routes: list[tuple[str, str]], data: st.DataObject
) -> None:
    for _ in range(5):
        method, path = data.draw(st.sampled_from(routes))
        while "{" in path:
            before, _, rest = path.partition("{")
            part = data.draw(words).encode("utf-8", "replace")
            path = before + (quote(part, safe="") or "s") + rest.partition("}")[2]
        sent: dict[str, Any] = {"params": data.draw(parameters)}
        if method in ("POST", "PUT"):
            sent["content"] = json.dumps(data.draw(bodies))
        answer = http.request(method, path, **sent)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert isinstance(answer.json()["error_code"], int)
            assert answer.json()["message"]
        http.put("/mode", json={"mode": "READWRITE"})
