"""Reading `results.json`: today's records as they are, fields of 0.x by their names of today."""

import json

import pytest

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.evaluation.records import read_records

CONTROL = {"rank_score": 70.0, "difference": 1.0, "ci95": [0.5, 1.5]}


def written(path, content):
    path.write_text(json.dumps(content))
    return path


def test_records_of_today_are_read_as_they_are(tmp_path):
    record = {
        "router": "mine",
        "upper_bound_gap_closed": 0.5,
        "controls": {"upper-bound": CONTROL},
        "calibration": {"ece_null": {"mean": 0.1, "p95": 0.2}},
    }
    assert read_records(written(tmp_path / "results.json", [record])) == [record]


def test_fields_of_older_files_have_their_names_of_today(tmp_path):
    older = {
        "router": "reachable",
        "reachable_gap_closed": 0.5,
        "reachable_gap_ci95": [0.4, 0.6],
        "controls": {"mixture": CONTROL, "reachable": CONTROL},
        "calibration": {"ece": 0.1, "ece_by_luck": {"mean": 0.1, "p95": 0.2}},
    }
    assert read_records(written(tmp_path / "results.json", [older])) == [
        {
            "router": "reachable",
            "upper_bound_gap_closed": 0.5,
            "upper_bound_gap_ci95": [0.4, 0.6],
            "controls": {"mixture": CONTROL, "upper-bound": CONTROL},
            "calibration": {"ece": 0.1, "ece_null": {"mean": 0.1, "p95": 0.2}},
        }
    ]


@pytest.mark.parametrize("content", ["no json", '{"router": "mine"}', "[1, 2]", None])
def test_what_holds_no_records_is_refused_with_its_path(tmp_path, content):
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(EvaluationError, match=r"results\.json.*vlrouterbench evaluate"):
        read_records(path)
