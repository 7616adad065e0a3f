"""What an engine keeps of a table beside the names and types of its columns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from protolith.engines.difference import Difference, Kind
from protolith.engines.mending import ASIDE
from protolith.migrations import PlannedStep
from protolith.tables import Table


@dataclass(frozen=True, slots=True)
class Particular:
    """One such thing that is not as it should be, in the engine's own canonical texts.

    `statements` would mend it; where there are none, `why` says why.
    """

    kind: Kind
    expected: str
    live: str
    statements: tuple[str, ...] = ()
    why: str = ""
    column: str = ""

    @property
    def difference(self) -> Difference:
        """The difference; rows are loaded all the same."""
        return Difference(self.column, self.kind, self.expected, self.live, harmless=True)

    @property
    def step(self) -> PlannedStep:
        """What would mend it."""
        named = {"comment": "ChangeComment", "default": "ChangeDefault"}
        change = named.get(self.kind, "ChangeStorage")
        if not self.statements:
            why = f"{self.why}; {ASIDE}"
            return PlannedStep(change, self.column, "impossible", "lossy", why, [], loads=True)
        statements = list(self.statements)
        return PlannedStep(
            change, self.column, "in place", "none", self.why, statements, loads=True
        )


def defaults(
    table: Table,
    expected: Mapping[str, str],
    live: Mapping[str, str],
    alter: Callable[[str, str], str],
) -> Iterator[Particular]:
    """The columns with another default; `alter` writes the statement that gives a column one."""
    for name in (column.name for column in table.columns if column.name in live):
        wanted = expected.get(name, "")
        if live[name] != wanted:
            why = "for rows to come; those that are there stay as they are"
            yield Particular("default", wanted, live[name], (alter(name, wanted),), why, name)


def commented(expected: str, live: str, statement: str) -> Iterator[Particular]:
    """The comment of the table, if it is another one."""
    if expected != live:
        yield Particular("comment", expected, live, (statement,), "a comment alone")
