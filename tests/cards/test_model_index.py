"""`model-index` of a router's card: read back by huggingface_hub, added to by an evaluation, replaced by the next."""

import shutil

import pytest
from huggingface_hub import ModelCard

from vlrouterbench.cards.model_index import card_with_results, card_without_results, update_router_card
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers


@pytest.fixture(scope="module")
def record(trained_folders, simulated_folder, tmp_path_factory):
    """What an evaluation says of a trained router."""
    options = EvaluationOptions(time_routers=False)
    return evaluate_routers(simulated_folder, [str(trained_folders["mlp"])], tmp_path_factory.mktemp("out"), options)[0]


def figures(card):
    return {(r.dataset_split, r.metric_type): r.metric_value for r in ModelCard(card).data.eval_results}


def test_training_writes_the_validation_score_and_no_test_figure(trained_folders):
    card = (trained_folders["mlp"] / "README.md").read_text()
    ((split, metric), value) = next(iter(figures(card).items()))
    assert (split, metric) == ("validation", "rank_score") and len(figures(card)) == 1
    assert f"| {value:.2f} |" in card
    assert ModelCard(card).data.eval_results[0].dataset_name == "vl-routerbench-simulated (simulated data)"


def test_an_evaluation_adds_its_figures_and_leaves_the_rest(trained_folders, record, tmp_path):
    shutil.copytree(trained_folders["mlp"], tmp_path / "mlp")
    before = (tmp_path / "mlp" / "README.md").read_text()
    card = update_router_card(tmp_path / "mlp", record).read_text()
    added = {name: value for (split, name), value in figures(card).items() if split == "test"}
    assert added == pytest.approx(
        {name: record[name] for name in ("accuracy", "average_cost_usd", "rank_score")}, rel=1e-5
    )
    assert figures(before).items() <= figures(card).items()
    text, section = before.split("---\n", 2)[2], card.split("<!-- evaluation: begin -->")[1].split("end -->")[0]
    assert f"| Rank Score | {record['rank_score']:.2f} |" in section and "(simulated data)" in section
    kept = card.split("---\n", 2)[2].split("<!-- evaluation: begin -->")
    assert text == kept[0] + kept[1].split("end -->\n\n", 1)[1]


def test_evaluating_again_replaces_the_figures(trained_folders, record):
    card = (trained_folders["mlp"] / "README.md").read_text()
    once = card_with_results(card, record)
    assert card_with_results(once, record) == once
    other = card_with_results(once, record | {"rank_score": 1.25})
    assert figures(other)["test", "rank_score"] == 1.25 and other.count("evaluation: begin") == 1


def test_a_card_that_a_person_changed_keeps_the_changes(trained_folders, record):
    card = card_with_results((trained_folders["mlp"] / "README.md").read_text(), record) + "\nA note of mine.\n"
    assert card_with_results(card, record).endswith("\nA note of mine.\n")


def test_another_benchmark_a_card_without_front_matter_and_no_card_are_refused(trained_folders, record, tmp_path):
    card = (trained_folders["mlp"] / "README.md").read_text()
    other = record | {"benchmark": record["benchmark"] | {"sha256": "f" * 64}}
    with pytest.raises(VLRouterBenchError, match="trained on"):
        card_with_results(card, other)
    with pytest.raises(VLRouterBenchError, match="front matter"):
        card_with_results("# a title\n", record)
    with pytest.raises(VLRouterBenchError, match="found none"):
        update_router_card(tmp_path, record)


def test_without_results_a_card_is_as_it_was_but_for_its_figures(trained_folders, record):
    card = (trained_folders["mlp"] / "README.md").read_text()
    bare = card_without_results(card_with_results(card, record))
    assert bare == card_without_results(card)
    assert "model-index" not in bare and "evaluation: begin" not in bare
    assert bare.split("---\n", 2)[2] == card.split("---\n", 2)[2]
