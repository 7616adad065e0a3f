"""What is submitted, made ready to be kept: everything that can fail, before the store is asked."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from protolith.compiler import Sources, Submitted, compile_protos, open_path
from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery import parity
from protolith.dialects.bigquery.schema_json import from_json, to_json
from protolith.layout import DEFAULT_DATABASE, lay_out
from protolith.store import File, NewVersion
from protolith.tables import Table

Schema: TypeAlias = str | bytes | Path | Mapping[str, str | bytes] | Submitted
"""A .proto file's text or path, files by name, sources, or compiled descriptors."""


def prepare(
    schema: Schema,
    table_name: str | None,
    database_name: str | None,
    description: str | None,
    *,
    message: str | None = None,
) -> tuple[NewVersion, Table]:
    """Compile a submission and lay it out; the registry keeps what comes back."""
    descriptors, content_hash, files = _compile(schema)
    table = lay_out(
        descriptors, message, table=table_name, database=database_name or DEFAULT_DATABASE
    )
    columns = parity.message_columns(descriptors, str(table.message))
    new = NewVersion(
        database=table.database,
        table=table.name,
        version_hash=content_hash,
        schema_json=json.dumps(parity.to_json(columns), ensure_ascii=False),
        roots=descriptors.roots,
        message=table.message,
        proto_content=files[0].content.decode() if len(files) == 1 else None,
        descriptors=descriptors.data,
        files=files,
        description=description,
    )
    return new, table


def _compile(schema: Schema) -> tuple[DescriptorSet, str, tuple[File, ...]]:
    if isinstance(schema, Path):
        schema = open_path(schema)
    if isinstance(schema, DescriptorSet):
        return schema, hashlib.sha256(schema.data).hexdigest(), ()
    sources = schema if isinstance(schema, Sources) else Sources.of(schema)
    files = tuple(File(file.name, file.content) for file in sources.files)
    return compile_protos(sources), sources.content_hash, files


def prepare_json(
    schema_json: Any, table_name: str, database_name: str | None, description: str | None
) -> tuple[NewVersion, Table]:
    """Check a BigQuery JSON schema; its hash is that of its canonical text."""
    table = from_json(schema_json, table=table_name, database=database_name or DEFAULT_DATABASE)
    text = json.dumps(to_json(table), ensure_ascii=False)
    new = NewVersion(
        database=table.database,
        table=table.name,
        version_hash=hashlib.sha256(text.encode()).hexdigest(),
        schema_json=text,
        description=description,
    )
    return new, table
