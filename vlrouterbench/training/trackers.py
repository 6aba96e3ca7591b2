"""Where a training's figures are sent while it runs: TensorBoard and the other trackers that transformers knows.

Decisions
- They are transformers' own callbacks. What is sent: the mean training loss and the learning rate every few steps and
  at every epoch's end, and every epoch's Rank Score on validation.
- A tracker that is not installed is an error before anything is encoded or trained.
- Every training of a command has its own run, named by its setting; TensorBoard's files are in a folder of that name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vlrouterbench.core.errors import RouterError, unknown_name

EVERY = 10
"""Steps between two figures of the training loss."""
TENSORBOARD = "tensorboard"


def check_trackers(names: Sequence[str]) -> None:
    """Refuse a tracker that transformers does not know, or that is not installed."""
    if not names:
        return
    from transformers.integrations import get_available_reporting_integrations
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    installed = get_available_reporting_integrations()
    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            raise unknown_name("tracker", name, INTEGRATION_TO_CALLBACK)
        if name not in installed:
            extra = ' with "vlrouterbench[tensorboard]"' if name == TENSORBOARD else ", by its own documentation"
            present = ", ".join(installed) or "none"
            raise RouterError(f"--log-to {name}: it is not installed (found: {present}). Install it{extra}.")


@contextmanager
def tensorboard_folder(folder: Path | None) -> Iterator[None]:
    """Tell transformers' TensorBoard callback its folder while it is made, by the one way that there is: a variable."""
    before = os.environ.get("TENSORBOARD_LOGGING_DIR")
    if folder is not None:
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder)
    try:
        yield
    finally:
        if folder is not None:
            os.environ.pop("TENSORBOARD_LOGGING_DIR")
            if before is not None:
                os.environ["TENSORBOARD_LOGGING_DIR"] = before
