"""Commands that say who may come in through a server."""

import sys
from getpass import getpass

from protolith.cli.output import OUTPUT
from protolith.cli.registry import open_registry
from protolith.store import Grant, Scope

_TOKENS = ("name", "grants", "created_at", "expires_at", "revoked_at", "used_at")
_USERS = ("name", "grants", "created_at")


def token_create(
    name: str,
    *,
    scope: Scope,
    database: tuple[str, ...] = (),
    subject: tuple[str, ...] = (),
    days: int | None = None,
) -> None:
    """Make a token for a program, and print it: nothing can print it again.

    Parameters
    ----------
    name: str
        What the audit trail calls it.
    scope: Literal["read", "write", "admin"]
        What it allows; each includes those before it.
    database: tuple[str, ...]
        For subjects of these databases; for everything if neither this nor --subject is given.
    subject: tuple[str, ...]
        For these subjects, as database.table or database.prefix*.
    days: int | None
        How long it is good; until it is revoked if not given.
    """
    with open_registry() as registry:
        token = registry.identities.create_token(name, _grants(scope, database, subject), days=days)
    about = {"name": token.name, "token": token.secret, "grants": [str(g) for g in token.grants]}
    OUTPUT.value({**about, "expires_at": token.expires_at}, token.secret)


def token_list() -> None:
    """List every token that was ever made, without its secret."""
    with open_registry() as registry:
        found = registry.identities.tokens()
    shown = [{name: getattr(token, name) for name in _TOKENS} for token in found]
    OUTPUT.rows([{**row, "grants": " ".join(map(str, row["grants"]))} for row in shown], _TOKENS)


def token_revoke(name: str) -> None:
    """Let a token allow nothing any more, from its next request on.

    Parameters
    ----------
    name: str
        The token's name.
    """
    with open_registry() as registry:
        registry.identities.revoke_token(name)
    OUTPUT.value({"name": name, "revoked": True}, f"{name}: revoked")


def user_add(
    name: str, *, scope: Scope, database: tuple[str, ...] = (), subject: tuple[str, ...] = ()
) -> None:
    """Let a person in with a password, which is asked for, or read from standard input.

    Parameters
    ----------
    name: str
        The name to log in with.
    scope: Literal["read", "write", "admin"]
        What the person may do; each includes those before it.
    database: tuple[str, ...]
        For subjects of these databases; for everything if neither this nor --subject is given.
    subject: tuple[str, ...]
        For these subjects, as database.table or database.prefix*.
    """
    grants = _grants(scope, database, subject)
    with open_registry() as registry:
        registry.identities.add_user(name, _password(), grants)
    OUTPUT.value({"name": name, "grants": [str(grant) for grant in grants]}, f"{name}: added")


def user_password(name: str) -> None:
    """Give a person another password, which is asked for, or read from standard input.

    Parameters
    ----------
    name: str
        The person's name.
    """
    with open_registry() as registry:
        registry.identities.change_password(name, _password())
    OUTPUT.value({"name": name, "changed": True}, f"{name}: the password was changed")


def user_list() -> None:
    """List everybody who may come in with a password."""
    with open_registry() as registry:
        found = registry.identities.users()
    OUTPUT.rows(
        [
            {
                "name": user.name,
                "grants": " ".join(map(str, user.grants)),
                "created_at": user.created_at,
            }
            for user in found
        ],
        _USERS,
    )


def user_remove(name: str) -> None:
    """Let a person in no more.

    Parameters
    ----------
    name: str
        The person's name.
    """
    with open_registry() as registry:
        registry.identities.remove_user(name)
    OUTPUT.value({"name": name, "removed": True}, f"{name}: removed")


def _grants(
    scope: Scope, databases: tuple[str, ...], subjects: tuple[str, ...]
) -> tuple[Grant, ...]:
    named = (*(f"{database}.*" for database in databases), *subjects)
    return tuple(Grant(scope, name) for name in named or ("*",))


def _password() -> str:
    """Never from the command line, which other users of the machine can see."""
    if sys.stdin.isatty():
        return getpass("password: ")
    return sys.stdin.readline().rstrip("\r\n")
