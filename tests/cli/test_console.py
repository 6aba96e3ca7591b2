"""What commands print: names as they are, results on stdout alone, tables that fit a terminal."""

import json
import math

import pytest
from rich.text import Text

from vlrouterbench.cli import console


def test_names_with_brackets_and_colons_are_shown_as_they_are(capsys):
    table = console.plain_table("[red]title[/]", ("[b]column", "x"))
    table.add_row("model[bold]", ":smile:")
    table.add_row("a[/closing]", "1")
    console.show({}, table, "path/[v2]/:x:", Text.assemble("ask: ", ("[i]", "bold")))
    shown = capsys.readouterr().out
    for name in ("[red]title[/]", "[b]column", "model[bold]", ":smile:", "a[/closing]", "path/[v2]/:x:", "ask: [i]"):
        assert name in shown


def test_a_long_line_of_text_is_not_broken_so_that_a_path_can_be_copied(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    path = "/a/long/path/" * 12
    console.show({}, path)
    assert capsys.readouterr().out == f"{path}\n"


def test_a_stage_is_named_on_stderr_and_gives_no_callback_where_there_is_no_terminal(capsys):
    with console.stage("train [x] :smile:") as progress:
        assert progress is None
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "train [x] :smile: ...\n")


@pytest.fixture
def as_json():
    token = console.wants_json.set(True)
    yield
    console.wants_json.reset(token)


def test_json_is_the_only_thing_printed(as_json, capsys):
    console.show({"name": "größe", "values": [1, None]}, "not this")
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"name": "größe", "values": [1, None]}
    assert "größe" in shown


def test_json_never_has_nan(as_json):
    with pytest.raises(ValueError):
        console.show({"value": math.nan})


def record(router, score, *, kind="policy"):
    return {
        "router": router,
        "router_config": {"kind": kind},
        "split": "test",
        "num_samples": 12_345,
        "accuracy": 1.0,
        "average_cost_usd": 0.012345678,
        "rank_score": score,
        "objective_value": score,
        "ci95": {"rank_score": [100.0, 100.0]},
        "vs_mixture": {"rank_score": -10.0, "ci95": [-100.0, -100.0]},
        "benchmark": {"name": "vl-routerbench-simulated", "simulated": True},
    }


def test_the_results_table_fits_80_columns_at_its_widest_figures_and_stands_in_order(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    records = [record("cheapest", 1), record("strongest-per-dataset", 100)]
    console.show({}, console.results_title(records), console.results_table(records))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "(simulated data)" in lines[0] and "12,345 samples" in lines[0]
    assert lines[2].split()[:4] == ["strongest-per-dataset", "100.00", "123.457", "100.00"]
    assert lines[3].startswith("cheapest")
    assert "…" not in "".join(lines)
