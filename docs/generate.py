"""Write the reference pages from the code: `python docs/generate.py`, and a test compares."""

import inspect
import re
import sys
from pathlib import Path
from typing import Any, get_args

from cyclopts import Parameter

import protolith
from protolith import errors
from protolith.cli import app
from protolith.compatibility.comparison import DEFAULT_LEVELS
from protolith.compatibility.policies import buf, confluent_fields
from protolith.compatibility.rules import notes, protojson, source, wire
from protolith.layout.choices import OPTIONS, STYLES, values_of
from protolith.lint import rules
from protolith.web.app import STATUS, create_app

HERE = Path(__file__).parent
COMPATIBILITY = HERE.parent / "tests/testdata/compatibility"
LAYOUT_NOTES = """
## What each style keeps

Every layout says in its notes what it can lose (`loses` in REST answers, `Table.losses` in
Python); a table without such a note gives its messages back. What can be lost: nanoseconds below a
microsecond of a `Timestamp` column (counted by each load), in `flat` whether a nested message was
set if all of its fields can be unset, in JSON what an `Any` holds beyond its type, and what the
option `ignore` leaves out. Fields that the schema does not know are counted, in every layout.

* `json` is made for engines and tools that like documents. Inside JSON protobuf's own rules hold:
  64-bit integers are text, bytes base64, instants RFC 3339 with all nanoseconds, fields without
  presence are left out at their default. `uint64` columns stay unsigned. In BigQuery an instant is
  DATETIME; `scalars=typed` changes that.
* `flat` joins names with `_`; two columns of one name are refused with both field paths. Repeated
  messages stay lists of records, flat within.
* `enums=both` leaves map values and JSON as they are: there the name (or number) stands alone.
"""
MAPPING_FILE = """
## Mapping files

A TOML file says the same as the options, and more of single fields, by their path of field names
(`value` is a map's value), so that a schema that cannot carry options needs no edit. What it says
goes before the options of the schema. A path that leads to no field is an error. Under `storage`
it says how an engine keeps the rows.

```toml
{example}```

`protolith create shop.orders --engine clickhouse --layout mapping.toml`; the object
`layout` of REST has the same keys. Beside the keys below, each option of the table above but
`style` and `ingestion` can stand at a column, for the field and all within it.
"""
WRITTEN = "<!-- Written by docs/generate.py; change the code and run `make docs`. -->\n\n"


def pages() -> dict[str, str]:
    """Each generated page by its file name."""
    made = {
        "errors.md": errors_page(),
        "rest.md": rest_page(),
        "cli.md": cli_page(),
        "lint.md": lint_page(),
        "python.md": python_page(),
        "layouts.md": layouts_page(),
        "compatibility.md": compatibility_page(),
        "policies.md": policies_page(),
    }
    return {name: WRITTEN + text for name, text in made.items()}


def errors_page() -> str:
    rows = ["# Errors\n"]
    rows.append("Every error has a stable code, a sentence, and nearly always a hint. Over REST:\n")
    rows.append(
        '```json\n{"error_code": 42200, "code": "SCHEMA_INVALID", "message": "…", "hint": "…",\n'
        ' "details": [{"text": "…", "file": "a.proto", "line": 3, "column": 7}],\n'
        ' "detail": "…", "request_id": "…"}\n```\n'
    )
    rows.append(
        "On the command line: the places, then `error: … [CODE]`, then `hint: …` on standard error;"
        " with `--format json` one object a place on standard output. Exit codes: 0 done, 100 the"
        " schema or the data has findings, 2 wrong usage, 1 anything else.\n"
    )
    rows.append("| code | class | status | means |\n|---|---|---|---|")
    for cls in _error_classes():
        status = next(STATUS[base] for base in cls.__mro__ if base in STATUS)
        first = str(cls.__doc__).split("\n", maxsplit=1)[0]
        rows.append(f"| `{cls.code}` | `{cls.__name__}` | {status} | {first} |")
    return "\n".join(rows) + "\n"


def _error_classes() -> list[type[errors.SchemaRegistryError]]:
    found = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.SchemaRegistryError)
    ]
    return sorted(found, key=lambda cls: str(cls.code))


def rest_page() -> str:
    rows = ["# REST\n"]
    rows.append(
        "`protolith serve` answers on 127.0.0.1:8081; `/docs` is the OpenAPI page and"
        " `/openapi.json` its source. A `{schema_id}` may also be `database.table` (the latest"
        " version) or `database.table@3`. Errors are described [here](errors.md). With"
        " `serve --auth` each route needs the scope that stands below it: see"
        " [Security](security.md).\n"
    )
    spec = create_app().openapi()
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if "Confluent" in operation.get("tags", ()):
                continue  # docs/confluent.md has them
            rows.append(f"## {method.upper()} {path}\n\n{operation['description']}\n")
            rows.append(_scope(operation))
            rows += _parameters(operation, spec)
    return "\n".join(rows).rstrip() + "\n"


def _scope(operation: dict[str, Any]) -> str:
    scope, of = operation["x-scope"], operation.get("x-scope-of")
    if scope == "none":
        return "Open to all.\n"
    return f"Scope: `{scope}`{' for everything' if of == '*' else ''}.\n"


def _parameters(operation: dict[str, Any], spec: dict[str, Any]) -> list[str]:
    rows = [
        f"| `{parameter['name']}` | {parameter['in']} | {_type(parameter['schema'])}"
        f" | {_default(parameter['schema'], parameter.get('required', False))} |"
        for parameter in operation.get("parameters", [])
    ]
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        schema = spec["components"]["schemas"].get(schema.get("$ref", "").split("/")[-1], schema)
        required = schema.get("required", [])
        rows += [
            f"| `{name}` | {kind} | {_type(part)} | {_default(part, name in required)} |"
            for name, part in schema.get("properties", {}).items()
        ] or [f"| the body | {kind} | bytes | required |"]
    return ["| name | where | type | default |\n|---|---|---|---|", *rows, ""] if rows else []


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        kinds = (_type(option) for option in schema["anyOf"] if option.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in schema:
        return str(schema["$ref"].split("/")[-1])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return "file" if "contentMediaType" in schema else str(schema.get("type", "any"))


def _default(schema: dict[str, Any], required: bool) -> str:  # noqa: FBT001
    if required:
        return "required"
    default = schema.get("default")
    return (
        "–"
        if default is None
        else f"`{str(default).lower() if default in (True, False) else default}`"
    )


def cli_page() -> str:
    rows = ["# Command line\n"]
    rows.append(
        "Each command takes `--format text|json` (text for people, or one JSON object a line),"
        " `--home` (the data directory; else `PROTOLITH_HOME`, else `.protolith`) and `--debug` (a"
        " traceback with an error). Data goes to standard output, everything for people to standard"
        " error. `translate`, `bq-schema` and `lint` work on files alone; the other commands on the"
        " registry under the data directory.\n"
    )
    names = [name for name in app if not name.startswith("-")]
    for name in names:
        command = app[name]
        inner = [word for word in command if not word.startswith("-")]
        for words, found in (
            [(name, command)]
            if not inner
            else [(f"{name} {word}", command[word]) for word in inner]
        ):
            rows.append(f"## protolith {words}\n\n{_about(found.default_command)}")
    return "\n".join(rows).rstrip() + "\n"


def _about(function: Any) -> str:
    text, _, parameters = inspect.getdoc(function).partition("\nParameters\n----------\n")
    rows = [text.strip() + "\n"]
    lines = parameters.splitlines()
    signature = inspect.signature(function)
    for head, about in zip(lines[::2], lines[1::2], strict=True):
        name = head.partition(":")[0]
        parameter = signature.parameters[name]
        option = name.rstrip("_").replace("_", "-")
        shown = (
            f"`--{option}`" if parameter.kind is parameter.KEYWORD_ONLY else f"`{option.upper()}`"
        )
        default = parameter.default
        extra = "" if default in (parameter.empty, None, False) else f" Default: `{default}`."
        needed = " Required." if default is parameter.empty else ""
        rows.append(f"* {shown}: {_help(parameter) or about.strip()}{extra}{needed}")
    return "\n".join(rows) + "\n"


def _help(parameter: inspect.Parameter) -> str:
    """What a command says of a parameter in code: what it lists is then always the truth."""
    parts = get_args(parameter.annotation)
    return "".join(part.help or "" for part in parts if isinstance(part, Parameter))


def lint_page() -> str:
    rows = ["# Lint\n"]
    rows.append(
        "`protolith lint FILE.proto` and `protolith.lint(…)` say what BigQuery would refuse or lose"
        " of the schema that `protoc-gen-bq-schema` (and so `protolith bq-schema`) writes. The"
        " tables of `protolith translate` and of the engines differ where they can be better.\n"
    )
    rows.append(
        "An error means that BigQuery refuses the schema, or that there is none; a warning that it"
        " loses data or meaning; a note is good to know. A field is one finding at the first of its"
        " field paths, with the number of the others. The command ends with 100 if there is an"
        " error, with `--strict` also if there is a warning.\n"
    )
    rows.append("| rule | severity | what it holds |\n|---|---|---|")
    rows += [f"| `{rule.id}` | {rule.severity} | {rule.purpose} |" for rule in rules()]
    rows.append(
        "\nBigQuery's service itself was never asked: what it refuses is what its documentation"
        " says. The option `(gen_bq_schema.bigquery).ignore` silences a field by leaving it out.\n"
    )
    return "\n".join(rows).rstrip() + "\n"


def compatibility_page() -> str:
    rows = ["# Compatibility\n"]
    rows.append(
        "`protolith check NEW --against OLD` and `protolith.check(new, history)` say what a"
        " change does: to bytes (`wire`), to JSON (`json`), to generated code (`source`), and if"
        " it is asked for, to tables (`table`). Backward is old data under the new schema, forward"
        " new data under the old one; `source` is backward only. A finding is `safe` (every value"
        " survives), `lossy` (some are changed or gone), `broken` (none of the field survives) or"
        " `error` (some payload does not parse). The command ends with 100 if one is `lossy` or"
        " worse; `--fail-on` moves that.\n"
    )
    rows.append(
        "## Tables\n\nThe level `table` lays the message out in both versions, in the native"
        " layout or in another (`--layout`), and says what moves the table in each engine"
        " (`--engines`): nothing, in place, by writing a column again, or not at all, with the"
        " statements. Against a subject it is asked of the tables that the subject has, each in"
        " its own layout. Backward asks whether the rows that are there survive, forward whether"
        " queries and loads made for the old columns still work. A severity is that of the worst"
        " rows there could be: a step that an engine refuses for some rows is `lossy`, one that it"
        " cannot make is an `error`. Fields are told apart by number: a rename is a rename, and a"
        " column whose field is gone stays until `protolith migrate --drop-columns`. The table is"
        " that of `--message`, else of the message with the option `table_name`, else of the"
        " first; it goes with its message when that gets another name.\n"
    )
    rows.append(
        "## Modes\n\nA subject has a mode, or inherits the default of all, which is NONE until"
        " somebody says another: `protolith subject mode orders.lines BACKWARD_TRANSITIVE`,"
        " `protolith subject mode all BACKWARD`, `PUT /subjects/{subject}/compatibility`, `PUT"
        " /compatibility`, `SchemaRegistry.set_compatibility`. Every new version is then checked,"
        " of the table's message and what it reaches; one with a `lossy` or worse finding at the"
        " levels that count (`wire` if nothing else is said, of `wire`, `json` and `table`), or"
        " one that the chosen policy refuses, is not stored: `INCOMPATIBLE`, with the place, rule"
        " and reason of each finding. `table` asks about the tables that the subject has in"
        " engines, each in its layout: from the versions that the mode looks at, and from the one"
        " that the table was last moved to. Of versions that arrive at once each is checked"
        " against those before it. A version without a message, registered as a BigQuery JSON"
        " schema, is compared by columns.\n"
    )
    rows.append(
        "A table goes on with its message when that is renamed: the fields are compared by number"
        " all the same, and no engine is told anything. Since it could also be another message by"
        " mistake, there is one finding more, `MESSAGE_SAME_NAME`, an `error`: a waiver of it says"
        " that it is meant.\n"
    )
    rows.append(
        "## Waivers\n\n`protolith register FILE --waive RULE:PATH=REASON` lets one finding pass;"
        " over REST the parts `waivers`, one a line, and `waived_by` of `POST /schemas/register`,"
        " or the keys of that name, `waivers` a list, in the JSON of `register-json` and of each"
        " member of `register-batch`. The path is a full name or field numbers such as 2.1. A"
        " waiver is kept beside the version and shown by `protolith subject show`, `protolith"
        " diff` and `GET /subjects/{subject}/waivers`. One of version 3 also holds when later"
        " versions are checked against versions before 3, and for nothing else; one that covers"
        " nothing is refused.\n"
    )
    rows.append(
        "## Differences\n\n`protolith diff orders.lines --from 3 --to 5`, `protolith diff NEW"
        " --against OLD` and `GET /subjects/{subject}/diff?from=3&to=5` say what differs: every"
        " finding of both directions, safe ones too, then for each engine what would move the"
        " table (nothing to do, in place, by a rewrite, or impossible) with the statements, then"
        " the unified difference of the files.\n"
    )
    rows.append("Each rule by an example, and all that a check says of it:\n")
    for rule in sorted(COMPATIBILITY.iterdir()):
        rows.append(f"## {rule.name}\n")
        if purposes := _purposes(rule.name):
            rows.append("".join(f"- {level}: {purpose}\n" for level, purpose in purposes))
        versions = [rule / f"{name}.proto" for name in ("old", "between", "new")]
        versions = [path for path in versions if path.exists()]
        rows += [f"```proto\n// {p.stem}\n{p.read_text().strip()}\n```\n" for p in versions]
        *history, new = [_as_version(path) for path in versions]
        table = rule.name.startswith(("COLUMN_", "TABLE_"))
        levels = ("table",) if table else DEFAULT_LEVELS
        rows.append("| rule | level | direction | severity | of | why |\n|---|---|---|---|---|---|")
        rows += [
            f"| `{one.rule}` | {_level(one)} | {one.direction} | {one.severity} |"
            f" `{one.subject}` | {one.why} |"
            for one in protolith.check(new, history, "FULL", levels=levels)
        ]
        rows.append("")
    return "\n".join(rows).rstrip() + "\n"


def _level(finding: protolith.Finding) -> str:
    """The level, with the engines and what each of them does."""
    told = [f"{engine} {text.partition(':')[0]}" for engine, text in finding.engines]
    return f"{finding.level}: {', '.join(told)}" if told else finding.level


def _as_version(path: Path) -> protolith.DescriptorSet:
    file = protolith.SourceFile("shop.proto", path.read_bytes())
    return protolith.compile_protos(protolith.Sources((file,)))


def _purposes(rule: str) -> list[tuple[str, str]]:
    """What each level's rule of this id is for: the first sentence of its docstring."""
    levels = (("wire", wire), ("json", protojson), ("source", source), ("source", notes))
    found = [(level, getattr(module, rule.lower(), None)) for level, module in levels]
    return [(level, str(made.__doc__).partition("\n")[0]) for level, made in found if made]


def layouts_page() -> str:
    rows = ["# Layouts\n"]
    rows.append(
        "How a message becomes a table is a choice that a table keeps from when it was created."
        " Without one it is the [native layout](tables.md). A *style* sets several options at once,"
        " and a single option goes before the style.\n"
    )
    rows.append("| style | options that differ from native |\n|---|---|")
    for style, options in STYLES.items():
        shown = ", ".join(f"`{name}={value}`" for name, value in options.items())
        rows.append(f"| `{style}` | {shown or '–'} |")
    rows.append(
        "\nOn the command line `translate` and `create` take `--layout` with a mapping file, a"
        " style or pairs (`--layout flat,enums=number`), and each option as a flag of its own,"
        " which goes before `--layout`. Over REST `layout` is an object in"
        " `POST /schemas/{schema_id}/tables`, and a text of the same form in"
        " `GET /schemas/{schema_id}/ddl/{dialect}`. In Python it is `protolith.Layout`.\n"
    )
    rows.append("## Options\n\n| option | values, the native one first | means |\n|---|---|---|")
    meanings = _meanings(protolith.Choices)
    for part in OPTIONS:
        values = values_of(part)
        shown = (
            "`0` to `8`" if part.name == "recursion_depth" else ", ".join(f"`{v}`" for v in values)
        )
        rows.append(f"| `{part.name}` | {shown} | {meanings[part.name]} |")
    return "\n".join([*rows, LAYOUT_NOTES, *_mapping_rows()]) + "\n"


def _mapping_rows() -> list[str]:
    rows = [MAPPING_FILE.format(example=(HERE / "mapping.toml").read_text())]
    rows.append("| key of a column | means |\n|---|---|")
    meanings = _meanings(protolith.ColumnChoices)
    rows += [f"| `{key}` | {text} |" for key, text in meanings.items() if key != "options"]
    return rows


def _meanings(cls: type) -> dict[str, str]:
    text = str(inspect.getdoc(cls)).partition("----------\n")[2]
    about = re.split(r"^(\w+): .*$", text, flags=re.MULTILINE)[1:]
    return {k: " ".join(v.split()) for k, v in zip(about[::2], about[1::2], strict=True)}


def policies_page() -> str:
    rows = ["# Policies\n"]
    rows.append(
        "A policy gives the verdict of another tool, for people who live by it. Protolith's own"
        " levels do not read its rules: they say what a change does to bytes, JSON, code and"
        " tables, a policy what that tool says about it.\n"
    )
    rows.append("## buf\n")
    rows.append(
        "What `buf breaking` finds under configuration v2, at the same `file:line:column`. It"
        " knows no direction: backward, forward and full compare the old schema with the new one,"
        " and a transitive mode does so for every version. Without settings the category is"
        " `FILE`: `--category WIRE_JSON CSR`, `categories=` in Python and the part `categories`"
        " over REST say others. The settings are those under `breaking:` in a buf.yaml: `use`,"
        " `except`, `ignore`, `ignore_only` and `ignore_unstable_packages`; `--buf-config"
        " buf.yaml` and `config=protolith.BufConfig.from_yaml(text)` apply them. Comments waive"
        " nothing, as in buf. The level of a finding is `wire` for a rule of the category `WIRE`,"
        " `json` for another one of `WIRE_JSON`, else `source`.\n"
    )
    rows.append("| rule | categories | what it holds |\n|---|---|---|")
    rows += [
        f"| `{rule.id}` | {', '.join(rule.categories)} | {rule.purpose} |" for rule in buf.rules()
    ]
    rows.append("\n## confluent\n")
    rows.append(
        "What Confluent's registry finds between two versions. A difference that it refuses is an"
        " error, one that it lets pass is safe. Backward compares old with new, forward new with"
        " old, full both; a transitive mode looks at every version.\n"
    )
    rows.append("| difference | compatible |\n|---|---|")
    for names, word in (
        (confluent_fields.INCOMPATIBLE, "no"),
        (confluent_fields.COMPATIBLE, "yes"),
    ):
        rows += [f"| `{name}` | {word} |" for name in sorted(names)]
    return "\n".join(rows) + "\n"


def python_page() -> str:
    rows = ["# Python\n"]
    rows.append("Everything public is a name of the package `protolith`, and nothing else is.\n")
    for name in sorted(protolith.__all__, key=str.lower):
        value = getattr(protolith, name)
        if inspect.isclass(value) and issubclass(value, errors.SchemaRegistryError):
            continue
        rows.append(f"## {name}{_signature(value)}\n\n{inspect.getdoc(value)}\n")
        rows += _methods(value) if inspect.isclass(value) else []
    rows.append("## Errors\n\n[Their own page](errors.md) lists the error classes.")
    return "\n".join(rows).rstrip() + "\n"


def _methods(cls: type) -> list[str]:
    rows = []
    for name, value in _members(cls).items():
        function = value.__func__ if isinstance(value, classmethod) else value
        if not name.startswith("_") and inspect.isfunction(function):
            rows.append(
                f"### {cls.__name__}.{name}{_signature(function)}\n\n{inspect.getdoc(function)}\n"
            )
    return rows


def _members(cls: type) -> dict[str, Any]:
    """What a class says itself, then what it has from a class that is not public."""
    found = dict(vars(cls))
    for base in cls.__mro__[1:]:
        if base.__module__.startswith("protolith.registry"):
            found = {**vars(base), **found}
    return found


def _signature(value: Any) -> str:
    if inspect.isclass(value) and "__init__" not in vars(value):
        return ""
    parameters = inspect.signature(value).parameters.values()
    shown = [
        str(p.replace(annotation=p.empty)).replace("self, ", "")
        for p in parameters
        if p.name not in ("self", "cls")
    ]
    keyword = next(
        (
            i
            for i, p in enumerate([p for p in parameters if p.name not in ("self", "cls")])
            if p.kind is p.KEYWORD_ONLY
        ),
        None,
    )
    if keyword is not None:
        shown.insert(keyword, "*")
    return f"({', '.join(shown)})"


def main() -> None:
    for name, text in pages().items():
        (HERE / name).write_text(text)


if __name__ == "__main__":
    sys.exit(main())
