"""What a format must offer so that a benchmark can be built from it.

Decisions
- A format is one object: it says whether a folder holds it, and reads it. `registry.py` lists the objects.
- `matches` looks at names alone, so that it is quick and reads nothing of a folder that belongs to another format.
- All that a read depends on travels in one object: a new option does not change the formats that have no use for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.data.candidates import CandidatePool, published_pool
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.sources.source_logs import SourceLogs

_MAX_NAMES = 3
"""Most names that a message lists."""


@dataclass(frozen=True)
class Match:
    """Whether a folder holds a format.

    Attributes:
        is_match: whether it does.
        found: what of the format lies there, in a few words, for the message when no format matches; "" for nothing
            worth a word.
    """

    is_match: bool
    found: str = ""


@dataclass(frozen=True)
class ReadOptions:
    """What a read depends on beside the folder.

    Attributes:
        pool: the candidates that the user or the folder names, else the format's default, with the prices that apply.
        image_folder: where encoded images can be put aside; it lasts as long as the images are needed.
        protocol: how tokens of logged answers are counted.
        num_proc: processes that may read, where the logs are large enough to pay for them.
        picks: whether the pool is a part of the candidates, so that outcomes of others are none of an error.
        recounts: whether the protocol was asked for, so that costs follow from it where a source gives its own.
        cost_column: name of the column of costs (USD per answer), "" for the format's own.
        companion: folder or table of images beside the source.
    """

    pool: CandidatePool
    image_folder: Path
    protocol: Protocol = Protocol.REFERENCE
    num_proc: int = 1
    picks: bool = False
    recounts: bool = False
    cost_column: str = ""
    companion: Path | None = None


@dataclass(frozen=True)
class FoundModels:
    """The models that a folder has outcomes of, where the format has no pool of its own.

    Attributes:
        names: in the order in which they are listed.
        described: how many samples they have, in a few words; for the message that asks which to take.
        needs_prices: whether their costs follow from prices alone.
        needs_choice: whether there are too many to take them all.
    """

    names: tuple[str, ...]
    described: str = ""
    needs_prices: bool = True
    needs_choice: bool = False


class Source(ABC):
    """One format that a benchmark is built from.

    Attributes:
        name: what users call it.
        expected: the files that it consists of.
        uses_cost_column, uses_images: whether `--cost-column` and `--images` say something to it.
    """

    name: str
    expected: str
    uses_cost_column: bool = False
    uses_images: bool = False

    def options_given(self, options: ReadOptions) -> list[tuple[str, bool]]:
        """Options that this format has no use for, and whether they are given."""
        return [
            ("cost-column", bool(options.cost_column) and not self.uses_cost_column),
            ("images", options.companion is not None and not self.uses_images),
        ]

    @abstractmethod
    def matches(self, folder: Path) -> Match:
        """Whether a folder holds this format, by the names in it."""

    @abstractmethod
    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read a folder that matches.

        Raises:
            SourceError: it cannot be read as a benchmark.
        """

    def found_models(self, folder: Path) -> FoundModels | None:
        """The models in a folder, of which a pool is made where nobody names candidates; None: `default_pool` holds."""
        return None

    def default_pool(self, folder: Path) -> CandidatePool:
        """The candidates where neither the user nor a candidates file in the folder names them."""
        return published_pool()


def few_names(names: Sequence[str]) -> str:
    """Names for a message: the first few of them, and how many more there are."""
    rest = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")
