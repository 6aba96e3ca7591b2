"""`train` options: NAME=VALUE read as JSON or text, the variant, and refusals by name."""

import json

import pytest

from vlrouterbench.cli.parameters import named_values
from vlrouterbench.errors import RouterError


def test_values_are_json_where_they_are_json_and_text_otherwise():
    given = ["num_neighbors=50", "memory_dtype=float16", "hidden_sizes=[8, 4]", "balanced=true", "name=a=b"]
    assert named_values(given) == {
        "num_neighbors": 50,
        "memory_dtype": "float16",
        "hidden_sizes": [8, 4],
        "balanced": True,
        "name": "a=b",
    }


@pytest.mark.parametrize("pair", ["num_neighbors", "=5", "num_neighbors="])
def test_half_a_pair_is_refused(pair):
    with pytest.raises(RouterError, match=f'expected --option NAME=VALUE, found "{pair}"'):
        named_values([pair])


def test_variant_and_options_reach_the_saved_configuration(program, chain_folder, tmp_path):
    asked = ("--router", "knn", "--variant", "reference", "--option", "memory_dtype=float16", "--out", tmp_path / "knn")
    done = program("train", chain_folder / "benchmark", *asked)
    assert done.status == 0, done.err
    config = json.loads((tmp_path / "knn" / "config.json").read_text())
    assert config["training"]["variant"] == "reference" and config["training"]["cost_weight"] == "inf"
    assert (config["num_neighbors"], config["weighting"], config["memory_dtype"]) == (5, "distance", "float16")


def test_cost_weight_of_a_family_without_one_is_refused_by_name(program, chain_folder, tmp_path):
    asked = ("--router", "ridge-mf", "--cost-weight", "10", "--out", tmp_path / "out")
    done = program("train", chain_folder / "benchmark", *asked)
    assert done.status == 1 and "ridge-mf in its default variant has no training cost weight" in done.err
    assert not (tmp_path / "out").exists()
