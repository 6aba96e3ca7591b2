"""The comparison of builds works on real work: what it writes is read back whole by both sides."""

import json

import pandas as pd
import pytest

from vlrouterbench.bench.log_tree import log_files, make_log_tree
from vlrouterbench.cli.main import main
from vlrouterbench.data.sources.vlmevalkit.reading import read_text_table


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def tree(home):
    return make_log_tree(home / "bench", scale=0.0005)


def test_both_readers_see_the_same_rows_and_columns(tree):
    files = log_files(tree)
    assert len(files) == 17 * (14 + 9)
    for path in files[::40]:
        ours, theirs = read_text_table(path), pd.read_excel(path, engine="openpyxl", dtype=str)
        assert ours.column_names == theirs.columns.tolist()
        assert ours["prediction"].to_pylist() == theirs["prediction"].tolist()


def test_bench_build_reports_both_sides_and_their_ratios(home, tree, monkeypatch, capsys):
    monkeypatch.setenv("VLROUTERBENCH_HOME", str(home))
    assert main(["bench", "build", "--scale", "0.0005", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["name"] == "build"
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])
    assert result["reading_ratio"] == pytest.approx(result["baseline"] / result["reading"])
    # 14 predictions and 9 evaluation files per candidate.
    assert result["files"] == 17 * (14 + 9)


def test_an_unknown_comparison_gets_the_nearest_right_name(capsys):
    assert main(["bench", "biuld"]) == 1
    assert 'Did you mean "build"' in capsys.readouterr().err
