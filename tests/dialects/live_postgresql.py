"""Tables of a real PostgreSQL, read back."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from dialects.random_tables import read_back
from postgres import postgres_server
from protolith import Table, dialect
from protolith.engines import LiveColumn

COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull,
       coalesce(col_description(attrelid, attnum), '')
FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""


@contextmanager
def connected() -> Iterator[psycopg.Connection]:
    """A connection to a server of its own."""
    with (
        postgres_server() as server,
        # A prepared plan would outlive the table that it was made for.
        psycopg.connect(server.url(), autocommit=True, prepare_threshold=None) as opened,
    ):
        opened.execute("SET TimeZone = 'UTC'")
        opened.execute("SET client_min_messages = warning")
        yield opened


def live_table(connection: psycopg.Connection, wanted: Table) -> Table:
    """The live table of that name, its types as the dialect reads them."""
    postgresql = dialect("postgresql")
    name = postgresql.qualified(wanted)
    rows = connection.execute(COLUMNS, [name]).fetchall()
    comment = connection.execute("SELECT obj_description(%s::regclass)", [name]).fetchone()
    columns = tuple(read_back(postgresql, LiveColumn(*row)) for row in rows)
    return Table(wanted.database, wanted.name, columns, comment[0] or "" if comment else "")
