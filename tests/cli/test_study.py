"""`study`: a table at 80 columns that says what is simulated, and the same as JSON."""

import json
import re

import pytest


def test_it_shows_and_writes_what_it_compared(program, simulated_folder, tmp_path):
    options = ("--router", "uniroute", "--router", "mixture", "--seed", "0", "--seed", "1", "--num-proc", "1")
    run = program("study", simulated_folder, *options, "--out", tmp_path / "study")
    assert run.status == 0, run.err
    assert "simulated data" in run.out and "mean of 2 test splits" in run.out
    *shown, page = run.out.splitlines()
    assert max(len(line.rstrip()) for line in shown) <= 80 and page.endswith("study.html")
    table = max(n for n, line in enumerate(shown) if line.startswith(("uniroute ", "mixture ", "upper-bound ")))
    assert shown[table + 1].startswith("upper-bound: no router, but an estimate, rather too low,")
    content = json.loads((tmp_path / "study" / "study.json").read_text())
    assert {row["router"] for row in content["routers"]} == {"uniroute", "mixture", "upper-bound"}
    assert content["seeds"] == [0, 1] and content["first"] == "uniroute"
    page = (tmp_path / "study" / "study.html").read_text()
    assert "Simulated data." in page and "uniroute minus this" in page


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--router", "flagshp"), 'unknown router "flagshp". Did you mean "flagship"'),
        (("--router", "mlp:referense"), 'Did you mean "reference"'),
        (("--router", "mlp", "--part", "frontier-s"), 'unknown part of a study "frontier-s"'),
        (("--router", "mlp", "--router", "mlp@bultin"), 'unknown text encoder "bultin". Did you mean "builtin"'),
        (("--part", "rewordings", "--against-text", "bultin"), 'unknown text encoder "bultin"'),
        (("--part", "learning-curves", "--router", "vlc"), "Give it to the part routers alone"),
        (("--router", "mlp", "--router", "mlp"), "expected each router once"),
        (("--router", "mlp", "--seed", "1", "--seed", "1"), "expected each seed once"),
    ],
)
def test_a_wrong_name_is_an_error_before_anything_is_encoded(options, said, program, chain_folder):
    run = program("study", chain_folder / "benchmark", *options, "--num-proc", "1")
    assert run.status == 1 and said in run.err and "encode" not in run.err.replace("encoder", "")


def test_frontiers_and_calibration_are_shown_and_written_beside_each_other(program, simulated_folder, tmp_path):
    parts = ("--part", "frontiers", "--part", "calibration")
    options = ("--router", "flagship", "--router", "uniroute", "--seed", "0", "--num-proc", "1")
    run = program("study", simulated_folder, *parts, *options, "--out", tmp_path / "study")
    assert run.status == 0, run.err
    *shown, _ = run.out.splitlines()
    assert max(len(line.rstrip()) for line in shown) <= 80
    assert any(line.startswith("single candidates") for line in shown)
    assert any(line.startswith("flagship, pooled") for line in shown)
    # Candidates with the longest names lose letters, never figures.
    cells = [
        line.split() for line in shown[next(n for n, line in enumerate(shown) if line.startswith("flagship, pooled")) :]
    ]
    assert all(re.fullmatch(r"0\.\d{4}", cell) for row in cells[1:18] for cell in row[-6:])
    content = json.loads((tmp_path / "study" / "study.json").read_text())
    assert {row["router"] for row in content["frontiers"]["rows"]} == {"flagship", "uniroute", "single candidates"}
    assert [row["router"] for row in content["calibration"]] == ["flagship"]
    page = (tmp_path / "study" / "study.html").read_text()
    assert "Mean hull over splits, simulated data" in page and "flagship, by candidate" in page


def test_calibration_without_a_calibrated_router_says_which_are(program, chain_folder):
    options = ("--part", "calibration", "--router", "knn", "--num-proc", "1")
    run = program("study", chain_folder / "benchmark", *options)
    assert run.status == 1 and "Families that have them: flagship" in run.err
