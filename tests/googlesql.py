"""Google's own SQL analyzer, as an oracle for BigQuery's SQL."""

from functools import cache
from typing import Any

from zetasql.api import Analyzer, CatalogBuilder
from zetasql.types import (
    AnalyzerOptions,
    LanguageOptions,
    ProductMode,
    ResolvedNodeKind,
    ZetaSQLBuiltinFunctionOptions,
)


@cache
def _analyzer() -> Any:
    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    language.supported_statement_kinds = [
        kind for name, kind in vars(ResolvedNodeKind).items() if name.endswith("_STMT")
    ]
    functions = ZetaSQLBuiltinFunctionOptions(language_options=language)
    catalog = CatalogBuilder("tests").with_builtin_functions(functions).build()
    return Analyzer(AnalyzerOptions(language_options=language), catalog)


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
