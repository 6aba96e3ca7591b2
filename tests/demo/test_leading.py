"""What a setting leads to: averages of its decisions on the validation samples that the router keeps, never on test."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from vlrouterbench.demo.controls import CEILING, FLOOR, Preference
from vlrouterbench.demo.leading import leads_to, validation_of
from vlrouterbench.demo.leading_html import leads_to_html
from vlrouterbench.training.margins import margin


def test_the_figures_are_those_of_the_decisions_on_the_validation_split(workspace):
    """By another way: the split's own features, the router's own decisions, the benchmark's own outcomes."""
    router, known = workspace.router, workspace.validation
    names = router.config.candidate_names
    split = workspace.table.split("validation")
    chosen = workspace.estimates.decisions[split.rows].numpy()
    rows = np.arange(len(split))
    found = leads_to(router, known, {"usd_weight": router.config.usd_weight}, names)
    assert found.num_samples == len(split) and found.num_over == 0
    assert found.accuracy == pytest.approx(split.quality[rows, chosen].mean())
    assert found.cost_usd == pytest.approx(split.cost[rows, chosen].mean())
    groups = split.column("group_id")
    assert found.accuracy_margin == pytest.approx(margin(split.quality[rows, chosen], np.array(groups), 0.975))


def test_the_interval_is_students_t_by_hand(workspace):
    """Three groups of one sample, right, right, wrong: 2/3 +- t(2, 0.975) * sqrt(1/9), t = 4.3027."""
    router, known = workspace.router, workspace.validation
    first = replace(
        known,
        made=type(known.made)(known.made.accuracy[:3], known.made.cost_usd[:3]),
        quality=np.array([[1.0] * 17, [1.0] * 17, [0.0] * 17]),
        cost=np.full((3, 17), 0.01),
        groups=np.arange(3),
    )
    found = leads_to(router, first, {"usd_weight": 0.0}, router.config.candidate_names)
    assert found.accuracy == pytest.approx(2 / 3) and found.accuracy_margin == pytest.approx(4.30265 / 3, rel=1e-4)
    assert found.cost_usd == pytest.approx(0.01) and found.cost_margin == pytest.approx(0)


def test_the_words_name_the_split_and_call_simulated_data_so(workspace):
    said = leads_to_html(workspace, Preference(position=100))
    assert "on the validation split of vl-routerbench-simulated (simulated data)" in said
    assert f"{len(workspace.table.split('validation'))} samples" in said
    dear, cheap = (leads_to_html(workspace, Preference(position=end)) for end in (100, 0))
    costs = [float(text.split("&#36;")[1].split()[0]) for text in (dear, cheap)]
    assert costs[0] > costs[1]


def test_samples_on_which_nobody_fits_a_budget_are_counted(workspace):
    known = workspace.validation
    said = leads_to_html(workspace, Preference(CEILING, usd_per_10k=1e-6))
    assert f"No candidate fits on {len(known.groups)} of them" in said
    assert "No candidate fits" not in leads_to_html(workspace, Preference(CEILING, usd_per_10k=1e6))


def test_where_nothing_can_be_said_nothing_or_the_reason_is(workspace):
    assert leads_to_html(workspace, Preference(FLOOR)) == ""
    assert leads_to_html(workspace, Preference(), workspace.router.config.candidate_names) == ""
    bare = SimpleNamespace(router=workspace.router, validation=None)
    assert "keeps no validation samples" in leads_to_html(bare, Preference())


def test_the_train_split_has_no_part(workspace):
    kept = workspace.router.held_out["is_train"]
    assert kept.any() and len(validation_of(workspace.router).groups) == int((~kept).sum())
