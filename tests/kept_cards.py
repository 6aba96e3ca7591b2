"""The cards of `hub_cards/`, of what `vlrouterbench run --out RUN` wrote: `python -m tests.kept_cards RUN`.

Decisions
- They are what a push of the run's benchmark and of its mlp would upload, pictures included, with the package's version
  left out of the router's: another release must not change it.
- The facts that the router's card is rendered from are kept beside it: trained again, a router differs in last digits.
"""

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from vlrouterbench.cards.metric_card import render_metric_card
from vlrouterbench.hub.card_figures import DATASET_FIGURE, router_figures
from vlrouterbench.hub.push import stage_dataset, stage_router
from vlrouterbench.hub.pushed_card import fill_in_id, name_dataset
from vlrouterbench.routers.base.card import FIGURE

KEPT = Path(__file__).parents[1] / "hub_cards"
DATASET_ID, ROUTER_ID, METRIC_ID = "OWNER/vl-routerbench-simulated", "OWNER/router-mlp-simulated", "OWNER/rank_score"


def dataset_card(benchmark: Path, out: Path) -> str:
    """The card that a push of a benchmark would upload; the folder to upload is left at `out`."""
    return (stage_dataset(benchmark, out, DATASET_ID) / "README.md").read_text(encoding="utf-8")


def finished_router_card(folder: Path) -> str:
    """A router's card with the ids of a push, and no version of the package."""
    fill_in_id(folder, ROUTER_ID)
    name_dataset(folder, DATASET_ID)
    card = (folder / "README.md").read_text(encoding="utf-8")
    return re.sub(r"vlrouterbench [\d.]+\d", "vlrouterbench VERSION", card)


def write(run: Path, kept: Path = KEPT) -> None:
    """Write every card, its picture, and the facts of the router's."""
    with tempfile.TemporaryDirectory() as temporary:
        benchmark, router = Path(temporary) / "benchmark", Path(temporary) / "router"
        for name, card in (
            ("vl-routerbench-simulated", dataset_card(run / "benchmark", benchmark)),
            ("router-mlp-simulated", finished_router_card(stage_router(run / "routers" / "mlp", router))),
            ("metric_rank_score", render_metric_card(METRIC_ID)),
        ):
            (kept / f"{name}.md").write_text(card, encoding="utf-8")
        shutil.copyfile(benchmark / DATASET_FIGURE, kept / DATASET_FIGURE)
        config, facts = (
            json.loads((router / name).read_text(encoding="utf-8")) for name in ("config.json", "card.json")
        )
    (kept / FIGURE).write_bytes(router_figures(config, facts | {"title": "MLP"})[FIGURE])
    kept_config = {name: config[name] for name in ("candidates", "encoder", "training")}
    text = json.dumps({"config": kept_config, "facts": facts}, indent=1, ensure_ascii=False)
    (kept / "router-mlp-simulated.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
