"""Rows of an engine as messages again, in a file."""

from pathlib import Path
from typing import BinaryIO

from protolith.decoding import Encoder, RowFraming, write_messages
from protolith.registry.part import Part
from protolith.registry.registration import descriptors_of
from protolith.registry.values import ExportedRows
from protolith.tables import check_text


class Unloading(Part):
    """The registry's method that takes data out again."""

    def export_rows(
        self,
        subject: str,
        output: Path | BinaryIO,
        engine: str | None = None,
        *,
        sql: str | None = None,
        framing: RowFraming = "delimited",
    ) -> ExportedRows:
        """Write a subject's rows as messages of the version that its table is of.

        All rows, or those of a query `sql` whose columns are some of the table's by name. Columns
        of no field are left out; `notes` say what the layout cannot give back. A file is there
        when it is whole: `RowsRejectedError` names a row that is no message.
        """
        version = self._store.find(subject)
        deployment = self._deployment(version, engine)
        at = self._store.find(f"{version.subject}@{deployment.version}")
        live = self.engine(deployment.engine)
        table = live.adopt(self._table(at, self._layout_of(deployment)))
        descriptors = descriptors_of(at)
        encoder = Encoder(descriptors, table, live.dialect.stored(table))
        query = f"SELECT * FROM {live.dialect.qualified(table)}"  # noqa: S608
        with live.read(query if sql is None else check_text(sql, "the query")) as rows:
            written = write_messages(encoder.messages(rows), output, framing, descriptors.pool)
        return ExportedRows(
            engine=live.name,
            database_name=table.database,
            table_name=table.name,
            version=at.version,
            rows=written,
            notes=list(table.losses),
        )
