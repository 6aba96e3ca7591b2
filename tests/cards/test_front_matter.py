"""Front matter of every kept card, by the checks of the Hub's own libraries that need no network."""

import re

import pytest
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, ModelCard, SpaceCard, SpaceHardware, metadata_load
from huggingface_hub.inference._generated import types
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from huggingface_hub.utils import validate_repo_id
from transformers.pipelines import PIPELINE_REGISTRY

SPACES = ("spaces/routing_demo/README.md", "spaces/leaderboard/README.md", "hub_cards/metric_rank_score.md")
CARDS = ("hub_cards/router-mlp-simulated.md", "hub_cards/vl-routerbench-simulated.md", *SPACES)


@pytest.mark.parametrize("name", CARDS)
def test_the_hub_reads_the_front_matter_and_no_id_is_left_to_fill_in(name, project_root):
    front = metadata_load(project_root / name)
    assert front["license"] and all(isinstance(tag, str) for tag in front["tags"])
    text = (project_root / name).read_text(encoding="utf-8")
    assert "PATH_OR_REPO_ID" not in text and "@" not in text.partition("<details>")[0]


@pytest.mark.parametrize("name", CARDS)
def test_what_a_card_shows_lies_beside_it(name, project_root):
    text = (project_root / name).read_text(encoding="utf-8")
    shown = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", text)
    assert shown or "metric" in name or "leaderboard" in name
    assert all(((project_root / name).parent / path).is_file() for _, path in shown)


def test_the_routers_card_has_a_task_a_library_a_data_set_and_results_that_are_read_back(project_root):
    data = ModelCard.load(project_root / "hub_cards" / "router-mlp-simulated.md").data
    PIPELINE_REGISTRY.check_task(data.pipeline_tag)
    assert data.library_name == "transformers"
    for repo_id in data.datasets:
        validate_repo_id(repo_id)
    assert {one.dataset_type for one in data.eval_results} == set(data.datasets)
    index = eval_results_to_model_index(data.model_name, data.eval_results)
    assert model_index_to_eval_results(index) == (data.model_name, data.eval_results)
    assert all(len(f"{one.metric_value:.10g}".replace(".", "").lstrip("0")) <= 4 for one in data.eval_results)


def test_the_viewer_finds_the_configs_of_the_data_set(project_root):
    card = DatasetCard.load(project_root / "hub_cards" / "vl-routerbench-simulated.md")
    configs = MetadataConfigs.from_dataset_card_data(card.data)
    assert configs.get_default_config_name() == "default" and {"outcomes", "candidates"} < set(configs)
    assert all(hasattr(types, task.replace("-", "_")) for task in card.data.task_categories)


@pytest.mark.parametrize("name", SPACES)
def test_a_space_states_what_the_hub_builds_it_by(name, project_root):
    data = SpaceCard.load(project_root / name).data
    assert data.sdk == "gradio" and data.app_file == "app.py" and len(data.short_description) <= 60
    if hardware := data.get("suggested_hardware"):
        assert hardware in {kind.value for kind in SpaceHardware}
