"""Which scope each route needs, and who asks for it.

A route says what it needs where it is declared; one that does not cannot be made. Whose subjects a
caller sees is the store's part: it leaves out what the caller may not see.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from fastapi import FastAPI

from protolith.errors import ForbiddenError, UnauthenticatedError
from protolith.registry import SchemaRegistry
from protolith.registry.identities import PREFIX, Identities
from protolith.store.access import (
    EVERYTHING,
    SCOPES,
    Caller,
    Scope,
    check,
    forbidden,
    limited_to,
    may,
)
from protolith.web.oidc import Issuer

CHALLENGE = 'Bearer realm="protolith", Basic realm="protolith", charset="UTF-8"'
MAX_CREDENTIALS = 16 * 1024
_SCOPE, _OF, _NO_SCOPE = "x-scope", "x-scope-of", "none"


@dataclass(frozen=True, slots=True)
class Needs:
    """The scope that a route needs, None where it is open to all.

    `of` is the path parameter with the schema it is needed for, `*` where it is needed for
    everything, and None where any subject will do and the store decides about each.
    """

    scope: Scope | None
    of: str | None = None

    @classmethod
    def said_by(cls, extra: Mapping[str, Any] | None, path: str) -> Self:
        """What a route's `openapi_extra` says."""
        if not extra or _SCOPE not in extra:
            raise TypeError(f"{path} does not say which scope it needs: openapi_extra=needs(…)")
        of = extra.get(_OF)
        if of not in (None, EVERYTHING) and not re.search(rf"\{{{of}[:}}]", path):
            raise TypeError(f"{path} has no {of}")
        scope = extra[_SCOPE]
        return cls(None if scope == _NO_SCOPE else scope, of)


def needs(scope: Scope | None, of: str | None = None) -> dict[str, Any]:
    """The declaration of a route, as its `openapi_extra`; see `Needs`."""
    return {_SCOPE: scope or _NO_SCOPE} | ({} if of is None else {_OF: of})


def describe_credentials(app: FastAPI) -> None:
    """Let the description of the API say how to log in, and where that is needed."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        spec = plain()
        schemes = {kind: {"type": "http", "scheme": kind} for kind in ("bearer", "basic")}
        spec.setdefault("components", {})["securitySchemes"] = schemes
        for operation in (one for path in spec["paths"].values() for one in path.values()):
            if operation[_SCOPE] != _NO_SCOPE:
                operation["security"] = [{kind: []} for kind in schemes]
        return spec

    app.openapi = described  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Guard:
    """Knows tokens, users and an issuer's JWTs. Its methods wait for the store or the network."""

    identities: Identities
    issuer: Issuer | None = None

    def admit(
        self,
        needed: Needs,
        authorization: str,
        address: str,
        asked: tuple[SchemaRegistry, Mapping[str, Any]],
    ) -> Caller:
        """Who asks, if that may be answered; `asked` are the registry and the path's parameters."""
        caller = self.caller(authorization, address)
        with limited_to(caller.grants):
            _check(needed, caller, *asked)
        return caller

    def caller(self, authorization: str, address: str) -> Caller:
        """Who it is that sent this header."""
        kind, _, value = authorization.strip().partition(" ")
        secret = value.strip()
        if len(secret) > MAX_CREDENTIALS:
            raise _unreadable()
        match kind.lower():
            case "bearer" if secret.startswith(PREFIX):
                return self.identities.by_token(secret)
            case "bearer" if self.issuer is not None:
                return self.issuer.caller(secret)
            case "basic":
                name, password = _pair(secret)
                if password.startswith(PREFIX):  # clients that have only a user and a password
                    return self.identities.by_token(password)
                return self.identities.by_password(name, password, address)
            case _:
                raise UnauthenticatedError(
                    "a token or a password is needed", hint="Authorization: Bearer or Basic"
                )


def _check(
    needed: Needs, caller: Caller, registry: SchemaRegistry, parameters: Mapping[str, Any]
) -> None:
    scope = needed.scope
    if scope is None or may(scope, None):
        return
    if needed.of == EVERYTHING:
        raise forbidden(scope, None)
    if needed.of is not None and scope != "read":  # what is read, the store looks after
        check(scope, registry.subject_of(parameters[needed.of]))
    elif not any(SCOPES.index(grant.scope) >= SCOPES.index(scope) for grant in caller.grants):
        raise ForbiddenError(
            f"this needs the scope {scope}", hint="ask who gave you the token or the user"
        )


def _pair(secret: str) -> tuple[str, str]:
    try:
        name, colon, password = b64decode(secret, validate=True).decode().partition(":")
    except ValueError:
        raise _unreadable() from None
    if not colon or "\0" in name:
        raise _unreadable()
    return name, password


def _unreadable() -> UnauthenticatedError:
    return UnauthenticatedError(
        "the header Authorization cannot be read", hint="Basic: base64 of user:password"
    )
