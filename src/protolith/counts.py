"""What happened since the process began, counted where it happens, for whoever wants to see it."""

from collections import Counter
from threading import Lock

Key = tuple[str, tuple[tuple[str, str], ...]]

_lock = Lock()
_counts: Counter[Key] = Counter()


def count(name: str, amount: int = 1, **labels: str) -> None:
    """Count something. Labels have few values: never a subject, a table or a name of somebody."""
    with _lock:
        _counts[name, tuple(sorted(labels.items()))] += amount


def counted() -> dict[Key, int]:
    """Everything that was counted, by name and labels."""
    with _lock:
        return dict(_counts)
