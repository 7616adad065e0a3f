"""Expressions from users: read by sqlglot, held to a list of what is allowed, written again by us.

What a user wrote is never part of a statement: names are found in the table and quoted, literals
are escaped, functions are spelled as they stand in the list.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache

from sqlglot import Dialect as Grammar
from sqlglot import exp
from sqlglot.errors import SqlglotError

from protolith.dialects.base import Dialect
from protolith.dialects.reading import grammar
from protolith.errors import Detail, ExpressionError, MalformedError, quoted
from protolith.tables import Column

_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_UNITS = ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
_MAX_LENGTH = 10_000
_MAX_DEPTH = 50
_OPERATORS: dict[type[exp.Expression], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.And: "AND",
    exp.Or: "OR",
}


def parse(dialect: Dialect, text: str, *, at: str) -> exp.Expression:
    """The tree of one expression in a dialect's SQL, or `ExpressionError`; `at` says whose it is.

    Functions are `exp.Anonymous` named as they were written: none is another's synonym.
    """
    if len(text) > _MAX_LENGTH:
        raise refused(text, at, f"it has more than {_MAX_LENGTH:,} characters")
    language = _bare(dialect)()
    try:
        if any(token.comments for token in language.tokenize(f"SELECT {text}")):
            raise refused(text, at, "a comment cannot be part of it")
        statements = language.parse(f"SELECT {text}")
    except (SqlglotError, RecursionError):
        raise refused(text, at, "it is not an expression") from None
    match statements:
        case [exp.Select() as select] if _is_bare(select) and len(select.expressions) == 1:
            tree: exp.Expression = select.expressions[0]
            if _depth(tree) > _MAX_DEPTH:
                raise refused(text, at, f"it is nested in more than {_MAX_DEPTH} levels")
            return tree
    raise refused(text, at, "one expression is needed")


def refused(text: str, at: str, why: str, *, hint: str | None = None) -> ExpressionError:
    """The error for an expression that is not acceptable."""
    return ExpressionError(
        f"{quoted(text)} is not an acceptable expression",
        details=[Detail(why, field_path=at)],
        hint=hint,
    )


@dataclass(slots=True)
class Writer:
    """Writes trees as SQL of a dialect: `text` is what the user wrote, `at` whose it is.

    `find` gives the SQL and the column of a name's parts, or raises; without it no column may be
    named. `read` collects the columns that were named, `called` the functions.
    """

    dialect: Dialect
    text: str
    at: str
    functions: Mapping[str, str]
    find: Callable[[tuple[str, ...]], tuple[str, Column]] | None = None
    read: list[Column] = field(default_factory=list)
    called: set[str] = field(default_factory=set)

    def write(self, tree: exp.Expression) -> str:
        """The SQL of a tree, or `ExpressionError` for what is not allowed."""
        if operator := _OPERATORS.get(type(tree)):
            return f"({self.write(tree.this)} {operator} {self.write(tree.expression)})"
        writers = {
            exp.Literal: self._literal,
            exp.Boolean: lambda found: "TRUE" if found.this else "FALSE",
            exp.Null: lambda _: "NULL",
            exp.Neg: self._negative,
            exp.Not: lambda found: f"(NOT {self.write(found.this)})",
            exp.Paren: lambda found: self.write(found.this),
            exp.Cast: self._cast,
            exp.Interval: self._interval,
            exp.Anonymous: self._call,
            exp.Column: self._column,
            exp.Tuple: self._tuple,
        }
        writer = writers.get(type(tree))
        if writer is None:
            raise self.refused(f"{type(tree).__name__} is not allowed here")
        return writer(tree)

    def refused(self, why: str, *, hint: str | None = None) -> ExpressionError:
        """The error for this expression."""
        return refused(self.text, self.at, why, hint=hint)

    def _literal(self, tree: exp.Expression) -> str:
        if tree.is_string:
            return self.dialect.literal(str(tree.this))
        if not _NUMBER.fullmatch(str(tree.this)):
            raise self.refused(f"{quoted(str(tree.this))} is not a number")
        return str(tree.this)

    def _negative(self, tree: exp.Expression) -> str:
        inner = self.write(tree.this)
        return f"-{inner}" if isinstance(tree.this, exp.Literal) else f"(-({inner}))"

    def _cast(self, tree: exp.Expression) -> str:
        try:
            type_, nullable = self.dialect.read(tree.args["to"].sql(dialect=_bare(self.dialect)))
        except (MalformedError, SqlglotError):
            raise self.refused("the type of a cast is not known") from None
        return (
            f"CAST({self.write(tree.this)} AS {self.dialect.type_text(type_, nullable=nullable)})"
        )

    def _interval(self, tree: exp.Expression) -> str:
        unit = str(tree.args.get("unit") or "").upper()
        number = tree.this.name if isinstance(tree.this, exp.Literal) else ""
        if unit not in _UNITS or not (number.isascii() and number.isdigit()):
            hint = f"a number and one of {', '.join(_UNITS)}"
            raise self.refused("the interval is not a number of units", hint=hint)
        return f"INTERVAL {number} {unit}"

    def _call(self, tree: exp.Expression) -> str:
        name = str(tree.this)
        known = self.functions.get(name.lower())
        if known is None:
            raise self.refused(f"the function {quoted(name)} is not allowed here")
        self.called.add(known)
        return f"{known}({', '.join(self.write(part) for part in tree.expressions)})"

    def _tuple(self, tree: exp.Expression) -> str:
        return self._call(exp.Anonymous(this="tuple", expressions=tree.expressions))

    def _column(self, tree: exp.Expression) -> str:
        parts = name_parts(tree)
        if self.find is None:
            raise self.refused(f"it names {quoted('.'.join(parts))}; no column can be part of it")
        sql, column = self.find(parts)
        self.read.append(column)
        return sql


def name_parts(tree: exp.Expression) -> tuple[str, ...]:
    """The parts of a dotted name."""
    return tuple(part.name for part in tree.parts) if isinstance(tree, exp.Column) else ()


def spellings(names: Collection[str]) -> dict[str, str]:
    """Functions by their names in lower case."""
    return {name.lower(): name for name in names}


@cache
def _bare(dialect: Dialect) -> type[Grammar]:
    """A dialect's grammar that gives no function a meaning of its own, but CAST."""
    known = grammar(dialect)
    parser = known.parser_class
    cast = {name: parser.FUNCTION_PARSERS[name] for name in ("CAST",)}
    nothing: dict[str, object] = {}
    changed = {
        "FUNCTIONS": nothing,
        "FUNCTION_PARSERS": cast,
        "NO_PAREN_FUNCTIONS": nothing,
        "NO_PAREN_FUNCTION_PARSERS": nothing,
    }
    inner = {"Parser": type("Parser", (parser,), changed), "Tokenizer": known.tokenizer_class}
    return type(f"Bare{known.__name__}", (known,), inner)


def _is_bare(select: exp.Select) -> bool:
    return all(name == "expressions" or not value for name, value in select.args.items())


def _depth(tree: exp.Expression) -> int:
    return max(node.depth for node in tree.walk()) - tree.depth
