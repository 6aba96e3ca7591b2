"""A card on its way to the Hub: the ids that are known by then, and a benchmark's picture.

Decisions
- The folder's own card is left as it is: what is filled in stands in the copy that is uploaded.
- The picture of a benchmark's candidates is drawn when it is pushed: a build takes no time for it.
- A router's card names a data set only where one is given: the name of a benchmark is no id on the Hub.
"""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import ModelCard

from vlrouterbench.cards.render import PICTURE_MARK
from vlrouterbench.core.simulated import marked
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.hub.card_figures import DATASET_FIGURE, dataset_figure

CARD = "README.md"
CARD_PLACEHOLDER = "PATH_OR_REPO_ID"
"""What a card's example loads from, until a repository is known."""


def fill_in_id(folder: Path, repo_id: str) -> None:
    """Name the repository in the card's examples."""
    card = folder / CARD
    card.write_text(card.read_text(encoding="utf-8").replace(CARD_PLACEHOLDER, repo_id), encoding="utf-8")


def add_picture(folder: Path, table: RoutingTable) -> None:
    """Draw the candidates of a benchmark beside its card, and show them in it."""
    card = folder / CARD
    text, content = card.read_text(encoding="utf-8"), dataset_figure(table)
    if content is None or PICTURE_MARK not in text:  # no cost is known, or a card of an earlier release
        return
    (folder / DATASET_FIGURE).write_bytes(content)
    alt = marked("Accuracy against cost of every candidate on the test split", simulated=table.simulated)
    card.write_text(text.replace(PICTURE_MARK, f"![{alt}]({DATASET_FIGURE})"), encoding="utf-8")


def name_dataset(folder: Path, dataset_id: str) -> None:
    """Name the data set that a router was trained on in the front matter of its card."""
    card = ModelCard.load(folder / CARD)
    card.data.datasets = [dataset_id]
    for one in card.data.eval_results or ():
        one.dataset_type = dataset_id
    card.save(folder / CARD)
