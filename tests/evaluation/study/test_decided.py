"""Files of decisions and registered families in a study: on every split, beside what is trained there."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vlrouterbench as vrb
from tests.outside import outside_class, registries_restored
from vlrouterbench.core.errors import EvaluationError, RouterError, UnknownNameError
from vlrouterbench.evaluation.study.context import StudyContext, scored
from vlrouterbench.evaluation.study.study import study

SEEDS = (0, 3)


@pytest.fixture
def context(simulated_problem):
    """Two splits of the simulated benchmark."""
    return StudyContext(simulated_problem.table, simulated_problem.features, SEEDS)


def write_decisions(path, table, by_router):
    """A file of decisions: router -> index in the pool that it always chooses."""
    rows = [
        {"router": router, "sample_id": sample_id, "candidate": table.pool.names[index]}
        for router, index in by_router.items()
        for sample_id in table.column("sample_id")
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def test_decided_routers_have_the_figures_of_what_they_chose_on_every_split(context, tmp_path):
    file = write_decisions(tmp_path / "given.parquet", context.table, {"third": 2, "strongest": 1})
    result = study(context, [file, "cheapest"], ["routers", "frontiers"]).content()
    rows = {row["router"]: row for row in result["routers"]}
    assert set(rows) == {"third", "given/strongest", "cheapest", "upper-bound"} and result["first"] == "third"
    for name, index in (("third", 2), ("given/strongest", 1)):
        means = [scored(split).quality[:, index].mean() for _, split in context.splits()]
        assert rows[name]["accuracy"] == pytest.approx(np.mean(means), abs=1e-12)
    low, high = rows["cheapest"]["first_minus_this"]["ci95"]
    assert low < high
    assert {row["router"] for row in result["frontiers"]["rows"]} >= {"third", "given/strongest"}


def test_decisions_on_one_split_alone_are_refused_before_anything_is_trained(context, tmp_path):
    own = scored(context.table)
    file = write_decisions(tmp_path / "given.parquet", own, {"third": 2})
    with pytest.raises(EvaluationError, match='router "third": expected a decision on each'):
        study(context, ["flagship", file])
    assert study(StudyContext(context.table, context.features, (0,)), [file]).content()["first"] == "third"


def test_two_files_with_one_router_are_refused(context, tmp_path):
    files = [write_decisions(tmp_path / f"{name}.parquet", context.table, {"third": 2}) for name in "ab"]
    with pytest.raises(EvaluationError, match='has a router "third" already. Rename one'):
        study(context, files)


def test_decisions_cannot_be_trained_without_a_dataset(context, tmp_path):
    file = write_decisions(tmp_path / "given.parquet", context.table, {"third": 2})
    with pytest.raises(RouterError, match="part left-out trains every router .* third has decisions alone"):
        study(context, [file, "mixture"], ["left-out"])


def test_a_registered_family_is_trained_on_every_split(context, tmp_path):
    with outside_class(tmp_path) as router:
        vrb.register_router("mine", router)
        content = study(context, ["mine", "mixture"]).content()
    assert content["first"] == "mine" and len(content["routers"][0]["rank_scores"]) == len(SEEDS)


def test_a_wrong_name_is_answered_with_the_registered_one(context, tmp_path):
    with outside_class(tmp_path) as router:
        vrb.register_router("outside", router)
        with pytest.raises(UnknownNameError, match='Did you mean "outside"'):
            study(context, ["outsid"])


def test_a_function_is_scored_on_every_split_and_called_once(context):
    seen = []

    def by_sample(samples):
        seen.append({sample["sample_id"] for sample in samples})
        names = context.table.pool.names
        return [names[int(sample["sample_id"].encode()[-1]) % len(names)] for sample in samples]

    with registries_restored():
        vrb.register_router("by-sample", by_sample)
        rows = {row["router"]: row for row in study(context, ["by-sample", "cheapest"]).content()["routers"]}
    tests = [scored(split) for _, split in context.splits()]
    assert seen == [{sample_id for test in tests for sample_id in test.column("sample_id")}]
    width = len(context.table.pool)
    means = [
        np.mean([row[int(i.encode()[-1]) % width] for i, row in zip(t.column("sample_id"), t.quality, strict=True)])
        for t in tests
    ]
    assert rows["by-sample"]["accuracy"] == pytest.approx(np.mean(means), abs=1e-12)
    low, high = rows["cheapest"]["first_minus_this"]["ci95"]
    assert low < high


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("first:fast", '"first:fast": first is a function, which is not trained'),
        ("shuffled/first", '"shuffled/first": first is a function, which is not trained'),
        ("vlc", '"vlc" learns end to end'),
        ("FOLDER", "which is trained on one split: a study trains anew on every one"),
    ],
)
def test_what_cannot_be_trained_anew_on_every_split_is_refused_by_what_it_is(context, name, said, tmp_path):
    with registries_restored():
        vrb.register_router("first", lambda samples: [context.table.pool.names[0]] * len(samples))
        with pytest.raises(RouterError, match=said):
            study(context, [str(tmp_path) if name == "FOLDER" else name])
