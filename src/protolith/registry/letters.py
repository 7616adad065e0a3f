"""Refused records, kept in a file with their bytes until they can be loaded."""

import base64
import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from protolith.decoding import Frame, Framing, ReferenceDecoder, Source, read_frames
from protolith.errors import Detail, MalformedError, NotFoundError, quoted

_LINES = ("base64", "json")


@dataclass(frozen=True, slots=True)
class Letter:
    """A refused record: where it was, as what it was read, why it was refused, and its bytes.

    `broken` says that no message was found in the bytes: they are as they lay in the source.
    """

    schema_id: str
    version: int
    file: str | None
    record: int
    offset: int
    reason: str
    framing: str
    broken: bool
    data: str

    def frame(self, index: int, decoder: ReferenceDecoder) -> Frame:
        """The record as a decoder takes it, with its index among the letters."""
        data = base64.b64decode(self.data)
        if not self.broken:
            return Frame(index, self.offset, data)
        if self.framing in _LINES:
            found = next(read_frames(io.BytesIO(data), self.framing, decoder), None)
            if found is not None:
                return Frame(index, self.offset, found.data, found.broken)
        return Frame(index, self.offset, data, self.reason)

    def line(self) -> str:
        """The letter as a line of its file."""
        return json.dumps(asdict(self))


class DeadLetters:
    """The file that a load of `source` as messages of a version keeps refused records in."""

    def __init__(self, path: Path, schema_id: str, version: int, source: Source) -> None:
        self.path = path
        self._schema_id, self._version, self._framing = schema_id, version, source.framing
        self._file = str(source.data) if isinstance(source.data, Path) else None
        self._lines: list[str] = []
        self._size: int | None = None

    def add(self, detail: Detail, frame: Frame) -> None:
        """Take a refused record."""
        letter = Letter(
            schema_id=self._schema_id,
            version=self._version,
            file=detail.file or self._file,
            record=frame.index,
            offset=frame.offset,
            reason=detail.text,
            framing=self._framing,
            broken=frame.broken is not None,
            data=base64.b64encode(frame.data if frame.whole is None else frame.whole).decode(),
        )
        self._lines.append(letter.line())

    def keep(self) -> None:
        """Write what was taken, before anything is loaded: what follows cannot lose it."""
        if not self._lines:
            return
        try:
            with self.path.open("ab") as file:
                self._size = file.tell()
                file.writelines(f"{line}\n".encode() for line in self._lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unusable(self.path, error) from None

    def take_back(self) -> None:
        """Forget what `keep` wrote: nothing was loaded after all."""
        if self._size is not None:
            os.truncate(self.path, self._size)
            if self._size == 0:
                self.path.unlink()


class Replayed(DeadLetters):
    """The letters that stay when a file of them is loaded again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.letters = list(read_letters(path))
        self._stay: list[Letter] = []

    def framing(self) -> Framing:
        """Whether the letters say themselves which schema they were written with."""
        found = {letter.framing == "confluent" for letter in self.letters}
        if len(found) > 1:
            raise MalformedError(
                f"{quoted(str(self.path))} has records in Confluent's framing, and others",
                hint="part its lines into two files",
            )
        return "confluent" if True in found else "delimited"

    def add(self, detail: Detail, frame: Frame) -> None:
        """Take one that is refused again."""
        self._stay.append(replace(self.letters[frame.index], reason=detail.text))

    def keep(self) -> None:
        """All are in the file until some are loaded."""

    def take_back(self) -> None:
        """Nothing was written."""

    def finish(self) -> None:
        """Leave those in the file that stay; without any there is no file."""
        if not self._stay:
            self.path.unlink()
            return
        part = self.path.with_name(f".{self.path.name}.part")
        part.write_text("".join(f"{letter.line()}\n" for letter in self._stay))
        part.replace(self.path)


def read_letters(path: Path) -> Iterator[Letter]:
    """The letters of a file; `MalformedError` names the line that is none."""
    try:
        lines = path.read_bytes().splitlines()
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from None
    for number, line in enumerate(lines, 1):
        try:
            letter = Letter(**json.loads(line))
            base64.b64decode(letter.data, validate=True)
        except (TypeError, ValueError):
            raise MalformedError(
                f"{quoted(str(path))}:{number} is no dead letter",
                hint="give the file that ingest --dead-letters wrote",
            ) from None
        yield letter


def _unusable(path: Path, error: Exception) -> NotFoundError:
    reason = getattr(error, "strerror", None) or error
    return NotFoundError(
        f"{quoted(str(path))} cannot be used: {reason}", hint="a file of dead letters is needed"
    )
