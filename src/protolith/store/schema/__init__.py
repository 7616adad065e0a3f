"""The revisions of the store's tables, one after another; Alembic is imported to upgrade alone."""

from pathlib import Path

from sqlalchemy import Connection, insert, select

from protolith.store.tables import FORMAT, METADATA, REVISION


def create(connection: Connection) -> None:
    """Make the tables in an empty database as the newest revision has them."""
    METADATA.create_all(connection)
    stamp(connection, FORMAT)


def stamp(connection: Connection, number: int) -> None:
    """Say which revision the tables have, where nothing says it yet."""
    REVISION.create(connection, checkfirst=True)
    if connection.execute(select(REVISION)).first() is not None:
        return
    connection.execute(insert(REVISION), {"version_num": f"{number:04}"})


def upgrade(connection: Connection, *, stamped: int | None = None, wanted: str = "head") -> None:
    """Bring the tables to the newest revision; `stamped` is theirs if nothing says it yet."""
    from alembic import command  # noqa: PLC0415 - it takes longer to import than all of SQLAlchemy
    from alembic.config import Config  # noqa: PLC0415

    if stamped is not None:
        stamp(connection, stamped)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, wanted)
