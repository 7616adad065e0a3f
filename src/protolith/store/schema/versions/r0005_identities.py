"""Tokens and users: who may come in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables; at first nobody is known."""
    op.create_table(
        "access_tokens",
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("grants", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("revoked_at", sa.DateTime),
        sa.Column("used_at", sa.DateTime),
        sa.UniqueConstraint("secret_hash", name="access_tokens_secret"),
    )
    op.create_table(
        "access_users",
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("grants", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
