"""The router card: rendered from the saved configuration and the trials, honest about simulated data."""

import json

import pytest
import yaml
from jinja2 import UndefinedError

from vlrouterbench.cards.router_card import FAMILY_TITLES, render_router_card
from vlrouterbench.routers.registry import ROUTERS


def _config(*, simulated, **training):
    facts = {
        "benchmark": {"name": "my-benchmark", "sha256": "ab" * 32, "simulated": simulated},
        "seed": 3,
        "num_train": 1234,
        "num_validation": 77,
        "version": "9.8.7",
    }
    candidates = [
        {"name": "small", "input_price": 0.1, "output_price": 0.4, "mean_cost_usd": 0.0001},
        {"name": "large", "input_price": 2.0, "output_price": 8.0, "mean_cost_usd": None},
    ]
    return {"candidates": candidates, "training": facts | training}


TRIALS = [
    {"setting": {"cost_weight": 10.0 * number, "num_neighbors": number}, "validation_rank_score": 50.0 + number}
    for number in range(12)
]


def _parts(card):
    front, text = card.removeprefix("---\n").split("\n---\n", 1)
    return yaml.safe_load(front), text


def test_router_of_simulated_data_says_so_in_title_tags_and_text():
    front, text = _parts(render_router_card("knn", _config(simulated=True), TRIALS))
    assert "simulated" in front["tags"]
    title = next(line for line in text.splitlines() if line.startswith("# "))
    assert title.startswith("# kNN router over 2 ") and title.endswith("(trained on simulated data)")
    assert text.index("**Trained on simulated data.**") < text.index("|")


def test_router_of_measured_data_never_says_simulated():
    assert "simulated" not in render_router_card("mlp", _config(simulated=False), TRIALS).lower()


def test_front_matter_names_the_library():
    front, _ = _parts(render_router_card("mlp", _config(simulated=False), TRIALS))
    assert front["library_name"] == "transformers" and "model-routing" in front["tags"]


def test_best_ten_trials_stand_best_first_and_all_are_counted():
    _, text = _parts(render_router_card("knn", _config(simulated=False), TRIALS))
    shown = [line for line in text.splitlines() if line.startswith("| cost_weight")]
    assert shown[0] == "| cost_weight 110.0, num_neighbors 11 | 61.00 |"
    assert len(shown) == 10 and shown[-1].endswith("| 52.00 |")
    assert "12 settings were tried" in text


def test_candidates_stand_with_prices_and_mean_cost_per_10k():
    _, text = _parts(render_router_card("knn", _config(simulated=False), TRIALS))
    assert "| small | 0.10 | 0.40 | 1.000 |" in text
    assert "| large | 2.00 | 8.00 | not measured |" in text
    assert "my-benchmark" in text and "1,234 training samples" in text and "9.8.7" in text


@pytest.mark.parametrize("missing", ["seed", "version", "num_train", "num_validation"])
def test_missing_fact_is_an_error_and_never_an_empty_cell(missing):
    config = _config(simulated=False)
    del config["training"][missing]
    # A TypeError where the template formats the number: jinja's undefined value refuses that without a name.
    with pytest.raises((UndefinedError, TypeError), match=f"{missing}|StrictUndefined"):
        render_router_card("knn", config, TRIALS)


@pytest.mark.parametrize("family", ROUTERS)
def test_trained_folder_carries_its_card(trained_folders, family):
    front, text = _parts((trained_folders[family] / "README.md").read_text())
    config = json.loads((trained_folders[family] / "config.json").read_text())
    assert "simulated" in front["tags"] and "**Trained on simulated data.**" in text
    assert f"# {FAMILY_TITLES[family]} router over 17 " in text
    assert f"{config['training']['validation_rank_score']:.2f} |" in text
    assert all(f"| {candidate['name']} |" in text for candidate in config["candidates"])


def test_every_family_has_a_title():
    assert set(FAMILY_TITLES) >= set(ROUTERS)
