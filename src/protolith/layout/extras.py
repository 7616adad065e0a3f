"""Columns that hold no field's value, and whether the columns found can stand together."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto

from protolith.errors import Detail, LayoutError
from protolith.layout.choices import Choices
from protolith.layout.columns import ColumnChoices
from protolith.layout.faults import impossible
from protolith.layout.found import Found
from protolith.layout.names import styled
from protolith.layout.plain import plain_type
from protolith.tables import Column, EnumName, Integer, Timestamp, check_identifier

_INGESTION = (
    Column(
        "_schema_version",
        Integer(),
        comment="The version of the schema by which the row was read.",
        role="schema_version",
    ),
    Column(
        "_ingested_at", Timestamp(), comment="When the load of the row began.", role="ingested_at"
    ),
    Column(
        "_source_offset",
        Integer(),
        comment="Where the record begins in what was loaded, in bytes.",
        role="source_offset",
    ),
)


def ingestion_columns(choices: Choices) -> list[Found]:
    """The columns that say where a row came from, if they are wanted."""
    if choices.ingestion != "columns":
        return []
    plain = choices.scalars == "plain"
    return [
        Found(
            Column(
                column.name,
                plain_type(column.type) if plain else column.type,
                comment=column.comment,
                role=column.role,
            ),
            column.name,
        )
        for column in _INGESTION
    ]


def case_column(
    part: FieldDescriptor, choices: Choices, done: set[str], prefix: str
) -> list[Found]:
    """The column of the oneof whose first field this is, if it is wanted."""
    oneof = part.containing_oneof
    if choices.oneofs != "case" or oneof is None or oneof.name in done or _is_optional(part):
        return []
    done.add(oneof.name)
    path = f"{prefix}{oneof.name}"
    name = check_identifier(styled(oneof.name, choices), "column", at=path)
    comment = "The name of the field that is set."
    return [Found(Column(name, EnumName(), comment=comment, role=f"case:{oneof.name}"), path)]


def _is_optional(part: FieldDescriptor) -> bool:
    """Whether the field's oneof is only how descriptors write `optional`."""
    message, owner = part.containing_type, DescriptorProto()
    if message is not None:
        message.CopyToProto(owner)
    return any(proto.number == part.number and proto.proto3_optional for proto in owner.field)


def check_names(found: Sequence[Found]) -> None:
    """Raise `LayoutError` where two columns have one name."""
    seen: dict[str, Found] = {}
    for one in found:
        # DuckDB and BigQuery take names that differ in case alone for the same name.
        other = seen.setdefault(one.column.name.lower(), one)
        if other is not one:
            raise LayoutError(
                f"two columns are both called {one.column.name}",
                details=[Detail("the name", field_path=each.path) for each in (other, one)],
                hint="give one of them another name with (gen_bq_schema.bigquery).name, or in a"
                " mapping file",
            )


def check_used(overrides: dict[str, ColumnChoices], seen: Iterable[str]) -> None:
    """Raise `LayoutError` for a field path of a mapping file that leads to no column."""
    known = set(seen)
    for path in overrides:
        if path not in known:
            near = get_close_matches(path, known, n=3)
            whole = next((p for p in sorted(known, reverse=True) if path.startswith(f"{p}.")), None)
            hint = f"is it {' or '.join(near)}?" if near else "a path is field names with dots"
            if whole is not None and not near:
                hint = f"{whole} is one value in this layout, or has no such field"
            raise impossible(path, "no such field in the table", hint=hint)
