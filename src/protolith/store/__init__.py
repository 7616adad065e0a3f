"""Subjects, versions and deployments, kept for ever."""

from protolith.store.base import Deployment, File, NewVersion, Store, Subject, Summary, Version
from protolith.store.sqlite import SQLiteStore

__all__ = [
    "Deployment",
    "File",
    "NewVersion",
    "SQLiteStore",
    "Store",
    "Subject",
    "Summary",
    "Version",
]
