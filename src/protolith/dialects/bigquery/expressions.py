"""Defaults as BigQuery takes them: a literal, or one of eight functions."""

from sqlglot import exp

from protolith.dialects.base import Dialect
from protolith.dialects.bigquery.defaults import SCALARS, find_default
from protolith.dialects.expressions import Writer, parse, refused, spellings
from protolith.dialects.parts import Default
from protolith.errors import ExpressionError, MalformedError
from protolith.tables import Column, List, Record, Type

FUNCTIONS = (
    *("CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME", "CURRENT_TIMESTAMP"),
    *("GENERATE_UUID", "RAND", "SESSION_USER", "ST_GEOGPOINT"),
)
_WITHOUT_BRACKETS = FUNCTIONS[:4]
_SPELLINGS = spellings((*FUNCTIONS, "STRUCT"))
_HINT = f"a literal, or one of {', '.join(FUNCTIONS)}"


def write_default(dialect: Dialect, column: Column) -> Default:
    """A column's default, or `ExpressionError` for what BigQuery would refuse."""
    text, at = column.default or "", column.name
    shape = find_default(text)
    if shape is None:
        raise refused(text, at, "it is neither a literal nor one of those functions", hint=_HINT)
    wanted = _word(dialect, column.type)
    if wanted in (*SCALARS, "ARRAY") and wanted not in shape.types:
        raise refused(text, at, f"it is not of the column's type {wanted}")
    try:
        return Default(
            _GoogleWriter(dialect, text, at, _SPELLINGS).write(parse(dialect, text, at=at))
        )
    except ExpressionError as error:
        # BigQuery may well take it: what it says is only beyond what we can write again.
        return Default(reason=error.details[0].text)


class _GoogleWriter(Writer):
    """Literals with a type before them, lists and texts of bytes, which GoogleSQL has."""

    def write(self, tree: exp.Expression) -> str:
        match tree:
            case exp.Array() | exp.Tuple():
                left, right = "[]" if isinstance(tree, exp.Array) else "()"
                return f"{left}{', '.join(self.write(part) for part in tree.expressions)}{right}"
            case exp.ParseJSON(this=exp.Literal(is_string=True)):
                return f"JSON {self.dialect.literal(tree.this.name)}"
            case exp.RawString():
                return self.dialect.literal(tree.name)
            case exp.HexString():
                return f"{int(tree.name, 16)}"
            case exp.Cast():
                return self._typed(tree)
            case exp.Column() if tree.name.upper() in _WITHOUT_BRACKETS and not tree.table:
                return f"{tree.name.upper()}()"
        return super().write(tree)

    def _typed(self, tree: exp.Cast) -> str:
        try:
            type_ = self.dialect.read_type(tree.args["to"].sql(dialect="bigquery"))
        except MalformedError:
            raise self.refused("its type is not known") from None
        match tree.this:
            case exp.Literal(is_string=True):
                return f"{self.dialect.type_text(type_)} {self.write(tree.this)}"
            case exp.Array():
                return f"{self.dialect.type_text(type_)}{self.write(tree.this)}"
        raise self.refused("a default is a literal, not a cast")


def _word(dialect: Dialect, type_: Type) -> str:
    """The name of a type by which defaults are told apart."""
    match dialect.storable(type_):
        case List():
            return "ARRAY"
        case Record():
            return "STRUCT"
        case stored:
            word = dialect.type_text(stored).partition("(")[0].partition("<")[0]
            return {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}.get(word, word)
