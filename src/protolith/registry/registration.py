"""What is submitted, made ready to be kept: everything that can fail, before the store is asked."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from protolith.compatibility import Waiver
from protolith.compiler import Sources, Submitted, compile_protos, open_path
from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery.driven import Converter, schema_columns
from protolith.dialects.bigquery.schema_json import from_json, to_json
from protolith.errors import LayoutError, MalformedError, quoted
from protolith.layout import DEFAULT_DATABASE, lay_out
from protolith.lint import LintFinding, lint
from protolith.registry.references import reference_of
from protolith.store import File, KeptWaiver, NewVersion, Reference, Version
from protolith.tables import check_text

Schema: TypeAlias = str | bytes | Path | Mapping[str, str | bytes] | Submitted
"""A .proto file's text or path, files by name, sources, or compiled descriptors."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A protobuf schema to register, and what is said about it."""

    schema: Schema
    table_name: str | None = None
    database_name: str | None = None
    description: str | None = None
    message: str | None = None
    references: tuple[Reference, ...] = ()
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True)
class JsonSubmission:
    """A BigQuery JSON schema to register, and what is said about it."""

    schema_json: Any
    table_name: str
    database_name: str | None = None
    description: str | None = None
    waivers: tuple[Waiver, ...] = ()


def prepare(
    submission: Submission | JsonSubmission,
    converter: Converter,
    dependencies: Sequence[DescriptorSet] = (),
) -> NewVersion:
    """Check a submission, compile it and lay it out; the registry keeps what comes back.

    `dependencies` are its references, resolved.
    """
    if submission.description is not None:
        check_text(submission.description, "the description")
    if isinstance(submission, JsonSubmission):
        return _prepare_json(submission)
    descriptors, content_hash, files = _compile(submission.schema, dependencies)
    table = lay_out(
        descriptors,
        submission.message,
        table=submission.table_name,
        database=_database(submission),
    )
    columns = schema_columns(descriptors, str(table.message), converter)
    return NewVersion(
        database=table.database,
        table=table.name,
        version_hash=content_hash,
        schema_json=json.dumps(columns, ensure_ascii=False),
        roots=descriptors.roots,
        message=table.message,
        proto_content=files[0].content.decode() if len(files) == 1 else None,
        descriptors=descriptors.data,
        files=files,
        description=submission.description,
        references=submission.references,
        waivers=_kept(submission.waivers),
    )


def _prepare_json(submission: JsonSubmission) -> NewVersion:
    table = from_json(
        submission.schema_json, table=submission.table_name, database=_database(submission)
    )
    text = json.dumps(to_json(table), ensure_ascii=False)
    return NewVersion(
        database=table.database,
        table=table.name,
        version_hash=hashlib.sha256(text.encode()).hexdigest(),
        schema_json=text,
        description=submission.description,
        waivers=_kept(submission.waivers),
    )


def waivers_of(texts: Iterable[str], who: str) -> tuple[Waiver, ...]:
    """The waivers in texts such as `FIELD_SAME_TYPE:shop.Order.total=small yet`, and by whom."""
    waivers = tuple(Waiver.of(text, who) for text in texts if text.strip())
    if waivers and not who.strip():
        raise MalformedError("it is not said who waives", hint="a name, beside the waivers")
    return waivers


def _kept(waivers: tuple[Waiver, ...]) -> tuple[KeptWaiver, ...]:
    texts = [text for one in waivers for text in (one.rule, one.subject, one.reason, one.who)]
    for text in texts:
        check_text(text, "a waiver")
    return tuple(KeptWaiver(one.rule, one.subject, one.reason, one.who) for one in waivers)


def _database(submission: Submission | JsonSubmission) -> str:
    given = submission.database_name
    return DEFAULT_DATABASE if given is None else given


def compiled(schema: Schema) -> DescriptorSet:
    """The compiled files of what could be registered."""
    return _compile(schema, ())[0]


def _compile(
    schema: Schema, dependencies: Sequence[DescriptorSet]
) -> tuple[DescriptorSet, str, tuple[File, ...]]:
    if isinstance(schema, Path):
        schema = open_path(schema)
    if isinstance(schema, DescriptorSet):
        return schema, hashlib.sha256(schema.data).hexdigest(), ()
    sources = schema if isinstance(schema, Sources) else Sources.of(_checked(schema))
    # Under the names they are compiled by: what is kept is written again by `pull`.
    names = sources.compiled_names
    files = tuple(File(names[file.name], file.content) for file in sources.files)
    compiled = compile_protos(sources, dependencies=dependencies)
    return compiled, sources.content_hash, files


def _checked(schema: str | bytes | Mapping[str, str | bytes]) -> str | bytes | Mapping[str, Any]:
    """What may have come from a JSON document, as it should be."""
    texts = [*schema, *schema.values()] if isinstance(schema, Mapping) else [schema]
    wrong = [text for text in texts if not isinstance(text, str | bytes)]
    if wrong:
        raise MalformedError(
            f"proto_content has a value of type {type(wrong[0]).__name__}",
            hint="it is the text of a .proto file, or an object of texts by file name",
        )
    return schema


_BATCH_TEXTS = ("table_name", "database_name", "description", "message", "waived_by")
_BATCH_LISTS = ("references", "waivers")
_BATCH_KEYS = sorted({"proto_content", "schema_json", *_BATCH_LISTS, *_BATCH_TEXTS})


def batch_submission(schema: Mapping[str, Any]) -> Submission | JsonSubmission:
    """One member of a batch as a submission, or `MalformedError`."""
    _check_mapping(schema)
    rest = schema.get("database_name"), schema.get("description")
    waivers = waivers_of(schema.get("waivers") or (), schema.get("waived_by") or "")
    if "schema_json" in schema:
        name = schema.get("table_name") or ""
        return JsonSubmission(schema["schema_json"], name, *rest, waivers)
    references = tuple(reference_of(one) for one in schema.get("references") or ())
    about = (schema.get("table_name"), *rest, schema.get("message"), references, waivers)
    return Submission(schema["proto_content"], *about)


def _check_mapping(schema: Any) -> None:
    found = set(schema) if isinstance(schema, Mapping) else None
    if found is None:
        wrong = "a schema must be an object"
    elif unknown := found - set(_BATCH_KEYS):
        wrong = f"unknown key {min(quoted(str(key)) for key in unknown)}"
    elif ("proto_content" in found) == ("schema_json" in found):
        wrong = "one of proto_content and schema_json is needed"
    elif bad := [key for key in _BATCH_TEXTS if not isinstance(schema.get(key), str | None)]:
        wrong = f"{bad[0]} must be a text"
    elif bad := [
        key for key in _BATCH_LISTS if not isinstance(schema.get(key) or [], list | tuple)
    ]:
        wrong = f"{bad[0]} must be a list"
    elif not all(isinstance(one, str) for one in schema.get("waivers") or ()):
        wrong = "waivers must be a list of texts"
    elif schema.get("references") and "schema_json" in found:
        wrong = "a JSON schema imports nothing: references are for proto_content"
    else:
        return
    raise MalformedError(wrong, hint=f"known keys: {', '.join(_BATCH_KEYS)}")


def descriptors_of(version: Version) -> DescriptorSet:
    """The compiled files of a version, or `LayoutError` if it was a JSON schema."""
    if version.descriptors is None:
        raise LayoutError(
            f"{version.version_id} was registered as a JSON schema: it has no message",
            hint="register the .proto file under this table name",
        )
    return DescriptorSet.from_bytes(version.descriptors, version.roots)


def linted(version: Version) -> list[LintFinding]:
    """What BigQuery would refuse or lose of a version's BigQuery JSON schema."""
    return [] if version.descriptors is None else lint(descriptors_of(version), version.message)
