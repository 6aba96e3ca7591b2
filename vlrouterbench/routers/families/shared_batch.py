"""The batch of all processes, for losses that compare samples with one another.

Decisions
- Every process computes the loss of the whole batch, with gradients for its own vectors alone. Gradients are averaged
  over processes afterwards, so each counts its own as often as there are processes: the mean is then the gradient that
  one process with the whole batch has. No process waits for another in the backward pass.
- Random numbers are the first process's. They are drawn on the CPU, whose random state every device and a resumed run
  share.
- All processes must come with batches of one size. Accelerate's loaders see to that: they fill an epoch's last batch,
  where it is not full, with samples from its start, so there alone several processes differ from one.
"""

from __future__ import annotations

import torch
from torch import distributed


def num_processes() -> int:
    """Processes that train together; 1 where there is no process group."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def gathered(own: torch.Tensor) -> torch.Tensor:
    """Rows of all processes in their order, (num_processes * batch, ...); gradients reach this process's own alone."""
    if num_processes() == 1:
        return own
    parts = [torch.empty_like(own) for _ in range(num_processes())]
    distributed.all_gather(parts, own.detach().contiguous())
    parts[distributed.get_rank()] = own
    return torch.cat(parts)


def shared_draw(shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Random numbers in [0, 1), the same on all processes."""
    draw = torch.rand(shape).to(device)
    if num_processes() > 1:
        distributed.broadcast(draw, src=0)
    return draw


def shared_loss(loss: torch.Tensor) -> torch.Tensor:
    """A loss of the whole batch, of its value, whose gradient is right once it is averaged over processes."""
    others = num_processes() - 1
    return loss + others * (loss - loss.detach())
