"""JWTs of an OpenID Connect issuer: fixed algorithms, required claims, keys that change."""

import json
import os
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry, decode

from protolith.errors import BusyError, MalformedError, UnauthenticatedError, quoted
from protolith.store.access import SCOPES, Caller, Grant

VARIABLES = {
    "issuer": "PROTOLITH_OIDC_ISSUER",
    "audience": "PROTOLITH_OIDC_AUDIENCE",
    "keys": "PROTOLITH_OIDC_KEYS",
    "claim": "PROTOLITH_OIDC_CLAIM",
}
"""The environment variable of each setting."""

ALGORITHMS = ("RS256", "ES256", "Ed25519", "EdDSA")
MAX_TOKEN = 8 * 1024
MAX_KEYS = 256 * 1024
FETCH_SECONDS = 5.0
KEEP_SECONDS = 600.0
LEEWAY_SECONDS = 30
_LEAST_SECONDS = 10.0  # between two fetches, whatever key ids are sent
_TYPES = ("jwt", "at+jwt")
_HEADERS = {"alg", "kid", "typ", "x5t", "x5t#S256"}  # none of them says where a key is
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Which issuer's JWTs are good, for which audience, and which claim has the scopes.

    Without `keys` the issuer's own description says where its key set is.
    """

    issuer: str
    audience: str
    keys: str | None = None
    claim: str = "scope"

    def __post_init__(self) -> None:
        for address in (self.issuer, self.keys or self.issuer):
            _check_address(address)

    @classmethod
    def from_environment(cls) -> Self | None:
        """What the environment variables say; None if they name no issuer."""
        given = {name: os.environ.get(key) or None for name, key in VARIABLES.items()}
        if given["issuer"] is None:
            return None
        if given["audience"] is None:
            hint = f"set {VARIABLES['audience']} to what the JWTs have as aud"
            raise MalformedError(f"{VARIABLES['issuer']} is set, but no audience", hint=hint)
        return cls(**{name: value for name, value in given.items() if value is not None})


@dataclass
class Issuer:
    """An issuer whose JWTs say who asks. Its methods wait for the network now and then."""

    settings: OidcSettings
    clock: Callable[[], float] = time.time
    _keys: KeySet | None = field(default=None, init=False)
    _fetched: float = field(default=float("-inf"), init=False)
    _asked: float = field(default=float("-inf"), init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def caller(self, token: str) -> Caller:
        """Who a JWT is of, and what it allows; raise `UnauthenticatedError` if it is not good."""
        if len(token) > MAX_TOKEN:
            raise _refused("it is too long")
        kid = _kid(token)
        try:
            claims = decode(token, self._known(kid), algorithms=list(ALGORITHMS)).claims
            self._claims().validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _refused(getattr(error, "description", "") or type(error).__name__) from None
        return Caller(f"oidc:{claims['sub']}", tuple(_grants(claims.get(self.settings.claim))))

    def _claims(self) -> JWTClaimsRegistry:
        return JWTClaimsRegistry(
            now=lambda: int(self.clock()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.audience},
            sub={"essential": True},
            exp={"essential": True},
        )

    def _known(self, kid: str) -> KeySet:
        with self._lock:
            now = self.clock()
            old = now - self._fetched > KEEP_SECONDS
            if (old or not _has(self._keys, kid)) and now - self._asked > _LEAST_SECONDS:
                self._asked = now
                self._keys = self._fetch()
                self._fetched = now
            if self._keys is None:
                raise _unreachable(self.settings.issuer, "it did not answer lately")
            if not _has(self._keys, kid):
                raise _refused("its key is not one of the issuer's")
            return self._keys

    def _fetch(self) -> KeySet:
        address = self.settings.keys
        if address is None:
            about = _get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            address = str(about.get("jwks_uri"))
            _check_address(address)
        found = _get(address).get("keys")
        keys = [key for key in found if _signs(key)] if isinstance(found, list) else []
        if not keys:
            raise _unreachable(address, "it has no keys that sign")
        try:
            return KeySet.import_key_set({"keys": keys})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _unreachable(address, f"a key is not one: {type(error).__name__}") from None


def _has(keys: KeySet | None, kid: str) -> bool:
    return keys is not None and any(key.kid == kid for key in keys.keys)


def _signs(key: Any) -> bool:
    """Only public keys with a name; a secret one would let the server's own key be forged."""
    return (
        isinstance(key, dict)
        and key.get("kty") in {"RSA", "EC", "OKP"}
        and isinstance(key.get("kid"), str)
        and key.get("use", "sig") == "sig"
    )


def _kid(token: str) -> str:
    """The key's id, from a header that says no more than it may."""
    head, *rest = token.split(".")
    try:
        header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        raise _refused("it is not a JWT") from None
    if len(rest) != 2 or not isinstance(header, dict):  # noqa: PLR2004
        raise _refused("it is not a JWT")
    if set(header) - _HEADERS or str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise _refused("its header says more than alg, kid and typ")
    if not isinstance(header.get("kid"), str):
        raise _refused("it does not say which key signed it")
    return str(header["kid"])


def _grants(claim: Any) -> Iterator[Grant]:
    """From `protolith:read` or `protolith:write:shop.*`, in a text or a list; others are not ours.

    A misspelt one allows nothing.
    """
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    for word in words:
        ours, _, rest = str(word).partition(":")
        scope, _, subjects = rest.partition(":")
        if ours == "protolith" and scope in SCOPES:
            try:
                yield Grant(scope, subjects or "*")
            except MalformedError:
                continue


class _Straight(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> Request | None:
        return None


def _get(address: str) -> dict[str, Any]:
    request = Request(address, headers={"Accept": "application/json"})  # noqa: S310 - checked
    try:
        with build_opener(_Straight).open(request, timeout=FETCH_SECONDS) as answer:
            text = answer.read(MAX_KEYS + 1)
    except (URLError, OSError, ValueError) as error:
        raise _unreachable(address, type(error).__name__) from None
    try:
        found = json.loads(text) if len(text) <= MAX_KEYS else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _unreachable(address, "it answers with something else")
    return found


def _check_address(address: str) -> None:
    parts = urlsplit(address)
    near = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or (parts.scheme != "https" and not near):
        raise MalformedError(f"{quoted(address)} is not an https address", hint="an issuer's is")


def _unreachable(address: str, reason: str) -> BusyError:
    what = f"the keys of {quoted(address)} could not be fetched: {reason}"
    return BusyError(what, hint="try again in a moment")


def _refused(reason: str) -> UnauthenticatedError:
    return UnauthenticatedError(f"the JWT is not good: {reason}", hint="ask the issuer for another")
