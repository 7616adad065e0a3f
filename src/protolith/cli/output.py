"""What commands print: data on stdout, everything for people on stderr."""

import base64
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Literal, TypeAlias

from protolith.errors import SchemaRegistryError
from protolith.migrations import PlannedStep

Format: TypeAlias = Literal["text", "json"]

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != 10}  # noqa: PLR2004
_CONTROLS |= {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_MAX_CELL = 80
_BLINK = 0.2


@dataclass
class Output:
    """Where and how the running command prints; set once from the command line."""

    format: Format = "text"
    home: Path | None = None
    debug: bool = False

    def text(self, text: str) -> None:
        """Data as it is."""
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError:  # the terminal's encoding does not have it
            encoding = sys.stdout.encoding
            sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def say(self, text: str) -> None:
        """A line for people."""
        print(escape(text), file=sys.stderr)  # noqa: T201

    def value(self, value: Any, text: str) -> None:
        """One value: as JSON, or as a line of text."""
        self.text(f"{_json(value)}\n" if self.format == "json" else f"{escape(text)}\n")

    def rows(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Rows: one JSON object a line, or a table with these columns."""
        if self.format == "json":
            for row in rows:
                self.text(f"{_json(row)}\n")
            return
        cells = [list(columns), *([_cell(row[name]) for name in columns] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.text("  ".join(padded).rstrip() + "\n")

    def notes(self, notes: Iterable[Any]) -> None:
        """What a layout decided or lost, for people."""
        for note in notes:
            self.say(f"note: {note.field_path}: {note.text}")

    def account(self, found: Any) -> None:
        """What became of records, for people: which were refused, and what rows do not hold."""
        for name in getattr(found, "left_out", ()):
            self.say(f"note: the field {name} has no column in the table: its values are not there")
        for detail in found.rejected:
            self.say(f"skipped {detail}")
        for name, count in found.unknown_fields.items():
            self.say(f"note: {count} values of the unknown field {name} are not in the table")
        for name, count in found.cut.items():
            self.say(f"note: {name}: {count} values lost digits below a microsecond")

    def error(self, error: SchemaRegistryError) -> None:
        """An error with its places, its code and its hint."""
        if self.format == "json":
            for detail in error.details or (None,):
                self.text(f"{_json(_finding(error, detail))}\n")
        for detail in error.details:
            self.say(str(detail))
        self.say(f"error: {error.message} [{error.code}]")
        if error.hint:
            self.say(f"hint: {error.hint}")


OUTPUT = Output()


def escape(text: str) -> str:
    """Text from a schema or from data with control characters made visible."""
    return text.translate(_CONTROLS)


@contextmanager
def progress_line(line: Callable[[], str], *, seconds: float | None = None) -> Iterator[None]:
    """Show on a terminal how far something is, as long as it runs; elsewhere every `seconds`."""
    terminal, over = sys.stderr.isatty(), Event()
    if not terminal and seconds is None:
        yield
        return

    def show() -> None:
        while not over.wait(_BLINK if terminal else seconds):
            sys.stderr.write(f"\r\x1b[K{line()}" if terminal else f"{line()}\n")
            sys.stderr.flush()
        if terminal:
            sys.stderr.write("\r\x1b[K")

    thread = Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def step_lines(steps: Iterable[PlannedStep]) -> list[str]:
    """Steps that change a table, each with what the engine is told."""
    lines = []
    for step in steps:
        where = step.field_path or "the table"
        lines.append(f"{where}: {step.outcome}, risk {step.risk}: {step.why}")
        lines += [f"  {statement};" for statement in step.statements]
        lines += [f"  tables.patch: {step.patch}"] if step.patch else []
    return lines


def _finding(error: SchemaRegistryError, detail: Any) -> dict[str, Any]:
    place = asdict(detail) if detail is not None else {}
    return {
        "path": place.pop("file", None),
        "line": place.pop("line", None),
        "column": place.pop("column", None),
        "code": error.code,
        "message": place.pop("text", error.message),
        "hint": error.hint,
        **{name: value for name, value in place.items() if value is not None},
    }


def _json(value: Any) -> str:
    text = json.dumps(value, default=_plain, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # such as a file name that is not UTF-8
        return json.dumps(value, default=_plain)
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return value.hex()
    text = escape(value if isinstance(value, str) else _readable(value)).replace("\n", "\\n")
    return text if len(text) <= _MAX_CELL else text[: _MAX_CELL - 1] + "…"


def _readable(value: Any) -> str:
    if isinstance(value, dict | list):
        return _json(value)
    return value.isoformat(" ") if hasattr(value, "hour") else str(value)
