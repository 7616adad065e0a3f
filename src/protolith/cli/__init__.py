"""The command line. Commands are imported when they run, so that local ones start fast."""

import os
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError

from protolith.cli.output import OUTPUT, Format, escape
from protolith.errors import (
    ConflictError,
    InvalidNameError,
    MalformedError,
    ProtocExecutionError,
    RowsRejectedError,
    SchemaRegistryError,
    SchemaValidationError,
    quoted,
)

DONE, FAILED, USAGE, FINDINGS, INTERRUPTED = 0, 1, 2, 100, 130
_FINDINGS = (ProtocExecutionError, SchemaValidationError, ConflictError, RowsRejectedError)
_OTHER_WORDS = {"push": "register", "upload": "register", "ddl": "translate", "load": "ingest"}
_OTHER_WORDS |= {"generate": "translate", "schema": "bq-schema", "list": "subject list"}

LAYOUT_OPTIONS = Parameter(name="*", group=Group("Layout", sort_key=2))
"""How commands offer a layout: each choice as an option of its own."""

app = App(
    name="protolith",
    help="A protobuf schema registry for analytics.",
    version=lambda: version("protolith"),
    help_format="plaintext",
    result_action="return_value",
)
subject = App(name="subject", help="What is registered.")

_COMMANDS = {
    "translate": ("local:translate", "Print the table of a .proto file as CREATE TABLE."),
    "bq-schema": ("local:bq_schema", "Print the BigQuery JSON schema of a .proto file."),
    "lint": ("local:lint", "Say what BigQuery refuses or loses of a .proto file."),
    "check": ("compatibility:check", "Say what a new schema breaks for an older one."),
    "diff": ("compatibility:diff", "Say what differs between two versions, or two schemas."),
    "storage-descriptor": (
        "local:storage_descriptor",
        "Print a message as BigQuery's Storage Write API takes it.",
    ),
    "convert": ("converting:convert", "Write messages as a Parquet or Arrow file."),
    "register": ("registry:register", "Register a schema; print its id and version."),
    "pull": ("registry:pull", "Write the files of a registered schema, byte for byte."),
    "create": ("registry:create", "Create a schema's table in an engine."),
    "migrate": ("migration:migrate", "Move a live table to a version of its schema."),
    "drift": ("registry:drift", "Say where a live table differs from what should be there."),
    "ingest": ("registry:ingest", "Load protobuf messages into a schema's table."),
    "consume": ("consuming:consume", "Load a topic of Kafka into a table, each record once."),
    "replay": ("registry:replay", "Load refused records again."),
    "export-rows": ("converting:export_rows", "Write a table's rows as messages again."),
    "query": ("registry:query", "Run a query in an engine and print its rows."),
    "search": ("admin:search", "Find subjects by name, field, type, description, tag, label."),
    "audit": ("admin:audit", "Show who changed what when."),
    "doctor": ("admin:doctor", "Compare the registered tables with the engines."),
    "backup": ("admin:backup", "Copy the registry into a file while it is in use."),
    "restore": ("admin:restore", "Make a backup the registry."),
    "export": ("admin:export", "Write everything as plain files."),
    "import": ("admin:import_", "Read an export into an empty registry."),
    "serve": ("serve:serve", "Serve the REST API and its OpenAPI page."),
}
for _name, (_target, _help) in _COMMANDS.items():
    app.command(f"protolith.cli.{_target}", name=_name, help=_help)
subject.command("protolith.cli.registry:subject_list", name="list", help="List every subject.")
subject.command("protolith.cli.registry:subject_show", name="show", help="Show one subject.")
subject.command("protolith.cli.modes:mode", name="mode", help="What new versions must keep to.")
subject.command("protolith.cli.admin:delete", name="delete", help="Delete, softly or for good.")
subject.command("protolith.cli.admin:undelete", name="undelete", help="Take back a soft delete.")
subject.command(
    "protolith.cli.admin:relationships",
    name="relationships",
    help="Show who imports whom, and the tables.",
)
subject.command("protolith.cli.admin:label", name="label", help="Set and show labels.")
app.command(subject)
database = App(name="db", help="The store itself.")
database.command("protolith.cli.admin:db_upgrade", name="upgrade", help="Upgrade the store.")
app.command(database)
token = App(name="token", help="Who may come in: tokens for programs.")
user = App(name="user", help="Who may come in: people with a password.")
for _app, _words in (
    (token, {"create": "Make a token.", "list": "List tokens.", "revoke": "Revoke a token."}),
    (
        user,
        {
            "add": "Let a person in.",
            "list": "List people.",
            "password": "Change a password.",
            "remove": "Let a person in no more.",
        },
    ),
):
    for _word, _help in _words.items():
        _app.command(f"protolith.cli.identities:{_app.name[0]}_{_word}", name=_word, help=_help)
    app.command(_app)


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    format: Annotated[Format, Parameter(name="--format")] = "text",  # noqa: A002
    home: Annotated[Path | None, Parameter(name="--home", env_var="PROTOLITH_HOME")] = None,
    debug: Annotated[bool, Parameter(name="--debug", negative="")] = False,
) -> int:
    """Run one command.

    Parameters
    ----------
    format: Literal["text", "json"]
        Text for people, or one JSON object a line for programs.
    home: Path | None
        The data directory; .protolith if not given.
    debug: bool
        Show a traceback with an error.
    """
    OUTPUT.format, OUTPUT.home, OUTPUT.debug = format, home, debug
    return _attempt(lambda: app(tokens, exit_on_error=False, print_error=False))


def main() -> None:
    """Run the command line and exit: 0 done, 100 findings, 2 wrong usage, 1 anything else."""
    OUTPUT.format, OUTPUT.debug = "text", False
    sys.exit(_attempt(lambda: app.meta(sys.argv[1:], exit_on_error=False, print_error=False)))


def exit_code(error: SchemaRegistryError) -> int:
    """The exit code that an error ends with."""
    if isinstance(error, InvalidNameError | MalformedError) and not error.details:
        return USAGE  # without a place in a file it is about the command line
    return FINDINGS if isinstance(error, _FINDINGS) else FAILED


def _attempt(call: Callable[[], object]) -> int:
    """Make a call; whatever goes wrong becomes a sentence and an exit code."""
    try:
        answer = call()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone; Python would complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except CycloptsError as error:
        return _refuse(error, MalformedError(escape(str(error).strip()), hint=_usage(error)), USAGE)
    except Exception as error:  # noqa: BLE001
        known = error if isinstance(error, SchemaRegistryError) else _foreign(error)
        return _refuse(error, known, exit_code(known))
    return answer if isinstance(answer, int) else DONE  # a command may say its own


def _refuse(cause: Exception, error: SchemaRegistryError, code: int) -> int:
    OUTPUT.error(error)
    if OUTPUT.debug:
        traceback.print_exception(cause)
    return code


def _usage(error: CycloptsError) -> str:
    words = error.unused_tokens if isinstance(error, UnknownCommandError) else None
    ours = _OTHER_WORDS.get(words[0]) if words else None
    return f"here it is called {ours}" if ours else "protolith --help says what is possible"


def _foreign(error: Exception) -> SchemaRegistryError:
    if isinstance(error, OSError) and error.strerror:
        where = f"{quoted(str(error.filename))}: " if error.filename is not None else ""
        return SchemaRegistryError(f"{where}{error.strerror}", hint="--debug shows where it failed")
    return SchemaRegistryError(
        f"something went wrong here: {type(error).__name__}: {quoted(str(error))}",
        hint="--debug shows where; it is a fault of Protolith",
    )
