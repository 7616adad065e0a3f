"""Google's own SQL analyzer, as an oracle for BigQuery's SQL."""

from functools import cache
from typing import Any

from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
from zetasql.core import wasm_client
from zetasql.types import (
    AnalyzerOptions,
    LanguageOptions,
    ProductMode,
    ResolvedNodeKind,
    ZetaSQLBuiltinFunctionOptions,
)

from protolith.tables import (
    Boolean,
    Decimal,
    Float,
    Integer,
    Json,
    List,
    Range,
    Record,
    Type,
)


class _Compiled(wasm_client.Config):  # type: ignore[misc]
    """What compiling the analyzer gives is kept between processes: it takes twenty seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


wasm_client.Config = _Compiled


@cache
def _analyzer() -> Any:
    return _analyzer_with()


def _analyzer_with(*tables: Any) -> Any:
    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    language.supported_statement_kinds = [
        kind for name, kind in vars(ResolvedNodeKind).items() if name.endswith("_STMT")
    ]
    functions = ZetaSQLBuiltinFunctionOptions(language_options=language)
    catalog = CatalogBuilder("tests").with_builtin_functions(functions)
    for table in tables:
        catalog.add_table(table)
    options = AnalyzerOptions(language_options=language, allow_undeclared_parameters=True)
    return Analyzer(options, catalog.build())


def analyze(statement: str) -> Any:
    """The resolved statement; raises what is wrong with it."""
    return _analyzer().analyze_statement(statement)


def shape(type_: Any) -> Any:
    """A resolved type without its parameters: a word, [element], or {field: shape}."""
    if type_.is_array():
        return [shape(type_.array_type.element_type)]
    if type_.is_struct():
        return {field.field_name: shape(field.field_type) for field in type_.struct_type.field}
    if type_.is_range():
        return f"RANGE<{shape(type_.range_type.element_type)}>"
    return type_.type_kind.name.removeprefix("TYPE_")


_WORDS = {Boolean: "BOOL", Integer: "INT64", Float: "DOUBLE", Json: "JSON"}


def shape_of(type_: Type) -> Any:
    """The `shape` that one of our types should have."""
    match type_:
        case Record(columns):
            return {column.name: shape_of(column.type) for column in columns}
        case List(element):
            return [shape_of(element)]
        case Range(element):
            return f"RANGE<{shape_of(element)}>"
        case Decimal(precision, scale):
            fits = scale <= 9 and precision - scale <= 29
            return "NUMERIC" if fits else "BIGNUMERIC"
        case _:
            return _WORDS.get(type(type_), type(type_).__name__.upper())


def refuses_null(column: Any) -> bool:
    """Whether a resolved column is NOT NULL."""
    return bool(column.annotations and column.annotations.not_null)


def analyze_over(create: str, *statements: str) -> list[Any]:
    """The resolved statements, each over the table that another one creates."""
    made = analyze(create)
    name = made.name_path[-1]
    table = TableBuilder(name)
    for column in made.column_definition_list:
        table.add_column(column.name, column.type)
    analyzer = _analyzer_with(table.build())
    path = ".".join(f"`{part}`" for part in made.name_path)
    # The catalog has no datasets: a table has one name there.
    return [analyzer.analyze_statement(text.replace(path, f"`{name}`")) for text in statements]


@cache
def _parser() -> Any:
    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    return language


def parse_alter(statement: str) -> Any:
    """The statement as Google's grammar reads it; raises where it does not."""
    from zetasql.api import Parser  # noqa: PLC0415

    return Parser.parse_statement_static(statement, _parser())
