"""Subjects, versions and deployments, kept for ever."""

from protolith.store.access import Grant, Scope, limited_to
from protolith.store.audit import acting_as
from protolith.store.base import Store
from protolith.store.modes import EVERYWHERE, NOTHING_KEPT
from protolith.store.opening import make_home, open_store
from protolith.store.search import Search
from protolith.store.sqlite import SQLiteStore
from protolith.store.values import (
    About,
    Beside,
    Change,
    Deployment,
    File,
    KeptMode,
    KeptWaiver,
    NewVersion,
    Reference,
    Subject,
    Summary,
    Version,
)

__all__ = [
    "EVERYWHERE",
    "NOTHING_KEPT",
    "About",
    "Beside",
    "Change",
    "Deployment",
    "File",
    "Grant",
    "KeptMode",
    "KeptWaiver",
    "NewVersion",
    "Reference",
    "SQLiteStore",
    "Scope",
    "Search",
    "Store",
    "Subject",
    "Summary",
    "Version",
    "acting_as",
    "limited_to",
    "make_home",
    "open_store",
]
