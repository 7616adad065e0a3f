"""Subjects, versions and deployments, kept for ever."""

from protolith.store.base import Deployment, File, NewVersion, Store, Subject, Summary, Version
from protolith.store.modes import EVERYWHERE, KeptMode, KeptWaiver
from protolith.store.sqlite import SQLiteStore

__all__ = [
    "EVERYWHERE",
    "Deployment",
    "File",
    "KeptMode",
    "KeptWaiver",
    "NewVersion",
    "SQLiteStore",
    "Store",
    "Subject",
    "Summary",
    "Version",
]
