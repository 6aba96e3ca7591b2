"""Simulated candidates: visible demands decide in part, chance and hidden difficulty in part."""

import numpy as np
import pytest
from PIL import Image

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.simulation.accuracies import PROFILES, accuracy_targets
from vlrouterbench.data.simulation.item import SKILLS, DrawnItem
from vlrouterbench.data.simulation.measure_demands import measure_demands
from vlrouterbench.data.simulation.skills import (
    GUESS_SHARE,
    PUBLISHED,
    candidate_skills,
    demand_means,
    simulate_outcomes,
)

NAMES = published_pool().names
NUM = 400


def _items(demands, *, options=(), answer="7", num=NUM):
    return [DrawnItem(Image.new("RGB", (1, 1)), "?", options, "", demands, answer)] * num


def _simulate(items, *, seed=0, names=NAMES, dataset=0):
    keys = [(dataset, number) for number in range(len(items))]
    return simulate_outcomes(items, names, seed=seed, keys=keys, difficulty=PUBLISHED)


def test_every_published_candidate_has_a_profile_in_order():
    assert tuple(PROFILES) == tuple(NAMES)


def test_outcomes_are_whole_and_chances_are_chances():
    outcomes = _simulate(_items({"chart": 0.5}))
    assert outcomes.quality.shape == outcomes.output_tokens.shape == outcomes.probability.shape == (NUM, 17)
    assert set(np.unique(outcomes.quality)) == {0.0, 1.0}
    assert (outcomes.output_tokens >= 1).all() and (outcomes.output_tokens % 1 == 0).all()
    assert ((outcomes.probability > 0) & (outcomes.probability < 1)).all()


def test_quality_is_drawn_from_the_stated_chance():
    outcomes = _simulate(_items({"chart": 0.5}, num=2000))
    np.testing.assert_allclose(outcomes.quality.mean(axis=0), outcomes.probability.mean(axis=0), atol=0.05)
    likely = outcomes.probability > 0.8
    assert outcomes.quality[likely].mean() > 0.8 > 0.5 > outcomes.quality[outcomes.probability < 0.2].mean()


@pytest.mark.parametrize("dataset", [0, 8, 11])
def test_accuracy_on_average_items_of_a_dataset_is_the_one_aimed_at(dataset):
    means = demand_means()
    demands = dict(
        zip(SKILLS, means.shares[dataset] * means.hardest[dataset] / means.shares[dataset].max(), strict=True)
    )
    for options in ((), ("a", "b", "c", "d")):
        outcomes = _simulate(_items(demands, options=options, num=6000), dataset=dataset)
        np.testing.assert_allclose(outcomes.probability.mean(axis=0), accuracy_targets()[:, dataset], atol=0.02)


def test_stated_demand_means_are_those_of_drawn_items():
    drawn, stated = measure_demands(150), demand_means()
    for place, name in enumerate(DATASETS):
        shares = [drawn["datasets"][name]["shares"][skill] for skill in SKILLS]
        np.testing.assert_allclose(shares, stated.shares[place], atol=0.12)
        assert abs(drawn["datasets"][name]["hardest"] - stated.hardest[place]) < 0.12
    assert abs(drawn["length"] - stated.length) < 0.3


@pytest.mark.parametrize("skill", SKILLS)
def test_harder_items_are_solved_less_often_by_every_candidate(skill):
    chances = [_simulate(_items({skill: level})).probability.mean(axis=0) for level in (0.1, 0.5, 1.0)]
    assert (chances[0] > chances[1]).all() and (chances[1] > chances[2]).all()


def test_strength_in_the_demanded_skill_decides_beside_the_dataset():
    skills, chances = candidate_skills(seed=0), []
    for place, skill in enumerate(SKILLS):
        chances.append(_simulate(_items({skill: 0.5})).probability.mean(axis=0))
        others = _simulate(_items(dict.fromkeys(SKILLS, 0.5))).probability.mean(axis=0)
        assert np.corrcoef(chances[-1] - others, skills[:, place])[0, 1] > 0.8


def test_options_and_yes_no_leave_a_chance_to_guess_but_never_most_of_an_accuracy():
    hardest = {"math": 1.0}
    plain = _simulate(_items(hardest)).probability
    for items in (_items(hardest, options=("a", "b", "c", "d"), answer="a"), _items(hardest, answer="Yes")):
        guessed = _simulate(items).probability.min(axis=0)
        expected = GUESS_SHARE * accuracy_targets()[:, 0]
        assert (guessed >= expected - 1e-9).all() and (guessed < expected + 0.01).all()
    assert plain.min() < 0.03


def test_hard_mathematics_is_answered_at_length():
    plain, hard = (_simulate(_items(d)).output_tokens.mean(axis=0) for d in ({"scene": 1.0}, {"math": 1.0}))
    assert (hard > 3 * plain).all()


def test_weak_candidates_sometimes_succeed_where_strong_ones_fail():
    # Every skill at once: what a single one demands may be the weak candidate's strength.
    quality = _simulate(_items(dict.fromkeys(SKILLS, 0.5))).quality
    strong, weak = (NAMES.index(name) for name in ("Qwen2.5-VL-72B-Instruct", "Janus-Pro-1B"))
    assert quality[:, strong].mean() > quality[:, weak].mean()
    assert (quality[:, weak] > quality[:, strong]).any()


def test_hidden_difficulty_is_shared_by_all_candidates():
    chance = _simulate(_items({"reading": 0.5})).probability
    correlation = np.corrcoef(chance.T)
    assert correlation[np.triu_indices(17, 1)].mean() > 0.5


def test_outcome_of_an_item_depends_on_seed_and_key_alone():
    items = _items({"reading": 0.5}, num=30)
    whole, part = _simulate(items), _simulate(items[:10])
    for name in ("quality", "output_tokens", "probability"):
        np.testing.assert_array_equal(getattr(whole, name)[:10], getattr(part, name))
    assert (_simulate(items, dataset=1).probability != whole.probability).any()
    assert (_simulate(items, seed=1).probability != whole.probability).any()


def test_strengths_are_drawn_anew_per_seed_and_favour_no_candidate():
    one, two = candidate_skills(seed=0), candidate_skills(seed=1)
    assert one.shape == (17, len(SKILLS)) and (one != two).all()
    for skills in (one, two):
        np.testing.assert_allclose(skills.mean(axis=1), 0, atol=1e-12)


def test_a_smaller_pool_has_the_same_candidates():
    few = NAMES[3:5]
    np.testing.assert_array_equal(candidate_skills(seed=0).shape, (17, len(SKILLS)))
    assert _simulate(_items({"math": 0.5}), names=few).probability.shape == (NUM, 2)
