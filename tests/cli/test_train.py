"""`train` options: NAME=VALUE read as JSON or text, the variant, what reaches the training, and refusals by name."""
# ruff: noqa: F811 - fixtures of the hub's tests are arguments here

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hub.conftest import client, fake_hub  # noqa: F401
from vlrouterbench.cli.parameters import named_values
from vlrouterbench.cli.train import LORA_RANK, BackboneTraining, TrainRequest
from vlrouterbench.core.errors import RouterError


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


def test_a_trained_router_is_pushed_with_its_card(chain_folder, fake_hub, client, tmp_path):
    out = tmp_path / "knn"
    asked = ("--router", "knn", "--out", out, "--push-to-hub", "owner/router")
    done = client(fake_hub.endpoint, ("--json", "train", chain_folder / "benchmark", *asked))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["url"] == f"{fake_hub.endpoint}/owner/router"
    files = fake_hub.files("model", "owner/router")
    assert {"README.md", "config.json", "model.safetensors"} <= files.keys()
    card = (out / "README.md").read_text(encoding="utf-8")
    assert files["README.md"].decode() == card.replace("PATH_OR_REPO_ID", "owner/router")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--push-to-hub", "router"), "expected a repository id of the form owner/name"),
        (("--lora-rank", "4"), "--lora-rank 4 belongs to --backbone-training lora"),
        (("--log-to", "nowhere"), 'unknown tracker "nowhere"'),
        (("--patience", "0"), "expected patience >= 1, found 0"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_encoded(asked, said, program, chain_folder, tmp_path):
    done = program("train", chain_folder / "benchmark", "--router", "vlc", "--out", tmp_path / "out", *asked)
    assert done.status == 1 and said in done.err
    assert "encode" not in done.err and not (tmp_path / "out").exists()


def test_options_of_the_backbone_and_of_early_stopping_reach_the_training():
    request = TrainRequest(folder=Path("benchmark"), router="vlc", patience=2, gradient_checkpointing=True)
    arguments = request.training_arguments(Path("out"))
    assert (arguments.patience, arguments.options) == (2, {"gradient_checkpointing": True})
    frozen = replace(request, backbone_training=BackboneTraining.FROZEN, gradient_checkpointing=False)
    assert frozen.training_arguments(Path("out")).options == {"freeze_backbone": True}
    lora = replace(request, backbone_training=BackboneTraining.LORA, num_workers=3, log_to=["tensorboard"])
    arguments = lora.training_arguments(Path("routers/out"))
    assert (arguments.lora_rank, arguments.num_workers) == (LORA_RANK, 3)
    assert arguments.logging_dir == Path("routers/out.logs")
