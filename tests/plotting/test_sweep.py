"""The figure of a sweep: a labelled point per cost weight, and what its data are."""

import pytest

from vlrouterbench.plotting.sweep import sweep_plot


def _sweep(*rows, simulated=True):
    names = ("cost_weight", "accuracy", "accuracy_sd", "average_cost_usd", "average_cost_usd_sd")
    rows = [dict(zip(names, row, strict=True)) for row in rows]
    return {"router": "mlp", "benchmark": {"simulated": simulated}, "rows": rows}


@pytest.mark.parametrize("simulated", [True, False])
def test_every_cost_weight_is_named_and_simulated_data_are_called_so(simulated):
    rows = ((10.0, 0.7, 0.01, 2e-4, 1e-5), ("inf", 0.6, 0.0, 2e-5, 3e-5))
    svg = sweep_plot(_sweep(*rows, simulated=simulated))
    assert "<!-- lambda 10.0 -->" in svg and "<!-- lambda inf -->" in svg
    assert ("simulated data" in svg) == simulated and "on validation" in svg


def test_a_family_without_lambda_is_one_point_of_its_name():
    svg = sweep_plot(_sweep((None, 0.7, None, 2e-4, None)))
    assert "<!-- mlp -->" in svg and "lambda" not in svg
