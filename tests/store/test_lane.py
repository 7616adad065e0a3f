"""The lane of one writer: who waits is in the next commit, and nobody waits for ever."""

import threading
import time
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from protolith import BusyError
from protolith.store.lane import Job, Lane

NOWHERE = Connection.__new__(Connection)


def _start(threads: list[threading.Thread], lane: Lane) -> None:
    """Start them, and come back when each waits for its turn."""
    for thread in threads:
        thread.start()
    while len(lane._waiting) < len(threads):
        time.sleep(0.001)


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


def test_who_comes_during_a_commit_is_in_the_next_one_together() -> None:
    groups: list[int] = []
    arrived, go = threading.Event(), threading.Event()

    def commit(group: Sequence[Job]) -> None:
        groups.append(len(group))
        if len(groups) == 1:
            arrived.set()
            go.wait()
        for job in group:
            job.value = job.run(NOWHERE)

    lane = Lane(commit, seconds=60)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(lane.run(lambda _: n))) for n in range(9)
    ]
    threads[0].start()
    arrived.wait()
    _start(threads[1:], lane)
    go.set()
    _join(threads)
    assert groups == [1, 8]
    assert sorted(found) == list(range(9))


def test_who_waits_too_long_is_told_and_forgotten() -> None:
    ran: list[str] = []

    def commit(group: Sequence[Job]) -> None:
        for job in group:
            job.run(NOWHERE)

    lane = Lane(commit, seconds=0.02)
    with lane.alone(), pytest.raises(BusyError) as caught:
        lane.run(lambda _: ran.append("late"))
    assert caught.value.hint
    lane.run(lambda _: ran.append("next"))
    assert ran == ["next"]


def test_an_interrupt_leaves_nobody_waiting() -> None:
    arrived, go = threading.Event(), threading.Event()
    groups: list[int] = []

    def commit(group: Sequence[Job]) -> None:
        groups.append(len(group))
        if len(groups) == 1:
            arrived.set()
            go.wait()
        elif len(groups) == 2:
            raise KeyboardInterrupt

    lane = Lane(commit, seconds=60)
    errors: list[str] = []

    def run() -> None:
        try:
            lane.run(lambda _: None)
        except (BusyError, KeyboardInterrupt) as error:
            errors.append(type(error).__name__)

    threads = [threading.Thread(target=run) for _ in range(4)]
    threads[0].start()
    arrived.wait()
    _start(threads[1:], lane)
    go.set()
    _join(threads)
    assert sorted(errors) == ["BusyError", "BusyError", "KeyboardInterrupt"]
    lane.run(lambda _: None)


def test_one_who_is_alone_is_in_nobodys_group() -> None:
    together = 0

    def commit(_: Sequence[Job]) -> None:
        assert together == 0

    lane = Lane(commit, seconds=60)

    def alone() -> None:
        nonlocal together
        with lane.alone():
            together += 1
            assert together == 1
            together -= 1

    threads = [threading.Thread(target=alone) for _ in range(20)]
    threads += [threading.Thread(target=lane.run, args=(lambda _: None,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    _join(threads)
    assert not lane._busy
