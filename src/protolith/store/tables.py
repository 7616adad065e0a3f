"""The store's own tables: those of SPEC.md, with more columns and with tables beside them."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

FORMAT = 5
"""The number of the newest revision in `store/schema`; raised by one with each change here."""

METADATA = MetaData()

PRIVATE = "private"
"""Marks tables that no export has: who may come in is a matter of each registry."""

# Names sort by bytes in both databases, so that a page of a list has the same order everywhere.
NAME = Text().with_variant(Text(collation="C"), "postgresql")

# One row a subject; its id is `database.table`, or any name that a Kafka client gave it.
# `latest_version` is the highest number that is live, 0 where all are deleted; `last_version` the
# highest that was ever handed out.
SCHEMAS = Table(
    "schemas",
    METADATA,
    Column("schema_id", NAME, primary_key=True),
    Column("table_name", NAME, nullable=False),
    Column("database_name", NAME, nullable=False),
    Column("current_version_hash", Text, nullable=False),
    Column("latest_version", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("last_updated", DateTime, nullable=False),
    Column("description", Text),
    Column("last_version", Integer, nullable=False),
)

# One row a distinct content, for ever: it stays when every version with it is gone, so that an id
# never comes to mean something else.
CONTENTS = Table(
    "schema_contents",
    METADATA,
    Column("content_id", Integer, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("guid", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
    UniqueConstraint("fingerprint", name="schema_contents_fingerprint"),
    UniqueConstraint("guid", name="schema_contents_guid"),
    # Without it SQLite would hand the highest id out again after a delete.
    sqlite_autoincrement=True,
)

# One row a version; its id is `database.table@N`. `name` is what users call a schema id:
# the table and the first digits of the content's hash.
VERSIONS = Table(
    "schema_versions",
    METADATA,
    Column("version_id", NAME, primary_key=True),
    Column("schema_id", NAME, ForeignKey("schemas.schema_id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("version_hash", Text, nullable=False),
    Column("proto_content", Text),
    Column("schema_json", Text, nullable=False),
    Column("message", Text),
    Column("descriptors", LargeBinary),
    Column("roots", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("content_id", Integer, ForeignKey("schema_contents.content_id"), nullable=False),
    Column("deleted_at", DateTime),
    Column("metadata", Text),
    Column("rule_set", Text),
    UniqueConstraint("schema_id", "version"),
    Index("schema_versions_name", "name"),
    Index("schema_versions_content", "content_id"),
)
_LIVE = text("deleted_at IS NULL")
Index(
    "schema_versions_live_content",
    VERSIONS.c.schema_id,
    VERSIONS.c.content_id,
    unique=True,
    sqlite_where=_LIVE,
    postgresql_where=_LIVE,
)

# The files of a version exactly as they were submitted.
FILES = Table(
    "schema_files",
    METADATA,
    Column("version_id", NAME, ForeignKey("schema_versions.version_id"), primary_key=True),
    Column("path", NAME, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# What a version imports from others: the file's name in its imports, and whose version it is.
REFERENCES = Table(
    "schema_references",
    METADATA,
    Column("version_id", NAME, ForeignKey("schema_versions.version_id"), primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("subject", NAME, nullable=False),
    Column("version", Integer, nullable=False),
    Index("schema_references_target", "subject", "version"),
)

# The fields of each subject's latest version, to search in; made from its `schema_json`.
FIELDS = Table(
    "schema_fields",
    METADATA,
    Column("schema_id", NAME, ForeignKey("schemas.schema_id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("description", Text),
    Column("tags", Text),
)

LABELS = Table(
    "schema_labels",
    METADATA,
    Column("schema_id", NAME, ForeignKey("schemas.schema_id"), primary_key=True),
    Column("key", NAME, primary_key=True),
    Column("value", Text, nullable=False),
    Index("schema_labels_key", "key", "value"),
)

# One row a subject and engine: which version's table is there. `table_created` is false between
# the intention and the engine's answer; `intent` says what a migration is about to do.
DEPLOYMENTS = Table(
    "schema_engine_tables",
    METADATA,
    Column("schema_id", NAME, ForeignKey("schemas.schema_id"), primary_key=True),
    Column("engine", NAME, primary_key=True),
    Column("table_created", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("layout", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("intent", Text),
)

# What new versions must keep to: one row a subject that says so, and one row with an empty
# subject for all others. `levels` are separated by commas.
MODES = Table(
    "compatibility_modes",
    METADATA,
    Column("subject", NAME, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("levels", Text, nullable=False),
    Column("policy", Text),
)

# The findings that somebody agreed to when a version was registered.
WAIVERS = Table(
    "version_waivers",
    METADATA,
    Column("version_id", NAME, ForeignKey("schema_versions.version_id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("who", Text, nullable=False),
)

# What is set for a subject, for a context (`:.name:`) or for all (`:.__GLOBAL:`), as JSON; the kind
# is "config" or "mode". Of the kind "association" the scope is a resource's id.
SCOPES = Table(
    "scope_settings",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("scope", NAME, primary_key=True),
    Column("value", Text, nullable=False),
)

# Who may come in with a secret of the server's own making. Of the secret only the SHA-256 is kept:
# it is random, so nobody can guess it. `grants` are one a line.
TOKENS = Table(
    "access_tokens",
    METADATA,
    Column("name", NAME, primary_key=True),
    Column("secret_hash", Text, nullable=False),
    Column("grants", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("revoked_at", DateTime),
    Column("used_at", DateTime),
    UniqueConstraint("secret_hash", name="access_tokens_secret"),
    info={PRIVATE: True},
)

# People who come in with a password, of which only Argon2id's hash is kept.
USERS = Table(
    "access_users",
    METADATA,
    Column("name", NAME, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("grants", Text, nullable=False),
    Column("created_at", DateTime, nullable=False),
    info={PRIVATE: True},
)

# Who changed what when, in the order of the changes; written with each change, never changed.
AUDIT = Table(
    "audit",
    METADATA,
    Column("sequence", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", NAME, nullable=False),
    Column("details", Text, nullable=False),
    Index("audit_object", "object", "sequence"),
    sqlite_autoincrement=True,
)

# Alembic's own table: the revision that the tables have.
REVISION = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))

EXPORTED = [table for table in METADATA.sorted_tables if not table.info.get(PRIVATE)]
"""What an export has, in an order in which it can be read again."""
