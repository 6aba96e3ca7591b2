"""A writer that is killed before each of its steps: every call by which it changes the disk.

The writer is a copy of this process (`fork`), so that a kill costs a few milliseconds and not a new interpreter.
"""

import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from vlrouterbench.core import staging

CALLS = ("mkdir", "rename", "replace", "unlink", "rmdir", "chmod", "fsync")
PATIENCE_S = 120


@contextmanager
def told_of_steps(before: Callable[[str], None]) -> Iterator[None]:
    """Have something called with its name before every step of what this process does."""

    def told(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def telling(*arguments: object, **options: object) -> object:
            before(name)
            return call(*arguments, **options)

        return telling

    opened, writing = io.open, told("open", io.open)

    def opening(file: object, mode: str = "r", *arguments: object, **options: object) -> object:
        return (writing if set(mode) & set("wax+") else opened)(file, mode, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, told(name, getattr(os, name)))
        patch.setattr(staging, "exchange", told("exchange", staging.exchange))
        patch.setattr(io, "open", opening)
        yield


def steps_of(act: Callable[[], object]) -> list[str]:
    """The names of the calls that `act` changes the disk by, by doing it."""
    seen: list[str] = []
    with told_of_steps(seen.append):
        act()
    return seen


def killed_before(step: int, act: Callable[[], object]) -> bool:
    """Run `act` in a copy of this process that is killed before its step number `step`; False where it ended before."""
    child = os.fork()
    if not child:
        _act(step, act)
    end = time.monotonic() + PATIENCE_S
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"the writer hung before step {step}")
        time.sleep(0.001)
    if os.WIFSIGNALED(found[1]):
        assert os.WTERMSIG(found[1]) == signal.SIGKILL, f"the writer died of signal {os.WTERMSIG(found[1])}"
        return True
    assert os.WEXITSTATUS(found[1]) == 0, "the writer failed"
    return False


def kills_at_every_step(act: Callable[[int], object]) -> Iterator[int]:
    """Kill at step 0, 1, ... until the writer ends before the kill; gives each step that it was killed at.

    Args:
        act: what is killed; given the number of the step.
    """
    step = 0
    while killed_before(step, partial(act, step)):
        yield step
        step += 1


def _act(step: int, act: Callable[[], object]) -> None:
    """In the copy: act, with a kill before a step; never returns."""
    status, left = 1, iter(range(step))

    def killed(_name: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        with told_of_steps(killed):
            act()
            status = 0
    finally:
        os._exit(status)
