"""Studies with routers that learn end to end, and with text encoders that a router's name brings."""

import json

import pytest

from tests.cli.conftest import run_program
from tests.hub_models import save_text_model
from vlrouterbench.evaluation.study.parts.routers import RoutersPart


def test_routers_through_a_backbone_and_on_another_encoder_are_paired_with_the_others(easy_folder, tmp_path):
    other = f"context-nn@{save_text_model(tmp_path / 'texts')}"
    names = ("vlc", other, "context-nn", "mixture")
    routers = [word for name in names for word in ("--router", name)]
    trained = ("--backbone", "tiny-bert", "--max-length", "24", "--num-epochs", "1", "--seed", "0", "--num-proc", "1")
    done = run_program("study", easy_folder, *routers, *trained, "--out", tmp_path / "study")
    assert done.status == 0, done.err
    study = json.loads((tmp_path / "study" / "study.json").read_text())
    rows = {row["router"]: row for row in study["routers"]}
    assert {*rows} == {*names, "upper-bound"}
    assert rows["context-nn"]["accuracy"] != rows[other]["accuracy"]
    assert rows["vlc"]["first_minus_this"]["ci95"] == [0, 0]
    low, high = rows["mixture"]["first_minus_this"]["ci95"]
    assert low < rows["vlc"]["rank_score"] - rows["mixture"]["rank_score"] < high
    assert study["backbone"]["backbone"] == "tiny-bert"
    for first, title in (("vlc", "vlc - it, 95 %"), (other, "first - it, 95 %")):  # a folder's name fills a terminal
        table = next(
            line
            for line in RoutersPart().table(study["routers"], study | {"first": first})
            if not isinstance(line, str)
        )
        assert table.columns[-1] == title


@pytest.mark.parametrize(
    ("name", "part", "said"),
    [
        ("vlc", "frontiers", '"vlc" learns end to end, and this part of a study trains families over features'),
        ("mlp@builtin+canonical", "frontiers", '"mlp@builtin.canonical" brings a text encoder of its own'),
        ("vlc@builtin+canonical", "routers", '"vlc@builtin.canonical" brings a text encoder of its own'),
        ("mlp@builtin+canonicl", "routers", 'Did you mean "builtin.canonical"'),
        ("mlp@", "routers", 'expected a text encoder behind "@", as in FAMILY@TEXT_ENCODER, found none in "mlp@"'),
        ("flagshp@builtin", "routers", 'Did you mean "flagship"'),
        ("oracle@builtin", "routers", '"oracle@builtin": oracle is a policy, which is not trained'),
    ],
)
def test_names_that_a_part_cannot_use_are_refused_before_anything_is_trained(name, part, said, easy_folder):
    asked = ("--backbone", "tiny-bert", "--seed", "0", "--num-proc", "1")
    done = run_program("study", easy_folder, "--router", name, "--part", part, *asked)
    assert done.status == 1
    assert said.replace(".", "+") in done.err.replace("\n", " ")
