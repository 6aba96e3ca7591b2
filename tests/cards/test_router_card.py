"""The router card: what was trained and chosen, on which benchmark, and "simulated" where it was."""

import copy
import json

import pytest
import yaml
from jinja2 import UndefinedError

from vlrouterbench.hub.saved_routers import whole_card
from vlrouterbench.routers.base.card import candidates_section, pool_of, short_card
from vlrouterbench.routers.registry import ROUTERS

TRIALS = [{"setting": {"cost_weight": float(n)}, "validation_rank_score": 60.0 + n} for n in range(12)]


def render_router_card(family, config, trials, *, title="", render=whole_card, **facts):
    """A card from a family's name, a configuration, and facts."""
    return render(config, {"family": family, "title": title, "calibrated": False, "trials": trials, **facts})


@pytest.fixture
def config(trained_folders):
    return json.loads((trained_folders["mlp"] / "config.json").read_text())


@pytest.fixture
def measured(config):
    """A configuration of a router trained on a measured benchmark."""
    other = copy.deepcopy(config)
    other["training"]["benchmark"] |= {"simulated": False, "name": "vl-routerbench"}
    return other


def _parts(card):
    """Front matter as data, and the text under it."""
    _, front, text = card.split("---\n", 2)
    return yaml.safe_load(front), text


@pytest.mark.parametrize("family", ROUTERS)
def test_router_of_simulated_data_says_so_in_title_tags_and_text(family, trained_folders):
    front, text = _parts((trained_folders[family] / "README.md").read_text())
    assert "simulated" in front["tags"] and front["library_name"] == "transformers"
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == (f"# {ROUTERS[family].title} router over 17 vision-language models (trained on simulated data)")
    assert lines[1].startswith("**Trained on simulated data.**")


def test_router_of_measured_data_does_not_say_simulated(measured):
    card = render_router_card("mlp", measured, TRIALS, title="MLP")
    assert "simulat" not in card.lower()
    assert "simulated" not in _parts(card)[0]["tags"]
    assert "# MLP router over 17 vision-language models\n" in card


def test_best_ten_trials_stand_in_order_and_all_are_counted(config):
    text = render_router_card("mlp", config, TRIALS)
    rows = [line for line in text.splitlines() if line.startswith("| cost_weight")]
    assert rows == [f"| cost_weight {n} | {60 + n}.00 |" for n in range(11, 1, -1)]
    assert "12 settings were tried" in text and "The best 10:" in text


def test_what_was_chosen_by_stands_beside_what_it_is_not_chosen_by(config):
    """Chosen out of fold: no row has a higher figure than the first of the kind that the text says it was chosen by."""
    trials = [
        {"setting": {"usd_weight": float(n)}, "validation_rank_score": 60.0 + n, "held_out_rank_score": 70.0 - n}
        for n in range(3)
    ]
    text = render_router_card("flagship", config, trials)
    assert "3 settings were tried; the best by the first Rank Score below was kept" in text
    table = text.split("| setting |")[1].split("\n\n")[0].splitlines()
    assert table[0] == " Rank Score chosen by | on validation alone |"
    assert table[2:] == [
        "| usd_weight 0 | 70.00 | 60.00 |",
        "| usd_weight 1 (one point of accuracy is worth 100 USD per 10,000) | 69.00 | 61.00 |",
        "| usd_weight 2 (one point of accuracy is worth 50 USD per 10,000) | 68.00 | 62.00 |",
    ]


def test_one_setting_is_not_called_several(config):
    assert "\n1 setting was tried; " in render_router_card("mlp", config, TRIALS[:1])


def test_every_candidate_stands_with_prices_and_mean_cost(config):
    config["candidates"][0]["mean_cost_usd"] = None
    text = render_router_card("mlp", config, TRIALS)
    for candidate in config["candidates"][1:]:
        prices = f"{candidate['input_price']:.2f} | {candidate['output_price']:.2f}"
        assert f"| {candidate['name']} | {prices} | {10_000 * candidate['mean_cost_usd']:.3f} |" in text
    assert "| Janus-Pro-1B | 0.05 | 0.05 | not measured |" in text


def test_benchmark_seed_and_version_stand_in_the_text(config):
    text = render_router_card("mlp", config, TRIALS)
    training = config["training"]
    assert training["benchmark"]["sha256"][:16] in text and f"`{training['benchmark']['name']}`" in text
    assert f"{training['num_train']} training samples" in text
    assert f"vlrouterbench {training['version']}, seed 0" in text


@pytest.mark.parametrize("name", ["num_train", "num_validation", "seed", "version"])
def test_missing_training_fact_is_an_error_and_not_an_empty_cell(config, name):
    del config["training"][name]
    with pytest.raises((UndefinedError, TypeError), match=f"{name}|StrictUndefined"):
        render_router_card("mlp", config, TRIALS)


def test_a_price_that_is_not_known_is_said_to_be_not_known(config):
    del config["candidates"][3]["input_price"]
    name = config["candidates"][3]["name"]
    assert f"| {name} | not known | " in render_router_card("mlp", config, TRIALS)


def test_family_without_a_title_goes_by_its_name(config):
    assert "# new-family router over 17" in render_router_card("new-family", config, TRIALS)


def test_an_end_to_end_router_names_its_backbone_and_says_that_it_is_random_and_what_was_not_tried(end_to_end_folders):
    text = (end_to_end_folders["zooter"] / "README.md").read_text(encoding="utf-8")
    assert "through `tiny-visualbert`" in text and "a small backbone of random weights" in text
    assert "**Not run**: training on several GPUs" in text
    assert "1 process on cpu, global batch 32" in text
    assert "simulated-easy" in text


def test_a_feature_router_says_nothing_of_a_backbone(config):
    assert "Backbone" not in render_router_card("mlp", config, TRIALS)


CHANGES = [
    {"change": "joined", "candidate": "new|er", "num_anchors": 7},
    {"change": "left", "candidate": "GPT-4o"},
    {"change": "price", "candidate": "SmolVLM2", "before": [0.06, 0.06], "after": [0.1, 0.25]},
]


def _changed(config):
    other = copy.deepcopy(config)
    other["candidates"] = other["candidates"][:3]
    other["training"]["pool_changes"] = CHANGES
    return other


@pytest.mark.parametrize("render", [whole_card, short_card])
def test_a_changed_pool_stands_in_the_table_with_every_change(config, render):
    text = render_router_card("mlp", _changed(config), TRIALS, pool=pool_of(config), render=render)
    assert "router over 3 vision-language models" in text and "| GPT-4o |" not in text
    assert "- new\\|er joined: its accuracy, cost and tokens are estimated from 7 anchor samples" in text
    assert "- GPT-4o left." in text
    assert "- SmolVLM2 has new prices: in $/1M 0.06 -> 0.1, out $/1M 0.06 -> 0.25." in text


@pytest.mark.parametrize("render", [whole_card, short_card])
def test_the_hub_is_shown_figures_of_the_pool_as_it_is_and_of_no_other(config, render):
    front, _ = _parts(render_router_card("mlp", config, TRIALS, pool=pool_of(config), render=render))
    assert [one["metrics"][0]["value"] for one in front["model-index"][0]["results"]] == [71.0]
    for other in (_changed(config), config | {"candidates": config["candidates"][::-1]}):
        changed, _ = _parts(render_router_card("mlp", other, TRIALS, pool=pool_of(config), render=render))
        assert changed == {key: value for key, value in front.items() if key != "model-index"}


@pytest.mark.parametrize("render", [whole_card, short_card])
def test_whole_and_short_card_have_one_front_matter_title_and_section_on_the_pool(config, render):
    config = _changed(config)
    card = render_router_card("mlp", config, TRIALS, title="MLP", render=render)
    assert _parts(card)[0] == _parts(render_router_card("mlp", config, TRIALS, title="MLP"))[0]
    assert "\n# MLP router over 3 vision-language models (trained on simulated data)\n" in card
    assert candidates_section(config) in card and card.count("## Candidates") == 1


def test_the_short_card_says_what_was_tried_chosen_and_trained_on(config):
    card = render_router_card("mlp", config, TRIALS, render=short_card)
    assert "12 settings were tried; chosen: cost_weight 11.0, Rank Score 71.00 on" in card
    assert "**Trained on simulated data**" in card and config["training"]["benchmark"]["sha256"][:16] in card


@pytest.mark.parametrize("render", [whole_card, short_card])
def test_a_router_without_any_record_of_its_training_has_a_card(render):
    config = {"candidates": [{"name": "a"}], "training": {}, "encoder": {}}
    front, text = _parts(render_router_card("mlp", config, [], render=render))
    assert "model-index" not in front and "simulated" not in front["tags"]
    assert "| a | not known | not known | not measured |" in text and "over 1 vision-language models" in text


def test_trials_that_are_not_known_are_not_spoken_of(config):
    text = render_router_card("mlp", config, [])
    assert "settings were tried" not in text and "## Candidates" in text and "model-index" not in text
    assert "What was tried on validation is not recorded beside this router." in text


def test_the_flagships_card_cites_its_parts(trained_folders):
    card = (trained_folders["flagship"] / "README.md").read_text()
    for key in ("vlrouterbench", "stacking", "nystrom", "platt", "carrot", "uniroute"):
        assert card.count(f"{{{key},\n") == 1
    assert "bibtex" not in (trained_folders["mlp"] / "README.md").read_text()
