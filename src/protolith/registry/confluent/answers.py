"""Versions as Confluent's clients read them."""

import json
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from protolith.compiler import without_extensions, written
from protolith.registry.confluent import names
from protolith.registry.confluent.forms import root_file, serialized
from protolith.registry.registration import descriptors_of
from protolith.store import Reference, Version

Format: TypeAlias = Literal["", "serialized", "ignore_extensions"]


def schema_text(version: Version, form: str = "") -> str:
    """A version's schema: as submitted, unless another form of it is asked for."""
    if form not in ("serialized", "ignore_extensions") and version.proto_content is not None:
        return version.proto_content
    file = root_file(descriptors_of(version), version.message)
    if form == "serialized":
        return serialized(file)
    return written(without_extensions(file) if form == "ignore_extensions" else file)


def schema_body(
    version: Version,
    references: Sequence[Reference],
    *,
    form: str = "",
    qualified: bool = False,
    named: str | None = None,
) -> dict[str, Any]:
    """A version under the name that it was asked for by; what is empty is left out."""
    context = names.split(version.subject)[0]
    body: dict[str, Any] = {
        "subject": version.subject if named is None else named,
        "version": version.version,
        "id": version.id,
        "guid": version.guid,
        "schemaType": "PROTOBUF",
        "schema": schema_text(version, form),
        "references": [
            {
                "name": one.name,
                "subject": one.subject if qualified else names.shown(one.subject, context),
                "version": one.version,
            }
            for one in references
        ],
        "metadata": json.loads(version.metadata) if version.metadata else None,
        "ruleSet": json.loads(version.rule_set) if version.rule_set else None,
        "ts": int(version.created_at.timestamp() * 1000),
        "deleted": version.deleted or None,
    }
    return {key: value for key, value in body.items() if value is not None and value != []}
