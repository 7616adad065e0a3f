"""JWTs against a real key set, served by a real server."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from protolith import BusyError, MalformedError, UnauthenticatedError
from protolith.store import Grant
from protolith.web.oidc import MAX_KEYS, Issuer, OidcSettings

RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
OTHER = RSAKey.generate_key(2048, {"kid": "rsa"})
ALGORITHMS = [("RS256", RSA), ("ES256", EC), ("EdDSA", ED), ("Ed25519", ED)]
NOW = time.time()


class Keys(ThreadingHTTPServer):
    """An issuer; `answers` are its pages."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.answers: dict[str, bytes] = {}
        self.publish(RSA, EC, ED)
        about = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.answers["/.well-known/openid-configuration"] = json.dumps(about).encode()

    def publish(self, *keys: Any) -> None:
        found = [key.as_dict(private=False) for key in keys]
        self.answers["/keys"] = json.dumps({"keys": found}).encode()


class Handler(BaseHTTPRequestHandler):
    server: Keys

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.answers.get(self.path)
        self.send_response(200 if body is not None else 302)
        if body is None:
            self.send_header("Location", f"{self.server.url}/keys")
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Keys]:
    with Keys() as keys:
        thread = Thread(target=keys.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield keys
        keys.shutdown()
        thread.join()


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(server: Keys, clock: Clock) -> Issuer:
    return Issuer(OidcSettings(server.url, "registry"), clock)


def claims(server: Keys, **more: Any) -> dict[str, Any]:
    found = {"iss": server.url, "aud": "registry", "sub": "ana", "exp": int(time.time()) + 300}
    found |= {"scope": "openid protolith:write:shop.* protolith:read"} | more
    return {name: value for name, value in found.items() if value is not None}


def signed(given: dict[str, Any], key: Any = RSA, algorithm: str = "RS256", **head: Any) -> str:
    header = {"alg": algorithm, "kid": key.kid} | head
    return jwt.encode(
        {name: value for name, value in header.items() if value is not None},
        given,
        key,
        algorithms=["RS256", "ES256", "EdDSA", "Ed25519", "RS512", "PS256"],
    )


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # issuers still call it that
@pytest.mark.parametrize(("algorithm", "key"), ALGORITHMS)
def test_a_jwt_says_who_asks_and_what_that_allows(
    server: Keys, issuer: Issuer, algorithm: str, key: Any
) -> None:
    caller = issuer.caller(signed(claims(server), key, algorithm))
    assert caller.name == "oidc:ana"
    assert caller.grants == (Grant("write", "shop.*"), Grant("read", "*"))
    assert server.asked == ["/.well-known/openid-configuration", "/keys"]
    issuer.caller(signed(claims(server), key, algorithm))
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("scope", "grants"),
    [
        (["protolith:admin"], (Grant("admin", "*"),)),
        ("protolith:owner protolith protolith:read:*.x other:read", ()),
        (None, ()),
        (7, ()),
        ([{}, 1], ()),
    ],
)
def test_scopes_that_are_not_ours_allow_nothing(
    server: Keys, issuer: Issuer, scope: Any, grants: tuple[Grant, ...]
) -> None:
    assert issuer.caller(signed(claims(server, scope=scope))).grants == grants


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"exp": None},
        {"exp": int(NOW) - 31},
        {"exp": "soon"},
        {"nbf": int(NOW) + 60},
    ],
    ids=[
        "iss",
        "no-iss",
        "aud",
        "auds",
        "no-aud",
        "no-sub",
        "empty-sub",
        "no-exp",
        "expired",
        "exp-of-words",
        "not-yet",
    ],
)
def test_claims_that_are_not_good(server: Keys, issuer: Issuer, wrong: dict[str, Any]) -> None:
    with pytest.raises(UnauthenticatedError, match="the JWT is not good"):
        issuer.caller(signed(claims(server, **wrong)))
    assert issuer.caller(signed(claims(server, exp=int(NOW) - 29))).name == "oidc:ana"


@pytest.mark.parametrize(
    "head",
    [
        {"kid": None},
        {"kid": "unknown"},
        {"jku": "http://127.0.0.1/keys"},
        {"x5u": "http://127.0.0.1/cert"},
        {"jwk": RSA.as_dict(private=False)},
        {"typ": "logout+jwt"},
    ],
    ids=lambda head: next(iter(head)),
)
def test_headers_that_are_not_good(server: Keys, issuer: Issuer, head: dict[str, Any]) -> None:
    with pytest.raises(UnauthenticatedError):
        issuer.caller(signed(claims(server), **head))


def test_signatures_that_are_not_good(server: Keys, issuer: Issuer) -> None:
    good = signed(claims(server))
    head, payload, signature = good.split(".")
    secret = RSA.as_pem(private=False)  # an HMAC with the public key
    hs256, none = _base64(b'{"alg":"HS256","kid":"rsa"}'), _base64(b'{"alg":"none","kid":"rsa"}')
    forged = _base64(hmac.digest(secret, f"{hs256}.{payload}".encode(), "sha256"))
    crit = _base64(b'{"alg":"RS256","kid":"rsa","crit":["b64"],"b64":false}')
    other = _base64(json.dumps(claims(server, sub="eve")).encode())
    bad = [
        signed(claims(server), OTHER),
        signed(claims(server), RSA, "RS512"),
        signed(claims(server), RSA, "PS256"),
        f"{hs256}.{payload}.{forged}",
        f"{none}.{payload}.",
        f"{crit}.{payload}.{signature}",
        f"{head}.{other}.{signature}",
        f"{head}.{payload}.",
        good[:-4],
        f"{head}.{payload}",
        "a.b.c",
        "",
        "....",
        "x" * 9_000,
        f"{head}.{payload}.{signature}.{signature}.{signature}",
    ]
    for token in bad:
        with pytest.raises(UnauthenticatedError):
            issuer.caller(token)
    assert issuer.caller(good).name == "oidc:ana"


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def test_keys_change(server: Keys, issuer: Issuer, clock: Clock) -> None:
    issuer.caller(signed(claims(server)))
    new = ECKey.generate_key("P-256", {"kid": "new"})
    server.publish(EC, new)
    token = signed(claims(server, exp=int(NOW) + 9_000), new, "ES256")
    with pytest.raises(UnauthenticatedError):  # it was fetched a moment ago
        issuer.caller(token)
    clock.now += 11
    assert issuer.caller(token).name == "oidc:ana"
    asked = len(server.asked)
    with pytest.raises(UnauthenticatedError):  # the old key is gone
        issuer.caller(signed(claims(server, exp=int(NOW) + 9_000)))
    assert len(server.asked) == asked
    clock.now += 601
    server.publish(EC)
    with pytest.raises(UnauthenticatedError):  # and so is the new one, once looked at again
        issuer.caller(token)


def test_many_unknown_keys_are_few_questions(server: Keys, issuer: Issuer) -> None:
    for index in range(20):
        with pytest.raises(UnauthenticatedError):
            issuer.caller(signed(claims(server), RSA, kid=f"k{index}"))
    assert server.asked.count("/keys") == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": [{"kty": "oct", "kid": "rsa", "k": "AAAA"}]}',
        b'{"keys": [{"kty": "RSA", "kid": "rsa"}]}',
        b'{"keys": [7]}',
        b"[" * 100_000,
        b'{"keys": ["' + b"x" * MAX_KEYS + b'"]}',
        None,
    ],
    ids=lambda answer: repr(answer)[:40],
)
def test_key_sets_that_are_none(server: Keys, issuer: Issuer, answer: bytes | None) -> None:
    if answer is None:
        del server.answers["/keys"]  # a redirect is not followed
        server.answers["/elsewhere"] = b"{}"
    else:
        server.answers["/keys"] = answer
    with pytest.raises(BusyError, match="the keys of"):
        issuer.caller(signed(claims(server)))


def test_an_issuer_that_is_away(server: Keys, clock: Clock) -> None:
    issuer = Issuer(OidcSettings(server.url, "registry", "http://127.0.0.1:9/keys"), clock)
    for _ in range(2):
        with pytest.raises(BusyError):
            issuer.caller(signed(claims(server)))


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OidcSettings.from_environment() is None
    monkeypatch.setenv("PROTOLITH_OIDC_ISSUER", "https://id.example")
    with pytest.raises(MalformedError, match="no audience"):
        OidcSettings.from_environment()
    monkeypatch.setenv("PROTOLITH_OIDC_AUDIENCE", "registry")
    assert OidcSettings.from_environment() == OidcSettings("https://id.example", "registry")
    for address in ("http://id.example", "file:///etc/passwd", "https://", "ftp://127.0.0.1/"):
        monkeypatch.setenv("PROTOLITH_OIDC_KEYS", address)
        with pytest.raises(MalformedError, match="not an https address"):
            OidcSettings.from_environment()
