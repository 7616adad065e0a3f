"""Subjects, versions, files and deployments: the files before there were revisions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "schemas",
        sa.Column("schema_id", _NAME, primary_key=True),
        sa.Column("table_name", _NAME, nullable=False),
        sa.Column("database_name", _NAME, nullable=False),
        sa.Column("current_version_hash", sa.Text, nullable=False),
        sa.Column("latest_version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("last_updated", sa.DateTime, nullable=False),
        sa.Column("description", sa.Text),
    )
    _create_versions()
    op.create_table(
        "schema_files",
        sa.Column("version_id", _NAME, sa.ForeignKey("schema_versions.version_id")),
        sa.Column("path", _NAME),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("version_id", "path"),
    )
    op.create_table(
        "schema_engine_tables",
        sa.Column("schema_id", _NAME, sa.ForeignKey("schemas.schema_id")),
        sa.Column("engine", _NAME),
        sa.Column("table_created", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("layout", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("schema_id", "engine"),
    )


def _create_versions() -> None:
    op.create_table(
        "schema_versions",
        sa.Column("version_id", _NAME, primary_key=True),
        sa.Column("schema_id", _NAME, sa.ForeignKey("schemas.schema_id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version_hash", sa.Text, nullable=False),
        sa.Column("proto_content", sa.Text),
        sa.Column("schema_json", sa.Text, nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("descriptors", sa.LargeBinary),
        sa.Column("roots", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("schema_id", "version"),
        sa.UniqueConstraint("schema_id", "version_hash"),
    )
    op.create_index("schema_versions_name", "schema_versions", ["name"])
