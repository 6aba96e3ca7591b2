"""The whole chain with pretrained encoders on the command line: encode, train, evaluate, route, ablate."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from tests.hub_models import save_image_model, save_text_model
from vlrouterbench.data.table import load_table
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.routers.auto import AutoRouter


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {
        "--text": str(save_text_model(root / "e5-small-v2")),
        "--image": str(save_image_model(root / "clip-tiny", "clip")),
    }


@pytest.fixture(scope="module")
def trained(program, chain_folder, models, tmp_path_factory):
    """A benchmark and a router over pretrained encoders, trained on it; how training ended."""
    root = tmp_path_factory.mktemp("pretrained")
    shutil.copytree(chain_folder / "benchmark", root / "benchmark")
    flags = [part for pair in models.items() for part in pair]
    options = ("--fusion", "normalize-concat", "--num-proc", "1", "--out", root / "router")
    done = program("train", root / "benchmark", "--router", "knn", *flags, *options)
    assert done.status == 0, done.err
    return root


def test_evaluate_and_route_decide_the_same_on_every_sample(program, trained):
    asked = ("--router", trained / "router", "--no-baselines", "--out", trained / "evaluation")
    done = program("evaluate", trained / "benchmark", *asked)
    assert done.status == 0, done.err
    record = json.loads((trained / "evaluation" / "results.json").read_text())[0]
    assert record["features"]["text"] == "e5-small-v2" and record["features"]["fusion"] == "normalize-concat"
    decided = pq.read_table(trained / "evaluation" / "decisions.parquet").to_pydict()
    router = AutoRouter.from_pretrained(trained / "router")
    table = load_table(trained / "benchmark").split("test")
    assert decided["sample_id"] == table.column("sample_id")
    for sample, chosen in zip(router_inputs(table), decided["candidate"], strict=True):
        assert router.route(sample.question, sample.image, options=sample.options).candidate == chosen


def test_the_router_carries_no_weights_of_the_encoders(trained):
    router = AutoRouter.from_pretrained(trained / "router")
    assert router.encoder.text.description["family"] == "e5"
    assert {name.split(".")[0] for name in router.encoder.state_dict()} == {"text", "image"}
    assert {name.split(".")[1] for name in router.encoder.state_dict()} == {"mean", "scale"}


def test_an_encoder_that_moved_is_named_and_can_be_shown(program, trained, models, tmp_path):
    shutil.copytree(models["--text"], tmp_path / "moved")
    router = AutoRouter.from_pretrained(trained / "router")
    router.config.encoder["text"]["id"] = str(tmp_path / "gone" / "away")
    router.save_pretrained(tmp_path / "router")
    asked = ("route", "--router", tmp_path / "router", "--question", "What is this page?", "--json")
    refused = program(*asked)
    assert (
        refused.status == 1
        and "is a folder of the machine it was trained on: say where a copy lies (--text-encoder FOLDER)" in refused.err
    )
    shown = program(*asked, "--text-encoder", tmp_path / "moved")
    assert shown.status == 0, shown.err
    before = program("route", "--router", trained / "router", "--question", "What is this page?", "--json")
    assert json.loads(shown.out)["candidate"] == json.loads(before.out)["candidate"]


def test_an_encoder_is_not_placed_where_the_router_has_none(program, chain_folder, models):
    asked = ("route", "--router", chain_folder / "router", "--question", "Why?", "--text-encoder", models["--text"])
    assert "no pretrained text encoder" in program(*asked).err


def test_a_router_over_a_local_encoder_is_not_pushed(program, trained):
    done = program("push", "router", trained / "router", "someone/router")
    assert done.status == 1 and "nobody else could use it. Push the encoder to the Hub" in done.err


def test_an_unreadable_image_is_an_error_or_a_decision_by_the_text(program, trained, chain_folder, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    for router in (trained / "router", chain_folder / "router"):
        asked = ("route", "--router", router, "--question", "A hard proof, number 7?")
        refused = program(*asked, "--image", broken)
        assert refused.status == 1 and "expected a readable image" in refused.err
        allowed = program(*asked, "--image", broken, "--allow-text-only", "--json")
        without = program(*asked, "--json")
        assert json.loads(allowed.out) == json.loads(without.out)
        assert json.loads(allowed.out)["image_used"] is False
        told = program(*asked, "--image", broken, "--allow-text-only").out
        assert "The image had no part in this decision." in told


def test_the_hint_is_read(program, chain_folder):
    asked = ("route", "--router", chain_folder / "router", "--question", "Which one?", "--json")
    bare, hinted = json.loads(program(*asked).out), json.loads(program(*asked, "--hint", "a hard proof").out)
    assert bare["score"] != hinted["score"]


def test_encode_says_what_it_made(program, trained, models):
    flags = [part for pair in models.items() for part in pair]
    done = program("encode", trained / "benchmark", *flags, "--fusion", "average", "--num-proc", "1", "--json")
    content = json.loads(done.out)
    assert content["text"] == "e5-small-v2" and content["image"] == "clip-tiny" and content["fusion"] == "average"
    assert content["dim"] == 25 and content["samples"] == 120


def test_wrong_names_are_answered(program, trained):
    folder = trained / "benchmark"
    assert 'Did you mean "normalize-concat"' in program("encode", folder, "--fusion", "normalise-concat").err
    assert 'Did you mean "builtin"' in program("encode", folder, "--text", "buildin").err
    assert "not in the Hub's cache" in program("encode", folder, "--text", "nobody/nothing").err
