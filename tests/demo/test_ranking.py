"""The leaderboard tab: the evaluation's figures, a submission placed by its decisions alone, and refusals in words."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.ranking import api_records, frontier_figure, ranked_records, ranking_html, ranking_summary
from vlrouterbench.evaluation.leaderboard.submissions import SubmissionError
from vlrouterbench.routing.limits import Limits


def submission(path, workspace, choose, router="mine"):
    """A file of decisions in which `choose` names the candidate of every sample."""
    rows = [
        {"router": router, "sample_id": name, "candidate": choose(name)} for name in workspace.test.column("sample_id")
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_the_app_stands_with_the_figures_of_its_evaluation(workspace):
    found = {record["router"]: record for record in ranked_records(workspace)}
    for record in workspace.records:
        again = found[record["router"]]
        assert again["rank_score"] == pytest.approx(record["rank_score"])
        assert again["ci95"]["rank_score"] == pytest.approx(record["ci95"]["rank_score"])


def test_a_submission_is_placed_by_its_decisions(workspace, tmp_path):
    name = workspace.test.pool.names[0]
    records = ranked_records(workspace, submission(tmp_path / "decisions.parquet", workspace, lambda _: name))
    mine = next(record for record in api_records(records) if record["submitted"])
    assert mine["router"] == "mine" and mine["accuracy"] == pytest.approx(workspace.test.quality[:, 0].mean())
    assert "mine: rank" in ranking_summary(records) and ">yours<" in ranking_html(records)
    assert "<svg" in frontier_figure(workspace, records)


def test_a_router_named_in_markup_is_shown_as_text(workspace, tmp_path):
    name = workspace.test.pool.names[0]
    path = submission(tmp_path / "decisions.parquet", workspace, lambda _: name, router="<img src=x>")
    records = ranked_records(workspace, path)
    for text in (ranking_html(records), ranking_summary(records), frontier_figure(workspace, records)):
        assert "<img" not in text


def test_unknown_candidates_and_other_files_are_refused_in_words(workspace, tmp_path):
    with pytest.raises(SubmissionError, match='"nobody": unknown candidate'):
        ranked_records(workspace, submission(tmp_path / "a.parquet", workspace, lambda _: "nobody"))
    (tmp_path / "b.parquet").write_bytes(b"no parquet")
    with pytest.raises(DemoError, match="not readable as parquet"):
        ranked_records(workspace, tmp_path / "b.parquet")


def test_a_submission_of_too_many_rows_is_not_read(workspace, tmp_path):
    path = submission(tmp_path / "a.parquet", workspace, lambda _: "nobody")
    with pytest.raises(DemoError, match="rows of"):
        ranked_records(workspace, path, Limits(submission_rows=3))
