"""Types back from an engine's own text, by sqlglot's grammar and each dialect's own words."""

from functools import cache

from sqlglot import Dialect as Grammar
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from protolith.dialects.base import Dialect
from protolith.errors import MalformedError, quoted
from protolith.tables import (
    Boolean,
    Bytes,
    Column,
    Date,
    DateTime,
    Decimal,
    EnumName,
    Integer,
    List,
    Map,
    Range,
    Record,
    String,
    Timestamp,
    Type,
)


def read(dialect: Dialect, text: str) -> tuple[Type, bool]:
    """The type that a text names and whether it may be NULL, or raise `MalformedError`."""
    try:
        tree = exp.DataType.build(text, dialect=_grammar(dialect))
    except SqlglotError as error:
        raise _unknown(dialect, text) from error
    return _type(dialect, tree, text), _nullable(tree)


def grammar(dialect: Dialect) -> type[Grammar]:
    """Sqlglot's grammar of a dialect, with all of its type names."""
    return _grammar(dialect)


@cache
def _grammar(dialect: Dialect) -> type[Grammar]:
    """The grammar by sqlglot with the type names that its tokenizer does not know."""
    found = type(Grammar.get_or_raise(dialect.grammar or dialect.name))
    words = {word: TokenType[token] for word, token in dialect.words.items()}
    known = found.tokenizer_class
    tokenizer = type("Tokenizer", (known,), {"KEYWORDS": known.KEYWORDS | words})
    return type(f"Protolith{found.__name__}", (found,), {"Tokenizer": tokenizer})


def _type(dialect: Dialect, tree: exp.Expression, text: str) -> Type:
    if type(tree) is not exp.DataType or tree.args.get("values"):  # OID is a class under it
        raise _unknown(dialect, text)
    inner = tree.expressions
    match tree.this.name, inner:
        case "STRUCT", [_, *_] if all(isinstance(part, exp.ColumnDef) for part in inner):
            return Record(tuple(_column(dialect, part, text) for part in inner))
        case "ARRAY" | "LIST", [element]:
            return List(_type(dialect, element, text))
        case "MAP", [key, value]:
            return _map(dialect, key, value, text)
        case "RANGE", [element]:
            return _range(_type(dialect, element, text), dialect, text)
        case "LOWCARDINALITY", [element] if _type(dialect, element, text) == String():
            return EnumName()
        case name, _:
            return _scalar(dialect, name, [part.name for part in inner], text)


def _scalar(dialect: Dialect, name: str, parameters: list[str], text: str) -> Type:
    exact = f"{name}({', '.join(parameters)})" if parameters else name
    if exact in dialect.scalars:
        return dialect.scalars[exact]
    match dialect.scalars.get(name), parameters:
        case Decimal(), [precision, *scale]:
            return Decimal(int(precision), int(scale[0]) if scale else 0)
        case String(), [length]:
            return String(int(length))
        case Bytes(), [length]:
            return Bytes(int(length))
        case _:
            raise _unknown(dialect, text)


def _range(element: Type, dialect: Dialect, text: str) -> Range:
    if not isinstance(element, Date | DateTime | Timestamp):
        raise _unknown(dialect, text)
    return Range(element)


def _map(dialect: Dialect, key: exp.Expression, value: exp.Expression, text: str) -> Map:
    read_key = _type(dialect, key, text)
    if not isinstance(read_key, Boolean | Integer | String):
        raise _unknown(dialect, text)
    return Map(read_key, _type(dialect, value, text))


def _column(dialect: Dialect, part: exp.ColumnDef, text: str) -> Column:
    kind = part.args["kind"]
    type_ = _type(dialect, kind, text)
    required = any(isinstance(c.kind, exp.NotNullColumnConstraint) for c in part.constraints)
    nullable = _nullable(kind) and not required and not isinstance(type_, List | Map)
    return Column(part.this.this, type_, nullable=nullable)  # .sql() would quote the name


def _nullable(tree: exp.DataType) -> bool:
    """Whether NULL is possible: where a text says nothing about it, it is."""
    low = tree.this.name == "LOWCARDINALITY"
    return (tree.expressions[0] if low else tree).args.get("nullable") is not False


def _unknown(dialect: Dialect, text: str) -> MalformedError:
    return MalformedError(
        f"{type(dialect).__name__}'s type {quoted(text)} is none that a table can have",
        hint="only types that Protolith itself writes can be read back",
    )
