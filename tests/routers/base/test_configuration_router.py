"""Labels of a router's configuration: the candidates by index, whatever happens to the pool."""

import json

import pytest

from tests.families import small_router
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.registry import FAMILIES, ROUTERS

CANDIDATES = [{"name": name, "mean_cost_usd": 0.001} for name in ("b", "a", "c")]


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_are_the_candidates_in_pool_order(family):
    config = FAMILIES[family].config_class(candidates=CANDIDATES)
    assert config.num_labels == 3
    assert config.id2label == {0: "b", 1: "a", 2: "c"}
    assert config.label2id == {"b": 0, "a": 1, "c": 2}


def test_labels_follow_a_change_of_the_pool():
    config = ROUTERS["flagship"].config_class(candidates=CANDIDATES)
    config.candidates = [*CANDIDATES[1:], {"name": "d", "mean_cost_usd": None}, {"name": "e", "mean_cost_usd": None}]
    assert config.id2label == {0: "a", 1: "c", 2: "d", 3: "e"} and config.num_labels == 4
    config.candidates = config.candidates[:1]
    assert config.label2id == {"a": 0} and config.num_labels == 1


@pytest.mark.parametrize("family", ROUTERS)
def test_saved_labels_stand_in_config_json_and_load_again(family, tmp_path):
    small_router(family, num_candidates=12).save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["id2label"] == {str(index): name for index, name in enumerate("abcdefghijkl")}
    assert saved["label2id"]["l"] == 11
    assert AutoRouter.from_pretrained(tmp_path).config.id2label[10] == "k"


@pytest.mark.parametrize("family", ROUTERS)
def test_a_configuration_that_was_saved_without_labels_loads(family, tmp_path):
    small_router(family).save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    del saved["id2label"], saved["label2id"]
    (tmp_path / "config.json").write_text(json.dumps(saved))
    assert AutoRouter.from_pretrained(tmp_path).config.id2label == {0: "a", 1: "b", 2: "c"}


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        (
            "id2label",
            {"0": "a", "1": "b", "2": "c"},
            "id2label: expected the candidates b, a, c by index, found a, b, c",
        ),
        ("label2id", {"b": 0, "a": 1}, "label2id: expected the candidates b, a, c by index, found b, a. Leave it out"),
        ("num_labels", 5, "num_labels: expected 3, the number of candidates; found 5. Leave it out"),
    ],
)
def test_labels_that_are_not_the_candidates_are_refused(field, value, found):
    config = ROUTERS["knn"].config_class(candidates=CANDIDATES)
    with pytest.raises(ValueError, match=found):
        setattr(config, field, value)
