"""`protoc-gen-bq-schema-py`: the BigQuery conversion as a plugin of protoc.

protoc --plugin=protoc-gen-bq-schema=$(command -v protoc-gen-bq-schema-py) --bq-schema_out=OUT …

It answers what the Go plugin answers, apart from file names that would leave the output folder.
"""

import posixpath
import sys
from collections.abc import Iterable

from protolith.dialects.bigquery.parity import Answer, Budget, answer_request, output_fault
from protolith.errors import BundleError

# A build may convert a whole repository in one request, on the machine of who asks for it.
_BUDGET = Budget(columns=1_000_000, text=256 * 1024 * 1024, visits=3_000_000)
_USAGE = 2


def check_output_names(names: Iterable[str]) -> None:
    """Raise `BundleError` unless every name is a different file inside the output folder.

    The names hold `table_name` as it was written, with slashes and dots.
    """
    seen: set[str] = set()
    for name in names:
        reason = output_fault(name)
        plain = posixpath.normpath(name)
        if reason is None and plain in seen:
            reason = "is written twice"
        if reason is not None:
            raise BundleError(
                f"the output file {name!a} {reason}",
                hint="change the option table_name of the message",
            )
        seen.add(plain)


def respond(request: bytes) -> bytes:
    """The serialized response to a serialized request."""
    answer = answer_request(request, budget=_BUDGET)
    try:
        check_output_names(name for name, _ in answer.files)
    except BundleError as error:
        answer = Answer(f"{error.message} ({error.hint})")
    return answer.to_bytes()


def main() -> None:
    """Convert one request from standard input, as protoc runs it."""
    if len(sys.argv) > 1:
        sys.stderr.write("protoc runs this program, without arguments: --bq-schema_out=FOLDER\n")
        raise SystemExit(_USAGE)
    sys.stdout.buffer.write(respond(sys.stdin.buffer.read()))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
