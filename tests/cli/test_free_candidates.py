"""A free candidate beside a paid one, and free ones alone: what every command says where costs have no range."""

import json

import pytest

from tests.tables import write_own_tables
from vlrouterbench.cli.main import main
from vlrouterbench.routers.registry import END_TO_END, ROUTERS

ONE_FREE = (("local", 0, 0), ("paid", 2.5, 10))
ALL_FREE = (("local", 0, 0), ("other", 0, 0))
FAMILIES = [name for name in ROUTERS if name not in END_TO_END]


def built(root, candidates):
    write_own_tables(root / "own", candidates=candidates, images=False)
    assert main(["build", str(root / "own"), "--out", str(root / "benchmark")]) == 0
    return root / "benchmark"


@pytest.fixture(scope="module")
def one_free(tmp_path_factory):
    """A benchmark of a free and a paid candidate."""
    return built(tmp_path_factory.mktemp("one-free"), ONE_FREE)


@pytest.fixture(scope="module")
def all_free(tmp_path_factory):
    """A benchmark whose candidates cost nothing."""
    return built(tmp_path_factory.mktemp("all-free"), ALL_FREE)


def records_of(folder):
    return {record["router"]: record for record in json.loads((folder / "results.json").read_text())}


def trained(benchmark, family, out, *more):
    epochs = ["--num-epochs", "2"] if ROUTERS[family].by_gradient else []
    assert main(["train", str(benchmark), "--router", family, "--out", str(out), *epochs, *more]) == 0
    return str(out)


@pytest.fixture(scope="module")
def one_free_routers(one_free, tmp_path_factory):
    """A router of every family, trained beside the free candidate, evaluated with its card updated."""
    root = tmp_path_factory.mktemp("routers")
    folders = [trained(one_free, family, root / family) for family in FAMILIES]
    routers = [part for folder in folders for part in ("--router", folder)]
    assert main(["evaluate", str(one_free), *routers, "--out", str(root / "evaluation"), "--update-card"]) == 0
    return root


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_beside_a_free_candidate_and_says_what_it_was_chosen_by(family, one_free_routers):
    facts = json.loads((one_free_routers / family / "config.json").read_text())["training"]
    assert facts["validation_rank_score"] is None and "times cost in USD" in facts["rank_score_reason"]
    record = records_of(one_free_routers / "evaluation")[family]
    assert record["rank_score"] is None and record["rank_score_reason"].startswith("No Rank Score")
    assert 0 <= record["accuracy"] <= 1 and record["average_cost_usd"] >= 0
    assert record["ci95"]["rank_score"] is None and record["cost_bounds_usd"] is None
    card = (one_free_routers / family / "README.md").read_text()
    assert "No Rank Score" in card and "| accuracy % |" in card and "| Rank Score |" not in card


def test_bounds_of_the_users_own_give_a_rank_score_to_training_and_evaluation(one_free, tmp_path, capsys):
    bounds = ["--cost-bounds", "0.0001", "0.002"]
    folder = trained(one_free, "knn", tmp_path / "knn", *bounds)
    count = json.loads((one_free / "build_report.json").read_text())["splits"]["validation"]
    printed = " ".join(capsys.readouterr().out.split())
    assert count < 30 and f"settings were compared on {count} validation samples, where chance alone" in printed
    facts = json.loads((tmp_path / "knn" / "config.json").read_text())["training"]
    assert facts["validation_rank_score"] > 0 and facts["cost_bounds_usd"] == [0.0001, 0.002]
    out = tmp_path / "evaluation"
    assert main(["evaluate", str(one_free), "--router", folder, "--router", "oracle", "--out", str(out), *bounds]) == 0
    for record in records_of(out).values():
        assert record["rank_score"] > 0 and record["rank_score_reason"] == ""
        assert record["cost_bounds_usd"] == [0.0001, 0.002]


def test_report_tables_study_and_leaderboard_have_a_dash_and_the_reason_where_there_is_no_score(
    one_free, tmp_path, capsys
):
    policies = [part for name in ("strongest", "mixture", "oracle", "cheapest") for part in ("--router", name)]
    out = tmp_path / "evaluation"
    assert main(["evaluate", str(one_free), *policies, "--out", str(out), "--tables", "--figures"]) == 0
    assert "nan" not in capsys.readouterr().out.lower()
    page = (out / "report.html").read_text()
    assert "No Rank Score" in page and ">nan<" not in page
    study = ["study", str(one_free), *policies, "--router", "knn", "--seed", "0", "--out", str(tmp_path / "study")]
    assert main(study) == 0
    assert "No Rank Score" in (tmp_path / "study" / "study.html").read_text()
    rows = json.loads((tmp_path / "study" / "study.json").read_text())["routers"]
    assert all(row["rank_score"] is None and row["accuracy"] > 0 for row in rows)
    board = ["leaderboard", str(out), "--benchmark", str(one_free), "--out", str(tmp_path / "board")]
    assert main(board) == 0
    assert "No Rank Score" in (tmp_path / "board" / "leaderboard.html").read_text()
    printed = capsys.readouterr().out
    assert printed.count("No Rank Score") == 2 and "nan" not in printed.lower()


def test_a_part_of_a_study_over_a_range_of_costs_says_that_there_is_none(one_free, tmp_path, capsys):
    assert main(["study", str(one_free), "--router", "ovr", "--part", "frontiers", "--seed", "0"]) == 1
    assert "--cost-bounds" in capsys.readouterr().err
    for command in (["sweep", "--router", "knn"], ["ablate", "--axis", "fusion"]):
        assert main([command[0], str(one_free), *command[1:], "--out", str(tmp_path / command[0])]) == 1
        assert "No Rank Score" in capsys.readouterr().err


def test_what_needs_a_range_of_costs_names_an_option_that_it_has(one_free, tmp_path):
    bounds = ["--cost-bounds", "0.0001", "0.002"]
    for name, *more in (("sweep", "--router", "knn"), ("ablate", "--axis", "cost-weight", "--router", "knn")):
        out, weights = tmp_path / name, ["--cost-weight", "0", "--cost-weight", "10"]
        assert main([name, str(one_free), *more, *weights, "--out", str(out), *bounds]) == 0
        content = json.loads((out / ("sweep.json" if name == "sweep" else "ablation.json")).read_text())
        assert content["cost_bounds_usd"] == [0.0001, 0.002]
        assert all(0 <= row["rank_score"] <= 100 for row in content["rows"])


@pytest.mark.parametrize("bounds", [("0", "0.01"), ("0.01", "0.0001"), ("nan", "1"), ("-1", "1"), ("1e-5", "1e300")])
@pytest.mark.parametrize(
    "command", ["train x --router knn", "evaluate x --router oracle", "sweep x --router knn", "ablate x --axis fusion"]
)
def test_cost_bounds_that_are_none_are_refused_by_their_option_before_anything_is_read(
    command, bounds, tmp_path, capsys
):
    # There is no folder "x": whatever is read first would say so.
    assert main([*command.split(), "--out", str(tmp_path / "out"), "--cost-bounds", *bounds]) == 1
    said = capsys.readouterr().err
    assert "--cost-bounds LOW HIGH" in said and f"{float(bounds[1]):g}" in said and len(said.splitlines()) == 1


def test_free_candidates_alone_are_built_trained_and_evaluated_by_accuracy(all_free, tmp_path, capsys):
    report = json.loads((all_free / "build_report.json").read_text())
    assert report["cost_bounds_usd"]["cmin"] == report["cost_bounds_usd"]["cmax"] == 0
    assert main(["inspect", str(all_free), "--html", str(tmp_path / "page.html")]) == 0
    folders = [trained(all_free, family, tmp_path / family) for family in ("flagship", "mlp")]
    routers = [part for folder in (*folders, "mixture", "strongest") for part in ("--router", folder)]
    assert main(["evaluate", str(all_free), *routers, "--out", str(tmp_path / "e")]) == 0
    found = records_of(tmp_path / "e")
    assert {record["average_cost_usd"] for record in found.values()} == {0}
    # All that matters is accuracy: the second candidate is right wherever the first one is.
    assert found["flagship"]["accuracy"] == found["strongest"]["accuracy"] == found["mixture"]["accuracy"]
    assert "accuracy alone" in found["flagship"]["rank_score_reason"]
    capsys.readouterr()
    assert main(["route", "--router", folders[0], "--question", "A middling count, number 3?", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["candidate"] == "other"


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ((("alone", 1, 1),), ["One candidate"]),
        (
            ONE_FREE,
            [
                "No Rank Score",
                "sweep, ablate and the parts of study that measure over a range of costs need --cost-bounds",
                "mean cost from 0 (local), or ",
            ],
        ),
        ((("own", 0, 0), ("mid", 1, 2), ("big", 3, 15)), ["(mid) of those that cost anything, to "]),
        (ALL_FREE, ["no candidate costs anything"]),
        ((("a", 1, 1), ("b", 1, 1)), ["cost about the same"]),
    ],
)
def test_build_says_what_a_pool_rules_out_and_what_works(candidates, said, tmp_path, capsys):
    benchmark = built(tmp_path, candidates)
    printed = capsys.readouterr().out
    assert all(text in printed for text in said)
    out = tmp_path / "evaluation"
    assert main(["evaluate", str(benchmark), "--router", "strongest", "--router", "mixture", "--out", str(out)]) == 0
    assert all(record["accuracy"] >= 0 for record in records_of(out).values())
