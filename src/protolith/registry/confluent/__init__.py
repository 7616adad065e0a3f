"""The registry as clients of Confluent's schema registry see it.

Subjects have any name and contexts, versions are found by content, and what is refused has the
number that those clients know. It is all in the same store as everything else.
"""

from protolith.dialects.bigquery.driven import Converter
from protolith.registry.confluent import names
from protolith.registry.confluent.associations import Associations
from protolith.registry.confluent.checking import Checking, Judge
from protolith.registry.confluent.content import Contents
from protolith.registry.confluent.refusals import ConfluentError, translating
from protolith.registry.confluent.requests import SchemaRequest
from protolith.registry.confluent.settings import Settings
from protolith.registry.confluent.subjects import Keep, Subjects
from protolith.store import Store, scopes

__all__ = ["Confluent", "ConfluentError", "SchemaRequest", "translating"]


class Confluent:
    """Its parts: subjects, settings, checks and associations."""

    def __init__(self, store: Store, converter: Converter, keep: Keep, judge: Judge) -> None:
        self._store = store
        contents = Contents(store, converter)
        self.settings = Settings(store)
        self.subjects = Subjects(store, self.settings, contents, keep)
        self.checking = Checking(store, self.settings, contents, judge)
        self.associations = Associations(store, self.subjects)

    def contexts(self) -> list[str]:
        """The contexts that have subjects, the default one first."""
        found = {names.split(name)[0] for name in self._store.ask(scopes.read_names)}
        return [names.DEFAULT_CONTEXT, *sorted(found - {names.DEFAULT_CONTEXT})]

    def delete_context(self, context: str) -> None:
        """Forget what is set for a context that has no subjects."""
        name = names.plain(context).strip(":")
        if any(names.split(one)[0] == name for one in self._store.ask(scopes.read_names)):
            raise ConfluentError(42211, f"Context '{context}' is not empty")
        self.settings.forget(names.joined(name, ""))

    def highest_id(self) -> int:
        """The highest id that was ever given."""
        return self._store.ask(scopes.read_highest_id)
