"""Write the reference pages from the code: `python docs/generate.py`, and a test compares."""

import inspect
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import protolith
from protolith import errors
from protolith.cli import app
from protolith.compatibility.rules import protojson, source, wire
from protolith.lint import rules
from protolith.web.app import STATUS, create_app

HERE = Path(__file__).parent
COMPATIBILITY = HERE.parent / "tests/testdata/compatibility"
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
    }
    return {name: WRITTEN + text for name, text in made.items()}


def errors_page() -> str:
    rows = ["# Errors\n"]
    rows.append("Every error has a stable code, a sentence, and nearly always a hint. Over REST:\n")
    rows.append(
        '```json\n{"error_code": 42200, "code": "SCHEMA_INVALID", "message": "…", "hint": "…",\n'
        ' "details": [{"text": "…", "file": "a.proto", "line": 3, "column": 7}],\n'
        ' "detail": "…"}\n```\n'
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
        " version) or `database.table@3`. Errors are described [here](errors.md).\n"
    )
    spec = create_app().openapi()
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            rows.append(f"## {method.upper()} {path}\n\n{operation['description']}\n")
            rows += _parameters(operation, spec)
    return "\n".join(rows).rstrip() + "\n"


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
        option = name.replace("_", "-")
        shown = (
            f"`--{option}`" if parameter.kind is parameter.KEYWORD_ONLY else f"`{option.upper()}`"
        )
        default = parameter.default
        extra = "" if default in (parameter.empty, None, False) else f" Default: `{default}`."
        needed = " Required." if default is parameter.empty else ""
        rows.append(f"* {shown}: {about.strip()}{extra}{needed}")
    return "\n".join(rows) + "\n"


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
        "`protolith check NEW --against OLD` and `protolith.check(new, history)` say what a change"
        " does: to bytes (`wire`), to JSON (`json`) and to code that was generated (`source`)."
        " Backward is old data under the new schema, forward new data under the old one; `source`"
        " is backward only. A finding is `safe` (every value survives), `lossy` (some are changed"
        " or gone), `broken` (none of the field survives) or `error` (some payload does not parse)."
        " The command ends with 100 if one is `lossy` or worse; `--fail-on` moves that.\n"
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
        rows.append("| rule | level | direction | severity | of | why |\n|---|---|---|---|---|---|")
        rows += [
            f"| `{one.rule}` | {one.level} | {one.direction} | {one.severity} | `{one.subject}` |"
            f" {one.why} |"
            for one in protolith.check(new, history, "FULL")
        ]
        rows.append("")
    return "\n".join(rows).rstrip() + "\n"


def _as_version(path: Path) -> protolith.DescriptorSet:
    file = protolith.SourceFile("shop.proto", path.read_bytes())
    return protolith.compile_protos(protolith.Sources((file,)))


def _purposes(rule: str) -> list[tuple[str, str]]:
    """What each level's rule of this id is for: the first sentence of its docstring."""
    levels = {"wire": wire, "json": protojson, "source": source}
    found = [(level, getattr(module, rule.lower(), None)) for level, module in levels.items()]
    return [(level, str(made.__doc__).partition("\n")[0]) for level, made in found if made]


def layouts_page() -> str:
    rows = ["# Layout options\n"]
    rows.append(
        "Without an option a table has the [native layout](tables.md). Each option is a flag of"
        " `translate` and `create`, a key of `layout` in `POST /schemas/{schema_id}/tables`, a"
        " `name=value` of the parameter `layout` of `GET /schemas/{schema_id}/ddl/{dialect}`, and"
        " an argument of `protolith.Layout`. A table keeps the layout it was created with.\n"
    )
    rows.append("| option | values, the native one first | means |\n|---|---|---|")
    text = str(inspect.getdoc(protolith.Layout)).partition("----------\n")[2]
    about = re.split(r"^(\w+): .*$", text, flags=re.MULTILINE)[1:]
    meanings = dict(zip(about[::2], about[1::2], strict=True))
    for part in fields(protolith.Layout):
        values = get_args(part.type) or (part.default,)
        first = [value for value in values if value == part.default]
        shown = ", ".join(f"`{v}`" for v in [*first, *(v for v in values if v not in first)])
        rows.append(f"| `{part.name}` | {shown} | {' '.join(meanings[part.name].split())} |")
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
    for name, value in vars(cls).items():
        function = value.__func__ if isinstance(value, classmethod) else value
        if not name.startswith("_") and inspect.isfunction(function):
            rows.append(
                f"### {cls.__name__}.{name}{_signature(function)}\n\n{inspect.getdoc(function)}\n"
            )
    return rows


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
