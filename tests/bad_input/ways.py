"""The three ways in, each of which says the same about the same bad input."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from protolith import SchemaRegistry, SchemaRegistryError, Source
from protolith.cli import main
from protolith.errors import Detail

Files = Mapping[str, bytes]
ALONE = (".zip", ".binpb")

# By code: the class in Python, the status over REST, the exit code of a command.
ANSWERS = {
    "BUNDLE_INVALID": ("BundleError", 400, 100),
    "CONFLICT": ("ConflictError", 409, 100),
    "ENGINE_REFUSED": ("EngineError", 422, 1),
    "ENGINE_UNAVAILABLE": ("EngineUnavailableError", 503, 1),
    "INTERNAL": ("SchemaRegistryError", 500, 1),
    "LAYOUT_IMPOSSIBLE": ("LayoutError", 400, 100),
    "MALFORMED_REQUEST": ("MalformedError", 400, 100),
    "NAME_INVALID": ("InvalidNameError", 400, 100),
    "NOT_FOUND": ("NotFoundError", 404, 1),
    "ROWS_REJECTED": ("RowsRejectedError", 422, 100),
    "SCHEMA_INVALID": ("CompileError", 422, 100),
    "SCHEMA_TOO_COMPLEX": ("SchemaTooComplexError", 400, 100),
    "STORE_DAMAGED": ("StoreDamagedError", 500, 1),
    "STORE_UNAVAILABLE": ("StoreUnavailableError", 503, 1),
    "TOO_LARGE": ("TooLargeError", 413, 1),
    "VALIDATION_FAILED": ("SchemaValidationError", 400, 100),
}
# Without a place in a file these two are about what stands on the command line.
USAGE = ("MALFORMED_REQUEST", "NAME_INVALID")


@dataclass(frozen=True)
class Refusal:
    """What was said about an input; the places as a person reads them."""

    code: str
    message: str
    hint: str | None
    places: tuple[str, ...]


class Way(Protocol):
    """One way in. Each method must be refused."""

    def register(self, files: Files, **options: str) -> Refusal:
        """Register files, with table_name, database_name, message or description."""

    def look(self, reference: str) -> Refusal:
        """Look a version up."""

    def create(self, reference: str, engine: str) -> Refusal:
        """Create a table."""

    def ingest(self, reference: str, data: bytes, **options: str) -> Refusal:
        """Load records, with engine or framing."""


def kind_of(answer: object) -> str:
    return type(answer).__name__


@dataclass
class Python:
    """The class."""

    registry: SchemaRegistry
    folder: Path

    def register(self, files: Files, **options: str) -> Refusal:
        schema = write(files, self.folder) if alone(files) else files
        return refused(lambda: self.registry.register_schema(schema, **options))  # type: ignore[arg-type]

    def look(self, reference: str) -> Refusal:
        one = refused(lambda: self.registry.get_schema_version(reference))
        assert refused(lambda: self.registry.get_schema_versions(reference)) == one
        assert refused(lambda: self.registry.ddl(reference, "duckdb")) == one
        return one

    def create(self, reference: str, engine: str) -> Refusal:
        return refused(lambda: self.registry.create_table(reference, engine))

    def ingest(self, reference: str, data: bytes, **options: Any) -> Refusal:
        source = Source(data, options.pop("framing", "delimited"))
        return refused(lambda: self.registry.ingest(reference, source, **options))


def refused(call: Callable[[], object]) -> Refusal:
    """The refusal of a call of ours."""
    with pytest.raises(SchemaRegistryError) as caught:
        call()
    error = caught.value
    assert kind_of(error) == ANSWERS[error.code][0]
    places = tuple(str(detail) for detail in error.details)
    assert str(error) == "\n".join([error.message, *(f"  {place}" for place in places)])
    return Refusal(error.code, error.message, error.hint, places)


@dataclass
class Rest:
    """The server."""

    client: TestClient

    def register(self, files: Files, **options: str) -> Refusal:
        parts = [("proto_file", item) for item in files.items()]
        return self.post("/schemas/register", files=parts, data=options)

    def look(self, reference: str) -> Refusal:
        path = f"/schemas/{quote(reference, safe='')}"
        one = said(self.client.get(path))
        assert said(self.client.get(f"{path}/versions")) == one
        assert said(self.client.get(f"{path}/ddl/duckdb")) == one
        return one

    def create(self, reference: str, engine: str) -> Refusal:
        path = f"/schemas/{quote(reference, safe='')}/tables"
        return self.post(path, json={"engine": engine})

    def ingest(self, reference: str, data: bytes, **options: str) -> Refusal:
        path = f"/schemas/{quote(reference, safe='')}/ingest"
        return self.post(path, params=options, content=data)

    def post(self, path: str, **request: Any) -> Refusal:
        return said(self.client.post(path, **request))


def said(answer: Any) -> Refusal:
    """The refusal in an answer, whose envelope is complete."""
    assert answer.status_code >= 400, answer.text
    body = answer.json()
    assert body.pop("request_id") == answer.headers["x-request-id"]
    assert set(body) == {"error_code", "code", "message", "hint", "details", "detail"}
    places = tuple(str(Detail(**detail)) for detail in body["details"])
    assert answer.status_code in (ANSWERS[body["code"]][1], 405)
    assert body["error_code"] == answer.status_code * 100
    assert body["detail"] == "\n".join([body["message"], *(f"  {place}" for place in places)])
    assert ("retry-after" in answer.headers) == (answer.status_code == 503)
    check_discreet(answer.text)
    return Refusal(body["code"], body["message"], body["hint"], places)


@dataclass
class Command:
    """The command line, in this process."""

    home: Path
    folder: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def register(self, files: Files, **options: str) -> Refusal:
        words = [f"--{name.removesuffix('_name')}={value}" for name, value in options.items()]
        return self.run("register", str(write(files, self.folder)), *words)

    def look(self, reference: str) -> Refusal:
        return self.run("subject", "show", reference)

    def create(self, reference: str, engine: str) -> Refusal:
        return self.run("create", reference, "--engine", engine)

    def ingest(self, reference: str, data: bytes, **options: str) -> Refusal:
        file = self.folder / "records.bin"
        file.write_bytes(data)
        words = [f"--{name}={value}" for name, value in options.items()]
        return self.run("ingest", str(file), "--subject", reference, *words)

    def run(self, *words: str) -> Refusal:
        """The refusal of a command, which is the same as text and as JSON."""
        out, err, code = self.call(*words)
        assert out == ""
        refusal = printed(err)
        assert code == exit_of(refusal)
        out, again, code = self.call("--format=json", *words)
        assert (again, code) == (err, exit_of(refusal))
        lines = [json.loads(line) for line in out.splitlines()]
        assert len(lines) == max(1, len(refusal.places))
        for line, place in zip(lines, refusal.places or (refusal.message,), strict=True):
            assert (line["code"], line["hint"]) == (refusal.code, refusal.hint)
            assert line["message"] in place
        return refusal

    def call(self, *words: str) -> tuple[str, str, int]:
        self.patch.setattr(sys, "argv", ["protolith", f"--home={self.home}", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = self.capture.readouterr()
        check_discreet(out + err)
        return out, err, int(caught.value.code or 0)


def printed(err: str) -> Refusal:
    """The refusal that was printed for people."""
    lines = err.splitlines()
    hint = lines.pop().removeprefix("hint: ") if lines[-1].startswith("hint: ") else None
    message, _, code = lines.pop().removeprefix("error: ").rpartition(" ")
    return Refusal(code.strip("[]"), message, hint, tuple(lines))


def exit_of(refusal: Refusal) -> int:
    """The exit code that a refusal must end with."""
    if refusal.code in USAGE and not refusal.places:
        return 2
    return ANSWERS[refusal.code][2]


def alone(files: Files) -> bool:
    """Whether it is an archive or descriptors, which are sent as they are."""
    return len(files) == 1 and next(iter(files)).endswith(ALONE)


def write(files: Files, folder: Path) -> Path:
    """Files on the disk: the file itself if it is one, else the folder with all of them."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / next(iter(files)) if len(files) == 1 else folder


def check_discreet(text: str) -> None:
    """No text of ours shows where the server keeps things, or how it works inside."""
    for word in ("Traceback", 'File "', "site-packages", "INSERT INTO", "SELECT ", "/home"):
        assert word not in text
