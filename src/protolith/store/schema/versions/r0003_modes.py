"""Modes of compatibility, and waivers beside versions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables; without a row every subject has the mode NONE."""
    op.create_table(
        "compatibility_modes",
        sa.Column("subject", _NAME, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("levels", sa.Text, nullable=False),
        sa.Column("policy", sa.Text),
    )
    op.create_table(
        "version_waivers",
        sa.Column("version_id", _NAME, sa.ForeignKey("schema_versions.version_id")),
        sa.Column("position", sa.Integer),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version_id", "position"),
    )
