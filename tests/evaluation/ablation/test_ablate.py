"""An ablation as a whole: what it writes adds up, its intervals are paired, and its page is one file."""

import json

import pytest

from tests.pages import assert_fetches_nothing, without_scripts
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.ablation.records import split_note
from vlrouterbench.evaluation.decisions import read_decisions
from vlrouterbench.evaluation.study.context import resplit
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.features.refitting import Refitting
from vlrouterbench.metrics.trade_off import chosen_values, rank_score
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem


@pytest.fixture(scope="module")
def ablation(tmp_path_factory, simulated_folder):
    from tests.cli.conftest import run_program

    out = tmp_path_factory.mktemp("ablation") / "out"
    asked = ("--axis", "modality", "--router", "linear", "--cost-weight", "10", "--num-proc", "1", "--splits", "2")
    done = run_program("ablate", simulated_folder, *asked, "--out", out)
    assert done.status == 0, done.err
    return out, done


def test_it_writes_table_page_routers_and_evaluation(ablation):
    out, done = ablation
    assert {path.name for path in out.iterdir()} == {
        "ablation.json",
        "ablation.md",
        "ablation.html",
        "evaluation",
        "routers",
    }
    assert {path.name for path in (out / "routers").iterdir()} == {"text+image", "text-only", "image-only"}
    assert str(out / "ablation.html") in done.out
    assert max(len(line.rstrip()) for line in done.out.splitlines()[:7]) <= 80
    assert "simulated data" in done.out


def test_every_figure_follows_from_the_decisions(ablation, simulated_folder):
    out, _ = ablation
    content = json.loads((out / "ablation.json").read_text())
    table = load_table(simulated_folder).split("test")
    decisions = read_decisions(out / "evaluation", table)
    assert [row["setting"] for row in content["rows"]] == [
        "text+image",
        "text-only",
        "image-only",
        "mixture",
        "oracle",
    ]
    scores = {}
    for row in content["rows"]:
        chosen = decisions[row["setting"]]
        accuracy, cost = chosen_values(table.quality, chosen).mean(), chosen_values(table.cost, chosen).mean()
        scores[row["setting"]] = rank_score(accuracy, cost, cost_bounds=table.cost_bounds)
        assert row["accuracy"] == pytest.approx(accuracy) and row["average_cost_usd"] == pytest.approx(cost)
        assert row["rank_score"] == pytest.approx(scores[row["setting"]])
        assert row["vs_base"]["rank_score"] == pytest.approx(scores[row["setting"]] - scores["text+image"])
        assert row["vs_base"]["ci95"][0] <= row["vs_base"]["rank_score"] <= row["vs_base"]["ci95"][1]
    assert content["rows"][0]["vs_base"] == {"rank_score": 0.0, "ci95": [0.0, 0.0]}
    assert content["num_samples"] == len(table)
    # They are the evaluator's: whoever reads either file reads one figure.
    records = {r["router"]: r for r in json.loads((out / "evaluation" / "results.json").read_text())}
    for row in content["rows"][1:]:
        assert row["vs_base"] == records[row["setting"]]["differences"]["text+image"]


def test_means_over_splits_begin_with_the_own_split_and_differ_from_the_first_setting(ablation):
    content = json.loads((ablation[0] / "ablation.json").read_text())
    record, own = content["over_splits"], {row["setting"]: row for row in content["rows"]}
    assert record["seeds"] == [0, 1]
    assert [row["setting"] for row in record["rows"]] == ["text+image", "text-only", "image-only", "mixture"]
    base = record["rows"][0]["rank_score"]
    for row in record["rows"]:
        assert len(row["rank_scores"]) == 2
        assert row["rank_score"] == pytest.approx(sum(row["rank_scores"]) / 2)
        assert row["vs_base"]["rank_score"] == pytest.approx(row["rank_score"] - base)
        low, high = row["vs_base"]["ci95"]
        assert low <= row["vs_base"]["rank_score"] <= high
        if row["setting"] != "mixture":  # of its draws on a split, a router has none
            assert row["rank_scores"][0] == pytest.approx(own[row["setting"]]["rank_score"])
    assert record["rows"][0]["vs_base"] == {"rank_score": 0.0, "ci95": [0.0, 0.0]}
    assert "Mean of 2 test splits" in ablation[1].out and max(map(len, ablation[1].out.splitlines())) <= 80
    for name in ("ablation.md", "ablation.html"):
        assert "Mean of 2 test splits" in (ablation[0] / name).read_text()


def test_encoders_are_fitted_on_the_train_samples_of_every_split(ablation, simulated_folder):
    record = json.loads((ablation[0] / "ablation.json").read_text())["over_splits"]
    table = load_table(simulated_folder)
    drawn = resplit(table, 1)
    test, encoders = drawn.split("test"), Refitting(table, encode_benchmark(table, FeatureOptions(fusion="text-only")))
    features = encoders.on(drawn)
    arguments = RouterTrainingArguments(cost_weights=(10.0,), seed=1)
    router = train_router("linear", Problem(drawn, features), arguments).router
    chosen = router.decide(features.of(test)).numpy()
    accuracy, cost = chosen_values(test.quality, chosen).mean(), chosen_values(test.cost, chosen).mean()
    by_hand = rank_score(accuracy, cost, cost_bounds=table.cost_bounds)
    (row,) = (row for row in record["rows"] if row["setting"] == "text-only")
    assert row["rank_scores"][1] == pytest.approx(by_hand)


def test_the_routers_are_whole_and_see_what_their_setting_says(ablation):
    out, _ = ablation
    kinds = {name: AutoRouter.from_pretrained(out / "routers" / name).encoder for name in ("text-only", "image-only")}
    assert kinds["text-only"].image is None and kinds["image-only"].text is None


def test_the_table_in_markdown_has_a_line_per_setting_and_says_simulated(ablation):
    lines = (ablation[0] / "ablation.md").read_text().splitlines()
    assert "(simulated data)" in lines[0]
    own = lines[: next(index for index, line in enumerate(lines) if index > 3 and not line)]
    assert [line.split("|")[1].strip() for line in own[4:]] == [
        "text+image",
        "text-only",
        "image-only",
        "mixture",
        "oracle",
    ]
    assert len({line.count("|") for line in own[2:]}) == 1


def test_the_page_needs_nothing_else_and_says_simulated(ablation):
    page = (ablation[0] / "ablation.html").read_text()
    assert without_scripts(page).count("<svg") == 2 and "Simulated data." in page
    assert_fetches_nothing(page)


def test_scores_of_a_split_that_choices_were_made_on_are_said_to_be_too_high_wherever_they_stand(
    ablation, simulated_folder, tmp_path
):
    from tests.cli.conftest import run_program

    out, done = ablation
    assert not any("too high" in text for text in (done.out, (out / "ablation.md").read_text()))
    asked = ("--axis", "fusion", "--router", "knn", "--split", "validation", "--num-proc", "1")
    done = run_program("ablate", simulated_folder, *asked, "--out", tmp_path / "out")
    assert done.status == 0, done.err
    said = "were chosen: these scores are too high for a final figure"
    texts = [(tmp_path / "out" / name).read_text() for name in ("ablation.md", "ablation.html")]
    assert all(said in text for text in (" ".join(done.out.split()), *texts))
    assert "from which every setting's router learnt" in split_note("train") and not split_note("test")


def test_an_ablation_that_fails_leaves_the_old_one(ablation, simulated_folder, tmp_path):
    from tests.cli.conftest import run_program

    out = tmp_path / "out"
    out.mkdir()
    (out / "old.txt").write_text("old")
    done = run_program("ablate", simulated_folder, "--axis", "modality", "--router", "liner", "--out", out)
    assert done.status == 1 and 'Did you mean "linear"' in done.err
    assert [path.name for path in out.iterdir()] == ["old.txt"]


def test_an_end_to_end_family_is_refused_with_what_serves_instead(simulated_folder, tmp_path):
    from tests.cli.conftest import run_program

    done = run_program("ablate", simulated_folder, "--axis", "modality", "--router", "vlc", "--out", tmp_path / "out")
    assert done.status == 1 and "vlc reads images and texts" in done.err
    assert "`vlrouterbench sweep --router vlc`" in " ".join(done.err.split())
    assert not (tmp_path / "out").exists()
