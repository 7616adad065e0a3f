"""The refusals of the Confluent surface: a status, and the number that its clients read."""

from collections.abc import Iterator
from contextlib import contextmanager

from protolith import errors
from protolith.errors import SchemaRegistryError, quoted

_TEXT = "send the schema as .proto text, or as a FileDescriptorProto in base64"


class ConfluentError(SchemaRegistryError):
    """An answer that Confluent's clients understand by its number."""

    code = "REFUSED"

    def __init__(
        self,
        number: int,
        message: str,
        *,
        hint: str | None = None,
        cause: SchemaRegistryError | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details=cause.details if cause else ())
        self.number = number
        self.status = number // 100 if number > 999 else number  # noqa: PLR2004
        self.code = cause.code if cause else self.code  # type: ignore[misc]


def no_subject(subject: str) -> ConfluentError:
    """The subject is not there, or all of it is deleted."""
    return ConfluentError(40401, f"Subject {_named(subject)} not found", hint="GET /subjects")


def no_version(subject: str, number: object) -> ConfluentError:
    """The subject has no such version."""
    return ConfluentError(
        40402, f"Version {number} not found", hint=f"GET /subjects/{subject}/versions"
    )


def no_schema(what: str = "") -> ConfluentError:
    """There is no such schema, or no version of the subject has it."""
    return ConfluentError(40403, f"Schema {what} not found".replace("  ", " "))


def bad_schema(message: str, hint: str | None = _TEXT) -> ConfluentError:
    """What was sent cannot be a schema."""
    return ConfluentError(42201, message, hint=hint)


def not_permitted(message: str, hint: str | None = None) -> ConfluentError:
    """The mode forbids it."""
    return ConfluentError(42205, message, hint=hint)


@contextmanager
def translating() -> Iterator[None]:
    """Turn the registry's errors into those of this surface."""
    try:
        yield
    except ConfluentError:
        raise
    except SchemaRegistryError as error:
        raise _translated(error) from error


def _translated(error: SchemaRegistryError) -> ConfluentError:
    number = next(number for kind, number in _NUMBERS if isinstance(error, kind))
    message = str(error)
    if isinstance(error, errors.IncompatibleError):
        subject = error.message.partition(":")[0]
        message = (
            "Schema being registered is incompatible with an earlier schema for subject"
            f' "{subject}", details: {message}'
        )
    elif number == 42201:  # noqa: PLR2004
        message = f"Invalid schema: {message}"
    return ConfluentError(number, message, hint=error.hint, cause=error)


_NUMBERS: tuple[tuple[type[SchemaRegistryError], int], ...] = (
    (errors.TooLargeError, 42209),
    (errors.ProtocExecutionError, 42201),
    (errors.SchemaValidationError, 42201),
    (errors.NotFoundError, 42201),
    (errors.IncompatibleError, 409),
    (errors.ConflictError, 40901),
    (errors.UnauthenticatedError, 40101),
    (errors.ForbiddenError, 40301),
    (errors.RateLimitedError, 42901),
    (errors.BusyError, 50302),
    (errors.CompilerUnavailableError, 50303),
    (errors.StorageFullError, 50701),
    (errors.StoreUnavailableError, 50301),
    (SchemaRegistryError, 50001),
)


def _named(subject: str) -> str:
    return quoted(subject) if "'" not in subject else f"'{subject}'"
