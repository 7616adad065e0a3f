"""Tables by chance: any types, any nullability, hostile names and comments."""

from hypothesis import strategies as st

from dialects.contract import SCALARS
from protolith import Column, Table
from protolith.dialects import Dialect
from protolith.engines import LiveColumn
from protolith.tables import Boolean, Integer, List, Map, Record, String, Type

LETTERS = "abz_ 09.\"'`\\;-(){},ü🙂"
NAMES = st.text(st.sampled_from(LETTERS), min_size=1, max_size=6)
# A dot in the name of a column is a column within another one to ClickHouse.
COLUMN_NAMES = NAMES.map(lambda name: name.replace(".", ":"))
COMMENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
KEYS = [Boolean(), Integer(32), Integer(32, signed=False), Integer(), Integer(signed=False)]


def _typed(
    words: st.SearchStrategy[str], inner: st.SearchStrategy[Type], *, most: int
) -> st.SearchStrategy[tuple[Column, ...]]:
    """Columns; as everywhere, lists and maps are never NULL."""
    parts = st.tuples(words, inner, st.booleans(), COMMENTS)
    several = st.lists(parts, min_size=1, max_size=most, unique_by=lambda part: part[0].lower())
    return several.map(
        lambda found: tuple(
            Column(name, type_, maybe and not isinstance(type_, List | Map), comment=comment)
            for name, type_, maybe, comment in found
        )
    )


TYPES = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: (
        _typed(NAMES, inner, most=3).map(Record)
        | st.builds(List, inner)
        | st.builds(Map, st.sampled_from([*KEYS, String()]), inner)
    ),
    max_leaves=5,
)


def tables(names: st.SearchStrategy[str] = COLUMN_NAMES) -> st.SearchStrategy[Table]:
    """Tables of one name with any columns."""
    columns = _typed(names, TYPES, most=4)
    return st.builds(
        lambda found, comment: Table("shop", "things", found, comment), columns, COMMENTS
    )


def read_back(dialect: Dialect, live: LiveColumn) -> Column:
    """A live column; where the engine has no word about NULL, its type's text has."""
    type_, maybe = dialect.read(live.type)
    if live.nullable is not None:
        maybe = live.nullable
    return Column(
        live.name, type_, maybe and not isinstance(type_, List | Map), comment=live.comment
    )


def as_read(dialect: Dialect, table: Table) -> Table:
    """The table that comes back when its live columns are read."""
    return Table(
        table.database,
        table.name,
        tuple(_as_read(dialect, column) for column in table.columns),
        table.comment,
    )


def _as_read(dialect: Dialect, column: Column) -> Column:
    type_ = dialect.as_read(column.type)
    maybe = column.nullable or isinstance(column.type, List | Map)
    return Column(
        column.name, type_, maybe and not isinstance(type_, List | Map), comment=column.comment
    )
