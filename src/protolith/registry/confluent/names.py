"""Names of subjects: any text, within a context that stands before it as `:.context:`."""

import re

from protolith.layout import DEFAULT_DATABASE
from protolith.registry.confluent.refusals import ConfluentError
from protolith.tables import MAX_NAME

DEFAULT_CONTEXT = "."

_MAX_BYTES = 1000
_QUALIFIED = re.compile(r":(\.[^:]*):(.*)", re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENDS = ("-value", "-key")


def split(name: str) -> tuple[str, str]:
    """The context and the bare name."""
    found = _QUALIFIED.fullmatch(name)
    return (found[1], found[2]) if found else (DEFAULT_CONTEXT, name)


def joined(context: str, bare: str) -> str:
    """A bare name within a context; the default context has bare names."""
    return bare if context == DEFAULT_CONTEXT else f":{context}:{bare}"


def plain(name: str) -> str:
    """A name as it is kept: without the default context before it."""
    if "\0" in name:  # no store could look for it
        raise _not_a_name()
    return joined(*split(name))


def checked(name: str) -> str:
    """The name of a new subject as it is kept."""
    context, bare = split(name)
    wrong = (
        not bare
        or bare in ("__GLOBAL", "__EMPTY")
        or context == ".__GLOBAL"
        or len(name.encode()) > _MAX_BYTES
        or any(ord(c) < 32 or ord(c) == 127 for c in name)  # noqa: PLR2004
    )
    if wrong:
        raise _not_a_name()
    return joined(context, bare)


def _not_a_name() -> ConfluentError:
    return ConfluentError(
        42208,
        "The subject's name is not valid",
        hint=f"any text without control characters, of 1 to {_MAX_BYTES} bytes",
    )


def within(name: str, context: str) -> str:
    """A name said by something in a context: its own context, unless it says another."""
    own, bare = split(plain(name))
    return joined(context if own == DEFAULT_CONTEXT else own, bare)


def shown(name: str, context: str) -> str:
    """A name as something in a context says it."""
    own, bare = split(name)
    return bare if own == context else name


def matches(name: str, prefix: str) -> bool:
    """Whether a subject is asked for by a prefix; `:*:` stands for every context."""
    if prefix.startswith(":*:"):
        return split(name)[1].startswith(prefix[3:])
    return name.startswith(plain(prefix)) and (bool(prefix[:1] == ":") or name[:2] != ":.")


def table_of(name: str) -> tuple[str, str]:
    """The database and the table that a subject is for, unless it says otherwise.

    `shop.orders` is a table of its own; else the topic's name, with `_` for what no name may have.
    """
    context, bare = split(name)
    parts = bare.split(".")
    if len(parts) == 2 and all(map(_IDENTIFIER.fullmatch, parts)):  # noqa: PLR2004
        return parts[0], parts[1]
    database = DEFAULT_DATABASE if context == DEFAULT_CONTEXT else _identifier(context[1:])
    topic = bare.removesuffix("-value")
    return database, _identifier(topic.removesuffix(".proto"))


def _identifier(text: str) -> str:
    found = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return (found if re.match(r"[A-Za-z_]", found) else f"_{found}")[:MAX_NAME]
