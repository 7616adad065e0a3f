"""The store's own tables: those of SPEC.md, with more columns, and the submitted files."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

FORMAT = 2
"""Raised by one with each change of these tables."""

METADATA = MetaData()

# One row a subject; its id is `database.table`.
SCHEMAS = Table(
    "schemas",
    METADATA,
    Column("schema_id", Text, primary_key=True),
    Column("table_name", Text, nullable=False),
    Column("database_name", Text, nullable=False),
    Column("current_version_hash", Text, nullable=False),
    Column("latest_version", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("last_updated", DateTime, nullable=False),
    Column("description", Text),
)

# One row a version; its id is `database.table@N`. `name` is what users call a schema id:
# the table and the first digits of the content's hash.
VERSIONS = Table(
    "schema_versions",
    METADATA,
    Column("version_id", Text, primary_key=True),
    Column("schema_id", Text, ForeignKey("schemas.schema_id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("version_hash", Text, nullable=False),
    Column("proto_content", Text),
    Column("schema_json", Text, nullable=False),
    Column("message", Text),
    Column("descriptors", LargeBinary),
    Column("roots", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
    UniqueConstraint("schema_id", "version"),
    UniqueConstraint("schema_id", "version_hash"),
    Index("schema_versions_name", "name"),
)

# The files of a version exactly as they were submitted.
FILES = Table(
    "schema_files",
    METADATA,
    Column("version_id", Text, ForeignKey("schema_versions.version_id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# One row a subject and engine: which version's table is there. `table_created` is false between
# the intention and the engine's answer.
DEPLOYMENTS = Table(
    "schema_engine_tables",
    METADATA,
    Column("schema_id", Text, ForeignKey("schemas.schema_id"), primary_key=True),
    Column("engine", Text, primary_key=True),
    Column("table_created", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("layout", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
)

# What new versions must keep to: one row a subject that says so, and one row with an empty
# subject for all others. `levels` are separated by commas.
MODES = Table(
    "compatibility_modes",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("levels", Text, nullable=False),
    Column("policy", Text),
)

# The findings that somebody agreed to when a version was registered.
WAIVERS = Table(
    "version_waivers",
    METADATA,
    Column("version_id", Text, ForeignKey("schema_versions.version_id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
)
