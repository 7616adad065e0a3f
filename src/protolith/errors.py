"""Every error that Protolith raises on purpose, as one tree.

SchemaRegistryError                 the root
├── ProtocExecutionError            the compiler's verdict on what was sent
│   ├── CompileError                SCHEMA_INVALID: with file:line:column
│   └── CompilerRejectedError       COMPILER_REJECTED: it crashed or ran into a limit
├── SchemaValidationError           readable, but not usable
│   ├── MalformedError              MALFORMED_REQUEST: encoding, JSON, parameters
│   ├── SchemaTooComplexError       SCHEMA_TOO_COMPLEX: a limit, and the value found
│   ├── BundleError                 BUNDLE_INVALID: file names and archives
│   ├── InvalidNameError            NAME_INVALID: databases, tables, columns
│   ├── ExpressionError             EXPRESSION_INVALID: default expressions
│   └── LayoutError                 LAYOUT_IMPOSSIBLE: a table that cannot be
├── TooLargeError                   TOO_LARGE
├── NotFoundError                   NOT_FOUND
├── ConflictError                   CONFLICT
│   ├── IncompatibleError           INCOMPATIBLE: under the subject's mode; each finding's place
│   └── MovedOnError                MOVED_ON: the subject has moved on since it was looked at
├── RowsRejectedError               ROWS_REJECTED: with record index and byte offset
├── CompilerUnavailableError        COMPILER_UNAVAILABLE: ours, never the user's fault
├── EngineUnavailableError          ENGINE_UNAVAILABLE
├── BrokerUnavailableError          BROKER_UNAVAILABLE: of Kafka, or its client is missing
├── EngineError                     ENGINE_REFUSED: the engine's own verdict
├── UnauthenticatedError            UNAUTHENTICATED: nobody known, or a wrong token or password
├── ForbiddenError                  FORBIDDEN: known, and visible, but not allowed
├── RateLimitedError                RATE_LIMITED: too many wrong passwords
├── BusyError                       BUSY
├── StorageFullError                STORAGE_FULL
├── StoreUnavailableError           STORE_UNAVAILABLE: its disk or its server fails
└── StoreDamagedError               STORE_DAMAGED: a backup has to be put back

The code is stable; the sentence is not. The hint says what to do next.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

_MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Detail:
    """One place where something is wrong: in a file, in a table, or in data.

    `rule` is the id of the rule that says so, where there is one; `mend` are the statements that
    would mend a live table there.
    """

    text: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    field_path: str | None = None
    record: int | None = None
    offset: int | None = None
    rule: str | None = None
    mend: tuple[str, ...] | None = None

    def __str__(self) -> str:
        where = ""
        if self.file is not None:
            spots = [self.file, *(str(n) for n in (self.line, self.column) if n is not None)]
            where = ":".join(spots) + ": "
        if self.record is not None:
            where += f"record {self.record} at byte {self.offset}: "
        if self.field_path is not None:
            where += f"{self.field_path}: "
        if self.rule is not None:
            where += f"{self.rule}: "
        return where + self.text + (f"; mended by: {'; '.join(self.mend)}" if self.mend else "")


class SchemaRegistryError(Exception):
    """The root of everything that Protolith raises on purpose."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, hint: str | None = None, details: Sequence[Detail] = ()):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {detail}" for detail in self.details)])


class ProtocExecutionError(SchemaRegistryError):
    """The protobuf compiler, or a plugin of it, refused what was sent."""

    code = "PROTOC_FAILED"


class CompileError(ProtocExecutionError):
    """The sources do not compile; `details` holds each diagnostic with its place."""

    code = "SCHEMA_INVALID"


class CompilerRejectedError(ProtocExecutionError):
    """The compiler crashed on the sources or ran into a limit; `reason` says which."""

    code = "COMPILER_REJECTED"

    def __init__(self, message: str, *, reason: str, hint: str | None = None):
        super().__init__(message, hint=hint)
        self.reason = reason


class SchemaValidationError(SchemaRegistryError):
    """What was sent can be read, but not used."""

    code = "VALIDATION_FAILED"


class MalformedError(SchemaValidationError):
    """Wrong encoding, JSON, or parameters."""

    code = "MALFORMED_REQUEST"


class SchemaTooComplexError(SchemaValidationError):
    """A limit on the schema is exceeded; the message says the limit and the value found."""

    code = "SCHEMA_TOO_COMPLEX"


class BundleError(SchemaValidationError):
    """A file name or an archive that is not acceptable."""

    code = "BUNDLE_INVALID"


class InvalidNameError(SchemaValidationError):
    """A database, table or column name that is not an identifier."""

    code = "NAME_INVALID"


class ExpressionError(SchemaValidationError):
    """A default expression that is not acceptable."""

    code = "EXPRESSION_INVALID"


class LayoutError(SchemaValidationError):
    """A message that cannot be laid out as the table that was asked for."""

    code = "LAYOUT_IMPOSSIBLE"


class TooLargeError(SchemaRegistryError):
    """More bytes than allowed."""

    code = "TOO_LARGE"


class NotFoundError(SchemaRegistryError):
    """No such schema, version, table or message."""

    code = "NOT_FOUND"


class ConflictError(SchemaRegistryError):
    """The request contradicts what is there: another table, an ambiguous name, a lost race."""

    code = "CONFLICT"


class IncompatibleError(ConflictError):
    """A version that the subject's mode refuses; `details` holds each finding with its place."""

    code = "INCOMPATIBLE"


class MovedOnError(ConflictError):
    """The subject is at another version than the one that a new version was checked against."""

    code = "MOVED_ON"


class RowsRejectedError(SchemaRegistryError):
    """Records could not be loaded; `details` names each with index, offset and reason."""

    code = "ROWS_REJECTED"


class CompilerUnavailableError(SchemaRegistryError):
    """The compiler itself could not be started."""

    code = "COMPILER_UNAVAILABLE"


class EngineUnavailableError(SchemaRegistryError):
    """The engine is missing, locked, or does not answer."""

    code = "ENGINE_UNAVAILABLE"


class BrokerUnavailableError(SchemaRegistryError):
    """A Kafka broker does not answer or refuses, or its client is not installed."""

    code = "BROKER_UNAVAILABLE"


class EngineError(SchemaRegistryError):
    """The engine refused a statement."""

    code = "ENGINE_REFUSED"


class UnauthenticatedError(SchemaRegistryError):
    """A token, a password or a JWT is needed, or the one that was sent is not good."""

    code = "UNAUTHENTICATED"


class ForbiddenError(SchemaRegistryError):
    """Whoever asks may see it, but not do this with it."""

    code = "FORBIDDEN"


class RateLimitedError(SchemaRegistryError):
    """Too many wrong passwords from one address or for one user; try again in a minute."""

    code = "RATE_LIMITED"


class BusyError(SchemaRegistryError):
    """A lock or a queue was not free in time; try again."""

    code = "BUSY"


class StorageFullError(SchemaRegistryError):
    """The disk is full; reads go on."""

    code = "STORAGE_FULL"


class StoreUnavailableError(SchemaRegistryError):
    """The registry's store cannot be read or written: a failing disk, no right, a lost server."""

    code = "STORE_UNAVAILABLE"


class StoreDamagedError(SchemaRegistryError):
    """The registry's store is not what was written to it; a backup has to be put back."""

    code = "STORE_DAMAGED"


@contextmanager
def naming(which: str) -> Iterator[None]:
    """Say in an error which of several things it is about: `which` goes before its message."""
    try:
        yield
    except SchemaRegistryError as error:
        error.message = f"{which}: {error.message}"
        raise


def quoted(text: str) -> str:
    """A text from outside, safe to show: in quotes, cut, and everything unprintable escaped."""
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")
