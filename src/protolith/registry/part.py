"""What each part of `SchemaRegistry` uses of the whole."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from protolith.engines import Engine
from protolith.layout import NATIVE, Layout
from protolith.store import Deployment, Store, Version
from protolith.tables import Table

if TYPE_CHECKING:
    from functools import cached_property


class Part(ABC):
    """A part of `SchemaRegistry`: some of its methods, in a file of their own."""

    if TYPE_CHECKING:

        @cached_property
        def _store(self) -> Store: ...

    @abstractmethod
    def engine(self, name: str) -> Engine:
        """The engine of that name."""

    @abstractmethod
    def _deployment(self, version: Version, engine: str | None) -> Deployment: ...

    @abstractmethod
    def _layout_of(self, deployment: Deployment) -> Layout: ...

    @abstractmethod
    def _table(self, version: Version, layout: Layout = NATIVE) -> Table: ...
