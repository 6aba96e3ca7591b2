"""What this package does for a router that is saved or pushed: its whole card, and the checks before an upload.

Decisions
- Code of routers is also read where this package is not installed, so it imports neither cards nor pushing: the base
  class is given both when it is imported, and does with less where they are not given.
- An evaluation is recorded among the facts of a card, and the card is rendered anew from them. One of another benchmark
  is refused: its figures and those on validation would not belong together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import staged_file
from vlrouterbench.hub.import_hook import when_imported

_BASE = "vlrouterbench.routers.base.saved_router"


def install_cards() -> None:
    """Have saved routers render their whole card and be pushed with all checks, now or when they are imported."""
    when_imported({_BASE: _equip})


def whole_card(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The card of a router as this package renders it.

    Args:
        config: the router's configuration as a dict.
        facts: as `vlrouterbench.routers.base.card.CardFacts`, with family, title and calibrated.
    """
    from vlrouterbench.cards.router_card import render_router_card
    from vlrouterbench.hub.card_figures import has_figure
    from vlrouterbench.routers.base import card

    given = cast("card.CardFacts", facts)
    trials = card.best_trials(given)
    reduced = {**facts, "trials": trials, "evaluations": card.evaluations_of(config, given)}
    return render_router_card(
        config,
        reduced,
        front=card.front_matter(config, given),
        candidates=card.candidates_section(config),
        held_out=card.is_held_out(trials),
        figure=has_figure(config, facts),
    )


def update_router_card(folder: Path, record: Mapping[str, Any], singles: Sequence[Sequence[Any]] = ()) -> Path:
    """Add an evaluation to what the card of a router folder says, render the card anew, and return its path.

    Args:
        folder: as `train` writes it.
        record: the router's record of `results.json`.
        singles: name, accuracy and average cost of every candidate on the scored samples, for the card's figure
            (`card_figures.single_candidates`); without them it has none.

    Raises:
        VLRouterBenchError: no local folder of a router, or an evaluation on another benchmark than it was trained on.
    """
    from vlrouterbench.routers.auto import AutoRouter
    from vlrouterbench.routers.base.card import FIGURE, EvaluationFacts, pool_of
    from vlrouterbench.routers.base.saved_router import CARD

    if not (folder / "config.json").is_file():
        raise VLRouterBenchError(
            f"expected a router folder with its card to update, found none at {folder}. --update-card is for local "
            "folders, as `vlrouterbench train` writes them."
        )
    router = AutoRouter.from_pretrained(folder)
    config, benchmark = router.config.to_dict(), record["benchmark"]
    trained_on = router.config.training.get("benchmark", {})
    if trained_on.get("sha256") != benchmark["sha256"]:
        raise VLRouterBenchError(
            f"{folder / CARD}: expected figures of the benchmark that the router was trained on, found an evaluation "
            f"on {benchmark['name']} ({benchmark['sha256'][:16]}). Evaluate there, or leave out --update-card."
        )
    names = [name for name in EvaluationFacts.__annotations__ if name in record]
    rechosen = bool(record["router_config"].get("rechosen"))
    evaluation = cast(
        "EvaluationFacts",
        {"pool": pool_of(config), "rechosen": rechosen, "singles": list(map(list, singles))}
        | {name: record[name] for name in names},
    )
    facts = router.card_facts or {}
    others = [one for one in facts.get("evaluations", []) if one["split"] != evaluation["split"]]
    router.card_facts = {**facts, "evaluations": [*others, evaluation]}
    files = router.card_files()
    if FIGURE not in files:
        (folder / FIGURE).unlink(missing_ok=True)
    for name, content in files.items():
        with staged_file(folder / name) as staging:
            staging.write_bytes(content)
    return folder / CARD


def _equip(module: ModuleType) -> None:
    module.SavedRouter.services = module.Services(whole_card, _figures, _upload)


def _figures(config: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, bytes]:
    """What the whole card shows, drawn."""
    from vlrouterbench.hub.card_figures import router_figures

    return router_figures(config, facts)


def _upload(router: Any, folder: Path, repo_id: str, *, private: bool | None = None, **options: Any) -> str:
    """As `vlrouterbench push router`, with what transformers' `push_to_hub` takes besides."""
    from vlrouterbench.hub.push import push_router
    from vlrouterbench.routers.auto import trusts_code
    from vlrouterbench.routers.write_code import LOADED

    # Code that the router was loaded by has run already, with leave.
    before = trusts_code.set(trusts_code.get() or type(router).__module__.startswith(f"{LOADED}."))
    try:
        return push_router(folder, repo_id, private=bool(private), **options)
    finally:
        trusts_code.reset(before)
