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


@cache
def _parser() -> Any:
    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    return language


def parse_alter(statement: str) -> Any:
    """The statement as Google's grammar reads it; raises where it does not."""
    from zetasql.api import Parser  # noqa: PLC0415

    return Parser.parse_statement_static(statement, _parser())
