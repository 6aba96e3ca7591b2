"""The whole story: one call makes the benchmark, three routers and one evaluation of nine."""

import json

import pytest

from tests.story import NUM_SAMPLES
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.quickstart import FAMILIES
from vlrouterbench.routers.auto import AutoRouter


@pytest.fixture(scope="module")
def told(story):
    """Run folder, records and the titles of the stages."""
    return story.folder, story.records, story.titles


def test_a_run_makes_benchmark_routers_and_evaluation(told):
    out, _, _ = told
    assert {path.name for path in out.iterdir() if path.suffix != ".features"} == {
        "benchmark",
        "routers",
        "evaluation",
    }
    assert {path.name for path in (out / "routers").iterdir()} == set(FAMILIES)
    assert len(load_table(out / "benchmark", verify=True)) == NUM_SAMPLES
    for family in FAMILIES:
        assert AutoRouter.from_pretrained(out / "routers" / family).num_candidates == 17


def test_the_only_results_are_those_of_the_evaluation(told):
    out, records, _ = told
    found = list(out.rglob("results.json"))
    assert found == [out / "evaluation" / "results.json"]
    assert json.loads(found[0].read_text()) == records
    assert (out / "evaluation" / "report.html").is_file()
    assert (out / "evaluation" / "decisions.parquet").is_file()


def test_six_policies_and_four_routers_are_scored_on_simulated_data(told):
    _, records, _ = told
    assert [record["router"] for record in records] == [*POLICIES, *FAMILIES]
    assert len(records) == 10
    assert all(record["benchmark"]["simulated"] and record["split"] == "test" for record in records)


def test_no_half_written_file_is_left(told):
    out, _, _ = told
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_every_stage_is_named_in_order(told):
    _, _, titles = told
    verbs = [title.split()[0] for title in titles]
    assert verbs == ["draw", "build", "encode", *["train"] * len(FAMILIES), "evaluate"]
    for family in FAMILIES:
        assert f"train {family}" in titles
