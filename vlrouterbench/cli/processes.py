"""The processes that a command was launched as: one, or several by `accelerate launch` or `torchrun`."""

from __future__ import annotations

from typing import Any


def launched_processes() -> Any:
    """Accelerate's state of this process among those launched together.

    Where there is no GPU, accelerate has to be told: left to itself, it takes each of several CPU processes for the
    only one, and every process would do and write everything.
    """
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available())
