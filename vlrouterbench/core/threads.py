"""One thread for small work: several of torch's cost more than they bring there, and twice as much on a busy machine.

Decisions
- Work on one thread also gives the same bits whatever the number of cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """Let torch compute on one thread of the CPU while the block runs; not where it is not wanted."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if wanted else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
