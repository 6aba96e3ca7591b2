"""The metric's card, the front page of its Space: what the figure is, what goes in, what it cannot say."""

from __future__ import annotations

from vlrouterbench.cards.render import render_template
from vlrouterbench.cards.space_card import SpaceCardData
from vlrouterbench.core.constants import RANK_SCORE_BETA
from vlrouterbench.metrics.trade_off import MIN_BOUND_RATIO
from vlrouterbench.version import __version__

_CITATION = """@article{vlrouterbench,
  title = {VL-RouterBench: A Benchmark for Vision-Language Model Routing},
  journal = {arXiv preprint arXiv:2512.23562},
  year = {2025}
}"""


def render_metric_card(repo_id: str, *, wheel: str | None = None) -> str:
    """The README of the metric's Space.

    Args:
        repo_id: `owner/name` of the Space.
        wheel: name of the package's wheel in the Space, None where there is none.
    """
    card = SpaceCardData(
        title="Rank Score",
        short_description="Accuracy against cost of a model router, 0 to 100",
        tags=("evaluate", "metric", "model-routing", "vl-routerbench"),
        description="Rank Score of a model router: average quality against log-normalised average cost, 0 to 100.",
    )
    return render_template(
        "metric_card.md",
        front=card.front_matter(),
        repo_id=repo_id,
        beta=RANK_SCORE_BETA,
        min_ratio=MIN_BOUND_RATIO,
        wheel=wheel,
        version=__version__,
        citation=_CITATION,
    )
