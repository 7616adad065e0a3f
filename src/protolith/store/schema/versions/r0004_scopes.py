"""What is set for scopes, what clients keep beside a version, and what a migration intends."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table and the columns; nothing is set or intended at first."""
    op.add_column("schema_versions", sa.Column("metadata", sa.Text))
    op.add_column("schema_versions", sa.Column("rule_set", sa.Text))
    op.add_column("schema_engine_tables", sa.Column("intent", sa.Text))
    op.create_table(
        "scope_settings",
        sa.Column("kind", sa.Text),
        sa.Column("scope", _NAME),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "scope"),
    )
