"""How a subject hangs together with others and with tables."""

from dataclasses import dataclass

from protolith.registry.deployments import DeployedTable, deployed
from protolith.store import Store


@dataclass(frozen=True, slots=True)
class SchemaImport:
    """One version imports another's file, under `name`; both are `database.table@3`."""

    importer: str
    name: str
    imported: str


@dataclass(frozen=True, slots=True)
class Relationships:
    """What a subject imports and who imports it, version by version, and its tables in engines.

    `message` is the latest version's that its tables are made of; None for a JSON schema.
    `engines_created` are those in which the table is known to be there.
    """

    subject: str
    message: str | None
    imports: list[SchemaImport]
    imported_by: list[SchemaImport]
    tables: list[DeployedTable]
    engines_created: list[str]


def relationships(store: Store, schema_id: str) -> Relationships:
    """The relationships of a version's subject, without what is deleted."""
    version = store.find(schema_id)
    subject = version.subject
    imports, imported_by = [], []
    for importer, number, reference in store.relations(subject):
        link = SchemaImport(
            f"{importer}@{number}", reference.name, f"{reference.subject}@{reference.version}"
        )
        if importer == subject:
            imports.append(link)
        if reference.subject == subject:  # an older version of its own may be imported too
            imported_by.append(link)
    tables = [deployed(subject, deployment) for deployment in store.deployments(subject)]
    return Relationships(
        subject=subject,
        message=version.message,
        imports=imports,
        imported_by=imported_by,
        tables=tables,
        engines_created=[table.engine for table in tables if table.created],
    )
