"""Pools that change are scored: shared candidates, the router's own prices, and the choice that `route` makes too."""

import json

import numpy as np
import pytest

from tests.tables import hand_table, write_own_tables
from vlrouterbench.cli.main import main
from vlrouterbench.core.errors import EvaluationError, UnknownNameError
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.pool import evaluated_table, pool_notes, scored_candidates, with_candidates
from vlrouterbench.evaluation.report import render_report
from vlrouterbench.metrics.objectives import BENCHMARK_GOAL
from vlrouterbench.routers.auto import AutoRouter


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A benchmark of three candidates, a flagship on it, one without `middle`, and one at half the prices."""
    root = tmp_path_factory.mktemp("pools")
    write_own_tables(root / "own", images=False)
    assert main(["build", str(root / "own"), "--out", str(root / "benchmark")]) == 0
    assert main(["train", str(root / "benchmark"), "--router", "flagship", "--out", str(root / "whole")]) == 0
    router = AutoRouter.from_pretrained(root / "whole")
    router.set_prices({c["name"]: (c["input_price"] / 2, c["output_price"] / 2) for c in router.config.candidates})
    router.save_pretrained(root / "halved")
    router = AutoRouter.from_pretrained(root / "whole")
    router.remove_candidate("middle")
    router.save_pretrained(root / "smaller")
    return root


def evaluated(place, out, *routers, **options):
    options = EvaluationOptions(time_routers=False, **options)
    return evaluate_routers(place / "benchmark", [str(place / name) for name in routers] + ["oracle"], out, options)


def test_a_router_of_a_smaller_pool_is_scored_on_the_candidates_it_shares(place, tmp_path):
    smaller, whole, oracle = evaluated(place, tmp_path, "smaller", "whole", candidates="shared")
    assert smaller["candidates"] == whole["candidates"] == oracle["candidates"] == ["small", "large"]
    assert smaller["candidates_left_out"] == ["middle"]
    assert not any("middle" in record["candidate_shares"] for record in (smaller, whole, oracle))
    # Bounds stay the benchmark's, so that figures before and after can be held against each other.
    assert smaller["cost_bounds_usd"] == list(load_table(place / "benchmark").cost_bounds)
    assert pool_notes(smaller)[0].startswith("Scored on 2 of the benchmark's 3 candidates; left out: middle.")
    table = evaluated_table(place / "benchmark", [smaller], BENCHMARK_GOAL)
    assert table.pool.names == ("small", "large")
    chosen = {name: np.zeros(len(table), int) for name in ("smaller", "whole", "oracle")}
    assert "left out: middle" in render_report([smaller, whole, oracle], table, chosen)


def test_without_being_asked_for_different_candidates_are_refused_with_the_way_out(place, tmp_path):
    with pytest.raises(Exception, match="--candidates shared"):
        evaluated(place, tmp_path, "smaller")


def test_evaluation_chooses_among_some_candidates_as_route_does(place, tmp_path):
    import pyarrow.parquet as pq

    evaluated(place, tmp_path, "whole", candidates="small,large")
    decided = pq.read_table(tmp_path / "decisions.parquet").to_pylist()
    chosen = {row["sample_id"]: row["candidate"] for row in decided if row["router"] == "whole"}
    router, test = AutoRouter.from_pretrained(place / "whole"), load_table(place / "benchmark").split("test")
    for sample_id, question in zip(test.column("sample_id"), test.column("question"), strict=True):
        assert router.route(question, candidates=["small", "large"]).candidate == chosen[sample_id]


def test_a_repriced_router_is_scored_at_its_own_prices_only_when_asked(place, tmp_path):
    whole, _ = evaluated(place, tmp_path / "whole", "whole")
    plain, _ = evaluated(place, tmp_path / "plain", "halved")
    own, oracle = evaluated(place, tmp_path / "own", "halved", router_prices=True)
    assert plain["prices"] is None and own["prices"]["small"] == [0.05, 0.05]
    assert oracle["prices"] == own["prices"] and "own prices" in pool_notes(own)[0]
    # Every price is half: the same decisions cost half, and the bounds with them, so the score is the same.
    rechosen, _ = evaluated(place, tmp_path / "again", "halved", router_prices=True, rechoose=True)
    assert rechosen["average_cost_usd"] == pytest.approx(whole["average_cost_usd"] / 2)
    assert rechosen["rank_score"] == pytest.approx(whole["rank_score"])
    assert own["cost_bounds_usd"] == pytest.approx([bound / 2 for bound in whole["cost_bounds_usd"]])


def test_routers_that_disagree_on_a_price_are_refused_by_name(place, tmp_path):
    with pytest.raises(EvaluationError, match="different prices of small"):
        evaluated(place, tmp_path, "halved", "whole", router_prices=True)


def test_an_evaluation_of_a_smaller_pool_is_ranked_and_studied_on_it(place, tmp_path, capsys):
    evaluated(place, tmp_path / "e", "smaller", candidates="shared")
    board = ["leaderboard", str(tmp_path / "e"), "--benchmark", str(place / "benchmark"), "--candidates", "shared"]
    assert main([*board, "--out", str(tmp_path / "board"), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    assert all(entry["candidates"] == ["small", "large"] for entry in entries)
    assert "left out: middle" in (tmp_path / "board" / "leaderboard.html").read_text()
    study = ["study", str(place / "benchmark"), "--router", "mixture", "--seed", "0", "--candidates", "small,large"]
    assert main([*study, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["candidates"] == ["small", "large"]


def test_an_evaluation_has_the_baselines_unless_they_are_left_out(place, tmp_path):
    asked = ["evaluate", str(place / "benchmark"), "--router", "mixture", "--out", str(tmp_path / "e")]
    for more, names in (([], ["mixture", "oracle", "strongest", "cheapest"]), (["--no-baselines"], ["mixture"])):
        assert main([*asked, *more]) == 0
        assert [record["router"] for record in json.loads((tmp_path / "e" / "results.json").read_text())] == names


def test_which_candidates_are_scored_by_what_was_asked():
    table = hand_table(np.eye(3), np.ones((3, 3)))
    pools = {"a": ["c0", "c2", "new"], "b": ["c2", "c1"]}
    assert scored_candidates("all", table, pools) == ["c0", "c1", "c2"]
    assert scored_candidates("shared", table, pools) == ["c2"]
    assert scored_candidates("c2, c0", table, {}) == ["c2", "c0"]
    with pytest.raises(EvaluationError, match="shares with a"):
        scored_candidates("shared", table, {"a": ["x"]})
    with pytest.raises(UnknownNameError, match='"c9"'):
        with_candidates(table, ["c9"])
    assert with_candidates(table, ["c2", "c0"]).pool.names == ("c0", "c2")
