"""`study`: a table at 80 columns that says what is simulated, and the same as JSON."""

import json


def test_it_shows_and_writes_what_it_compared(program, simulated_folder, tmp_path):
    asked = ("--router", "uniroute", "--router", "mixture", "--seed", "0", "--seed", "1", "--num-proc", "1")
    done = program("study", simulated_folder, *asked, "--out", tmp_path / "study.json")
    assert done.status == 0, done.err
    assert "simulated data" in done.out and "mean of 2 test splits" in done.out
    assert max(len(line.rstrip()) for line in done.out.splitlines()) <= 80
    content = json.loads((tmp_path / "study.json").read_text())
    assert {row["router"] for row in content["rows"]} == {"uniroute", "mixture"}
    assert content["seeds"] == [0, 1] and content["first"] == "uniroute"


def test_a_wrong_name_is_answered_with_the_nearest(program, chain_folder):
    done = program("study", chain_folder / "benchmark", "--router", "flagshp", "--num-proc", "1")
    assert done.status == 1 and 'Did you mean "flagship"' in done.err
