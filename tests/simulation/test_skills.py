"""Simulated candidates: visible demands decide in part, chance and hidden difficulty in part."""

import numpy as np
import pytest
from PIL import Image

from vlrouterbench.data.candidates import published_pool
from vlrouterbench.simulation.item import SKILLS, DrawnItem
from vlrouterbench.simulation.skills import PROFILES, candidate_skills, simulate_outcomes

NAMES = published_pool().names
NUM = 400


def _items(demands, *, options=(), answer="7", num=NUM):
    return [DrawnItem(Image.new("RGB", (1, 1)), "?", options, "", demands, answer)] * num


def _simulate(items, *, seed=0, names=NAMES, dataset=0):
    return simulate_outcomes(items, names, seed=seed, keys=[(dataset, number) for number in range(len(items))])


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


@pytest.mark.parametrize("skill", SKILLS)
def test_harder_items_are_solved_less_often_by_every_candidate(skill):
    chances = [_simulate(_items({skill: level})).probability.mean(axis=0) for level in (0.1, 0.5, 1.0)]
    assert (chances[0] > chances[1]).all() and (chances[1] > chances[2]).all()


def test_strength_in_the_demanded_skill_decides():
    skills = candidate_skills(NAMES, seed=0)
    for place, skill in enumerate(SKILLS):
        chance = _simulate(_items({skill: 0.5})).probability.mean(axis=0)
        assert np.corrcoef(chance, skills[:, place])[0, 1] > 0.9


def test_options_and_yes_no_leave_a_chance_to_guess():
    hardest = {"math": 1.0}
    four = _simulate(_items(hardest, options=("a", "b", "c", "d"), answer="a")).probability
    yes_no = _simulate(_items(hardest, answer="Yes")).probability
    assert four.min() >= 0.25 and yes_no.min() >= 0.5
    assert _simulate(_items(hardest)).probability.min() < 0.1


def test_hard_mathematics_is_answered_at_length():
    plain, hard = (_simulate(_items(d)).output_tokens.mean(axis=0) for d in ({"scene": 1.0}, {"math": 1.0}))
    assert (hard > 3 * plain).all()


def test_weak_candidates_sometimes_succeed_where_strong_ones_fail():
    quality = _simulate(_items({"reading": 0.5})).quality
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


def test_strengths_are_drawn_anew_per_seed_around_general_ability():
    one, two = candidate_skills(NAMES, seed=0), candidate_skills(NAMES, seed=1)
    assert one.shape == (17, len(SKILLS)) and (one != two).all()
    general = [PROFILES[name][0] for name in NAMES]
    for skills in (one, two):
        np.testing.assert_allclose(skills.mean(axis=1), general, atol=1e-12)
