"""The `evaluate` metric: loads offline, has exactly the four figures, and equals the pure functions."""

import doctest
import math

import evaluate
import numpy as np
import pytest

import vlrouterbench
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.trade_off import chosen_values, normalized_cost, rank_score

BOUNDS = (0.001, 0.008)
AGREEMENT = """
import datasets
import evaluate

class Agreement(evaluate.Metric):
    def _info(self):
        columns = {name: datasets.Value("int64") for name in ("predictions", "references")}
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features(columns))

    def _compute(self, predictions, references):
        return {"agreement": sum(a == b for a, b in zip(predictions, references)) / len(predictions)}
"""


@pytest.fixture(scope="module")
def metric(tmp_path_factory):
    return evaluate.load(vlrouterbench.METRIC_PATH, cache_dir=str(tmp_path_factory.mktemp("metric")))


def _inputs(golden_matrices):
    quality, cost = golden_matrices
    return {"predictions": [0, 1, 2, 0, 0], "quality": quality.tolist(), "cost": cost.tolist()}


def test_metric_equals_the_pure_functions_and_has_four_figures(metric, golden_matrices):
    quality, cost = golden_matrices
    results = metric.compute(**_inputs(golden_matrices), cost_bounds=BOUNDS, beta=0.3)
    decisions = np.array([0, 1, 2, 0, 0])
    accuracy, average = chosen_values(quality, decisions).mean(), chosen_values(cost, decisions).mean()
    assert results == {
        "rank_score": float(rank_score(accuracy, average, cost_bounds=BOUNDS, beta=0.3)),
        "accuracy": accuracy,
        "average_cost": average,
        "normalized_cost": float(normalized_cost(average, cost_bounds=BOUNDS)),
    }
    assert all(type(value) is float for value in results.values())


def test_beta_is_the_benchmarks_unless_given(metric, golden_matrices):
    inputs = _inputs(golden_matrices)
    assert metric.compute(**inputs, cost_bounds=BOUNDS) == metric.compute(**inputs, cost_bounds=BOUNDS, beta=0.1)


def test_example_of_the_docstring_is_right(metric):
    example = doctest.DocTestParser().get_doctest(metric.inputs_description, {}, "rank_score", None, 0)
    assert len(example.examples) >= 4
    report: list[str] = []
    outcome = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=report.append)
    assert outcome.failed == 0, "".join(report)


def test_batches_give_the_same_as_all_at_once(metric, golden_matrices):
    inputs = _inputs(golden_matrices)
    expected = metric.compute(**inputs, cost_bounds=BOUNDS)
    for part in (slice(0, 2), slice(2, 5)):
        metric.add_batch(**{name: values[part] for name, values in inputs.items()})
    assert metric.compute(cost_bounds=BOUNDS) == expected
    for row in range(5):
        metric.add(**{name: values[row] for name, values in inputs.items()})
    assert metric.compute(cost_bounds=BOUNDS) == expected


def test_missing_bounds_are_an_error_that_says_where_they_are(metric, golden_matrices):
    with pytest.raises(EvaluationError, match=r"cost_bounds=\(cmin, cmax\).*build_report.json"):
        metric.compute(**_inputs(golden_matrices))


def test_bounds_and_beta_may_be_given_once_to_load(metric, golden_matrices, tmp_path):
    inputs = _inputs(golden_matrices)
    bound = evaluate.load(vlrouterbench.METRIC_PATH, cost_bounds=BOUNDS, beta=0.3, cache_dir=str(tmp_path))
    assert bound.compute(**inputs) == metric.compute(**inputs, cost_bounds=BOUNDS, beta=0.3)
    assert bound.compute(**inputs, beta=0.1) == metric.compute(**inputs, cost_bounds=BOUNDS)


def test_groups_give_the_figures_of_each_beside_those_of_all(metric, golden_matrices):
    inputs = _inputs(golden_matrices)
    found = metric.compute(**inputs, cost_bounds=BOUNDS, groups=["a", "b", "a", "b", "b"])
    parts = found.pop("per_group")
    assert found == metric.compute(**inputs, cost_bounds=BOUNDS)
    assert list(parts) == ["a", "b"]
    for name, rows in (("a", [0, 2]), ("b", [1, 3, 4])):
        part = {key: [values[row] for row in rows] for key, values in inputs.items()}
        assert parts[name] == {"num_samples": len(rows), **metric.compute(**part, cost_bounds=BOUNDS)}


def test_combines_with_a_metric_that_has_other_inputs(golden_matrices, tmp_path):
    """A second metric, local, of another kind: each gets its own columns, and no keyword is shared."""
    (tmp_path / "agreement").mkdir()
    (tmp_path / "agreement" / "agreement.py").write_text(AGREEMENT)
    ours = evaluate.load(vlrouterbench.METRIC_PATH, cost_bounds=BOUNDS, cache_dir=str(tmp_path))
    both = evaluate.combine([ours, evaluate.load(str(tmp_path / "agreement"), cache_dir=str(tmp_path))])
    inputs = _inputs(golden_matrices)
    both.add_batch(**inputs, references=[0, 1, 2, 1, 1])
    found = both.compute()
    assert found.pop("agreement") == 0.6
    assert found == ours.compute(**inputs)


def test_unmeasured_choice_is_an_error_that_names_its_row(metric, golden_matrices):
    for name in ("quality", "cost"):
        inputs = _inputs(golden_matrices)
        inputs[name][1][1] = math.nan
        with pytest.raises(
            EvaluationError, match=rf"{name} of every chosen.*found NaN.*row 1 for candidate 1 \(1 such"
        ):
            metric.compute(**inputs, cost_bounds=BOUNDS)


@pytest.mark.parametrize(("name", "value"), [("quality", 1.5), ("quality", -0.1), ("cost", -1.0), ("cost", math.inf)])
def test_what_is_no_quality_or_cost_is_refused(metric, golden_matrices, name, value):
    inputs = _inputs(golden_matrices)
    inputs[name][0][0] = value
    with pytest.raises(EvaluationError, match=f"the {name} of every chosen candidate .* found {value:g}, in row 0"):
        metric.compute(**inputs, cost_bounds=BOUNDS)


def test_wrong_shapes_are_refused_by_name(metric, golden_matrices):
    for name in ("quality", "cost"):
        inputs = _inputs(golden_matrices)
        inputs[name][3] = inputs[name][3][:2]
        with pytest.raises(EvaluationError, match=f"expected {name} of every candidate.*2 values in row 3 and 3"):
            metric.compute(**inputs, cost_bounds=BOUNDS)
    inputs = _inputs(golden_matrices)
    inputs["cost"] = [row[:2] for row in inputs["cost"]]
    with pytest.raises(EvaluationError, match=r"quality of shape \(5, 3\) and cost of shape \(5, 2\)"):
        metric.compute(**inputs, cost_bounds=BOUNDS)
    inputs = _inputs(golden_matrices)
    with pytest.raises(ValueError, match="Mismatch in the number of"):
        metric.compute(**inputs | {"quality": inputs["quality"][:4]}, cost_bounds=BOUNDS)
    with pytest.raises(EvaluationError, match="found 2 groups for 5 predictions"):
        metric.compute(**inputs, cost_bounds=BOUNDS, groups=["a", "b"])


def test_unmeasured_candidate_that_is_not_chosen_does_not_matter(metric, golden_matrices):
    inputs = _inputs(golden_matrices)
    expected = metric.compute(**inputs, cost_bounds=BOUNDS)
    inputs["quality"][0][2] = inputs["cost"][0][2] = math.nan
    assert metric.compute(**inputs, cost_bounds=BOUNDS) == expected


def test_decision_outside_the_pool_is_an_error(metric, golden_matrices):
    inputs = _inputs(golden_matrices) | {"predictions": [0, 1, 3, 0, 0]}
    with pytest.raises(EvaluationError, match=r"0\.\.2"):
        metric.compute(**inputs, cost_bounds=BOUNDS)
