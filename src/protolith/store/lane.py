"""One writer at a time, and one commit for all who wait meanwhile.

A commit waits for the disk, so whoever comes while one is on its way is put into the next one
together. There is no thread: the first who waits leads, commits for all, and hands on.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Lock
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from protolith.errors import BusyError, SchemaRegistryError

T = TypeVar("T")

_MAX_GROUP = 256


class Job:
    """A piece of writing that waits for its turn, then for its commit."""

    def __init__(self, work: Callable[[Connection], Any] | None) -> None:
        self.work = work  # None for one who wants to be alone
        self.turn = Event()
        self.leads = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._context = copy_context()  # another's thread may do the work

    def run(self, connection: Connection) -> Any:
        """Do the work in the context of whoever asked for it."""
        assert self.work is not None  # noqa: S101
        return self._context.run(self.work, connection)


class Lane:
    """The right to write. `commit` takes jobs and gives each its value or its error."""

    def __init__(self, commit: Callable[[Sequence[Job]], None], *, seconds: float) -> None:
        self._commit = commit
        self._seconds = seconds
        self._lock = Lock()
        self._busy = False
        self._waiting: deque[Job] = deque()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do the work within some commit; `BusyError` if its turn does not come in time."""
        job = Job(work)
        self._wait(job)
        if job.leads:
            group = [job, *self._take()]
            try:
                self._commit(group)
            except BaseException as error:  # such as an interrupt: nobody may wait for ever
                for other in group[1:]:
                    other.error = _interrupted(error)
                raise
            finally:
                self._hand_on()
                for other in group[1:]:
                    other.turn.set()
        if job.error is not None:
            raise job.error
        return cast("T", job.value)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have the lane for the block."""
        self._wait(Job(None))
        try:
            yield
        finally:
            self._hand_on()

    def _wait(self, job: Job) -> None:
        """Wait until the job leads, or until another's commit has it done."""
        with self._lock:
            job.leads = not self._busy
            self._busy = True
            if job.leads:
                return
            self._waiting.append(job)
        if not job.turn.wait(self._seconds):
            with self._lock:
                if job in self._waiting:
                    self._waiting.remove(job)
                    raise BusyError("the registry is busy writing", hint="try again in a moment")
            job.turn.wait()  # it is being committed: whether it is kept must be known

    def _take(self) -> list[Job]:
        taken: list[Job] = []
        with self._lock:
            while self._waiting and self._waiting[0].work and len(taken) < _MAX_GROUP - 1:
                taken.append(self._waiting.popleft())
        return taken

    def _hand_on(self) -> None:
        with self._lock:
            self._busy = bool(self._waiting)
            if self._busy:
                following = self._waiting.popleft()
                following.leads = True
                following.turn.set()


def _interrupted(error: BaseException) -> SchemaRegistryError:
    return BusyError(f"writing was interrupted ({type(error).__name__})", hint="try again")
