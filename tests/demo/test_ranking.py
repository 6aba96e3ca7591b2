"""The leaderboard tab: the evaluation's figures, a submission placed by its decisions alone, and refusals in words."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.demo.ranking import api_records, first_words, frontier_figure, standings, standings_html
from vlrouterbench.evaluation.leaderboard.submissions import SubmissionError
from vlrouterbench.routing.limits import DemoError, Limits


def submission(path, ground, choose, router="mine"):
    """A file of decisions in which `choose` names the candidate of every sample."""
    rows = [
        {"router": router, "sample_id": name, "candidate": choose(name)} for name in ground.test.column("sample_id")
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_the_app_stands_with_the_figures_of_its_evaluation(ground):
    found = {record["router"]: record for record in standings(ground)}
    for record in ground.records:
        again = found[record["router"]]
        assert again["rank_score"] == pytest.approx(record["rank_score"])
        assert again["ci95"]["rank_score"] == pytest.approx(record["ci95"]["rank_score"])


def test_a_submission_is_placed_by_its_decisions(ground, tmp_path):
    name = ground.test.pool.names[0]
    records = standings(ground, submission(tmp_path / "decisions.parquet", ground, lambda _: name))
    mine = next(record for record in api_records(records) if record["submitted"])
    assert mine["router"] == "mine" and mine["accuracy"] == pytest.approx(ground.test.quality[:, 0].mean())
    assert "mine: place" in first_words(records) and ">yours<" in standings_html(records)
    assert "<svg" in frontier_figure(ground, records)


def test_a_router_named_in_markup_is_shown_as_text(ground, tmp_path):
    name = ground.test.pool.names[0]
    path = submission(tmp_path / "decisions.parquet", ground, lambda _: name, router="<img src=x>")
    records = standings(ground, path)
    for text in (standings_html(records), first_words(records), frontier_figure(ground, records)):
        assert "<img" not in text


def test_unknown_candidates_and_other_files_are_refused_in_words(ground, tmp_path):
    with pytest.raises(SubmissionError, match='"nobody": unknown candidate'):
        standings(ground, submission(tmp_path / "a.parquet", ground, lambda _: "nobody"))
    (tmp_path / "b.parquet").write_bytes(b"no parquet")
    with pytest.raises(DemoError, match="not readable as parquet"):
        standings(ground, tmp_path / "b.parquet")


def test_a_submission_of_too_many_rows_is_not_read(ground, tmp_path):
    path = submission(tmp_path / "a.parquet", ground, lambda _: "nobody")
    with pytest.raises(DemoError, match="rows of"):
        standings(ground, path, Limits(submission_rows=3))
