"""Simulated candidates: who answers an item correctly, and how much each writes.

Decisions
- An item-response model. A candidate's chance is a logistic function of its level on the dataset, its strengths in the
  skills that the image visibly demands, how hard the item visibly is, and what nothing visible shows: a difficulty
  that all candidates share, and chance. So content predicts who succeeds, but only in part.
- Each candidate's accuracy per dataset is calibrated in the settings `moderate` and `published` (`accuracies.py`).
- `published` is calibrated to the published table as a whole: with `HIDDEN_DIFFICULTY`, `PAIR_NOISE` and `GUESS_SHARE`
  the oracle's 95.6 % at 0.37 $/10K. `SKILL_SPREAD` and `DEMAND_SLOPE` are set so that the MLP as
  `train` makes it closes 19 % of the Rank Score gap from the strongest candidate to the oracle at 30,540 samples; in
  the published table an MLP on better features closes a fifth, the best router 29 %.
- `moderate`, the default, lets what is visible tell candidates apart about as well as on real logs where routing pays:
  on ScienceQA's logs of five models the flagship leads the best static mixture by 6.6 Rank Score (mean of five
  splits), on 3,000 samples of this setting by 6.2, 5.2, 2.5, 4.0 and 7.6 (`run --seed 0` to 4). Its oracle lies
  above the published one.
- Invented: which skills an item demands, who is strong in which (drawn anew for every seed), and the form of the model.
- What is visible is centred per dataset (`demand_means.json`), so that strengths move no mean.
- `easy` is calibrated to nothing: strengths are large, hidden difficulty and noise small, and
  what is visible is centred over the whole benchmark, so that a router learns from a few hundred samples. It is there
  to see that training works, and says nothing about how routers compare.
- Output lengths follow the kind of candidate, and grow with the mathematics that an item demands.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.data.simulation.accuracies import PROFILES, accuracy_targets
from vlrouterbench.data.simulation.item import SKILLS, DrawnItem

SKILL_SPREAD = 1.5
"""Standard deviation of a candidate's strength per skill, in logits; strengths sum to 0."""
DEMAND_SLOPE = 2.0
"""Logits between an item that visibly demands nothing and one that demands most."""
HIDDEN_DIFFICULTY = 4.5
"""Standard deviation of the difficulty that nothing visible shows, in logits."""
PAIR_NOISE = 0.4
"""Standard deviation of what only this candidate meets on only this item, in logits."""
GUESS_SHARE = 0.25
"""Guessing gives at most this share of a candidate's accuracy on a dataset."""
OPEN_GUESS = 0.02
YES_NO_GUESS = 0.5
REASONING_LENGTH = 2.2
"""How much longer outputs get on the hardest mathematics, as a factor's logarithm."""
LENGTH_SPREAD = 0.45
_QUADRATURE_POINTS = 41
_LARGEST_LEVEL = 60.0


@dataclass(frozen=True)
class Difficulty:
    """How much of an outcome what is visible decides.

    Attributes:
        skill_spread, demand_slope, hidden, pair_noise: as SKILL_SPREAD, DEMAND_SLOPE, HIDDEN_DIFFICULTY, PAIR_NOISE.
        by_dataset: whether what is visible is centred per dataset, so that strengths move no dataset's mean.
    """

    skill_spread: float = SKILL_SPREAD
    demand_slope: float = DEMAND_SLOPE
    hidden: float = HIDDEN_DIFFICULTY
    pair_noise: float = PAIR_NOISE
    by_dataset: bool = True


MODERATE, PUBLISHED, EASY = "moderate", "published", "easy"
DEFAULT_DIFFICULTY = MODERATE
DIFFICULTIES: dict[str, Difficulty] = {
    MODERATE: Difficulty(skill_spread=3.0, demand_slope=4.0, hidden=2.0, pair_noise=0.2),
    PUBLISHED: Difficulty(),
    EASY: Difficulty(skill_spread=6.0, demand_slope=1.0, hidden=0.3, pair_noise=0.1, by_dataset=False),
}
_FORMER_DEFAULT = "default"
"""What `published` was called while it was the default."""


@dataclass(frozen=True)
class SimulatedOutcomes:
    """Outcomes of all pairs, each (num_items, num_candidates).

    Attributes:
        quality: 0 or 1.
        output_tokens: whole numbers, at least 1.
        probability: the true chance of a correct answer; known only because this is a simulation.
    """

    quality: np.ndarray
    output_tokens: np.ndarray
    probability: np.ndarray


def named_difficulty(name: str) -> str:
    """A difficulty's name of today; the former name of `published` is still taken, with a warning."""
    if name != _FORMER_DEFAULT:
        return name
    warnings.warn(
        f'the difficulty "{_FORMER_DEFAULT}" is called "{PUBLISHED}" now; the default is "{DEFAULT_DIFFICULTY}".',
        FutureWarning,
        stacklevel=3,
    )
    return PUBLISHED


@dataclass(frozen=True)
class DemandMeans:
    """What the items of each dataset demand on average.

    Attributes:
        shares: (num_datasets, num_skills) mean share of each skill in an item's demand.
        hardest: (num_datasets,) mean of an item's largest demand.
        length: mean over the benchmark of the factor by which mathematics lengthens outputs.
    """

    shares: np.ndarray
    hardest: np.ndarray
    length: float


def simulate_outcomes(
    items: Sequence[DrawnItem],
    candidate_names: Sequence[str],
    *,
    seed: int,
    keys: Sequence[tuple[int, int]],
    difficulty: str = DEFAULT_DIFFICULTY,
) -> SimulatedOutcomes:
    """Draw who answers which item correctly and how much each writes.

    Args:
        items: the questions.
        candidate_names: who answers, names of PROFILES.
        seed: draws the candidates' strengths.
        keys: (dataset number, number within it) per item; randomness is drawn from the seed and the key, so a larger
            benchmark contains the smaller one's items and outcomes.
        difficulty: a name of DIFFICULTIES.
    """
    how = DIFFICULTIES[difficulty]
    indices = [list(PROFILES).index(name) for name in candidate_names]
    skills = candidate_skills(seed=seed, spread=how.skill_spread)[indices]
    means = demand_means()
    centre_shares, centre_hardest = means.shares, means.hardest
    if not how.by_dataset:
        centre_shares = np.broadcast_to(means.shares.mean(axis=0), means.shares.shape)
        centre_hardest = np.full_like(means.hardest, means.hardest.mean())
    lengths = np.log([PROFILES[name][1] / means.length for name in candidate_names]) - LENGTH_SPREAD**2 / 2
    quality, tokens, chances = [], [], []
    for (dataset, number), item in zip(keys, items, strict=True):
        rng = np.random.default_rng([seed, dataset, number, 2])
        shares, hardest = item_demand(item)
        visible = skills @ (shares - centre_shares[dataset]) - how.demand_slope * (hardest - centre_hardest[dataset])
        hidden = rng.normal(0, how.hidden) + rng.normal(0, how.pair_noise, len(indices))
        spread = float(np.hypot(how.hidden, how.pair_noise))
        level, guess = (values[indices] for values in levels(dataset, _guess(item), spread))
        chance = guess + (1 - guess) / (1 + np.exp(-(level + visible - hidden)))
        quality.append(rng.random(len(indices)) < chance)
        length = lengths + REASONING_LENGTH * item.demands.get("math", 0.0) + rng.normal(0, LENGTH_SPREAD, len(indices))
        tokens.append(np.maximum(1, np.rint(np.exp(length))))
        chances.append(chance)
    return SimulatedOutcomes(np.array(quality, float), np.array(tokens), np.array(chances))


def candidate_skills(*, seed: int, spread: float = SKILL_SPREAD) -> np.ndarray:
    """Strength of each candidate of PROFILES in each skill, (num_candidates, num_skills), in logits; rows sum to 0."""
    strengths = np.random.default_rng([seed, 1]).normal(0, spread, (len(PROFILES), len(SKILLS)))
    return strengths - strengths.mean(axis=1, keepdims=True)


def item_demand(item: DrawnItem) -> tuple[np.ndarray, float]:
    """Share of each skill in what an item demands, (num_skills,), and its largest demand.

    A skill weighs as much as it is demanded: reading large print takes little reading.
    """
    demand = np.array([item.demands.get(skill, 0.0) for skill in SKILLS])
    shares = demand / demand.sum() if demand.sum() > 0 else np.full(len(SKILLS), 1 / len(SKILLS))
    return shares, float(demand.max(initial=0.0))


@lru_cache(maxsize=1)
def demand_means() -> DemandMeans:
    """The means that `python -m vlrouterbench.data.simulation.measure_demands` wrote."""
    content = json.loads((files("vlrouterbench.data.simulation") / "demand_means.json").read_text(encoding="utf-8"))
    datasets = [content["datasets"][name] for name in DATASETS]
    shares = np.array([[entry["shares"][skill] for skill in SKILLS] for entry in datasets])
    return DemandMeans(shares, np.array([entry["hardest"] for entry in datasets]), content["length"])


@lru_cache(maxsize=256)
def levels(dataset: int, guess: float, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Level in logits and chance of a right guess of every candidate on items that can be guessed with chance `guess`.

    The level makes the mean over hidden difficulty and noise the accuracy aimed at, by Gauss-Hermite quadrature.
    """
    targets = accuracy_targets()[:, dataset]
    guesses = np.minimum(guess, GUESS_SHARE * targets)
    points, weights = np.polynomial.hermite_e.hermegauss(_QUADRATURE_POINTS)
    hidden = spread * points
    low, high = np.full(len(targets), -_LARGEST_LEVEL), np.full(len(targets), _LARGEST_LEVEL)
    for _ in range(60):
        middle = (low + high) / 2
        solved = (1 / (1 + np.exp(-(middle[:, None] + hidden)))) @ (weights / weights.sum())
        below = guesses + (1 - guesses) * solved < targets
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return middle, guesses


def _guess(item: DrawnItem) -> float:
    if item.options:
        return 1 / len(item.options)
    return YES_NO_GUESS if item.answer.lower() in ("yes", "no") else OPEN_GUESS
