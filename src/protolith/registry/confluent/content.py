"""What a client's schema comes to: compiled, with what it inherits, and found where it is."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from protolith.descriptors import DescriptorSet
from protolith.dialects.bigquery.driven import Converter, schema_columns
from protolith.errors import NotFoundError, SchemaValidationError
from protolith.layout import lay_out
from protolith.registry.cache import SchemaCache
from protolith.registry.confluent import names
from protolith.registry.confluent.forms import (
    Compiled,
    compiled,
    content_hash,
    document,
    form_hash,
    root_file,
    serialized,
)
from protolith.registry.confluent.refusals import bad_schema
from protolith.registry.confluent.requests import SchemaRequest
from protolith.registry.references import LATEST, check_names, named
from protolith.registry.registration import descriptors_of
from protolith.store import NewVersion, Reference, Store, Version, scopes
from protolith.store.access import current as current_grants
from protolith.store.identity import fingerprint_of

_COMPILED, _MARKS = 128, 20_000


@dataclass(frozen=True, slots=True)
class _Mark:
    """What tells a version's content from others, in both ways of looking at it."""

    form: str
    sorted_form: str
    references: frozenset[Reference]
    metadata: str | None
    rule_set: str | None

    def is_of(self, other: "_Mark", *, normalize: bool, loosely: bool) -> bool:
        same = self.sorted_form == other.sorted_form if normalize else self.form == other.form
        bare = loosely and other.metadata is None and other.rule_set is None
        about = (self.metadata, self.rule_set) == (other.metadata, other.rule_set)
        return same and self.references == other.references and (bare or about)


class Contents:
    """Schemas on their way into the store, and those that are there."""

    def __init__(self, store: Store, converter: Converter) -> None:
        self._store = store
        self._converter: Converter = converter
        # Neither can change: a version is never another, and references have numbers.
        self._compiled: SchemaCache[tuple[Compiled, str, str]] = SchemaCache(_COMPILED, math.inf)
        self._marks: SchemaCache[_Mark] = SchemaCache(_MARKS, math.inf)

    def completed(self, name: str, request: SchemaRequest) -> SchemaRequest:
        """A request without a schema, but with metadata or rules, means the schema before it."""
        if request.schema:
            return request
        if request.metadata is None and request.rule_set is None:
            raise bad_schema("Empty schema")
        latest = self._latest(name)
        if latest is None or latest.descriptors is None:
            raise bad_schema("Empty schema: there is no version before it")
        file = root_file(descriptors_of(latest), latest.message)
        return replace(
            request,
            schema=latest.proto_content or serialized(file),
            references=self._store.references(latest.version_id),
        )

    def prepared(self, name: str, request: SchemaRequest, *, deleted: bool = False) -> NewVersion:
        """A request as a version that can be kept."""
        context = names.split(name)[0]
        pinned, dependencies = self._resolved(request.references, context, deleted=deleted)
        made, form, _ = self._made(request.schema, pinned, dependencies)
        database, table, message = self._table(name, made.descriptors)
        message, columns = self._columns(made.descriptors, message)
        return NewVersion(
            database=database,
            table=table,
            named=name,
            version_hash=content_hash(form, request.metadata, request.rule_set),
            schema_json=columns,
            roots=made.descriptors.roots,
            message=message,
            proto_content=made.text,
            descriptors=made.descriptors.data,
            files=made.files,
            references=pinned,
            metadata=request.metadata,
            rule_set=request.rule_set,
        )

    def inheriting(self, name: str, sent: NewVersion, request: SchemaRequest) -> NewVersion:
        """A version with the metadata and rules of the one before it, and those of the config."""
        latest = self._latest(name)
        texts = [request.metadata, request.rule_set]
        if latest is not None:
            texts = [texts[0] or latest.metadata, texts[1] or latest.rule_set]
        found = self._store.ask(scopes.read_nearest, "config", name)
        config = {key: value for _, one in reversed(found) for key, value in one.items()}
        metadata = _merged(texts[0], config, "Metadata")
        rule_set = _merged(texts[1], config, "RuleSet")
        if (metadata, rule_set) == (sent.metadata, sent.rule_set):
            return sent
        _, form, _ = self._made(request.schema, sent.references, None)
        content = content_hash(form, metadata, rule_set)
        return replace(sent, metadata=metadata, rule_set=rule_set, version_hash=content)

    def find(
        self,
        name: str,
        new: NewVersion,
        *,
        normalize: bool = False,
        deleted: bool = False,
        loosely: bool = False,
    ) -> Version | None:
        """The newest version of a subject with this content; `loosely` with any metadata."""
        found = self._store.find_fingerprint(name, fingerprint_of(new))
        if found is not None:
            return found
        wanted = self._mark_of(new, new.references)
        numbers = self._store.ask(scopes.read_numbers, name)
        for number in sorted(numbers, key=lambda n: (numbers[n], -n)):
            if numbers[number] and not deleted:
                continue
            if self._mark(name, number).is_of(wanted, normalize=normalize, loosely=loosely):
                return self._store.find_exactly(name, number, deleted=True)
        return None

    def has_properties(self, version: Version, wanted: Sequence[tuple[str, str]]) -> bool:
        """Whether a version's metadata has all these; some clients encode them twice."""
        metadata = json.loads(version.metadata) if version.metadata else {}
        found = metadata.get("properties")
        properties = found if isinstance(found, dict) else {}
        return all(
            any(properties.get(k) == v for k, v in ((key, value), (unquote(key), unquote(value))))
            for key, value in wanted
        )

    # ── inside ──

    def _latest(self, name: str) -> Version | None:
        try:
            return self._store.find_exactly(name, None)
        except NotFoundError:
            return None

    def _resolved(
        self, references: Sequence[Reference], context: str, *, deleted: bool
    ) -> tuple[tuple[Reference, ...], list[DescriptorSet]]:
        pinned, found = [], []
        for one in references:
            subject = names.within(one.subject, context)
            number = None if one.version == LATEST else one.version
            version = self._store.find_exactly(subject, number, deleted=deleted)
            pinned.append(Reference(one.name, subject, version.version))
            found.append(named(version, one.name, version.version_id))
        check_names(pinned)
        return tuple(pinned), found

    def _made(
        self,
        schema: str,
        pinned: tuple[Reference, ...],
        dependencies: Sequence[DescriptorSet] | None,
    ) -> tuple[Compiled, str, str]:
        key = schema, pinned, current_grants()  # who may not see an import cannot use it either
        kept = self._compiled.get_schema(key)
        if kept is not None:
            return kept
        if dependencies is None:
            _, dependencies = self._resolved(pinned, names.DEFAULT_CONTEXT, deleted=True)
        made = compiled(schema, dependencies)
        file = root_file(made.descriptors)
        found = made, form_hash(file), form_hash(file, normalize=True)
        self._compiled.put_schema(key, found)
        return found

    def _mark(self, name: str, number: int) -> _Mark:
        found = self._marks.get_schema((name, number))
        if found is None:
            version = self._store.find_exactly(name, number, deleted=True)
            found = self._mark_of(version, self._store.references(version.version_id))
            self._marks.put_schema((name, number), found)
        return found

    def _mark_of(self, version: Version | NewVersion, references: Sequence[Reference]) -> _Mark:
        descriptors = DescriptorSet(version.descriptors or b"", version.roots)
        file = root_file(descriptors, version.message)
        forms = form_hash(file), form_hash(file, normalize=True)
        about = version.metadata, version.rule_set
        return _Mark(*forms, frozenset(references), *about)

    def _table(self, name: str, descriptors: DescriptorSet) -> tuple[str, str, str | None]:
        """The database, the table and the message that are set, or were before, or by default."""
        setting = self._store.ask(scopes.read_setting, "config", name) or {}
        ours: Mapping[str, Any] = setting.get("protolith") or {}
        latest = self._latest(name)
        message = ours.get("message")
        if latest is not None:
            database, table = latest.database, latest.table
            message = message or latest.message
        else:
            database, table = names.table_of(name)
            database, table = ours.get("database", database), ours.get("table", table)
        return database, table, message if message and _has(descriptors, message) else None

    def _columns(self, descriptors: DescriptorSet, message: str | None) -> tuple[str | None, str]:
        """The message and the BigQuery columns; neither where no table can be made of it."""
        try:
            table = lay_out(descriptors, message, table="t")
            columns = schema_columns(descriptors, str(table.message), self._converter)
        except SchemaValidationError:
            return None, "[]"
        return table.message, json.dumps(columns, ensure_ascii=False)


def _has(descriptors: DescriptorSet, message: str) -> bool:
    try:
        descriptors.message(message)
    except NotFoundError:
        return False
    return True


def _merged(text: str | None, config: Mapping[str, Any], what: str) -> str | None:
    """A document within the defaults and the overrides of the config."""
    parts = [config.get(f"default{what}"), json.loads(text) if text else None]
    parts.append(config.get(f"override{what}"))
    given = [part for part in parts if part]
    if not given or given == [parts[1]]:
        return text
    merged: dict[str, Any] = {}
    for part in given:
        for key, value in part.items():
            merged[key] = _together(merged.get(key), value)
    return document(merged)


def _together(before: Any, after: Any) -> Any:
    """Of two values of a key both where they can stand together, else the later one."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {**before, **after}
    if isinstance(before, list) and isinstance(after, list):
        if all(isinstance(one, dict) for one in (*before, *after)):
            rules = {one.get("name"): one for one in (*before, *after)}
            return list(rules.values())
        return [*before, *(one for one in after if one not in before)]
    return before if after is None else after
