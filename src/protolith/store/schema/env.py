"""What Alembic runs: every revision that is missing, in the transaction of whoever asked."""

from alembic import context

from protolith.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
context.run_migrations()
