"""The card of a saved router: the facts that it is rendered from, and what of it needs no template.

Decisions
- A card is rendered each time a router is saved, from its configuration and from facts that lie beside the weights
  (`card.json`): the settings that were tried, the pool that was trained on, evaluations. Its text is never edited.
- Where this package is installed the whole card is rendered (`vlrouterbench.cards`), elsewhere `short_card`, which says
  the same facts in fewer words. Front matter and table of candidates are one code for both.
- Figures are of one pool at its prices. Those on test, and those that the Hub shows (`model-index`), stand in a card
  only while the pool is the one that they were measured with.
- What a person writes below NOTES_MARK is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

PER_10K, SIMULATED, FIGURE = 10_000, "simulated data", "accuracy_cost.png"
METRIC_NAMES = {
    "rank_score": "Rank Score (0 to 100)",
    "accuracy": "Accuracy",
    "average_cost_usd": "Average cost (USD per sample)",
}
"""Metric type -> its name on the Hub."""
NOTES_MARK = (
    "<!-- Written anew from config.json and card.json with every saving. What you write below this line stays. -->"
)

PricedPool = list[list[Any]]
"""Per candidate its name, and its input and output price in USD per million tokens, None where not known."""


class TrialFacts(TypedDict):
    """A setting that was tried, and the Rank Scores, or the value of another objective, that it was judged by."""

    setting: Mapping[str, Any]
    validation_rank_score: float | None
    held_out_rank_score: NotRequired[float | None]
    objective_value: NotRequired[float]


class EvaluationFacts(TypedDict):
    """What an evaluation found, as its record states it, and the pool at its prices that it is of."""

    pool: PricedPool
    split: str
    num_samples: int
    accuracy: float
    average_cost_usd: float
    rank_score: float | None
    ci95: Mapping[str, Any]
    vs_mixture: Mapping[str, Any]
    benchmark: Mapping[str, Any]
    seed: int
    version: str
    training_overlap: NotRequired[int | None]
    headline: NotRequired[str]
    objective: NotRequired[str]
    rechosen: NotRequired[bool]
    rank_score_reason: NotRequired[str]
    frontier: NotRequired[list[list[float]] | None]
    singles: NotRequired[list[list[Any]]]


class CardFacts(TypedDict, total=False):
    """What a card says beside the configuration; any part may be absent.

    Attributes:
        family: name of the family.
        title: the family's name in print.
        calibrated: whether its estimates are calibrated probabilities.
        pool: that was trained on.
        trials: every setting that was tried.
        evaluations: one per split, in the order they were made.
        notes: what a person wrote.
    """

    family: str
    title: str
    calibrated: bool
    pool: PricedPool
    trials: list[TrialFacts]
    evaluations: list[EvaluationFacts]
    notes: str


def pool_of(config: Mapping[str, Any]) -> PricedPool:
    """The pool of a configuration at its prices."""
    return [[one["name"], one.get("input_price"), one.get("output_price")] for one in config["candidates"]]


def best_trials(facts: CardFacts) -> list[TrialFacts]:
    """The trials, those first that did best by what a setting is chosen by."""
    trials = facts.get("trials", [])
    held_out = is_held_out(trials)

    def value(one: TrialFacts) -> float:
        score = (held_out and one.get("held_out_rank_score")) or one["validation_rank_score"] or 0.0
        return one.get("objective_value", score)

    return sorted(trials, key=lambda one: -value(one))


def is_held_out(trials: Sequence[TrialFacts]) -> bool:
    """Whether settings were chosen by what is expected out of fold besides."""
    return any(trial.get("held_out_rank_score") is not None for trial in trials)


def evaluations_of(config: Mapping[str, Any], facts: CardFacts) -> list[EvaluationFacts]:
    """The evaluations of the pool as it is now."""
    return [one for one in facts.get("evaluations", []) if one["pool"] == pool_of(config)]


def is_simulated(config: Mapping[str, Any]) -> bool:
    """Whether a router was trained on simulated data."""
    return bool(config["training"].get("benchmark", {}).get("simulated"))


def front_matter(config: Mapping[str, Any], facts: CardFacts) -> str:
    """The YAML at the head of a card: tags, and figures as `model-index`, which the Hub shows beside a model."""
    from huggingface_hub import ModelCardData

    front = ModelCardData(
        library_name="transformers",
        license="apache-2.0",
        pipeline_tag="image-text-to-text",
        tags=["model-routing", "vision-language", "vl-routerbench", *(["simulated"] if is_simulated(config) else [])],
    )
    training, trials = config["training"], best_trials(facts)
    unchanged = not training.get("pool_changes") and facts.get("pool", pool_of(config)) == pool_of(config)
    results = []
    if trials and unchanged and "benchmark" in training and trials[0]["validation_rank_score"] is not None:
        figures = {"rank_score": trials[0]["validation_rank_score"]}
        results = _hub_results(training["benchmark"], "validation", figures)
    for one in evaluations_of(config, facts):
        measured = {} if one["rank_score"] is None else {"rank_score": one["rank_score"]}
        measured |= {"accuracy": one["accuracy"], "average_cost_usd": one["average_cost_usd"]}
        results += _hub_results(one["benchmark"], one["split"], measured)
    if results:
        front.model_name, front.eval_results = facts.get("title") or facts.get("family") or "router", results
    return str(front.to_yaml())


def candidates_section(config: Mapping[str, Any]) -> str:
    """The table of candidates with their prices, and what has changed in the pool since training."""
    lines = [
        "## Candidates",
        "",
        "| candidate | in $/1M | out $/1M | mean cost on train, $/10K |",
        "|---|---:|---:|---:|",
    ]
    for one in config["candidates"]:
        mean = one.get("mean_cost_usd")
        cost = "not measured" if mean is None else f"{PER_10K * mean:.3f}"
        prices = f"{_price(one.get('input_price'), '.2f')} | {_price(one.get('output_price'), '.2f')}"
        lines.append(f"| {cell(one['name'])} | {prices} | {cost} |")
    if changes := config["training"].get("pool_changes"):
        lines += [
            "",
            "**The pool has changed since training**, and nothing was trained again. A figure on validation in this "
            "card is of the pool that it",
            "was trained on; a figure on test, where one stands, was measured after the last of these changes:",
            "",
            *map(_change, changes),
        ]
    return "\n".join(lines) + "\n"


def short_card(config: Mapping[str, Any], facts: CardFacts) -> str:
    """A whole card where this package is not there to render one."""
    training, simulated = config["training"], is_simulated(config)
    title = (
        f"# {facts.get('title') or facts.get('family')} router over {len(config['candidates'])} vision-language models"
    )
    lines = [
        f"---\n{front_matter(config, facts)}\n---",
        "",
        f"{title} (trained on {SIMULATED})" if simulated else title,
        "",
    ]
    if simulated:
        lines += [f"**Trained on {SIMULATED}**: it shows how things work, and knows nothing about real models.", ""]
    if "benchmark" in training:
        lines += [
            f"Trained on {_code(training['benchmark']['name'])} ({training['num_train']:,} training samples, tables "
            f"sha256 `{training['benchmark']['sha256'][:16]}`) with vlrouterbench {training['version']}, seed "
            f"{training['seed']}.",
            *(["", training["sample_note"]] if "sample_note" in training else []),
            "",
        ]
    lines += [
        "`transformers.AutoModel.from_pretrained(PATH_OR_REPO_ID, trust_remote_code=True)` loads it; "
        "`.route(question=..., image=...)` decides.",
        "",
        *_short_figures(config, facts),
        candidates_section(config),
    ]
    return "\n".join(lines)


def with_notes(card: str, facts: CardFacts) -> str:
    """A card with what a person wrote, and the line that it stands below."""
    return f"{card.rstrip(chr(10))}\n\n{NOTES_MARK}\n{facts.get('notes', '')}"


def cell(text: str) -> str:
    """A name as it stands in a cell of a Markdown table: in one line, never ending the cell, never markup."""
    return re.sub(r"([\\|`*\[\]<]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", _shown(text))


def _code(text: str) -> str:
    """A name between backticks, which nothing in it ends."""
    return f"`{_shown(text).replace(chr(96), chr(39))}`"


def _shown(text: str) -> str:
    """A name in one line; what cannot be printed stands by its code (`core/output_text.py` does the same there)."""
    line = " ".join(text.split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


def _short_figures(config: Mapping[str, Any], facts: CardFacts) -> list[str]:
    """What was chosen on validation, and what evaluations found, a line each."""
    lines = []
    if trials := best_trials(facts):
        setting = ", ".join(f"{name} {value}" for name, value in trials[0]["setting"].items()) or "no options"
        tried = "1 setting was tried" if len(trials) == 1 else f"{len(trials)} settings were tried"
        lines.append(
            f"On validation: {tried}; chosen: {setting}, {_value(trials[0])} on "
            f"{config['training'].get('num_validation', 0):,} samples, which flatters it."
        )
    for one in evaluations_of(config, facts):
        mark = f" ({SIMULATED})" if one["benchmark"]["simulated"] else ""
        lines.append(
            f"On the {one['split']} split of {_code(one['benchmark']['name'])}{mark}, {one['num_samples']:,} samples: "
            f"{_score(one)}accuracy {100 * one['accuracy']:.2f} %, "
            f"{PER_10K * one['average_cost_usd']:.3f} $/10K."
        )
        if sentence := one.get("headline"):
            lines.append(f"{cell(sentence)}. It is held against the most accurate candidate on these samples.")
        if one.get("objective", "rank-score") != "rank-score":
            lines.append(f"Judged by the objective {_code(one['objective'])}, not by Rank Score.")
        if overlap := one.get("training_overlap"):
            lines.append(f"**Not held out:** the router was trained on {overlap:,} of these samples.")
    return [line for pair in zip(lines, [""] * len(lines), strict=True) for line in pair]


def _value(trial: TrialFacts) -> str:
    score = trial["validation_rank_score"]
    return f"objective value {trial.get('objective_value', 0):.2f}" if score is None else f"Rank Score {score:.2f}"


def _score(one: EvaluationFacts) -> str:
    if one["rank_score"] is None:
        return ""
    low, high = one["ci95"]["rank_score"]
    return f"Rank Score {one['rank_score']:.2f} (95 % {low:.1f} to {high:.1f}), "


def _change(change: Mapping[str, Any]) -> str:
    name = cell(change["candidate"])
    if change["change"] == "joined":
        # Routers of 0.x have num_probes instead.
        anchors = change.get("num_anchors", change.get("num_probes"))
        estimated = f"its accuracy, cost and tokens are estimated from {anchors} anchor samples of the train split"
        return f"- {name} joined: {estimated}."
    if change["change"] == "left":
        return f"- {name} left."
    (old_in, old_out), (new_in, new_out) = (
        [_price(price, "g") for price in change[when]] for when in ("before", "after")
    )
    return f"- {name} has new prices: in $/1M {old_in} -> {new_in}, out $/1M {old_out} -> {new_out}."


def _price(price: float | None, form: str) -> str:
    return "not known" if price is None else f"{price:{form}}"


def _hub_results(benchmark: Mapping[str, Any], split: str, figures: Mapping[str, float]) -> list[EvalResult]:
    """Figures in huggingface_hub's form, of which `ModelCardData` makes `model-index`."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="image-text-to-text",
            task_name="Choosing among vision-language models",
            dataset_type=benchmark["name"],
            dataset_name=f"{benchmark['name']} ({SIMULATED})" if benchmark["simulated"] else benchmark["name"],
            dataset_split=split,
            dataset_args={"sha256": benchmark["sha256"]},
            metric_type=metric,
            metric_name=METRIC_NAMES[metric],
            metric_value=float(f"{value:.4g}"),
        )
        for metric, value in figures.items()
    ]
