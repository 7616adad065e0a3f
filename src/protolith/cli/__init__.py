"""The command line. Commands are imported when they run, so that local ones start fast."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from protolith.cli.output import OUTPUT, Format
from protolith.errors import (
    ConflictError,
    InvalidNameError,
    LayoutError,
    ProtocExecutionError,
    RowsRejectedError,
    SchemaRegistryError,
    SchemaTooComplexError,
)

DONE, FAILED, USAGE, FINDINGS = 0, 1, 2, 100
_FINDINGS = (
    ProtocExecutionError,
    LayoutError,
    SchemaTooComplexError,
    ConflictError,
    RowsRejectedError,
)
_OTHER_WORDS = {"push": "register", "upload": "register", "ddl": "translate", "load": "ingest"}
_OTHER_WORDS |= {"generate": "translate", "schema": "bq-schema", "list": "subject list"}

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
    "register": ("registry:register", "Register a schema; print its id and version."),
    "pull": ("registry:pull", "Write the files of a registered schema, byte for byte."),
    "create": ("registry:create", "Create a schema's table in an engine."),
    "ingest": ("registry:ingest", "Load protobuf messages into a schema's table."),
    "query": ("registry:query", "Run a query in an engine and print its rows."),
    "serve": ("serve:serve", "Serve the REST API and its OpenAPI page."),
}
for _name, (_target, _help) in _COMMANDS.items():
    app.command(f"protolith.cli.{_target}", name=_name, help=_help)
subject.command("protolith.cli.registry:subject_list", name="list", help="List every subject.")
subject.command("protolith.cli.registry:subject_show", name="show", help="Show one subject.")
app.command(subject)


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
    OUTPUT.format = format
    OUTPUT.home = home
    try:
        app(tokens, exit_on_error=False, print_error=False)
    except SchemaRegistryError as error:
        OUTPUT.error(error)
        if debug:
            raise
        return exit_code(error)
    return DONE


def main() -> None:
    """Run the command line and exit: 0 done, 100 findings, 2 wrong usage, 1 anything else."""
    arguments = sys.argv[1:]
    try:
        code = app.meta(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        print(f"error: {str(error).strip()}", file=sys.stderr)  # noqa: T201
        known = next((ours for word, ours in _OTHER_WORDS.items() if word in arguments[:1]), None)
        if known:
            print(f"hint: here it is called {known}", file=sys.stderr)  # noqa: T201
        sys.exit(USAGE)
    except BrokenPipeError:  # the reader of our output has gone
        sys.exit(FAILED)
    sys.exit(code)


def exit_code(error: SchemaRegistryError) -> int:
    """The exit code that an error ends with."""
    if isinstance(error, InvalidNameError):
        return USAGE
    return FINDINGS if isinstance(error, _FINDINGS) else FAILED
