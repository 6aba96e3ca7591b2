"""Options that a family has no use for, and values that make no sense, are refused before anything is encoded."""

import pytest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("mlp", "--max-length", "10"), "--max-length: the text encoder builtin reads the whole text"),
        (("mlp", "--backbone", "tiny-vilt"), "--backbone: mlp decides by features and has no backbone"),
        (("mlp", "--image-size", "32", "--patches", "x"), "--patches, --image-size: mlp decides by features"),
        (("mlp", "--backbone-training", "frozen"), "--backbone-training: mlp decides by features"),
        (("knn", "--num-epochs", "3", "--bf16"), "--num-epochs, --bf16: knn is not trained by gradients"),
        (("flagship", "--log-to", "tensorboard"), "--log-to: flagship is not trained by gradients"),
        (("vlc", "--text", "builtin+canonical"), "--text: vlc reads samples through its backbone"),
        (("vlc-estimates", "--image-pooling", "first"), "--image-pooling: vlc-estimates reads samples through"),
        (("mlp", "--text-weight", "0.5"), "with the fusion weighted-average, found concat"),
        (("mlp", "--max-length", "0"), "expected max_length >= 1, found 0"),
        (("vlc", "--max-length", "0"), "expected max_length >= 1, found 0"),
        (("mlp", "--device", "cud"), 'expected the device cpu, cuda or cuda:NUMBER, found "cud"'),
        (("mlp", "--learning-rate", "0"), "expected a finite learning_rate > 0, found 0.0"),
        (("mlp", "--learning-rate", "nan"), "expected a finite learning_rate > 0, found nan"),
        (("mlp", "--seed", "-1"), "--seed"),
    ],
)
def test_train_refuses_what_its_family_does_not_use_and_what_makes_no_sense(options, said, program, chain_folder):
    family, *given = options
    run = program("train", chain_folder / "benchmark", "--router", family, *given, "--out", chain_folder / "refused")
    assert run.status != 0 and said in run.err and "unexpected" not in run.err
    assert not (chain_folder / "refused").exists()


def test_a_rank_of_nothing_is_refused_and_not_taken_for_the_default(program, chain_folder, tmp_path):
    options = ("--router", "vlc", "--backbone-training", "lora", "--lora-rank", "0")
    run = program("train", chain_folder / "benchmark", *options, "--out", tmp_path / "router")
    assert run.status == 1 and "lora_rank >= 1, found 0" in run.err


def test_a_study_without_end_to_end_routers_refuses_their_options(program, chain_folder):
    for given, said in (
        (("--image-size", "32", "--num-epochs", "2"), "--image-size, --num-epochs: none of the routers is an end-to-"),
        (("--max-length", "20"), "--max-length: the text encoder builtin reads the whole text"),
    ):
        run = program("study", chain_folder / "benchmark", "--router", "mlp", *given)
        assert run.status == 1 and said in run.err and "encode" not in run.err.replace("encoder", "")


@pytest.mark.parametrize("command", ["evaluate", "simulate", "study", "sweep", "ablate"])
def test_a_seed_below_0_is_refused_by_its_range(command, program, chain_folder, tmp_path):
    folder = {"simulate": ()}.get(command, (chain_folder / "benchmark",))
    router = {"simulate": (), "ablate": ("--axis", "fusion")}.get(command, ("--router", "mlp"))
    run = program(command, *folder, *router, "--out", tmp_path / "out", "--seed", "-1")
    assert run.status == 2 and "Invalid value for '--seed'" in run.err
