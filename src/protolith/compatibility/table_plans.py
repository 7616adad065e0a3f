"""The tables of two versions, and what would make one of the other in each engine."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from protolith.compatibility.index import index
from protolith.descriptors import DescriptorSet
from protolith.dialects import Dialect, dialect
from protolith.errors import LayoutError, NotFoundError, SchemaRegistryError, quoted
from protolith.layout import Layout, lay_out
from protolith.migrations import Migration, Outcome, PlannedStep, Risk, plan, planned_step
from protolith.options import message_options
from protolith.tables import Table

ENGINES = ("bigquery", "clickhouse", "duckdb")
"""The engines whose tables can be changed."""


@dataclass(frozen=True, slots=True)
class Side:
    """A version's table and the schema it is made from, or why there is no table."""

    schema: DescriptorSet | None
    table: Table | None
    fault: SchemaRegistryError | None = None

    @classmethod
    def of(cls, schema: DescriptorSet | None, make: Callable[[], Table]) -> "Side":
        """The side of a table that may turn out to be impossible."""
        try:
            return cls(schema, make())
        except LayoutError as error:
            return cls(schema, None, error)


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What would make the old version's table the new one's in an engine.

    `outcome` and `risk` are the worst of the steps; columns of fields that are gone stay. Where
    `outcome` is `impossible`, `why` says why and `fix` what to do instead.
    """

    engine: str
    table: str
    outcome: Outcome
    risk: Risk
    why: str = ""
    fix: str = ""
    steps: list[PlannedStep] = field(default_factory=list)

    @property
    def statements(self) -> list[str]:
        """Every statement in its order."""
        return [statement for step in self.steps for statement in step.statements]


def sides(
    new: DescriptorSet, old: DescriptorSet, names: tuple[str, str] | None, layout: Layout
) -> Iterator[tuple[Side, Side]]:
    """The tables that both versions have, old and new.

    `names` are those of the table's message in the old and in the new version; without them every
    message counts that is a table. Raises `LayoutError` where it is not said which one is.
    """
    there = index(old).messages
    for before, after in [names] if names else _table_messages(new, old):
        if before in there:
            now = _side(new, after, None, layout)
            yield _side(old, before, now.table.name if now.table else None, layout), now


@lru_cache(maxsize=16)
def _side(schema: DescriptorSet, name: str, called: str | None, layout: Layout) -> Side:
    """The side of a message, kept as one side of a history is asked for again and again."""
    return Side.of(schema, lambda: lay_out(schema, name, table=called, layout=layout))


def _table_messages(new: DescriptorSet, old: DescriptorSet) -> list[tuple[str, str]]:
    """The one message that can be the table, under its old and its new name, or all that say so."""
    messages = list(new.messages())
    said = [one.full_name for one in messages if message_options(one).table_name]
    if len(said) > 1 or not messages:
        return [(name, name) for name in said]
    after = new.table_message().full_name
    if after in index(old).messages:
        return [(after, after)]
    try:
        before = old.table_message().full_name
    except LayoutError:
        return []
    return [(before, before if before in index(new).messages else after)]


@lru_cache(maxsize=64)
def creatable(speaker: Dialect, table: Table) -> bool:
    """Whether an engine can have a table at all."""
    try:
        speaker.create(table)
    except SchemaRegistryError:
        return False
    return True


def migration_of(old: Table, new: Side, speaker: Dialect) -> Migration:
    """The migration to the new side's table, or the error that says why there is none."""
    if new.table is None:
        raise new.fault or LayoutError("there is no table")
    return _planned(old, new.table, speaker)


@lru_cache(maxsize=64)
def _planned(old: Table, new: Table, speaker: Dialect) -> Migration:
    """The plan, kept as many versions of a history have one table."""
    speaker.create(new)
    return plan(old, new, speaker)


def plan_tables(old: Side, new: Side, engines: Iterable[str] = ENGINES) -> list[TablePlan]:
    """What would move the table in each engine that can have the old version's."""
    answer = []
    for name in check_engines(engines):
        speaker = dialect(name)
        if old.table is None or not creatable(speaker, old.table):
            continue
        called = f"{old.table.database}.{old.table.name}"
        try:
            migration = migration_of(old.table, new, speaker)
        except SchemaRegistryError as error:
            said = "; ".join([error.message, *(one.text for one in error.details)])
            fix = error.hint or ""
            answer.append(TablePlan(name, called, "impossible", "lossy", why=said, fix=fix))
            continue
        steps = [planned_step(step) for step in migration.steps]
        why, fix = (
            "; ".join(dict.fromkeys(filter(None, texts)))
            for texts in (
                [step.why for step in migration.impossible],
                [step.instead for step in migration.impossible],
            )
        )
        found = migration.outcome, migration.risk, why, fix, steps
        answer.append(TablePlan(name, called, *found))
    return answer


def check_engines(engines: Iterable[str]) -> tuple[str, ...]:
    """The engines, or `NotFoundError` for one whose tables cannot be changed."""
    given = tuple(engines)
    for name in given:
        if name not in ENGINES:
            raise NotFoundError(
                f"no engine {quoted(name)} whose tables change", hint=f"of {', '.join(ENGINES)}"
            )
    return given
