"""A Space's card: what the Hub builds it by, and what stands under its title."""

import pytest
import yaml

from vlrouterbench.cards.space_card import GRADIO_VERSION, PYTHON_VERSION, SpaceCardData, render_space_card
from vlrouterbench.core.errors import VLRouterBenchError

DEMO = SpaceCardData(
    title="Routing demo: who answers?",
    short_description="Which vision-language model should answer?",
    tags=("model-routing", "vl-routerbench"),
    models=("OWNER/router-flagship",),
    datasets=("OWNER/vl-routerbench",),
)


def front_of(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_front_matter_has_what_the_hub_asks_of_a_gradio_space():
    front = front_of(render_space_card(DEMO, "Ask it."))
    assert front == {
        "title": "Routing demo: who answers?",
        "sdk": "gradio",
        "sdk_version": GRADIO_VERSION,
        "python_version": PYTHON_VERSION,
        "app_file": "app.py",
        "pinned": False,
        "license": "apache-2.0",
        "short_description": "Which vision-language model should answer?",
        "tags": ["model-routing", "vl-routerbench"],
        "models": ["OWNER/router-flagship"],
        "datasets": ["OWNER/vl-routerbench"],
    }


def test_the_python_is_one_that_the_package_runs_on(project_root):
    setup = (project_root / "setup.cfg").read_text()
    assert f"python_requires = >={PYTHON_VERSION}" in setup


def test_empty_lists_are_left_out():
    front = front_of(render_space_card(SpaceCardData("T", "s"), "text"))
    assert not {"tags", "models", "datasets", "description"} & set(front)


def test_simulated_data_are_named_above_the_page():
    page = "Ask it."
    plain, marked = (render_space_card(DEMO, page, simulated=simulated) for simulated in (False, True))
    assert "imulated" not in plain and marked.index("Simulated data.") < marked.index(page)


def test_a_short_description_that_the_hub_would_cut_is_refused():
    assert SpaceCardData("T", "x" * 60)
    with pytest.raises(VLRouterBenchError, match="at most 60 characters"):
        SpaceCardData("T", "x" * 61)
