"""Options that a family has no use for are said, and values that make no sense are refused, before any encoding."""

from pathlib import Path

import pytest

from vlrouterbench.cli.study import StudyRequest
from vlrouterbench.cli.train import TrainRequest
from vlrouterbench.cli.unused_options import say_unused, say_without_backbone


@pytest.mark.parametrize(
    ("family", "options", "said"),
    [
        ("mlp", {"max_length": 10}, "not used: --max-length (the text encoder builtin reads the whole text)."),
        ("mlp", {"backbone": "tiny-bert"}, "not used: --backbone (mlp decides by features and has no backbone)."),
        ("mlp", {"image_size": 32, "patches": "x"}, "not used: --patches, --image-size (mlp decides by features"),
        ("knn", {"num_epochs": 3, "bf16": True}, "not used: --num-epochs, --bf16 (knn is not trained by gradients"),
        ("flagship", {"log_to": "tensorboard"}, "not used: --log-to (flagship is not trained by gradients"),
        ("vlc", {"text": "builtin+canonical"}, "not used: --text (vlc reads samples through its backbone"),
        ("vlc-estimates", {"image_pooling": "first"}, "not used: --image-pooling (vlc-estimates reads samples"),
        ("mlp", {"num_epochs": 3, "bf16": True, "text": "builtin+canonical"}, ""),
        ("vlc", {"num_epochs": 3, "backbone": "tiny-bert", "image_size": 32, "max_length": 9}, ""),
        ("knn", {}, ""),
    ],
)
def test_options_that_a_family_has_no_use_for_are_said_by_name(family, options, said, capsys):
    say_unused(TrainRequest(folder=Path("benchmark"), router=family, **options), family)
    shown = capsys.readouterr()
    assert said in " ".join(shown.err.split()) and bool(shown.err) == bool(said) and not shown.out


def test_a_study_without_end_to_end_routers_says_their_options(capsys):
    request = StudyRequest(folder=Path("benchmark"), image_size=32, num_epochs=2, max_length=20)
    say_without_backbone(request, ["builtin+canonical"])
    said = " ".join(capsys.readouterr().err.split())
    assert "--image-size, --num-epochs (none of the routers is an end-to-end one)." in said
    assert "--max-length (the text encoder builtin reads the whole text)." in said


def test_an_option_without_use_changes_no_router(program, chain_folder, tmp_path):
    weights = []
    for name, given in (("plain", ()), ("said", ("--num-epochs", "3"))):
        run = program("train", chain_folder / "benchmark", "--router", "knn", *given, "--out", tmp_path / name)
        assert run.status == 0 and ("not used: --num-epochs" in run.err) == bool(given)
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("mlp", "--text-weight", "0.5"), "with the fusion weighted-average, found concat"),
        (("mlp", "--max-length", "0"), "expected max_length >= 1, found 0"),
        (("vlc", "--max-length", "0"), "expected max_length >= 1, found 0"),
        (("mlp", "--device", "cud"), 'expected the device cpu, cuda or cuda:NUMBER, found "cud"'),
        (("mlp", "--learning-rate", "0"), "expected a finite learning_rate > 0, found 0.0"),
        (("mlp", "--learning-rate", "nan"), "expected a finite learning_rate > 0, found nan"),
        (("mlp", "--seed", "-1"), "--seed"),
    ],
)
def test_train_refuses_what_makes_no_sense(options, said, program, chain_folder):
    family, *given = options
    run = program("train", chain_folder / "benchmark", "--router", family, *given, "--out", chain_folder / "refused")
    assert run.status != 0 and said in run.err and "unexpected" not in run.err
    assert not (chain_folder / "refused").exists()


def test_a_rank_of_nothing_is_refused_and_not_taken_for_the_default(program, chain_folder, tmp_path):
    options = ("--router", "vlc", "--backbone-training", "lora", "--lora-rank", "0")
    run = program("train", chain_folder / "benchmark", *options, "--out", tmp_path / "router")
    assert run.status == 1 and "lora_rank >= 1, found 0" in run.err


@pytest.mark.parametrize("command", ["evaluate", "simulate", "study", "sweep", "ablate"])
def test_a_seed_below_0_is_refused_by_its_range(command, program, chain_folder, tmp_path):
    folder = {"simulate": ()}.get(command, (chain_folder / "benchmark",))
    router = {"simulate": (), "ablate": ("--axis", "fusion")}.get(command, ("--router", "mlp"))
    run = program(command, *folder, *router, "--out", tmp_path / "out", "--seed", "-1")
    assert run.status == 2 and "Invalid value for '--seed'" in run.err
