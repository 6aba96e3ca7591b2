"""The dataset card: configs that fit the files, figures of the report, and the word "simulated" where it belongs."""

import copy
import json

import pytest
import yaml
from jinja2 import UndefinedError

from vlrouterbench.cards.dataset_card import dataset_configs, render_dataset_card
from vlrouterbench.cards.render import render_template

CANDIDATES = [
    {
        "name": "small",
        "input_price": 0.1,
        "output_price": 0.4,
        "num_pairs": 1234,
        "accuracy": 0.5,
        "average_cost_usd": 0.00012345,
    },
    {
        "name": "unmeasured",
        "input_price": 2.0,
        "output_price": 8.0,
        "num_pairs": 0,
        "accuracy": None,
        "average_cost_usd": None,
    },
]


@pytest.fixture(scope="module")
def report(simulated_folder):
    return json.loads((simulated_folder / "build_report.json").read_text())


@pytest.fixture
def measured(report):
    """The report as it would stand had the benchmark been measured."""
    return copy.deepcopy(report) | {"simulated": False, "name": "my-benchmark"}


def _parts(card):
    """Front matter, parsed, and text."""
    assert card.startswith("---\n")
    front, text = card.removeprefix("---\n").split("\n---\n", 1)
    return yaml.safe_load(front), text


def test_simulated_benchmark_says_so_in_title_tags_and_text(report):
    front, text = _parts(render_dataset_card(report, CANDIDATES))
    assert "simulated" in front["tags"] and "simulated" in front["pretty_name"]
    title = next(line for line in text.splitlines() if line.startswith("# "))
    assert title.endswith("(simulated)")
    # Above the first table, so that no figure is read without it.
    assert text.index("**Simulated.**") < text.index("|")


def test_measured_benchmark_never_says_simulated(measured):
    card = render_dataset_card(measured, CANDIDATES)
    assert "simulated" not in card.lower()
    assert _parts(card)[0]["license"] == "other"


def test_card_of_the_folder_is_the_rendered_one(simulated_folder, report):
    front, text = _parts((simulated_folder / "README.md").read_text())
    assert front["configs"] == dataset_configs(report)
    for name in report["datasets"]:
        assert f"| {name} |" in text


def test_every_config_finds_files_and_default_holds_all_groups(simulated_folder, report):
    configs = {config["config_name"]: config for config in dataset_configs(report)}
    assert list(configs) == ["default", "general", "stem", "charts-ocr", "outcomes", "candidates"]
    found = {
        name: {path for files in config["data_files"] for path in simulated_folder.glob(files["path"])}
        for name, config in configs.items()
    }
    assert all(found.values())
    assert found["default"] == set((simulated_folder / "data").glob("*.parquet"))
    groups = [found[name] for name in ("general", "stem", "charts-ocr")]
    assert set.union(*groups) == found["default"]
    assert sum(map(len, groups)) == len(found["default"])
    assert [name for name, config in configs.items() if config.get("default")] == ["default"]


def test_every_config_carries_the_digest_so_that_no_cache_serves_an_older_folder(report):
    assert all(report["sha256"] in config["description"] for config in dataset_configs(report))


def test_split_without_samples_has_no_files(report):
    changed = copy.deepcopy(report)
    changed["splits"]["validation"] = 0
    for group in changed["task_groups"]:
        changed["group_splits"][group]["validation"] = 0
    for config in dataset_configs(changed):
        assert "validation" not in [files["split"] for files in config["data_files"]]


def test_figures_stand_in_usd_per_10k_and_percent(measured):
    _, text = _parts(render_dataset_card(measured, CANDIDATES))
    assert "| small | 0.10 | 0.40 | 1,234 | 50.00 | 1.234 |" in text or "| 50.00 | 1.235 |" in text
    assert "| unmeasured | 2.00 | 8.00 | 0 | - | - |" in text
    bounds = measured["cost_bounds_usd"]
    assert f"{10_000 * bounds['cmin']:.4f} ({bounds['cmin_candidate']})" in text
    assert measured["sha256"] in text and measured["source_sha256"] in text


@pytest.mark.parametrize(
    ("samples", "category"), [(999, "n<1K"), (1000, "1K<n<10K"), (30_540, "10K<n<100K"), (2_000_000, "1M<n<10M")]
)
def test_size_category_is_the_hubs(measured, samples, category):
    front, _ = _parts(render_dataset_card(measured | {"samples": samples}, CANDIDATES))
    assert front["size_categories"] == [category]


def test_name_with_yaml_signs_keeps_the_front_matter_readable(measured):
    front, _ = _parts(render_dataset_card(measured | {"name": 'my: "bench" # 1'}, CANDIDATES))
    assert front["pretty_name"] == 'my: "bench" # 1'


@pytest.mark.parametrize("missing", ["protocol", "token_counter", "source_sha256", "version", "price_sheet"])
def test_missing_figure_is_an_error_and_never_an_empty_cell(measured, missing):
    del measured[missing]
    with pytest.raises(UndefinedError, match=missing):
        render_dataset_card(measured, CANDIDATES)


def test_template_without_its_values_is_an_error():
    with pytest.raises(UndefinedError):
        render_template("dataset_card.md", front="")
