"""What if prices change or a candidate leaves: one command answers as changing the router and evaluating it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.cli.conftest import run_program
from tests.tables import hand_table, write_own_tables
from vlrouterbench.cli.main import main
from vlrouterbench.core.errors import EvaluationError, UnknownNameError
from vlrouterbench.evaluation.changes import changes_in_words
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.pool_changes import PoolChanges
from vlrouterbench.evaluation.view import results_caption
from vlrouterbench.routers.auto import AutoRouter


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A benchmark of three candidates and a flagship on it."""
    root = tmp_path_factory.mktemp("changes")
    write_own_tables(root / "own", images=False)
    assert main(["build", str(root / "own"), "--out", str(root / "benchmark")]) == 0
    assert main(["train", str(root / "benchmark"), "--router", "flagship", "--out", str(root / "whole")]) == 0
    return root


def evaluated(place, out, *routers, **options):
    options = EvaluationOptions(time_routers=False, **options)
    return evaluate_routers(place / "benchmark", [*routers, "oracle", "strongest"], out, options)


def figures(record):
    """What must be the same whichever way a pool was changed."""
    names = ("accuracy", "average_cost_usd", "rank_score", "ci95", "candidate_shares", "cost_bounds_usd", "vs_mixture")
    return {name: record[name] for name in names}


def test_halved_prices_are_the_same_as_a_repriced_router_at_its_own_prices(place, tmp_path):
    given = AutoRouter.from_pretrained(place / "whole")
    before = [dict(one) for one in given.config.candidates]
    halved = PoolChanges(scale_prices=0.5)
    once = evaluated(place, tmp_path / "once", given, changes=halved)
    assert [dict(one) for one in given.config.candidates] == before, "the router that was given is left as it is"
    given.set_prices({c["name"]: (c["input_price"] / 2, c["output_price"] / 2) for c in before})
    twice = evaluated(place, tmp_path / "twice", given, router_prices=True)
    for one, two in zip(once, twice, strict=True):
        assert one["candidate_shares"] == two["candidate_shares"] and one["accuracy"] == two["accuracy"]
        assert one["average_cost_usd"] == pytest.approx(two["average_cost_usd"], rel=1e-9)
        assert one["cost_bounds_usd"] == pytest.approx(two["cost_bounds_usd"], rel=1e-9)
        assert one["headline"] == f"{two['headline']} with all prices times 0.5"
    assert once[0]["pool_changes"] == {"without": [], "scale_prices": 0.5, "prices": {}}


def test_a_dropped_candidate_is_the_same_as_scoring_the_others(place, tmp_path):
    once = evaluated(place, tmp_path / "once", str(place / "whole"), changes=PoolChanges(("middle",)))
    twice = evaluated(place, tmp_path / "twice", str(place / "whole"), candidates="small,large")
    assert [figures(one) for one in once] == [figures(one) for one in twice]
    assert once[0]["candidates_left_out"] == ["middle"] and once[0]["headline"].endswith(" without middle")


def test_one_command_says_what_was_changed_in_table_report_and_results(place, tmp_path):
    asked = ["evaluate", str(place / "benchmark"), "--router", str(place / "whole"), "--out", str(tmp_path / "e")]
    ended = run_program(*asked, "--without", "middle", "--price", "large=1,4", "--objective", "accuracy-share=0.9")
    assert ended.status == 0, ended.err
    said = " ".join(ended.out.split())
    first = json.loads((tmp_path / "e" / "results.json").read_text())[0]
    words = " with large at 1 in and 4 out USD per 1M tokens, without middle"
    assert first["headline"].endswith(words) and first["headline"] in said
    assert results_caption(first).endswith(f"samples{words}") and results_caption(first) in said
    assert first["pool_changes"] == {"without": ["middle"], "scale_prices": 1.0, "prices": {"large": [1.0, 4.0]}}
    assert f"Changed for this evaluation alone:{words}" in said
    assert f"Changed for this evaluation alone:{words}" in (tmp_path / "e" / "report.html").read_text()
    refused = run_program(*asked, "--without", "middel")
    assert refused.status == 1 and 'Did you mean "middle"?' in refused.err
    refused = run_program(*asked, "--price", "large=1")
    assert refused.status == 1 and "expected --price NAME=IN,OUT" in refused.err
    refused = run_program(*asked, "--scale-prices", "0.5", "--update-card")
    assert refused.status == 1 and "--update-card" in refused.err


def test_what_cannot_follow_prices_is_refused_with_the_reason(place, tmp_path):
    assert main(["train", str(place / "benchmark"), "--router", "knn", "--out", str(tmp_path / "knn")]) == 0
    halved = PoolChanges(scale_prices=0.5)
    with pytest.raises(EvaluationError, match="knn decides by what it learnt at the prices of its training"):
        evaluated(place, tmp_path / "e", str(tmp_path / "knn"), changes=halved)
    with pytest.raises(EvaluationError, match="a function of samples"):
        evaluated(place, tmp_path / "e", lambda samples: ["small"] * len(samples), changes=halved)
    with pytest.raises(EvaluationError, match="found both"):
        EvaluationOptions(router_prices=True, changes=halved)
    # It can do without a candidate: it chooses among the rest.
    (knn, *_) = evaluated(place, tmp_path / "e", str(tmp_path / "knn"), changes=PoolChanges(("large",)))
    assert "large" not in knn["candidate_shares"]


def test_a_factor_scales_costs_that_the_source_fixed_and_new_prices_are_refused_for_them():
    table = hand_table(np.eye(3), np.ones((3, 3)))
    assert (PoolChanges(scale_prices=0.5).priced(table).cost == 0.5).all()
    unknown = {name: np.full((3, 3), np.nan) for name in ("input_tokens", "output_tokens")}
    table = replace(table, matrices=table.matrices | unknown)
    with pytest.raises(EvaluationError, match="found 3 of 3 that the source fixed"):
        PoolChanges(prices={"c0": (1.0, 1.0)}).priced(table)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(EvaluationError, match="factor above 0"):
            PoolChanges(scale_prices=wrong)
    with pytest.raises(UnknownNameError, match='"c9"'):
        PoolChanges(("c9",)).check_names(table)


def test_changes_are_said_as_the_end_of_a_sentence():
    assert changes_in_words(None) == ""
    whole = PoolChanges(("b",), 2.0, {"a": (0.5, 1.0)}).record
    assert changes_in_words(whole) == " with all prices times 2, a at 0.5 in and 1 out USD per 1M tokens, without b"
