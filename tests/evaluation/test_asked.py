"""Functions, files of decisions, registered families and routers in memory, scored beside all others."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vlrouterbench as vrb
from tests.outside import outside_class, registries_restored
from tests.tables import write_own_tables
from vlrouterbench.core.errors import EvaluationError, RouterError, UnknownNameError
from vlrouterbench.evaluation.evaluate import EvaluationOptions
from vlrouterbench.evaluation.policies import decide_policy
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.training.arguments import RouterTrainingArguments

UNTIMED = EvaluationOptions(time_routers=False)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Own tables, their benchmark, and a router trained on it."""
    root = tmp_path_factory.mktemp("asked")
    write_own_tables(root / "source")
    vrb.build_benchmark(root / "source", root / "benchmark")
    table = vrb.load_table(root / "benchmark")
    problem = vrb.Problem(table, vrb.encode_benchmark(table))
    arguments = RouterTrainingArguments(cost_weights=(10.0,))
    vrb.save_router(vrb.train_router("prototype", problem, arguments), root / "prototype")
    return root


@pytest.fixture
def test_split(own):
    """The scored samples."""
    split = vrb.load_table(own / "benchmark").split("test")
    return split.take(split.complete)


def write_decisions(path, table, by_router):
    """A file of decisions: router -> name of the candidate of every sample."""
    rows = [
        {"router": router, "sample_id": sample_id, "candidate": name}
        for router, names in by_router.items()
        for sample_id, name in zip(table.column("sample_id"), names, strict=True)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def evaluate(own, routers, out, options=UNTIMED):
    return vrb.evaluate_routers(own / "benchmark", routers, out, options)


def decided(out, router):
    rows = pq.read_table(out / "decisions.parquet").to_pylist()
    return [row["candidate"] for row in rows if row["router"] == router]


def test_a_function_is_given_what_a_router_sees_and_nothing_of_the_truth(own, tmp_path, test_split):
    seen = []

    def curious(samples):
        seen.extend(samples)
        return [test_split.pool.names[0]] * len(samples)

    evaluate(own, [curious], tmp_path / "out")
    assert [sample["sample_id"] for sample in seen] == test_split.column("sample_id")
    assert {frozenset(sample) for sample in seen} == {
        frozenset({"sample_id", "dataset", "question", "options", "hint", "image", "images"})
    }
    for row, sample in enumerate(seen):
        assert sample["question"] == test_split.column("question")[row]
        assert isinstance(sample["options"], list) and isinstance(sample["hint"], str)
    with_image = [sample for sample in seen if sample["image"] is not None]
    assert with_image and all(sample["images"] == [sample["image"]] for sample in with_image)
    assert all(sample["image"].convert("RGB").size[0] > 0 for sample in with_image)


def test_a_function_that_asks_always_one_candidate_scores_as_that_candidate(own, tmp_path, test_split):
    """By hand: accuracy and cost are the means of the candidate's own column."""

    def always(samples):
        return [test_split.pool.names[1]] * len(samples)

    (record,) = evaluate(own, [always], tmp_path / "out")
    assert record["router"] == "always" and record["router_config"] == {"kind": "router", "family": "function"}
    assert record["accuracy"] == pytest.approx(test_split.quality[:, 1].mean(), abs=1e-12)
    assert record["average_cost_usd"] == pytest.approx(test_split.cost[:, 1].mean(), abs=1e-15)
    assert decided(tmp_path / "out", "always") == [test_split.pool.names[1]] * len(test_split)


def test_a_function_with_the_strongests_decisions_has_the_strongests_intervals(own, tmp_path, test_split):
    train = vrb.load_table(own / "benchmark").split("train")
    strongest = decide_policy("strongest", test_split, train, seed=0).decisions

    def mine(samples):
        return [test_split.pool.names[index] for index in strongest]

    ours, theirs = evaluate(own, [mine, "strongest"], tmp_path / "out")
    for name in ("accuracy", "average_cost_usd", "rank_score", "ci95", "vs_mixture", "per_dataset", "controls"):
        assert ours[name] == theirs[name], name
    assert ours["differences"]["strongest"]["rank_score"] == 0


def test_every_kind_of_router_stands_in_one_table_with_paired_differences(own, tmp_path, test_split):
    def mine(samples):
        return [test_split.pool.names[0]] * len(samples)

    names = [test_split.pool.names[2]] * len(test_split)
    file = write_decisions(tmp_path / "theirs.parquet", test_split, {"theirs": names})
    with outside_class(tmp_path) as router:
        vrb.register_router("outside", router)
        given = [mine, "outside", str(file), str(own / "prototype"), own / "prototype", "mixture"]
        records = evaluate(own, given, tmp_path / "out")
    assert [record["router"] for record in records] == [
        "mine",
        "outside",
        "theirs",
        "prototype",
        "prototype-2",
        "mixture",
    ]
    for record in records:
        assert set(record["differences"]) == {other["router"] for other in records} - {record["router"]}
        assert all(len(each["ci95"]) == 2 for each in record["differences"].values())


def test_a_registered_family_is_trained_for_the_occasion_and_says_so(own, tmp_path):
    with outside_class(tmp_path) as router:
        vrb.register_router("outside", router)
        (record,) = evaluate(own, ["outside"], tmp_path / "out")
    config = record["router_config"]
    assert (config["kind"], config["family"], config["trained_here"]) == ("router", "outside", True)
    assert config["num_train"] == len(vrb.load_table(own / "benchmark").split("train"))


def test_a_router_in_memory_decides_as_its_folder_does(own, tmp_path):
    router = vrb.AutoRouter.from_pretrained(own / "prototype")
    evaluate(own, [router, str(own / "prototype")], tmp_path / "out")
    assert decided(tmp_path / "out", "prototype") == decided(tmp_path / "out", "prototype-2")


def test_two_functions_of_one_name_get_names_of_their_own(own, tmp_path, test_split):
    always = [lambda samples, name=name: [name] * len(samples) for name in test_split.pool.names[:2]]
    records = evaluate(own, always, tmp_path / "out")
    assert [record["router"] for record in records] == ["lambda", "lambda-2"]
    assert decided(tmp_path / "out", "lambda-2") == [test_split.pool.names[1]] * len(test_split)


def test_a_registered_function_is_found_by_its_name(own, tmp_path, test_split):
    with registries_restored():
        vrb.register_router("by-name", lambda samples: [test_split.pool.names[0]] * len(samples))
        (record,) = evaluate(own, ["by-name"], tmp_path / "out")
    assert record["router"] == "by-name" and record["router_config"]["family"] == "function"


@pytest.mark.parametrize("name", ["mixture", "knn"])
def test_a_function_named_like_a_policy_or_a_family_is_refused(name, own, tmp_path):
    def function(samples):
        raise AssertionError

    function.__name__ = name
    with pytest.raises(EvaluationError, match=f'"{name}" is taken by a (policy|family). Rename the function'):
        evaluate(own, [function], tmp_path / "out")


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (lambda samples, names: names[:1] * (len(samples) - 1), EvaluationError, r"expected \d+ answers, .* found \d+"),
        (lambda samples, names: [0] * len(samples), EvaluationError, "expected a candidate's name .* found int 0"),
        (lambda samples, names: None, EvaluationError, r"expected a list of \d+ names of candidates, found NoneType"),
        (lambda samples, names: names[0], EvaluationError, "found str"),
        (lambda samples, names: {}[0], EvaluationError, r"the function mine failed on \d+ samples: KeyError: 0"),
        (
            lambda samples, names: [names[0][:-1] + "x"] * len(samples),
            UnknownNameError,
            'the function mine for the sample "[^"]+": "[^"]*". Did you mean',
        ),
    ],
)
def test_answers_that_are_not_one_candidate_for_each_sample_are_one_clear_message(
    answer, error, message, own, tmp_path, test_split
):
    def mine(samples):
        return answer(samples, list(test_split.pool.names))

    with pytest.raises(error, match=message) as caught:
        evaluate(own, [mine], tmp_path / "out")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_what_a_function_changes_in_its_samples_changes_nothing_for_the_next(own, tmp_path, test_split):
    def spoils(samples):
        for sample in samples:
            sample.clear()
        return [test_split.pool.names[0]] * len(samples)

    def reads(samples):
        return [test_split.pool.names[len(sample["sample_id"]) * 0] for sample in samples]

    assert len(evaluate(own, [spoils, reads], tmp_path / "out")) == 2


def test_decisions_from_a_file_score_as_what_wrote_them(own, tmp_path):
    first = evaluate(own, [str(own / "prototype"), "strongest"], tmp_path / "first")
    (tmp_path / "first" / "results.json").unlink()  # who wrote the file is then unknown
    second = evaluate(own, [str(tmp_path / "first" / "decisions.parquet"), "strongest"], tmp_path / "second")
    assert [record["router"] for record in second] == ["prototype", "decisions/strongest", "strongest"]
    for before, after in zip(first, second[:2], strict=True):
        for name in ("accuracy", "average_cost_usd", "rank_score", "ci95", "vs_mixture", "candidate_shares"):
            assert after[name] == before[name], name
    assert second[0]["router_config"]["family"] == "decisions" and second[0]["throughput"] is None


def test_an_evaluation_has_its_own_baselines_beside_the_decisions_of_another(own, tmp_path):
    evaluate(own, [str(own / "prototype"), "mixture", "oracle"], tmp_path / "first")
    evaluate(own, ["mixture", "oracle"], tmp_path / "baselines")
    goal = vrb.EvaluationOptions(time_routers=False, goal=Goal(Objective("accuracy")))
    given = str(tmp_path / "first" / "decisions.parquet")
    second = evaluate(own, [given, "mixture"], tmp_path / "second", goal)
    assert [record["router"] for record in second] == ["prototype", "mixture"]
    assert second[1]["router_config"]["kind"] == "policy" and second[1]["objective"] == "accuracy"
    alone = evaluate(own, [str(tmp_path / "baselines" / "decisions.parquet")], tmp_path / "alone")
    assert [record["router"] for record in alone] == ["decisions/mixture", "decisions/oracle"]


def test_decisions_on_other_splits_too_are_read_for_the_scored_one(own, tmp_path, test_split):
    whole = vrb.load_table(own / "benchmark")
    names = np.array(whole.pool.names)[np.arange(len(whole)) % len(whole.pool)]
    file = write_decisions(tmp_path / "all.parquet", whole, {"theirs": names.tolist()})
    evaluate(own, [str(file)], tmp_path / "out")
    of_sample = dict(zip(whole.column("sample_id"), names.tolist(), strict=True))
    assert decided(tmp_path / "out", "theirs") == [of_sample[name] for name in test_split.column("sample_id")]


def test_decisions_that_lack_a_scored_sample_are_refused_by_its_name(own, tmp_path, test_split):
    lacking = test_split.take(np.arange(1, len(test_split)))
    names = [test_split.pool.names[0]] * len(lacking)
    file = write_decisions(tmp_path / "short.parquet", lacking, {"theirs": names})
    first = test_split.column("sample_id")[0]
    with pytest.raises(EvaluationError, match=f'router "theirs".*none on 1 of them, the first "{first}"'):
        evaluate(own, [str(file)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_decisions_on_other_samples_alone_are_refused(own, tmp_path):
    train = vrb.load_table(own / "benchmark").split("train")
    file = write_decisions(tmp_path / "train.parquet", train, {"theirs": [train.pool.names[0]] * len(train)})
    with pytest.raises(EvaluationError, match='router "theirs": expected a decision on each'):
        evaluate(own, [str(file)], tmp_path / "out")


def test_a_file_of_decisions_that_is_not_there_is_named(own, tmp_path):
    with pytest.raises(EvaluationError, match="expected decisions at .*nothing.parquet, found no file"):
        evaluate(own, [str(tmp_path / "nothing.parquet")], tmp_path / "out")


def test_what_cannot_be_a_router_is_refused(own, tmp_path):
    with pytest.raises(EvaluationError, match="expected a name, a path, a router or a function of samples, found int"):
        evaluate(own, [3], tmp_path / "out")


def test_a_class_that_is_given_is_trained_as_its_name_is(own, tmp_path):
    with outside_class(tmp_path) as router:
        (record,) = evaluate(own, [router], tmp_path / "out")
    assert record["router"] == "outside" and record["router_config"]["trained_here"]


def test_a_family_of_the_package_needs_training_first(own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RouterError, match='"knn" needs training first'):
        evaluate(own, ["knn"], tmp_path / "out")
    shutil.rmtree(tmp_path / "out", ignore_errors=True)


def test_the_file_of_a_plugin_in_the_place_of_a_router_is_said_to_be_one(own, tmp_path):
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(RouterError, match="found the file of a plugin, .*Give it with --plugin"):
        evaluate(own, [tmp_path / "mine.py"], tmp_path / "out")
