"""Ids of contents, soft deletes, references, labels, fields to search in, and the audit trail."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from protolith.store.identity import BIGQUERY, PROTOBUF, fingerprint, guid

revision = "0002"
down_revision = "0001"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_LIVE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    """Make the new tables, give every content its id, and every subject its fields."""
    _create_tables()
    connection = op.get_bind()
    with op.batch_alter_table("schemas") as batch:
        batch.add_column(sa.Column("last_version", sa.Integer))
    connection.execute(sa.text("UPDATE schemas SET last_version = latest_version"))
    with op.batch_alter_table("schemas") as batch:
        batch.alter_column("last_version", existing_type=sa.Integer, nullable=False)
    _drop_unique_hash(connection)
    _fill_contents(connection)
    with op.batch_alter_table("schema_versions") as batch:
        batch.alter_column("content_id", existing_type=sa.Integer, nullable=False)
        batch.create_foreign_key(
            "schema_versions_content_id_fkey", "schema_contents", ["content_id"], ["content_id"]
        )
    op.create_index("schema_versions_content", "schema_versions", ["content_id"])
    op.create_index(
        "schema_versions_live_content",
        "schema_versions",
        ["schema_id", "content_id"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    _fill_fields(connection)


def _drop_unique_hash(connection: sa.Connection) -> None:
    """Deleted versions may have the content of one that is there."""
    new = (sa.Column("content_id", sa.Integer), sa.Column("deleted_at", sa.DateTime))
    if connection.dialect.name != "sqlite":
        op.drop_constraint("schema_versions_schema_id_version_hash_key", "schema_versions")
        for column in new:
            op.add_column("schema_versions", column)
        return
    old = sa.Table("schema_versions", sa.MetaData(), autoload_with=connection)
    for constraint in list(old.constraints):
        if isinstance(constraint, sa.UniqueConstraint) and "version_hash" in constraint.columns:
            old.constraints.remove(constraint)
    with op.batch_alter_table("schema_versions", copy_from=old, recreate="always") as batch:
        for column in new:
            batch.add_column(column)


def _create_tables() -> None:
    op.create_table(
        "schema_contents",
        sa.Column("content_id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("guid", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("fingerprint", name="schema_contents_fingerprint"),
        sa.UniqueConstraint("guid", name="schema_contents_guid"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "schema_references",
        sa.Column("version_id", _NAME, sa.ForeignKey("schema_versions.version_id")),
        sa.Column("name", _NAME),
        sa.Column("subject", _NAME, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("version_id", "name"),
    )
    op.create_index("schema_references_target", "schema_references", ["subject", "version"])
    _create_search_tables()


def _create_search_tables() -> None:
    op.create_table(
        "schema_fields",
        sa.Column("schema_id", _NAME, sa.ForeignKey("schemas.schema_id")),
        sa.Column("position", sa.Integer),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("tags", sa.Text),
        sa.PrimaryKeyConstraint("schema_id", "position"),
    )
    op.create_table(
        "schema_labels",
        sa.Column("schema_id", _NAME, sa.ForeignKey("schemas.schema_id")),
        sa.Column("key", _NAME),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("schema_id", "key"),
    )
    op.create_index("schema_labels_key", "schema_labels", ["key", "value"])
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("object", _NAME, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_object", "audit", ["object", "sequence"])


def _fill_contents(connection: sa.Connection) -> None:
    """Ids in the order in which the contents came."""
    rows = connection.execute(
        sa.text(
            "SELECT version_id, version_hash, descriptors IS NULL AS plain, created_at"
            " FROM schema_versions ORDER BY created_at, version_id"
        )
    ).all()
    ids: dict[str, int] = {}
    for version_id, version_hash, plain, created_at in rows:
        kind = BIGQUERY if plain else PROTOBUF
        print_ = fingerprint(kind, version_hash)
        if print_ not in ids:
            ids[print_] = len(ids) + 1
            values = {"id": ids[print_], "print": print_, "guid": guid(print_), "kind": kind}
            connection.execute(
                sa.text("INSERT INTO schema_contents VALUES (:id, :print, :guid, :kind, :at)"),
                {**values, "at": created_at},
            )
        connection.execute(
            sa.text("UPDATE schema_versions SET content_id = :id WHERE version_id = :version"),
            {"id": ids[print_], "version": version_id},
        )


def _fill_fields(connection: sa.Connection) -> None:
    rows = connection.execute(
        sa.text(
            "SELECT s.schema_id, v.schema_json FROM schemas s JOIN schema_versions v"
            " ON v.schema_id = s.schema_id AND v.version = s.latest_version"
        )
    ).all()
    add = sa.text("INSERT INTO schema_fields VALUES (:id, :position, :path, :type, :about, :tags)")
    for schema_id, schema_json in rows:
        fields = [
            {"id": schema_id, "position": position, **field}
            for position, field in enumerate(_fields(json.loads(schema_json)))
        ]
        if fields:
            connection.execute(add, fields)


def _fields(columns: list[dict[str, Any]], above: str = "") -> Iterator[dict[str, Any]]:
    for column in columns:
        path = f"{above}{column['name']}"
        tags = "\n".join(column.get("policyTags", {}).get("names", [])) or None
        about = column.get("description")
        yield {"path": path, "type": column.get("type", ""), "about": about, "tags": tags}
        yield from _fields(column.get("fields", []), f"{path}.")
