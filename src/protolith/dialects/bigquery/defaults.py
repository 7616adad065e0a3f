"""What a default value expression is, as far as BigQuery's documentation allows one."""

import re
from dataclasses import dataclass

_QUOTED = (
    r"(?:'''(?:[^\\]|\\.)*?'''"
    r'|"""(?:[^\\]|\\.)*?"""'
    r"|'(?:[^'\\\n]|\\.)*'"
    r'|"(?:[^"\\\n]|\\.)*")'
)
_NUMBERS = ("FLOAT", "NUMERIC", "BIGNUMERIC")
SCALARS = (
    *("BOOLEAN", "INTEGER", *_NUMBERS, "STRING", "BYTES", "DATE", "TIME", "DATETIME"),
    *("TIMESTAMP", "JSON", "INTERVAL", "GEOGRAPHY", "RANGE", "STRUCT"),
)


@dataclass(frozen=True, slots=True)
class Default:
    """A literal or function, with the column types that it is or coerces to."""

    types: tuple[str, ...]
    pattern: re.Pattern[str]


def _form(pattern: str, *types: str) -> Default:
    return Default(types, re.compile(pattern, re.IGNORECASE | re.DOTALL | re.ASCII))


def _now(word: str, *types: str) -> Default:
    return _form(rf"CURRENT_{word}(?:\s*\([^()]*\))?", *types)


# The types are those that Google's analyzer takes; a test asks it.
_FORMS = (
    _form("NULL", *SCALARS),
    _form("TRUE|FALSE", "BOOLEAN"),
    _form(r"[+-]?\s*(?:0x[0-9a-f]+|\d+)", "INTEGER", *_NUMBERS),
    _form(r"[+-]?\s*(?:\d+\.\d*|\.\d+|\d+(?=e))(?:e[+-]?\d+)?", *_NUMBERS),
    _form(f"r?{_QUOTED}", "STRING", "BYTES", "DATE", "TIME", "DATETIME", "TIMESTAMP"),
    _form(f"(?:b|rb|br){_QUOTED}", "BYTES"),
    _form(rf"DATE\s*{_QUOTED}", "DATE", "DATETIME"),
    _form(rf"TIME\s*{_QUOTED}", "TIME"),
    _form(rf"DATETIME\s*{_QUOTED}", "DATETIME"),
    _form(rf"TIMESTAMP\s*{_QUOTED}", "TIMESTAMP"),
    _form(rf"(?:NUMERIC|DECIMAL)\s*{_QUOTED}", *_NUMBERS),
    _form(rf"(?:BIGNUMERIC|BIGDECIMAL)\s*{_QUOTED}", "FLOAT", "BIGNUMERIC"),
    _form(rf"JSON\s*{_QUOTED}", "JSON"),
    _form(rf"INTERVAL\s*(?:[+-]?\d+|{_QUOTED})\s*\w+(?:\s+TO\s+\w+)?", "INTERVAL"),
    _form(rf"RANGE\s*<\s*\w+\s*>\s*{_QUOTED}", "RANGE"),
    _now("DATE", "DATE", "DATETIME"),
    _now("TIME", "TIME"),
    _now("DATETIME", "DATETIME"),
    _now("TIMESTAMP", "TIMESTAMP"),
    _form(r"(?:GENERATE_UUID|SESSION_USER)\s*\(\s*\)", "STRING"),
    _form(r"RAND\s*\(\s*\)", "FLOAT"),
    _form(r"ST_GEOGPOINT\s*\([^()]*\)", "GEOGRAPHY"),
    _form(r"(?:ARRAY\s*(?:<.*>)?\s*)?\[.*\]", "ARRAY"),
    _form(r"STRUCT\s*(?:<.*>)?\s*\(.*\)|\(.*,.*\)", "STRUCT"),
)
_ANYTHING = _form(r".*", *SCALARS, "ARRAY")
_LONGEST = 2000


def find_default(expression: str) -> Default | None:
    """The literal or function that an expression is, or None if it is neither.

    Its shape decides: what stands inside a list, a STRUCT or a quoted text is BigQuery's to judge.
    """
    text = expression.strip()
    if len(text) > _LONGEST:
        return _ANYTHING
    while text.startswith("(") and text.endswith(")") and "," not in text:
        text = text[1:-1].strip()
    found = next((form for form in _FORMS if form.pattern.fullmatch(text)), None)
    if found is not None and found.types == ("ARRAY",) and _holds_null(text):
        return Default((), found.pattern)
    return found


def _holds_null(text: str) -> bool:
    bare = re.sub(_QUOTED, "", text, flags=re.DOTALL)
    return re.search(r"\bNULL\b", bare, re.IGNORECASE) is not None
