import json
from dataclasses import fields, replace

import pytest

from protolith import (
    Choices,
    Column,
    InvalidNameError,
    Layout,
    LayoutError,
    MalformedError,
    SchemaTooComplexError,
    Table,
    compile_protos,
    lay_out,
)
from protolith.tables import (
    Boolean,
    Bytes,
    Date,
    Decimal,
    EnumName,
    Float,
    Integer,
    Interval,
    Json,
    List,
    Map,
    Record,
    String,
    Timestamp,
)

HEAD = 'syntax = "proto3"; import "bq_field.proto"; import "bq_table.proto";'


def table_of(body: str, **options: object) -> Table:
    return lay_out(compile_protos(f'syntax = "proto3"; {body}'), **options)  # type: ignore[arg-type]


def types_of(body: str) -> dict[str, object]:
    return {column.name: column.type for column in table_of(body).columns}


def with_options(field: str, more: str = "") -> Table:
    return lay_out(compile_protos(f"{HEAD} {more} message M {{ {field} }}"))


def test_every_scalar() -> None:
    kinds = {
        "double": Float(),
        "float": Float(),
        "int32": Integer(),
        "int64": Integer(),
        "uint32": Integer(),
        "uint64": Integer(signed=False),
        "sint32": Integer(),
        "sint64": Integer(),
        "fixed32": Integer(),
        "fixed64": Integer(signed=False),
        "sfixed32": Integer(),
        "sfixed64": Integer(),
        "bool": Boolean(),
        "string": String(),
        "bytes": Bytes(),
        "E": EnumName(),
    }
    fields = " ".join(f"{kind} f_{kind} = {n};" for n, kind in enumerate(kinds, start=1))
    found = types_of(f"message M {{ {fields} }} enum E {{ ZERO = 0; }}")
    assert found == {f"f_{kind}": type_ for kind, type_ in kinds.items()}


def test_a_column_is_its_field_path() -> None:
    table = table_of("message M { string a = 7; N n = 9; message N { int32 b = 3; } }")
    assert table.columns == (
        Column("a", String(), path=(7,)),
        Column("n", Record((Column("b", Integer(), path=(3,)),)), path=(9,)),
    )


def test_repeated_maps_and_oneofs() -> None:
    found = types_of(
        "message M { repeated string a = 1; map<string, N> b = 2; map<uint64, bool> c = 3;"
        " oneof o { string d = 4; N e = 5; } repeated N f = 6; }"
        " message N { int32 x = 1; }"
    )
    record = Record((Column("x", Integer(), path=(1,)),))
    assert found == {
        "a": List(String()),
        "b": Map(String(), record),
        "c": Map(Integer(signed=False), Boolean()),
        "d": String(),
        "e": record,
        "f": List(record),
    }
    columns = table_of("message M { repeated string a = 1; optional string b = 2; }").columns
    assert [column.nullable for column in columns] == [False, True]


def test_well_known_types() -> None:
    names = {
        "Timestamp": Timestamp(),
        "Duration": Integer(),
        "Struct": Json(),
        "Value": Json(),
        "ListValue": Json(),
        "BoolValue": Boolean(),
        "StringValue": String(),
        "BytesValue": Bytes(),
        "FloatValue": Float(),
        "DoubleValue": Float(),
        "Int32Value": Integer(),
        "Int64Value": Integer(),
        "UInt32Value": Integer(),
        "UInt64Value": Integer(signed=False),
    }
    imports = "".join(
        f'import "google/protobuf/{file}.proto";'
        for file in ("timestamp", "duration", "struct", "wrappers", "any", "field_mask")
    )
    fields = " ".join(f"google.protobuf.{k} f{k} = {n};" for n, k in enumerate(names, start=1))
    more = "google.protobuf.Any any = 50; google.protobuf.FieldMask mask = 51;"
    found = types_of(f"{imports} message M {{ {fields} {more} }}")
    any_ = (Column("type_url", String(), path=(1,)), Column("value", Bytes(), path=(2,)))
    mask = (Column("paths", List(String()), nullable=False, path=(1,)),)
    stripped = {
        name: Record(
            tuple(Column(c.name, c.type, nullable=c.nullable, path=c.path) for c in type_.columns)
        )
        if isinstance(type_, Record)
        else type_
        for name, type_ in found.items()
    }
    assert stripped == {f"f{k}": v for k, v in names.items()} | {
        "any": Record(any_),
        "mask": Record(mask),
    }


def test_recursion_is_cut_to_json_and_noted() -> None:
    table = table_of("message Tree { string name = 1; repeated Tree children = 2; Tree left = 3; }")
    assert [column.type for column in table.columns] == [String(), List(Json()), Json()]
    assert [note.field_path for note in table.notes] == ["children", "left"]
    assert "Tree contains itself" in table.notes[0].text


def test_an_empty_message_is_whether_it_was_there() -> None:
    table = table_of("message M { N n = 1; map<string, N> m = 2; } message N {}")
    assert [column.type for column in table.columns] == [Boolean(), Map(String(), Boolean())]
    assert [note.field_path for note in table.notes] == ["n", "m.value"]
    with pytest.raises(LayoutError, match="N has no columns"):
        table_of("message M { N n = 1; } message N {}", message="N")


def test_names_and_comments() -> None:
    table = lay_out(
        compile_protos('syntax = "proto3";\n// So.\nmessage HTTPLogV2 { int32 a = 1; }')
    )
    assert (table.database, table.name, table.comment) == ("bigquery_lite", "http_log_v2", "So.")
    assert table_of("message M { int32 a = 1; }", table="t", database="d").name == "t"
    for options in ({"table": 'a"; DROP TABLE x; --'}, {"database": "a/b"}):
        with pytest.raises(InvalidNameError):
            table_of("message M { int32 a = 1; }", **options)


def test_options_of_the_schema_are_honoured() -> None:
    table = with_options(
        'string a = 1 [(gen_bq_schema.bigquery) = {require: true name: "b" description: "d"'
        ' policy_tags: "p" default_value_expression: "1"}];'
        "string gone = 2 [(gen_bq_schema.bigquery).ignore = true];"
    )
    assert table.columns == (
        Column("b", String(), False, (1,), "d", "1", ("p",)),  # noqa: FBT003
    )


def test_json_names_order_and_extra_fields() -> None:
    table = lay_out(
        compile_protos(
            HEAD + "message M { option (gen_bq_schema.bigquery_opts) = { use_json_names: true"
            ' output_field_order: FIELD_ORDER_BY_NUMBER extra_fields: "at:TIMESTAMP:REQUIRED"'
            ' extra_fields: "ns:RECORD:N:REPEATED" }; int32 b_c = 2; int32 a = 1; }'
            " message N { int32 x = 1; }"
        ),
        "M",
    )
    assert [column.name for column in table.columns] == ["a", "bC", "at", "ns"]
    assert table.columns[2] == Column("at", Timestamp(), nullable=False)
    assert isinstance(table.columns[3].type, List)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('string a = 1 [(gen_bq_schema.bigquery).type_override = "JSON"];', Json()),
        ('string a = 1 [(gen_bq_schema.bigquery).type_override = "numeric"];', Decimal()),
        ('int32 a = 1 [(gen_bq_schema.bigquery).type_override = "DATE"];', Date()),
        ('int64 a = 1 [(gen_bq_schema.bigquery).type_override = "TIMESTAMP"];', Timestamp()),
        ('M a = 1 [(gen_bq_schema.bigquery).type_override = "JSON"];', Json()),
        ('map<string, M> a = 1 [(gen_bq_schema.bigquery).type_override = "JSON"];', None),
    ],
)
def test_type_overrides(field: str, expected: object) -> None:
    found = with_options(field).columns[0].type
    assert found == (expected or List(Json()))


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ('bool a = 1 [(gen_bq_schema.bigquery).type_override = "DATE"];', "a field of type bool"),
        ('string a = 1 [(gen_bq_schema.bigquery).type_override = "X"];', "'X' is not a column"),
    ],
)
def test_an_override_without_a_meaning_is_refused(field: str, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        with_options(field)


def test_columns_that_differ_in_case_alone_are_refused_with_both_paths() -> None:
    body = "message M { N n = 1; } message N { string Id = 1; string id = 2; }"
    with pytest.raises(LayoutError, match="two columns are both called id") as caught:
        table_of(body)
    assert [detail.field_path for detail in caught.value.details] == ["n.Id", "n.id"]


def test_flat_columns_that_meet_are_refused_with_both_paths() -> None:
    body = "message M { N a = 1; int32 a_b = 2; } message N { int32 b = 1; }"
    with pytest.raises(LayoutError, match="two columns are both called a_b") as caught:
        table_of(body, layout=Layout(style="flat"))
    assert [detail.field_path for detail in caught.value.details] == ["a.b", "a_b"]
    assert table_of(body).columns[1].name == "a_b"


def test_a_column_name_that_is_no_identifier_is_refused() -> None:
    with pytest.raises(InvalidNameError, match="is not a column"):
        with_options('string a = 1 [(gen_bq_schema.bigquery).name = "a`; DROP TABLE x"];')


def test_bombs_are_refused_with_the_path() -> None:
    # 20 messages with two fields each to the next would be a million columns.
    chain = " ".join(f"message M{n} {{ M{n + 1} a = 1; M{n + 1} b = 2; }}" for n in range(20))
    with pytest.raises(SchemaTooComplexError, match="more than 10,000 columns"):
        table_of(chain + " message M20 { int32 x = 1; }")
    deep = " ".join(f"message M{n} {{ M{n + 1} a = 1; }}" for n in range(70))
    with pytest.raises(SchemaTooComplexError, match=r"a\.a\..*nested deeper than 62"):
        table_of(deep + " message M70 { int32 x = 1; }")


CHOICES = {
    "style": ("json", "N f = 1;", Json()),
    "messages": ("json", "F f = 1;", Json()),
    "lists": ("json", "repeated int32 f = 1;", Json()),
    "scalars": ("plain", "bytes f = 1;", String()),
    "oneofs": ("case", "oneof f { int32 a = 1; }", EnumName()),
    "names": ("camel", "int32 f = 1; int32 f_g = 2;", {"f", "fG", "z"}),
    "ingestion": (
        "columns",
        "int32 f = 1;",
        {"f", "z", "_schema_version", "_ingested_at", "_source_offset"},
    ),
    "integers": ("exact", "uint32 f = 1;", Integer(32, signed=False)),
    "enums": ("number", "E f = 1;", Integer()),
    "maps": (
        "entries",
        "map<int32, bool> f = 1;",
        List(
            Record(
                (
                    Column("key", Integer(), nullable=False, path=(1,)),
                    Column("value", Boolean(), path=(2,)),
                )
            )
        ),
    ),
    "timestamps": ("nanos", "google.protobuf.Timestamp f = 1;", Timestamp(9)),
    "durations": ("interval", "google.protobuf.Duration f = 1;", Interval()),
    "wrappers": (
        "record",
        "google.protobuf.BoolValue f = 1;",
        Record((Column("value", Boolean(), path=(1,)),)),
    ),
    "structs": ("bytes", "google.protobuf.Struct f = 1;", Bytes()),
    "any": ("json", "google.protobuf.Any f = 1;", Json()),
    "google_types": ("value", "google.type.Date f = 1;", Date()),
    "recursion": ("bytes", "M f = 1;", Bytes()),
    "recursion_depth": (1, "M f = 1;", Record((Column("f", Json(), path=(1,)),))),
    "empty_messages": ("drop", "N f = 1;", None),
}


@pytest.mark.parametrize("name", [part.name for part in fields(Choices)])
def test_each_choice(name: str) -> None:
    value, field, expected = CHOICES[name]
    imports = "".join(
        f'import "google/{file}.proto";'
        for file in (
            "protobuf/timestamp",
            "protobuf/duration",
            "protobuf/wrappers",
            "protobuf/struct",
            "protobuf/any",
            "type/date",
        )
    )
    body = (
        f"{imports} message M {{ {field} int32 z = 9; }} message N {{}} enum E {{ ZERO = 0; }}"
        " message F { int32 g = 1; }"
    )
    layout = Layout.of({name: value})
    columns = {column.name: column for column in table_of(body, layout=layout).columns}
    assert Layout.of(json.loads(layout.to_json())) == layout
    assert Layout.from_text(f"{name}={value}") == layout
    if expected is None:
        assert set(columns) == {"z"}
        return
    if isinstance(expected, set):
        assert set(columns) == expected
        return
    found = columns["f"].type
    if name == "recursion_depth":
        assert isinstance(found, Record)
        found = Record((found.columns[0],))
    if isinstance(found, Record):  # without the comments of protobuf's own files
        found = Record(tuple(replace(column, comment="") for column in found.columns))
    assert found == expected
    assert columns["f"].type != table_of(body).columns[0].type


def test_recursion_can_be_refused() -> None:
    with pytest.raises(LayoutError, match="f: M contains itself"):
        table_of("message M { M f = 1; }", layout=Layout(recursion="refuse"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing=1", "no layout option 'nothing'"),
        ("enums=text", "enums cannot be 'text'"),
        ("recursion_depth=9", "recursion_depth must be a number from 0 to 8"),
        ("recursion_depth=x", "recursion_depth must be a number"),
        ("enums", "enums cannot be ''"),
    ],
)
def test_a_choice_that_is_none(text: str, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        Layout.from_text(text)
