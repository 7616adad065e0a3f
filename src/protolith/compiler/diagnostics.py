"""What the compiler printed, as errors with their places."""

import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from google.protobuf import descriptor_pb2

from protolith.compiler.sources import escape, is_usable
from protolith.errors import CompileError, Detail

_PLACED = re.compile(r"(.+?):(\d+):(\d+): (.*)")
_UNPLACED = re.compile(r"(.+?): (.*)")
_LOG = re.compile(r"(?:[IWEF]\d{4} \d\d:\d\d:[^]]*\] |\[libprotobuf [^]]*\] |\*\*\* )(.*)")
_IMPORT = re.compile(r'Import "(.*)" was not found or had errors\.')
_IMPORTS = 3  # the number of FileDescriptorProto.dependency, in paths of source info
_KNOWN_HINT = (
    "google/protobuf, google/type, confluent, bq_table.proto, bq_field.proto are known here"
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submission:
    """What a compile was about, to speak of it in the words of whoever sent it.

    `shown` maps the name of each compiled file to the name to show; `available` are all names
    that can be imported.
    """

    shown: Mapping[str, str]
    available: Collection[str]


def compile_error(output: str, submission: Submission, most: int) -> CompileError:
    """The error in what a failed compiler printed."""
    renamed = {old: new for old, new in submission.shown.items() if old != new}
    known = {None, *submission.shown, *submission.available}
    # Of a missing file the import tells, with its place; other files were never offered.
    told = [detail for detail in _parse(output) if detail.file in known]
    details = [_in_their_words(detail, renamed) for detail in told]
    count = "1 error" if len(details) == 1 else f"{len(details) or 'unknown'} errors"
    return CompileError(
        f"{_subject(details, submission)} not compile: {count}",
        details=details[:most],
        hint=_hint(details, submission),
    )


def missing_import(
    file: descriptor_pb2.FileDescriptorProto, index: int, submission: Submission
) -> CompileError:
    """The error for an import that the compiler found where nobody asked it to look."""
    places = file.source_code_info.location
    spans = (place.span for place in places if list(place.path) == [_IMPORTS, index])
    line, column, *_ = next(spans, (0, 0))
    text = f'Import "{file.dependency[index]}" was not found or had errors.'
    place = f"{file.name}:{line + 1}:{column + 1}"
    return compile_error(f"{place}: {text}", submission, most=1)


def _subject(details: list[Detail], submission: Submission) -> str:
    files = {detail.file for detail in details if detail.file}
    if len(submission.shown) == 1:
        return f"{escape(*submission.shown.values())} does"
    return f"{files.pop()} does" if len(files) == 1 else f"{len(files)} files do"


def _parse(output: str) -> list[Detail]:
    details: list[Detail] = []
    logged: list[Detail] = []
    for line in output.split("\n"):
        if match := _LOG.match(line):
            _log.warning("the compiler logged: %s", escape(line))
            logged.append(Detail(match[1]))
        elif match := _PLACED.fullmatch(line):
            file, number, column, text = match.groups()
            details.append(Detail(text.strip(), file, int(number), int(column)))
        elif match := _UNPLACED.fullmatch(line):
            details.append(Detail(match[2].strip(), match[1]))
        elif line.strip():
            details.append(Detail(line.strip()))
    errors = [detail for detail in details if not detail.text.startswith("warning: ")]
    return errors or logged  # of names in descriptors that clash, only the log speaks


def _in_their_words(detail: Detail, renamed: Mapping[str, str]) -> Detail:
    file = renamed.get(detail.file or "", detail.file)
    text = detail.text
    for old, new in renamed.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return replace(detail, text=escape(text), file=escape(file) if file else None)


def _hint(details: list[Detail], submission: Submission) -> str | None:
    texts = [detail.text for detail in details]
    if any(text.startswith("File recursively imports itself") for text in texts):
        return "files cannot import each other in a circle: move what both need to a third file"
    for text in texts:
        match = _IMPORT.fullmatch(text)
        if match and match[1] not in submission.available:
            return _import_hint(match[1], submission.available)
    if any(text.endswith("is not defined.") for text in texts):
        return "define the type, or import the file that does; its package is part of its name"
    return None


def _import_hint(missing: str, available: Collection[str]) -> str:
    if not is_usable(missing):
        return "an import is a path from the top folder of what is sent, such as acme/common.proto"
    for name in available:
        if name.endswith(f"/{missing}") or missing.endswith(f"/{name}"):
            return f"{name} is there: imports are relative to the top folder of what is sent"
    return f"send the file {missing} too; {_KNOWN_HINT}"
