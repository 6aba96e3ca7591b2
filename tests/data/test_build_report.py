"""`build_report.json` as it is written, against the contract and its type."""

import json

from vlrouterbench.data.build_report import BuildReport


def test_the_report_has_the_contracts_fields(simulated_folder):
    report = json.loads((simulated_folder / "build_report.json").read_text())
    assert {
        *("samples", "candidates", "pairs_read", "pairs_kept", "left_out", "imputed", "cost_bounds_usd", "splits"),
        *("price_sheet", "protocol", "token_counter", "source_sha256", "version"),
    } <= set(report)
    assert report["samples"] == 400 == sum(report["splits"].values()) == sum(report["task_groups"].values())
    assert set(report["cost_bounds_usd"]) == {"cmin", "cmax", "cmin_candidate", "cmax_candidate"}
    assert report["imputed"] == {}


def test_the_reports_type_names_every_field_in_the_order_of_the_file(simulated_folder):
    fields = list(json.loads((simulated_folder / "build_report.json").read_text()))
    told_of_sources = {"source_notes", "costs_known", "source_origin"}
    assert fields == [name for name in BuildReport.__annotations__ if name not in told_of_sources]
