"""The `evaluate` metric: loads offline, has exactly the four figures, and equals the pure functions."""

import doctest
import math

import numpy as np
import pytest

import vlrouterbench
from vlrouterbench.errors import EvaluationError
from vlrouterbench.metrics.trade_off import chosen_values, normalized_cost, rank_score

BOUNDS = (0.001, 0.008)


@pytest.fixture(scope="module")
def metric(tmp_path_factory):
    import evaluate

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


def test_missing_bounds_are_an_error_that_names_them(metric, golden_matrices):
    with pytest.raises(TypeError, match="cost_bounds"):
        metric.compute(**_inputs(golden_matrices))


def test_unmeasured_choice_is_an_error(metric, golden_matrices):
    inputs = _inputs(golden_matrices)
    inputs["quality"][0][0] = math.nan
    with pytest.raises(EvaluationError, match="NaN"):
        metric.compute(**inputs, cost_bounds=BOUNDS)


def test_unmeasured_candidate_that_is_not_chosen_does_not_matter(metric, golden_matrices):
    inputs = _inputs(golden_matrices)
    expected = metric.compute(**inputs, cost_bounds=BOUNDS)
    inputs["quality"][0][2] = inputs["cost"][0][2] = math.nan
    assert metric.compute(**inputs, cost_bounds=BOUNDS) == expected


def test_decision_outside_the_pool_is_an_error(metric, golden_matrices):
    inputs = _inputs(golden_matrices) | {"predictions": [0, 1, 3, 0, 0]}
    with pytest.raises(EvaluationError, match=r"0\.\.2"):
        metric.compute(**inputs, cost_bounds=BOUNDS)
