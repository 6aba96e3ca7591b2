"""Simulated candidates: what each is good at, how much it writes, and who answers an item correctly.

Decisions
- An item-response model: a candidate's chance is a logistic function of its skills minus the item's visible demands,
  minus a hidden difficulty that all candidates share, plus chance for options. So some items are hard for all, a weak
  candidate sometimes succeeds where a strong one fails, and content predicts who succeeds, but only in part.
- Names, order and prices are the published pool's. Skills are invented: general ability rises with what is publicly
  said of a model's class, per-kind strengths are drawn anew for every seed. No accuracy here is a real model's.
- Output lengths follow the kind of candidate: those that think aloud write hundreds of tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlrouterbench.simulation.item import SKILLS, DrawnItem

PROFILES: dict[str, tuple[float, float]] = {
    "Janus-Pro-1B": (-0.55, 6.0),
    "DeepSeek-VL2-Tiny": (0.75, 7.0),
    "SmolVLM2": (-0.20, 9.0),
    "Kimi-VL-A3B-Thinking-2506": (1.20, 520.0),
    "Phi-3.5-Vision": (0.25, 10.0),
    "DeepSeek-VL2": (1.15, 9.0),
    "Janus-Pro-7B": (-0.10, 14.0),
    "MiMo-VL-7B-RL": (1.20, 640.0),
    "LLaVA-Next-Vicuna-7B": (-0.35, 12.0),
    "Qianfan-VL-8B": (1.30, 60.0),
    "Pixtral-12B": (0.75, 70.0),
    "Gemma3-27B": (0.95, 110.0),
    "Qwen2.5-VL-32B-Instruct": (1.45, 190.0),
    "Qwen2.5-VL-72B-Instruct": (1.75, 32.0),
    "InternVL2.5-78B": (1.60, 28.0),
    "Gemini-Flash-2.5": (1.40, 120.0),
    "GPT-4o": (1.10, 34.0),
}
"""Candidate -> (general ability in logits, typical number of output tokens). Invented."""

SKILL_SPREAD = 0.9
"""Standard deviation of a candidate's strength per skill around its general ability, in logits; strengths sum to 0."""
HIDDEN_DIFFICULTY = 0.7
"""Standard deviation of the difficulty that nothing visible shows, in logits."""
PAIR_LUCK = 0.4
"""Standard deviation of what only this candidate meets on only this item, in logits."""
DISCRIMINATION = 1.8
DEMAND_RANGE = (-3.0, 2.2)
"""Logits of the easiest and the hardest visible demand."""
REASONING_LENGTH = 2.2
"""How much longer outputs get on the hardest mathematics, as a factor's logarithm."""
OPEN_GUESS = 0.02
YES_NO_GUESS = 0.5


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


def simulate_outcomes(
    items: Sequence[DrawnItem], candidate_names: Sequence[str], *, seed: int, keys: Sequence[tuple[int, int]]
) -> SimulatedOutcomes:
    """Draw who answers which item correctly and how much each writes.

    Args:
        items: what is asked.
        candidate_names: who is asked, names of PROFILES.
        seed: draws the candidates' strengths.
        keys: (dataset number, number within it) per item; randomness is drawn from the seed and the key, so a larger
            benchmark contains the smaller one's items and outcomes.
    """
    skills = candidate_skills(candidate_names, seed=seed)
    verbosity = np.log([PROFILES[name][1] for name in candidate_names])
    quality, tokens, chances = [], [], []
    for key, item in zip(keys, items, strict=True):
        rng = np.random.default_rng([seed, *key, 2])
        chance = _chance(item, skills, rng)
        quality.append(rng.random(len(candidate_names)) < chance)
        length = (
            verbosity + REASONING_LENGTH * item.demands.get("math", 0.0) + rng.normal(0, 0.45, len(candidate_names))
        )
        tokens.append(np.maximum(1, np.rint(np.exp(length - 0.45**2 / 2 - 0.6))))
        chances.append(chance)
    return SimulatedOutcomes(np.array(quality, float), np.array(tokens), np.array(chances))


def candidate_skills(candidate_names: Sequence[str], *, seed: int) -> np.ndarray:
    """Strength of each candidate in each skill, (num_candidates, num_skills), in logits."""
    rng = np.random.default_rng([seed, 1])
    general = np.array([PROFILES[name][0] for name in candidate_names])
    strengths = rng.normal(0, SKILL_SPREAD, (len(candidate_names), len(SKILLS)))
    return general[:, None] + strengths - strengths.mean(axis=1, keepdims=True)


def _chance(item: DrawnItem, skills: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    demand = np.array([item.demands.get(skill, 0.0) for skill in SKILLS])
    # A skill weighs as much as it is demanded: reading large print takes little reading.
    weight = demand / demand.sum() if demand.sum() > 0 else np.full(len(SKILLS), 1 / len(SKILLS))
    low, high = DEMAND_RANGE
    difficulty = low + (high - low) * float(demand.max(initial=0.0)) + rng.normal(0, HIDDEN_DIFFICULTY)
    logit = skills @ weight - difficulty + rng.normal(0, PAIR_LUCK, len(skills))
    guess = _guess(item)
    return guess + (1 - guess) / (1 + np.exp(-DISCRIMINATION * logit))


def _guess(item: DrawnItem) -> float:
    if item.options:
        return 1 / len(item.options)
    return YES_NO_GUESS if item.answer.lower() in ("yes", "no") else OPEN_GUESS
