"""A sweep has a row per cost weight, its figures are those of the routers on validation, and it is written whole."""

import json
import statistics

import pytest

from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.sweep import sweep_router, write_sweep


@pytest.fixture(scope="module")
def swept(simulated_problem):
    """Two cost weights, two seeds."""
    arguments = RouterTrainingArguments(cost_weights=(0.0, float("inf")), num_epochs=2, side_by_side=True)
    return sweep_router("mlp", simulated_problem, arguments, seeds=(3, 4))


def test_a_row_per_cost_weight_with_mean_and_deviation_over_seeds(swept):
    rows = swept.content["rows"]
    assert [row["cost_weight"] for row in rows] == [0.0, "inf"]
    for row in rows:
        assert [run["seed"] for run in row["runs"]] == [3, 4]
        for name in ("rank_score", "accuracy", "average_cost_usd"):
            one, two = (run[name] for run in row["runs"])
            assert row[name] == pytest.approx((one + two) / 2)
            assert row[f"{name}_sd"] == pytest.approx(abs(one - two) / 2**0.5)


def test_figures_are_those_of_the_saved_routers_on_validation(swept, simulated_problem, tmp_path):
    write_sweep(swept, tmp_path / "sweep")
    content = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert content == swept.content and content["split"] == "validation" and content["side_by_side"]
    assert (tmp_path / "sweep" / "sweep.svg").read_text().startswith("<svg")
    validation = simulated_problem.validation
    for row, name in zip(content["rows"], ("mlp-lambda-0", "mlp-lambda-inf"), strict=True):
        router = AutoRouter.from_pretrained(tmp_path / "sweep" / "routers" / name)
        decisions = router.decide(simulated_problem.validation_features).tolist()
        run = row["runs"][0]
        assert run["seed"] == router.config.training["seed"] == 3
        chosen = [(validation.quality[i, d], validation.cost[i, d]) for i, d in enumerate(decisions)]
        assert run["accuracy"] == pytest.approx(statistics.fmean(quality for quality, _ in chosen))
        assert run["average_cost_usd"] == pytest.approx(statistics.fmean(cost for _, cost in chosen))
        assert run["rank_score"] == router.config.training["validation_rank_score"]


def test_a_family_without_lambda_has_one_row_over_seeds(simulated_problem):
    swept = sweep_router("uniroute", simulated_problem, RouterTrainingArguments(), seeds=(0, 1))
    (row,) = swept.content["rows"]
    assert row["cost_weight"] is None and row["rank_score_sd"] is not None and list(swept.routers) == ["uniroute"]
    assert "num_clusters" in row["runs"][0]["setting"]


def test_the_papers_grid_is_swept_unless_told_otherwise(simulated_problem):
    swept = sweep_router("prototype", simulated_problem)
    assert [float(row["cost_weight"]) for row in swept.content["rows"]] == list(COST_WEIGHTS)
    assert all(row["rank_score_sd"] is None for row in swept.content["rows"])


def test_a_family_with_a_grid_of_its_own_keeps_it(simulated_problem):
    arguments = RouterTrainingArguments(variant="reference")
    assert [row["cost_weight"] for row in sweep_router("knn", simulated_problem, arguments).content["rows"]] == ["inf"]


@pytest.mark.parametrize(("seeds", "weights", "what"), [((1, 1), (0.0,), "seeds"), ((1,), (5.0, 5.0), "cost weights")])
def test_the_same_twice_is_refused(simulated_problem, seeds, weights, what):
    with pytest.raises(RouterError, match=f"expected different {what}, found"):
        sweep_router("knn", simulated_problem, RouterTrainingArguments(cost_weights=weights), seeds=seeds)


def test_a_wrong_name_is_answered_with_the_right_one(simulated_problem):
    with pytest.raises(UnknownNameError, match='unknown router "mpl". Did you mean "mlp"'):
        sweep_router("mpl", simulated_problem)
