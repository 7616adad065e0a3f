"""Whether a schema can take the place of another, and what differs: `check` and `diff`."""

import io
import json
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from protolith.cli import DONE, FINDINGS
from protolith.cli.layouts import chosen_layout
from protolith.cli.output import OUTPUT, escape, step_lines
from protolith.cli.reports import REPORTS, Report
from protolith.compatibility import Finding, SchemaDiff
from protolith.compatibility import check as compare
from protolith.compatibility import diff as compare_both
from protolith.compatibility.comparison import DEFAULT_LEVELS, worst_first
from protolith.compatibility.differences import diff_texts, plan_both
from protolith.compatibility.findings import SEVERITIES, Level, Mode
from protolith.compatibility.policies import BufConfig
from protolith.compatibility.table_plans import ENGINES, TablePlan
from protolith.compatibility.tables import merged
from protolith.compiler import Sources, open_path, read_path
from protolith.descriptors import DescriptorSet
from protolith.errors import MalformedError, NotFoundError, quoted
from protolith.layout import NATIVE, Layout

Category: TypeAlias = Literal["FILE", "PACKAGE", "WIRE_JSON", "WIRE", "CSR"]
FailOn: TypeAlias = Literal["lossy", "broken", "error"]
_GIT = "git:"
_SUBJECT = re.compile(r"\w+\.\w+(@\d+)?")
_GIT_SECONDS = 60


def _words(*names: str) -> Parameter:
    """An option that takes several words, under each of these names."""
    return Parameter(name=names, negative="", consume_multiple=True)


def check(
    new: str,
    *,
    against: Annotated[list[str], Parameter(negative="")],
    mode: Mode = "FULL_TRANSITIVE",
    levels: Annotated[list[Level] | None, _words("--levels", "--level")] = None,
    message: str | None = None,
    engines: Annotated[list[str] | None, _words("--engines", "--engine")] = None,
    layout: str | None = None,
    policy: str | None = None,
    category: Annotated[list[Category] | None, _words("--category", "--categories")] = None,
    buf_config: Path | None = None,
    report: Report | None = None,
    fail_on: FailOn = "lossy",
) -> int:
    """Say what a new schema breaks for an older one; the exit code is 100 if it does.

    A schema is a .proto file, a directory or .zip of them, compiled descriptors, a git revision
    (git:main, git:HEAD~1:protos), or what is registered (orders.lines, orders.lines@3).

    Parameters
    ----------
    new: str
        The new schema.
    against: list[str]
        An older schema; give it again for more of them, oldest first.
    mode: Mode
        NONE, BACKWARD (new reads old), FORWARD or FULL; with _TRANSITIVE against every older one.
    levels: list[Level] | None
        Some of wire, json, source and table; the first three if not given.
    message: str | None
        Compare this message and what it reaches, instead of every message.
    engines: list[str] | None
        The engines that the level table is about; those of the subject's tables, else all.
    layout: str | None
        The layout of those tables: a mapping file (.toml), a style, or options such as flat.
    policy: str | None
        Answer as buf or confluent does.
    category: list[Category] | None
        The categories of buf's rules; FILE if not given.
    buf_config: Path | None
        A buf.yaml; the policy buf then answers under what stands there.
    report: Report | None
        Print github annotations, a gitlab code quality report, or junit.
    fail_on: FailOn
        The least severity that counts as incompatible.
    """
    schemas = open_schema(new), [open_schema(one) for one in against]
    asked = tuple(levels or DEFAULT_LEVELS)
    found = compare(
        *schemas,
        mode,
        levels=[level for level in asked if level != "table"],
        policy=_policy(policy, category, buf_config),
        categories=tuple(category or ("FILE",)),
        config=_config(buf_config),
        message=message,
    )
    if "table" in asked and policy is None:
        for how, where in _layouts(against, engines, layout).items():
            found += compare(
                *schemas, mode, levels=("table",), engines=where, layout=how, message=message
            )
        found = worst_first(merged(found))
    found = found if report is None else _on_disk(found, new)
    worst = SEVERITIES[SEVERITIES.index(fail_on) :]
    bad = [one for one in found if one.severity in worst and not one.waived]
    if report is not None:
        OUTPUT.text(REPORTS[report](found, bad))
    else:
        for finding in found:
            OUTPUT.value(_as_object(finding), _lines(finding))
    OUTPUT.say(f"{len(bad)} incompatible, {len(found) - len(bad)} other findings")
    return FINDINGS if bad else DONE


def _on_disk(found: list[Finding], new: str) -> list[Finding]:
    """The findings with paths as build servers know files: from here, not from the import root."""
    path = Path(new)
    sources = open_path(path) if path.exists() else None
    if not isinstance(sources, Sources):
        return found
    root = path if path.is_dir() else path.parent
    names = {compiled: root / name for name, compiled in sources.compiled_names.items()}
    there = {compiled: str(place) for compiled, place in names.items() if place.exists()}
    return [replace(one, file=there.get(one.file, one.file)) for one in found]


def _config(path: Path | None) -> BufConfig | None:
    try:
        return None if path is None else BufConfig.from_yaml(path.read_bytes())
    except OSError as error:
        raise NotFoundError(f"{quoted(str(path))} cannot be read: {error.strerror}") from None


def _policy(name: str | None, categories: list[Category] | None, config: Path | None) -> str | None:
    if config is not None and categories:
        raise MalformedError(
            "the categories are said twice", hint="in the buf.yaml, or with --category"
        )
    if (config is not None or categories) and name != "buf":
        raise MalformedError("--category and --buf-config are for --policy buf")
    return name


def _layouts(
    against: list[str], engines: Sequence[str] | None, layout: str | None
) -> dict[Layout, list[str]]:
    """The engines by the layout of their tables: that of a subject's table, where there is one."""
    known: dict[str, Layout] = {}
    if layout is None and (subjects := [one for one in against if _is_subject(one)]):
        from protolith.registry import SchemaRegistry  # noqa: PLC0415 (it is heavy)

        with SchemaRegistry(home=OUTPUT.home) as registry:
            names = {one.partition("@")[0] for one in subjects}
            there = [one for one in registry.deployments() if one.subject in names and one.created]
        known = {one.engine: Layout.of(json.loads(one.layout)) for one in there}
    found: dict[Layout, list[str]] = {}
    for engine in engines or known or ENGINES:
        how = known.get(engine) or chosen_layout(layout, None) or NATIVE
        found.setdefault(how, []).append(engine)
    return found


def diff(
    new: str,
    *,
    against: str | None = None,
    from_: Annotated[int | None, Parameter(name="--from")] = None,
    to: int | None = None,
) -> None:
    """Say what differs between two versions of a subject, or of two schemas, and print it.

    Findings come first, safe ones too, then what would move the table in each engine; the
    difference of the text comes last.

    Parameters
    ----------
    new: str
        A subject (orders.lines), or with --against any schema that check takes.
    against: str | None
        The older schema, instead of an earlier version of the subject.
    from_: int | None
        The earlier version; the one before the later version if not given.
    to: int | None
        The later version; the latest if not given.
    """
    if against is None:
        from protolith.registry import SchemaRegistry  # noqa: PLC0415 (it is heavy)

        with SchemaRegistry(home=OUTPUT.home) as registry:
            found = registry.diff(new, from_, to)
    else:
        if (from_, to) != (None, None):
            raise MalformedError("--from and --to are versions of a subject, without --against")
        after, before = open_schema(new), open_schema(against)
        text = diff_texts(_texts(against), _texts(new))
        findings = compare_both(after, before)
        found = SchemaDiff(against, new, findings, plan_both(after, before), text)
    if OUTPUT.format == "json":
        OUTPUT.value(found, "")
        return
    OUTPUT.say(f"{found.old} → {found.new}: {len(found.findings)} findings")
    for finding in found.findings:
        OUTPUT.value(None, _lines(finding))
    for plan in found.tables:
        OUTPUT.value(None, "\n".join(_plan_lines(plan)))
    OUTPUT.text(f"\n{escape(found.text)}" if found.text else "")


def _texts(name: str) -> dict[str, str]:
    """The text of the files that a name stands for, if they are files of this disk or a subject."""
    if _is_subject(name):
        from protolith.registry import SchemaRegistry  # noqa: PLC0415

        with SchemaRegistry(home=OUTPUT.home) as registry:
            files = {file.path: file.content for file in registry.get_files(name)}
    elif name.startswith(_GIT):
        with _checked_out(name.removeprefix(_GIT)) as path:
            return _texts(str(path))
    else:
        found = open_path(Path(name))
        files = {f.name: f.content for f in found.files} if isinstance(found, Sources) else {}
    return {path: content.decode(errors="replace") for path, content in files.items()}


def _is_subject(name: str) -> bool:
    return not Path(name).exists() and _SUBJECT.fullmatch(name) is not None


def _lines(finding: Finding) -> str:
    waived = f", waived: {finding.waived}" if finding.waived else ""
    what = f"[{finding.severity}, {finding.level}, {finding.direction}{waived}]"
    witness = f", such as {finding.witness}" if finding.witness else ""
    told = "".join(f"\n  {engine}: {how}" for engine, how in finding.engines)
    return f"{finding}{witness} {what}\n  {finding.old} → {finding.new}; {finding.fix}{told}"


def _plan_lines(plan: TablePlan) -> list[str]:
    if plan.outcome == "nothing":
        return [f"{plan.engine}: {plan.table}: nothing to do"]
    lines = [f"{plan.engine}: {plan.table}: {plan.outcome}, risk {plan.risk}"]
    said = step_lines(plan.steps) or [f"{plan.why}; {plan.fix}" if plan.fix else plan.why]
    return lines + [f"  {line}" for line in said]


def _as_object(finding: Finding) -> dict[str, object]:
    return {"path": finding.file or None} | asdict(finding)


def open_schema(name: str) -> DescriptorSet:
    """Compile what a name on the command line stands for."""
    if name.startswith(_GIT):
        with _checked_out(name.removeprefix(_GIT)) as path:
            return read_path(path)
    if _is_subject(name):
        from protolith.registry import SchemaRegistry  # noqa: PLC0415 (it is heavy)

        with SchemaRegistry(home=OUTPUT.home) as registry:
            return registry.descriptors(name)
    return read_path(Path(name))


@contextmanager
def _checked_out(name: str) -> Iterator[Path]:
    """A revision's files, taken out of the repository without touching the working tree."""
    revision, _, path = name.partition(":")
    commit = _git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", name=name)
    tree = f"{commit.decode().strip()}:{path}" if path else commit.decode().strip()
    with tempfile.TemporaryDirectory(prefix="protolith-") as folder:
        if path and _git("cat-file", "-t", tree, name=name).strip() == b"blob":
            file = Path(folder) / Path(path).name
            file.write_bytes(_git("cat-file", "blob", tree, name=name))
            yield file
            return
        archive = io.BytesIO(_git("archive", "--format=tar", tree, name=name))
        with tarfile.open(fileobj=archive) as files:
            protos = [one for one in files if one.isfile() and one.name.endswith(".proto")]
            files.extractall(folder, members=protos, filter="data")
        yield Path(folder)


def _git(*words: str, name: str) -> bytes:
    command = ["git", *words]
    done = subprocess.run(command, capture_output=True, check=False, timeout=_GIT_SECONDS)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise NotFoundError(
            f"git does not have {quoted(name)}: {said}", hint="git:REVISION or git:REVISION:PATH"
        )
    return done.stdout
