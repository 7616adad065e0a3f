"""The versions of an engine that a dialect tells apart."""

from itertools import takewhile

from protolith.errors import MalformedError, quoted


def profile(versions: tuple[str, ...], version: str) -> str:
    """The newest of the profiles that is not newer than a version, such as 25.8 for 25.8.2.1."""
    wanted = _numbers(version)
    older = [known for known in versions if _numbers(known) <= wanted]
    if not older:
        raise MalformedError(
            f"the version {quoted(version)} is not supported", hint=f"{versions[0]} or later"
        )
    return older[-1]


def _numbers(version: str) -> tuple[int, ...]:
    parts = takewhile(lambda part: part.isascii() and part.isdigit(), version.split("."))
    return tuple(int(part) for part in parts)
