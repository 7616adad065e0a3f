"""A look at `.proto` text before a compiler sees it: it refuses, and nothing else.

The compiler decides what a file means; this only keeps away what is known to hurt it: 500 bytes
that abort it, 1 MB that takes it half a minute. Each step is a search over the text with its
comments and strings blanked out, linear in its length whatever the text is.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from protolith.compiler.limits import Limits
from protolith.compiler.sources import SourceFile, shown
from protolith.errors import Detail, MalformedError, SchemaTooComplexError

_OPENING = re.compile(rb"""["']|//|/\*""")
# Possessive, and each starts where the last one ended: an alternation of comments and strings in
# one expression is quadratic on those without an end.
_STRING_BODY = {
    quote: re.compile(rb"(?:[^%s\\\n]++|\\[^\n]|\\)*+%s?" % (quote, quote))
    for quote in (b'"', b"'")
}
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WORD = re.compile(rb"\w+")
_DOTTED = re.compile(rb"\b\w++(?:\s*+\.\s*+\w++)++")
_WORDS_AND_SPACE = bytes(c for c in range(128) if chr(c).isalnum() or chr(c) in "_ \t\r\n")
_BRACKET = re.compile(rb"[][{}()<>]")
_OPENER_OF = {b"}": b"{", b"]": b"[", b")": b"(", b">": b"<"}
_RANGES = re.compile(rb"\b(?:reserved|extensions)\b[^;{}]*+")
_IMPORT = re.compile(rb'\bimport\b\s*+(?:(?:public|weak|option)\b\s*+)?"')
_HINT = "no schema in use comes near this limit; a server can raise it"


@dataclass(frozen=True, slots=True)
class _Excess:
    """A count over its limit, and where in the file it goes over."""

    what: str
    found: int
    limit: int
    offset: int


def check_text(files: Iterable[SourceFile], limits: Limits) -> None:
    """Raise `MalformedError` or `SchemaTooComplexError` for text that no compiler should see."""
    tokens = 0
    for file in files:
        _check_characters(file)
        code = blank(file.content)
        words = _WORD.findall(code)
        tokens += len(words) + len(code.translate(None, _WORDS_AND_SPACE))
        if tokens > limits.tokens:
            raise SchemaTooComplexError(
                f"{tokens:,} words and signs in the files; at most {limits.tokens:,} are accepted",
                hint=_HINT,
            )
        for excess in _excesses(code, words, limits):
            raise _too_complex(file, excess)


def blank(content: bytes) -> bytes:
    """The text with comments as spaces and each string as one `"`; offsets stay what they are.

    What follows a comment without an end is blank; a string without an end stops at its line, as
    it does for the compiler, which reports both with their place.
    """
    pieces: list[bytes] = []
    done = 0
    while opening := _OPENING.search(content, done):
        start = opening.start()
        end = _end(content, start, opening[0])
        first = b" " if opening[0][:1] == b"/" else b'"'
        pieces += (content[done:start], first.ljust(end - start))
        done = end
    return b"".join((*pieces, content[done:]))


def imports(content: bytes) -> Iterator[str]:
    """The names in import statements, for looking around on the user's own disk."""
    for match in _IMPORT.finditer(blank(content)):
        start = match.end()
        quote = content[start - 1 : start]
        if literal := _STRING_BODY[quote].match(content, start):
            yield literal[0].removesuffix(quote).decode(errors="replace")


def _end(content: bytes, start: int, opening: bytes) -> int:
    if opening in _STRING_BODY:
        match = _STRING_BODY[opening].match(content, start + 1)
        return match.end() if match else start + 1
    closing = b"\n" if opening == b"//" else b"*/"
    found = content.find(closing, start + 2)
    if found < 0:
        return len(content)
    return found if opening == b"//" else found + 2


def _check_characters(file: SourceFile) -> None:
    try:
        file.content.decode()
    except UnicodeDecodeError as error:
        offset, what = error.start, f"byte 0x{file.content[error.start]:02x} is not UTF-8"
    else:
        control = _CONTROL.search(file.content)
        if control is None:
            return
        offset, what = control.start(), f"control character 0x{control[0][0]:02x}"
    name = shown(file.name)
    line, column = _place(file.content, offset)
    raise MalformedError(
        f"{name} is not plain UTF-8 text",
        details=[Detail(f"{what} at byte offset {offset}", name, line, column, offset=offset)],
        hint="save it as UTF-8 without control characters other than tab and line end",
    )


def _excesses(code: bytes, words: list[bytes], limits: Limits) -> Iterator[_Excess]:
    yield from _deep_nesting(code, limits.nesting)
    yield from _long_word(code, words, limits.identifier_bytes)
    yield from _many_parts(code, limits.dotted_parts)
    yield from _many("reserved and extension ranges", _ranges(code), limits.ranges)
    yield from _many("imports", ((m.start(), 1) for m in _IMPORT.finditer(code)), limits.imports)


def _deep_nesting(code: bytes, limit: int) -> Iterator[_Excess]:
    # By kind: a stray `>` must not hide a `{`, and aggregates may be written with `<` and `>`.
    still_open = dict.fromkeys(_OPENER_OF.values(), 0)
    depth = deepest = over = 0
    for match in _BRACKET.finditer(code):
        bracket = match[0]
        if bracket in still_open:
            still_open[bracket] += 1
            depth += 1
            if depth > deepest:
                deepest = depth
                over = match.start() if depth == limit + 1 else over
        elif still_open[_OPENER_OF[bracket]]:
            still_open[_OPENER_OF[bracket]] -= 1
            depth -= 1
    if deepest > limit:
        yield _Excess("levels of nested brackets", deepest, limit, over)


def _long_word(code: bytes, words: list[bytes], limit: int) -> Iterator[_Excess]:
    longest = max(words, key=len, default=b"")
    if len(longest) > limit:
        yield _Excess("bytes in one identifier", len(longest), limit, code.find(longest))


def _many_parts(code: bytes, limit: int) -> Iterator[_Excess]:
    for match in _DOTTED.finditer(code):
        found = match[0].count(b".") + 1
        if found > limit:
            yield _Excess("parts in one dotted name", found, limit, match.start())


def _ranges(code: bytes) -> Iterator[tuple[int, int]]:
    for match in _RANGES.finditer(code):
        yield match.start(), match[0].count(b",") + 1


def _many(what: str, counts: Iterable[tuple[int, int]], limit: int) -> Iterator[_Excess]:
    total = over = 0
    for offset, count in counts:
        over = offset if total <= limit else over
        total += count
    if total > limit:
        yield _Excess(what, total, limit, over)


def _too_complex(file: SourceFile, excess: _Excess) -> SchemaTooComplexError:
    name = shown(file.name)
    found = f"{excess.found:,} {excess.what}"
    line, column = _place(file.content, excess.offset)
    return SchemaTooComplexError(
        f"{name} has {found}; at most {excess.limit:,} are accepted",
        details=[Detail(found, name, line, column)],
        hint=_HINT,
    )


def _place(content: bytes, offset: int) -> tuple[int, int]:
    start = content.rfind(b"\n", 0, offset) + 1
    return content.count(b"\n", 0, offset) + 1, len(content[start:offset].decode()) + 1
