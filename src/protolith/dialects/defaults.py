"""Defaults of BigQuery's in another engine: those alone whose meaning is the same there."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal as Number
from decimal import InvalidOperation

from sqlglot import exp

from protolith.dialects import dialect as dialect_named
from protolith.dialects.base import Dialect
from protolith.dialects.expressions import parse
from protolith.dialects.parts import Default
from protolith.errors import ExpressionError
from protolith.tables import (
    Boolean,
    Column,
    Date,
    DateTime,
    Decimal,
    EnumName,
    Float,
    Integer,
    Json,
    List,
    String,
    Time,
    Timestamp,
    Type,
)

_RESULTS: dict[str, tuple[type[Type], ...]] = {
    "CURRENT_DATE": (Date,),
    "CURRENT_DATETIME": (DateTime,),
    "CURRENT_TIMESTAMP": (Timestamp,),
    "GENERATE_UUID": (String,),
}
_MAX_DIGITS = 80
_ZONE = re.compile(r"(?:Z|UTC|\+00(?::00)?)\Z", re.IGNORECASE)
_SHAPE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Literal:
    """A text or number, with the type that BigQuery's prefix gives it, if there is one."""

    text: str
    is_string: bool
    type: Type | None = None


def translate(dialect: Dialect, column: Column) -> Default:
    """A column's default for another engine, or why it is left out."""
    text = column.default or ""
    try:
        tree = parse(dialect_named("bigquery"), text, at=column.name)
    except ExpressionError as error:
        return Default(reason=error.details[0].text)
    sql = _written(dialect, column.type, _unwrapped(tree))
    return Default(reason="its meaning there is not known to be the same") if sql is None else sql


def _written(dialect: Dialect, type_: Type, tree: exp.Expression) -> Default | None:
    match tree:
        case exp.Null():
            return Default()  # no default is the same
        case exp.Array(expressions=[]) if isinstance(type_, List):
            return Default("[]")
        case exp.Boolean() if isinstance(type_, Boolean):
            return Default("TRUE" if tree.this else "FALSE")
        case exp.Anonymous() | exp.Column():
            return _called(dialect, type_, tree)
    literal = _literal(tree)
    sql = None if literal is None else _constant(dialect, type_, literal)
    return None if sql is None else Default(sql)


def _called(dialect: Dialect, type_: Type, tree: exp.Expression) -> Default | None:
    name = tree.name.upper()
    bare = not tree.expressions and not (isinstance(tree, exp.Column) and tree.table)
    fits = any(isinstance(type_, result) for result in _RESULTS.get(name, ()))
    sql = dialect.functions.get(name) if bare and fits else None
    return None if sql is None else Default(sql)


def _literal(tree: exp.Expression) -> _Literal | None:
    match tree:
        case exp.Neg(this=exp.Literal(is_string=False)):
            return _Literal(f"-{tree.this.name}", is_string=False)
        case exp.Literal():
            return _Literal(tree.name, tree.is_string)
        case exp.ParseJSON(this=exp.Literal(is_string=True)):
            return _Literal(tree.this.name, is_string=True, type=Json())
        case exp.Cast(this=exp.Literal(is_string=True)):
            named = dialect_named("bigquery").read_type(tree.args["to"].sql(dialect="bigquery"))
            return _Literal(tree.this.name, is_string=True, type=named)
        case _:
            return None


def _constant(dialect: Dialect, type_: Type, literal: _Literal) -> str | None:
    """The SQL of a literal for a column, if the column can hold exactly that."""
    named, text = literal.type, literal.text
    match type_:
        case Integer() if not literal.is_string:
            return text if _is_within(type_, text) else None
        case Float() if not literal.is_string:
            return text
        case Decimal() if not literal.is_string or isinstance(named, Decimal):
            number = _decimal(type_, text)
            return None if number is None else _cast(dialect, type_, number)
        case String() | EnumName() if literal.is_string and named is None:
            return dialect.literal(text)
        case Json() | String() if named == Json():  # where JSON is kept as text
            return _cast(dialect, type_, text)
        case Date() | DateTime() | Timestamp() | Time() if literal.is_string:
            fits = named is None or named == type_ or {named, type_} <= {Timestamp(6), Timestamp(9)}
            moment = _moment(type_, text) if fits else None
            return None if moment is None else _cast(dialect, type_, moment)
        case _:
            return None


def _cast(dialect: Dialect, type_: Type, text: str) -> str:
    stored = dialect.storable(type_)
    if isinstance(stored, String):
        return dialect.literal(text)
    return f"CAST({dialect.literal(text)} AS {dialect.type_text(stored, nullable=False)})"


def _is_within(type_: Integer, text: str) -> bool:
    if not re.fullmatch(r"-?\d{1,20}", text, re.ASCII):
        return False
    size: int = 2**type_.bits
    low = -size // 2 if type_.signed else 0
    return low <= int(text) < low + size


def _decimal(type_: Decimal, text: str) -> str | None:
    try:
        number = Number(text)
    except InvalidOperation:
        return None
    plain = f"{number:f}" if number.is_finite() and abs(number.adjusted()) < _MAX_DIGITS else ""
    whole, _, after = plain.lstrip("-").partition(".")
    fits = len(after) <= type_.scale and len(whole.lstrip("0")) <= type_.precision - type_.scale
    return plain if plain and fits else None


def _moment(type_: Type, text: str) -> str | None:
    """A day, time or instant in one form that every engine reads the same way; instants in UTC."""
    try:
        match type_:
            case Date():
                return date.fromisoformat(text).isoformat() if _SHAPE.match(text) else None
            case Time():
                return time.fromisoformat(text).replace(tzinfo=None).isoformat("microseconds")
        bare = _ZONE.sub("", text).rstrip() if isinstance(type_, Timestamp) else text
        if not _SHAPE.match(bare):
            return None
        return datetime.fromisoformat(bare).isoformat(" ", "microseconds")
    except ValueError:
        return None


def _unwrapped(tree: exp.Expression) -> exp.Expression:
    while isinstance(tree, exp.Paren):
        tree = tree.this
    return tree
