"""`sweep`: a table of validation figures at 80 columns, files for scripts, refusals by name."""

import json

import pytest

from vlrouterbench.routers.auto import AutoRouter


@pytest.fixture(scope="module")
def swept(program, chain_folder, tmp_path_factory):
    """A sweep of two cost weights over two seeds, as JSON; gives its folder and how it ended."""
    out = tmp_path_factory.mktemp("sweep") / "mlp"
    asked = ("--router", "mlp", "--cost-weight", "0", "--cost-weight", "inf", "--seed", "0", "--seed", "1")
    return out, program("sweep", chain_folder / "benchmark", *asked, "--num-epochs", "2", "--out", out, "--json")


def test_json_is_what_the_file_holds(swept):
    out, done = swept
    assert done.status == 0, done.err
    shown = json.loads(done.out)
    assert shown.pop("out") == str(out)
    assert shown == json.loads((out / "sweep.json").read_text())
    assert [row["cost_weight"] for row in shown["rows"]] == [0.0, "inf"]


def test_saved_routers_are_evaluated_like_any_other(swept, program, chain_folder, tmp_path):
    out, _ = swept
    names = sorted(path.name for path in (out / "routers").iterdir())
    assert names == ["mlp-lambda-0", "mlp-lambda-inf"]
    ask = ["--no-baselines", *(part for name in names for part in ("--router", out / "routers" / name))]
    done = program("evaluate", chain_folder / "benchmark", *ask, "--out", tmp_path / "evaluation", "--json")
    assert done.status == 0, done.err
    assert {record["router"] for record in json.loads(done.out)["results"]} == set(names)


@pytest.mark.parametrize("seeds", [(), ("--seed", "0", "--seed", "1")])
def test_table_fits_80_columns_and_says_that_figures_are_of_validation(
    program, chain_folder, tmp_path, monkeypatch, seeds
):
    monkeypatch.setenv("COLUMNS", "80")
    asked = ("--router", "prototype", "--cost-weight", "0", "--cost-weight", "10000", *seeds)
    done = program("sweep", chain_folder / "benchmark", *asked, "--out", tmp_path / "out")
    assert done.status == 0, done.err
    title, header, *rows = done.out.splitlines()
    assert "validation split" in title and header.split()[:2] == ["lambda", "Rank"]
    assert ("mean and sd of 2 seeds" in title) == ("sd" in header.split()) == bool(seeds)
    assert [row.split()[0] for row in rows[:2]] == ["0", "10000"]
    assert all(len(line) <= 80 for line in (title, header, *rows[:2]))


def test_separate_networks_on_request(program, chain_folder, tmp_path):
    asked = ("--router", "mlp", "--cost-weight", "0", "--cost-weight", "10", "--num-epochs", "1", "--separate")
    done = program("sweep", chain_folder / "benchmark", *asked, "--out", tmp_path / "out", "--json")
    assert json.loads(done.out)["side_by_side"] is False


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--router", "oracle"), '"oracle" needs no training: there is nothing to sweep'),
        (("--router", "knm"), 'unknown router "knm". Did you mean "knn"'),
        (("--router", "ridge-mf", "--cost-weight", "1"), "ridge-mf in its default variant has no training cost weight"),
        (("--router", "knn", "--seed", "1", "--seed", "1"), "expected different seeds, found 1, 1"),
    ],
)
def test_what_cannot_be_swept_is_refused_and_nothing_is_written(program, chain_folder, tmp_path, asked, message):
    done = program("sweep", chain_folder / "benchmark", *asked, "--out", tmp_path / "out")
    assert done.status == 1 and message in done.err
    assert not (tmp_path / "out").exists()


def test_an_end_to_end_family_is_swept_over_the_papers_grid(program, easy_folder, tmp_path):
    asked = ("--router", "cosine", "--backbone", "tiny-siglip", "--image-size", "32", "--num-epochs", "1")
    done = program("sweep", easy_folder, *asked, "--out", tmp_path / "out", "--json")
    assert done.status == 0, done.err
    assert [row["cost_weight"] for row in json.loads(done.out)["rows"]] == [0.0, 10.0, 100.0, 1000.0, 10000.0, "inf"]
    router = AutoRouter.from_pretrained(tmp_path / "out" / "routers" / "cosine-lambda-inf")
    assert router.config.encoder["image_size"] == 32 and router.config.training["cost_weight"] == "inf"
