"""Drawn items: seeded, in the form of their dataset, with right answers and demands that cover the range."""

from __future__ import annotations

import re

import numpy as np
import pytest

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.data.simulation import canvas
from vlrouterbench.data.simulation.draw import (
    CHOICE_SHARES,
    DATASET_KINDS,
    DRAWERS,
    WORDINGS,
    YES_NO_DATASETS,
    draw_item,
)
from vlrouterbench.data.simulation.item import SKILLS, DrawnItem

NUM_ITEMS = 50 * len(DATASETS)
ALWAYS_CHOICE = [dataset for dataset in DATASETS if CHOICE_SHARES.get(dataset) == 1.0]
MIXED = [dataset for dataset in DATASETS if 0.0 < CHOICE_SHARES.get(dataset, 0.0) < 1.0]
OPEN = [dataset for dataset in DATASETS if dataset not in CHOICE_SHARES and dataset not in YES_NO_DATASETS]


@pytest.fixture(scope="module")
def items() -> dict[str, list[DrawnItem]]:
    rng = np.random.default_rng(7)
    drawn: dict[str, list[DrawnItem]] = {dataset: [] for dataset in DATASETS}
    for index in range(NUM_ITEMS):
        dataset = DATASETS[index % len(DATASETS)]
        drawn[dataset].append(draw_item(dataset, rng))
    return drawn


@pytest.fixture(scope="module")
def flat(items) -> list[DrawnItem]:
    return [item for drawn in zip(*items.values(), strict=True) for item in drawn]


def test_every_dataset_has_kinds_and_kinds_have_drawers():
    assert set(DATASET_KINDS) == set(DATASETS) == set(canvas.LOOKS)
    assert set(WORDINGS) <= set(DATASETS)
    for kinds in DATASET_KINDS.values():
        assert set(kinds) <= set(DRAWERS)
        assert sum(kinds.values()) == pytest.approx(1.0)


def test_same_seed_gives_same_bytes_and_text():
    for dataset in DATASETS:
        one, two = (np.random.default_rng(3), np.random.default_rng(3))
        for _ in range(6):
            first, second = draw_item(dataset, one), draw_item(dataset, two)
            assert first.image.tobytes() == second.image.tobytes()
            assert (first.question, first.options, first.hint, first.answer, dict(first.demands)) == (
                (second.question, second.options, second.hint, second.answer, dict(second.demands))
            )
        assert one.bit_generator.state == two.bit_generator.state


def test_different_seeds_give_different_items(flat):
    assert len({item.image.tobytes() for item in flat}) == len(flat)


def test_image_is_rgb_within_bounds_and_not_empty(flat):
    for item in flat:
        assert item.image.mode == "RGB"
        assert all(canvas.MIN_SIDE <= side <= canvas.MAX_SIDE for side in item.image.size)
        assert max(high - low for low, high in item.image.getextrema()) > 30
    assert len({item.image.size for item in flat}) > len(flat) // 3


def test_demands_are_levels_of_known_skills(flat):
    for item in flat:
        assert 1 <= len(item.demands) <= 4
        assert set(item.demands) <= set(SKILLS)
        assert all(0.0 <= demand <= 1.0 for demand in item.demands.values())


@pytest.mark.parametrize("skill", SKILLS)
def test_every_skill_is_demanded_evenly_from_easy_to_hard(flat, skill):
    demands = np.array([item.demands[skill] for item in flat[:600] if skill in item.demands])
    assert len(demands) > 40
    assert (demands < 0.3).mean() > 0.15
    assert (demands > 0.7).mean() > 0.15


def test_options_are_distinct_and_hold_the_answer(flat):
    for item in flat:
        assert item.question and item.answer
        if item.options:
            assert 2 <= len(item.options) <= 5
            assert len(set(item.options)) == len(item.options)
            assert item.answer in item.options


@pytest.mark.parametrize("dataset", ALWAYS_CHOICE)
def test_multiple_choice_datasets_mostly_offer_four_options(items, dataset):
    counts = [len(item.options) for item in items[dataset]]
    assert min(counts) >= 2
    assert np.mean(np.array(counts) == 4) > 0.45


@pytest.mark.parametrize("dataset", MIXED)
def test_mixed_datasets_ask_both_ways(items, dataset):
    with_options = np.mean([bool(item.options) for item in items[dataset]])
    assert 0.1 < with_options < 0.95


@pytest.mark.parametrize("dataset", OPEN)
def test_open_datasets_offer_no_options(items, dataset):
    assert not any(item.options for item in items[dataset])


def test_yes_no_dataset_asks_for_yes_and_no(items):
    drawn = items["HallusionBench"]
    assert {item.answer for item in drawn} == {"Yes", "No"}
    assert not any(item.options for item in drawn)
    assert all(re.search(r"\b(Is|Are) ", item.question) for item in drawn)


def test_only_some_mmbench_and_mathvista_items_have_a_hint(items):
    for dataset, drawn in items.items():
        hinted = sum(bool(item.hint) for item in drawn)
        assert (0 < hinted < len(drawn)) if dataset in ("MMBench_DEV_EN_V11", "MathVista_MINI") else hinted == 0


@pytest.fixture
def printed(monkeypatch) -> list[str]:
    """Every text written into pictures from here on."""
    texts: list[str] = []
    write = canvas.write

    def recording_write(draw, place, text, ink, size, **where):
        texts.append(text)
        write(draw, place, text, ink, size, **where)

    monkeypatch.setattr(canvas, "write", recording_write)
    return texts


def _expected_answer(question: str, texts: list[str]) -> float | None:
    """The answer worked out from the printed numbers alone, for the questions where that is possible."""
    numbers = [int(text) for text in texts if text.isdigit()]
    prices = [float(text) for text in texts if re.fullmatch(r"\d+\.\d\d", text)]
    if "third angle" in question:
        return 180 - sum(int(angle) for text in texts for angle in re.findall(r"(\d+)°", text))
    if "eigenvalue" in question:
        return max(np.linalg.eigvalsh(np.array(numbers).reshape(2, 2)))
    if "perimeter" in question:
        return 2 * sum(numbers)
    if "hypotenuse" in question:
        return float(np.hypot(*numbers))
    if "derivative" in question:
        (a, sign, b) = re.search(r"= (\d+)x\^2 ([+-]) (\d+)x", texts[-1]).groups()
        return 2 * int(a) * int(re.search(r"x = (\d+)", question)[1]) + int(sign + b)
    if question.startswith("What is the total of all the prices"):
        return sum(prices)
    if question == "What is the total on the receipt?":
        return sum(prices[:-2])
    if question.startswith("What is the average of all percentages"):
        return float(np.mean([int(text[:-1]) for text in texts if text.endswith("%")]))
    return None


def test_answers_follow_from_what_is_printed(printed):
    rng, checked = np.random.default_rng(1), set()
    for index in range(1200):
        printed.clear()
        item = DRAWERS[("diagram", "page")[index % 2]](rng, ("MathVerse_MINI", "OCRBench", "InfoVQA_VAL")[index % 3])
        expected = _expected_answer(item.question, printed)
        if expected is not None:
            checked.add(item.question.split(",")[0][:25])
            assert float(item.answer) == pytest.approx(expected, abs=0.06), item.question
    assert len(checked) >= 7


def test_harder_print_is_smaller_paler_and_noisier():
    rng = np.random.default_rng(0)
    easy, hard = canvas.print_for(rng, 0.1), canvas.print_for(rng, 0.9)
    assert easy.size > hard.size and easy.contrast > hard.contrast and easy.noise < hard.noise


def test_wrapped_lines_fit_the_width():
    text = "the library extends its opening hours during the examination weeks " * 3
    lines = canvas.wrapped(text, 14, 160)
    assert " ".join(lines) == text.strip()
    assert all(canvas.font(14).getlength(line) <= 164 for line in lines)
