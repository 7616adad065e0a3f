"""The command line, in this process and as a program."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from conftest import ORDER, delimited
from protolith.cli import app, main

RECORDS = delimited(b"\x0a\x01a", b"\x0a\x01b")
PROGRAM = str(Path(sys.executable).parent / "protolith")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("order.proto").write_text(ORDER)
    Path("orders.bin").write_bytes(RECORDS)


class Shell:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.capsys, self.patch = capsys, patch

    def __call__(self, *words: str, code: int = 0) -> str:
        self.patch.setattr(sys, "argv", ["protolith", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        self.out, self.err = self.capsys.readouterr()
        assert (caught.value.code or 0) == code, self.out + self.err
        return self.out


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


def test_the_main_job(run: Shell) -> None:
    schema_id = run("register", "order.proto", "--table", "orders").split()[0]
    assert run("register", "order.proto", "--table", "orders").split()[0] == schema_id
    assert schema_id in run("subject", "list")
    assert "shop.Order" in run("subject", "show", "bigquery_lite.orders")
    for engine in ("duckdb", "clickhouse"):
        assert "created bigquery_lite.orders" in run("create", schema_id, "--engine", engine)
        assert "is there already" in run("create", schema_id, "--engine", engine)
        loaded = run("ingest", "orders.bin", "--subject", schema_id, "--engine", engine)
        assert loaded == f"{engine}: bigquery_lite.orders: 2 rows loaded\n"
        sql = 'SELECT id, cents, "to" FROM bigquery_lite.orders ORDER BY id'
        table = run("query", sql, "--engine", engine)
        assert table == "id  cents  to\na   0      NULL\nb   0      NULL\n"


def test_layout_options(run: Shell) -> None:
    Path("e.proto").write_text('syntax = "proto3"; message M { E e = 1; } enum E { ZERO = 0; }')
    assert '"e" VARCHAR' in run("translate", "e.proto", "--dialect", "duckdb")
    assert '"e" BIGINT' in run("translate", "e.proto", "--dialect", "duckdb", "--enums", "number")
    run("register", "e.proto")
    run("create", "bigquery_lite.m", "--engine", "duckdb", "--enums", "number")
    assert "is there already" in run("create", "bigquery_lite.m", "--engine", "duckdb")
    run("create", "bigquery_lite.m", "--engine", "duckdb", "--enums", "name", code=100)
    run("translate", "e.proto", "--dialect", "duckdb", "--enums", "text", code=2)
    Path("map.toml").write_text('enums = "both"\n[columns.e]\nname = "kind"\n')
    flags = ("translate", "e.proto", "--dialect", "duckdb", "--layout")
    assert '"kind" VARCHAR,\n  "kind_number" BIGINT' in run(*flags, "map.toml")
    assert '"kind" BIGINT\n' in run(*flags, "map.toml", "--enums", "number")
    assert '"e" INTEGER\n' in run(*flags, "exact,enums=number")
    run(*flags, "nothing.toml", code=1)
    run(*flags, "flatt", code=2)
    run("translate", "e.proto", "--dialect", "duckdb", "--recursion-depth", "9", code=2)


def test_standard_input(run: Shell) -> None:
    run("register", "order.proto")
    run("create", "bigquery_lite.order", "--engine", "duckdb")
    command = [PROGRAM, "ingest", "-", "--subject", "bigquery_lite.order"]
    done = subprocess.run(command, input=RECORDS, capture_output=True, check=True)
    assert done.stdout == b"duckdb: bigquery_lite.order: 2 rows loaded\n"


def test_json_lines(run: Shell) -> None:
    answer = json.loads(run("register", "order.proto", "--format", "json"))
    assert (answer["subject"], answer["version"]) == ("bigquery_lite.order", 1)
    listed = [json.loads(line) for line in run("--format", "json", "subject", "list").splitlines()]
    assert listed[0]["schema_id"] == answer["schema_id"]
    shown = json.loads(run("subject", "show", "bigquery_lite.order", "--format=json"))
    assert shown["fields"][0]["name"] == "id"
    created = run("create", "bigquery_lite.order", "--engine", "duckdb", "--format", "json")
    assert json.loads(created)["created"] is True
    loaded = run("ingest", "orders.bin", "--subject", "bigquery_lite.order", "--format", "json")
    assert json.loads(loaded)["rows"] == 2
    rows = run(
        "query", "SELECT id, [1] l FROM bigquery_lite.order", "--engine", "duckdb", "--format=json"
    )
    assert [json.loads(line) for line in rows.splitlines()] == [
        {"id": "a", "l": [1]},
        {"id": "b", "l": [1]},
    ]


@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse", "bigquery"])
def test_local_files_need_no_store(run: Shell, dialect: str, tmp_path: Path) -> None:
    text = run("translate", "order.proto", "--dialect", dialect, "--table", "t", "--database", "d")
    assert "CREATE TABLE IF NOT EXISTS" in text
    body = json.loads(run("translate", "order.proto", "--dialect", dialect, "--format", "json"))
    assert body["dialect"] == dialect
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse", "bigquery"])
def test_views_and_inserts_can_be_written(run: Shell, dialect: str) -> None:
    command = "translate", "order.proto", "--dialect", dialect, "--write"
    views = run(*command, "views")
    assert "_flat" in views
    assert "VIEW" in views
    assert "CREATE TABLE" not in views
    assert run(*command, "insert").startswith("INSERT INTO ")
    run(*command, "nothing", code=2)


def test_the_bigquery_schema(run: Shell, tmp_path: Path) -> None:
    columns = json.loads(run("bq-schema", "order.proto", "--message", "shop.Order"))
    assert [column["name"] for column in columns] == ["id", "cents", "tags", "to"]
    assert not (tmp_path / "home").exists()


def test_what_bigquery_would_refuse_or_lose(run: Shell) -> None:
    head = 'syntax = "proto3"; package p;'
    run("lint", "order.proto")
    assert (run.out, run.err) == ("", "no findings\n")
    Path("lossy.proto").write_text(f"{head}\nmessage M {{\n  uint64 a = 1;\n  uint64 b = 2; }}\n")
    out = run("lint", "lossy.proto").splitlines()
    assert out[0].startswith("lossy.proto:3:3: uint64-as-integer: a: INTEGER is signed")
    assert out[0].endswith(" [warning]")
    assert out[1].startswith("  hint: ")
    assert run.err == "2 warnings\n"
    run("lint", "lossy.proto", "--strict", code=100)
    Path("bad.proto").write_text(
        f"{head}\nmessage M {{ bool _file_x = 1; sint32 s = 2; E e = 3; }}"
        "enum E { E_ZERO = 0; }\n"
    )
    found = run("lint", "bad.proto", "--parameter", "enum-as-string", "--format", "json", code=100)
    rows = [json.loads(line) for line in found.splitlines()]
    assert [(row["rule"], row["severity"], row["field_path"]) for row in rows] == [
        ("column-name-reserved-prefix", "error", "_file_x"),
        ("fixed-width-not-listed", "note", "s"),
        ("enum-as-string-writer", "note", "e"),
    ]
    assert (rows[0]["path"], rows[0]["line"], rows[0]["column"]) == ("bad.proto", 2, 13)
    assert run.err == "1 error, 2 notes\n"
    run("lint", "bad.proto", "--parameter", "single-message", "--message", "M", code=100)


def test_the_plugins_parameters(run: Shell) -> None:
    Path("e.proto").write_text(
        'syntax = "proto3"; package p; message M { E e = 1; } enum E { ZERO = 0; }'
    )
    assert json.loads(run("bq-schema", "e.proto"))[0]["type"] == "INTEGER"
    strings = run("bq-schema", "e.proto", "--parameter", "enum-as-string")
    assert json.loads(strings)[0]["type"] == "STRING"
    words = "single-message,type-override=e.FLOAT"
    assert json.loads(run("bq-schema", "e.proto", "--parameter", words))[0]["type"] == "FLOAT"
    run(
        "bq-schema",
        "order.proto",
        "--parameter",
        "single-message,type-override=id.RECORD",
        code=100,
    )
    assert "no such message type named" in run.err


def test_the_converter_is_the_operators_choice(run: Shell) -> None:
    run("bq-schema", "order.proto", "--converter", "other", code=2)
    assert "no converter 'other'" in run.err


def test_the_storage_descriptor(run: Shell, tmp_path: Path) -> None:
    assert 'name: "shop_Order"' in run("storage-descriptor", "order.proto")
    assert json.loads(run("storage-descriptor", "order.proto", "--format", "json"))["name"]
    run("storage-descriptor", "order.proto", "--output", "order.desc")
    made = descriptor_pb2.DescriptorProto.FromString(Path("order.desc").read_bytes())
    assert [field.name for field in made.field] == ["id", "cents", "tags", "to"]
    assert not (tmp_path / "home").exists()


def test_a_folder_with_imports(run: Shell) -> None:
    Path("protos/acme").mkdir(parents=True)
    Path("protos/acme/a.proto").write_text('syntax = "proto3"; message A { string x = 1; }')
    text = 'syntax = "proto3"; import "acme/a.proto"; message B { A a = 1; }'
    Path("protos/acme/b.proto").write_text(text)
    by_folder = run("translate", "protos", "--dialect", "duckdb")
    assert by_folder == run("translate", "protos/acme/b.proto", "--dialect", "duckdb")


def test_pull_writes_what_was_registered(run: Shell) -> None:
    run("register", "order.proto")
    assert run("pull", "bigquery_lite.order", "copy") == "copy/order.proto\n"
    assert Path("copy/order.proto").read_text() == ORDER
    run("pull", "bigquery_lite.order@1", "copy")
    Path("copy/order.proto").write_text("mine")
    run("pull", "bigquery_lite.order", "copy", code=100)
    assert "is there with other content" in run.err
    assert Path("copy/order.proto").read_text() == "mine"


def test_exit_codes(run: Shell) -> None:
    Path("bad.proto").write_text("syntax = 'proto3'; message M { nothing x = 1; }")
    run("translate", "bad.proto", "--dialect", "duckdb", code=100)
    assert 'bad.proto:1:32: "nothing" is not defined' in run.err
    assert "error: bad.proto does not compile" in run.err
    run("translate", "none.proto", "--dialect", "duckdb", code=1)
    run("subject", "show", "no.thing", code=1)
    run("translate", "order.proto", code=2)
    run("translate", "order.proto", "--dialect", "duckdb", "--table", "a;b", code=2)
    run("push", "order.proto", code=2)
    assert "hint: here it is called register" in run.err


def test_findings_as_json_lines(run: Shell) -> None:
    Path("bad.proto").write_text("syntax = 'proto3'; message M { nothing x = 1; }")
    out = run("register", "bad.proto", "--format", "json", code=100)
    finding = json.loads(out)
    assert (finding["path"], finding["line"], finding["column"]) == ("bad.proto", 1, 32)
    assert finding["code"] == "SCHEMA_INVALID"


def test_every_command_and_option_has_help(run: Shell) -> None:
    main_help = run("--help")
    commands = [name for name in app if not name.startswith("-")]
    assert len(commands) > 20
    for name in commands:
        assert name in main_help
    for words in (
        *([c] for c in commands if c not in ("subject", "db")),
        ["subject", "show"],
        ["subject", "mode"],
    ):
        text = run(*words, "--help")
        for line in text.splitlines():
            option, _, about = line.strip("│* ").partition("  ")
            assert not option.startswith("--") or about.strip(), line


def test_the_version(run: Shell) -> None:
    assert run("--version").strip() == "0.1.0"


@pytest.mark.parametrize("command", ["translate", "bq-schema", "lint"])
def test_commands_on_local_files_start_light(command: str) -> None:
    """What is heavy to import is not imported: a fresh process says what it loaded."""
    words = [command, "order.proto", *(["--dialect", "duckdb"] if command == "translate" else [])]
    code = (
        "import sys\n"
        f"sys.argv = ['protolith', *{words!r}]\n"
        "from protolith.cli import main\n"
        "try: main()\n"
        "except SystemExit as error: assert not error.code, error.code\n"
        "heavy = {'fastapi', 'sqlalchemy', 'pydantic', 'pyarrow', 'duckdb', 'httpx2'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_listening_for_everyone_without_authentication_is_refused(run: Shell) -> None:
    run("serve", "--host", "0.0.0.0", code=1)  # noqa: S104
    assert "refusing to listen on 0.0.0.0" in run.err
    assert "protolith token create" in run.err
    run("serve", "--host", "0.0.0.0", "--auth", code=1)  # noqa: S104
    assert "nobody is known" in run.err


def test_a_load_that_is_run_again_adds_nothing(run: Shell) -> None:
    run("register", "order.proto")
    run("create", "bigquery_lite.order", "--engine", "duckdb")
    load = ("ingest", "orders.bin", "--subject", "bigquery_lite.order", "--load-id", "content")
    assert run(*load) == "duckdb: bigquery_lite.order: 2 rows loaded\n"
    assert "bigquery_lite.order: nothing added: the load " in run(*load)
    again = json.loads(run(*load, "--format", "json"))
    assert (again["rows"], again["already_loaded"]) == (0, True)


def test_rows_come_out_as_messages(run: Shell) -> None:
    run("register", "order.proto")
    run("create", "bigquery_lite.order", "--engine", "duckdb")
    run("ingest", "orders.bin", "--subject", "bigquery_lite.order")
    answer = run("export-rows", "bigquery_lite.order", "--output", "out.bin")
    assert (answer, Path("out.bin").read_bytes()) == ("out.bin: 2 messages written\n", RECORDS)
    sql = "SELECT id FROM bigquery_lite.order WHERE id = 'a'"
    run("export-rows", "bigquery_lite.order", "--output", "a", "--sql", sql, "--framing", "json")
    assert Path("a").read_text() == '{"id": "a"}\n'


def test_a_terminal_shows_how_far_a_load_is(run: Shell) -> None:
    run("register", "order.proto")
    run("create", "bigquery_lite.order", "--engine", "duckdb")
    records = delimited(*[b"\x0a\x01a"] * 20_000)
    primary, secondary = pty.openpty()
    command = [PROGRAM, "ingest", "-", "--subject", "bigquery_lite.order"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=secondary
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(records)
        process.stdin.flush()
        shown = b""
        while b"20,000 rows, " not in shown:
            shown += os.read(primary, 1000)
        process.stdin.close()
        assert process.stdout.read() == b"duckdb: bigquery_lite.order: 20000 rows loaded\n"
    os.close(primary)
    os.close(secondary)


@pytest.mark.parametrize("engine", ["duckdb", "clickhouse"])
def test_messages_come_from_a_query(run: Shell, engine: str) -> None:
    run("register", "order.proto")
    run("create", "bigquery_lite.order", "--engine", engine)
    load = ("ingest", "--subject", "bigquery_lite.order", "--sql-engine", engine)
    first = "from_hex('0A0161')" if engine == "duckdb" else "unhex('0A0161')"
    run(*load, "--sql", f"SELECT {first} AS payload, 1 AS other")
    many = "FROM range(20000)" if engine == "duckdb" else "FROM numbers(20000)"
    run(*load, "--sql", f"SELECT 'x' AS t, {first} AS payload {many}", "--column", "payload")
    found = run("query", "SELECT count(*) AS n FROM bigquery_lite.order", "--engine", engine)
    assert found.split() == ["n", "20001"]
    run(*load, "--sql", "SELECT 1 AS a", code=2)
    assert "no column is of bytes" in run.err
    for words in ((), ("orders.bin", "--sql", "SELECT 1")):
        run("ingest", *words, "--subject", "bigquery_lite.order", code=2)
        assert "messages are in a file or in a query" in run.err
