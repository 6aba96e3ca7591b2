"""Decisions as the page shows them: choice, points, frontier, saving; any family, budgets where there are estimates."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.families import small_router
from vlrouterbench.demo.answer_html import candidate_table, choice_card, figure
from vlrouterbench.demo.controls import CEILING, FLOOR, Preference
from vlrouterbench.demo.deciding import answer, encode
from vlrouterbench.demo.errors import DemoError


@pytest.fixture(scope="module")
def features(workspace):
    return encode(workspace.router, "Which bar is the tallest?", Image.new("RGB", (64, 48), (200, 30, 30)))


def by_name(found):
    return {point.name: point for point in found.points}


def test_the_slider_goes_from_the_cheapest_to_the_most_accurate(workspace, features):
    ends = [answer(workspace.router, features, Preference(position=position)) for position in (0, 100)]
    points = ends[0].points
    assert ends[0].decision.candidate == min(points, key=lambda p: p.cost_usd).name
    assert ends[1].decision.candidate == max(points, key=lambda p: p.height).name
    for end in ends:
        assert [point.name for point in end.points if point.chosen] == [end.decision.candidate]


def test_the_frontier_is_what_no_other_candidate_beats(workspace, features):
    points = answer(workspace.router, features, Preference()).points
    for point in points:
        beaten = any(
            other.cost_usd <= point.cost_usd
            and other.height > point.height
            or other.cost_usd < point.cost_usd
            and other.height >= point.height
            for other in points
        )
        assert point.frontier == (not beaten)


def test_an_excluded_candidate_keeps_its_row_and_is_not_chosen(workspace, features):
    first = answer(workspace.router, features, Preference(position=100))
    name = first.decision.candidate
    second = answer(workspace.router, features, Preference(position=100), excluded=[name])
    assert second.decision.candidate != name
    point = by_name(second)[name]
    assert point.excluded and not point.frontier and point.height == by_name(first)[name].height
    table = candidate_table(second.points, calibrated=True)
    assert f'data-candidate="{name}">' in table and table.count(" checked") == len(second.points) - 1


def test_everyone_or_a_stranger_excluded_is_said_plainly(workspace, features):
    with pytest.raises(DemoError, match="Allow at least one"):
        answer(workspace.router, features, Preference(), excluded=workspace.router.config.candidate_names)
    with pytest.raises(DemoError, match="Unknown candidates: nobody"):
        answer(workspace.router, features, Preference(), excluded=["nobody"])


def test_a_ceiling_that_nobody_keeps_is_told_in_the_pages_units(workspace, features):
    with pytest.raises(DemoError, match=r"within \$1e-06 per 10,000 questions here; the cheapest"):
        answer(workspace.router, features, Preference(CEILING, usd_per_10k=1e-6))


def test_a_target_that_nobody_reaches_is_said_on_the_card(workspace, features):
    found = answer(workspace.router, features, Preference(FLOOR, percent=100))
    assert not found.decision.target_met
    assert "No candidate reaches the target" in choice_card(found)


def test_the_saving_is_the_share_of_the_strongest_candidates_cost(workspace, features):
    found = answer(workspace.router, features, Preference(position=0), strongest=workspace.strongest)
    points = by_name(found)
    spared = 1 - points[found.decision.candidate].cost_usd / points[workspace.strongest].cost_usd
    assert found.saving == pytest.approx(spared)
    assert f"{spared:.0%}" in choice_card(found)


def test_neither_text_nor_image_is_no_question(workspace):
    with pytest.raises(DemoError, match="Type a question"):
        encode(workspace.router, "   ", None)


def test_the_answer_is_what_route_decides(workspace, features):
    weight = workspace.router.config.usd_weight
    image = Image.new("RGB", (64, 48), (200, 30, 30))
    route = workspace.router.route("Which bar is the tallest?", image, usd_weight=weight)
    again = workspace.router.decide_one(features, usd_weight=weight)
    assert route.candidate == again.candidate and route.estimated_accuracy == again.estimated_accuracy


def test_a_family_without_estimates_shows_scores_and_no_budget():
    router = small_router("linear")
    found = answer(router, torch.zeros(1, router.feature_dim), Preference(CEILING, usd_per_10k=1e-9), excluded=["a"])
    assert found.decision.candidate == "b" and not found.calibrated
    assert np.isfinite([point.height for point in found.points]).all()
    drawn, card = figure(found.points, calibrated=found.calibrated), choice_card(found)
    assert "no probability" in drawn and "scores are no probabilities" in card


def test_names_from_a_router_are_escaped_everywhere():
    router = small_router("linear")
    router.config.candidates[0]["name"] = "<img src=x onerror=alert(1)>{{x}}"
    found = answer(router, torch.zeros(1, router.feature_dim), Preference())
    for text in (
        choice_card(found),
        candidate_table(found.points, calibrated=False),
        figure(found.points, calibrated=False),
    ):
        assert "<img" not in text
    assert "{{" not in choice_card(found) + candidate_table(found.points, calibrated=False)


def test_a_request_unlike_the_training_samples_is_said_to_be(workspace, features):
    found = answer(workspace.router, features, Preference())
    told, silent = (replace(found, decision=replace(found.decision, unfamiliar=score)) for score in (0.985, 0.9))
    assert "Unlike the training samples: of requests that are like them at most 1.5%" in choice_card(told)
    assert "Unlike" not in choice_card(silent)
