"""`route` and saving: one decision per question, the same after a round trip, and clear refusals."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.families import arguments_for, has_cost_weight
from vlrouterbench.core.constants import Unsolved
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.decision import CalibrationError, PoolMismatchError
from vlrouterbench.routers.base.learning import soft_cross_entropy
from vlrouterbench.routers.base.modeling_router import CALIBRATED_FAMILIES, PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RouterInputError
from vlrouterbench.routers.registry import FAMILIES, ROUTERS
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router

QUESTION = "What is the average of the tallest bars?"
each_family = pytest.mark.parametrize("family", ROUTERS)
# The others answer alike for all samples of a cluster, with one nearest sample, or at all.
COARSE = ("kmeans", "uniroute", "context-nn", "context-mean")
each_fine_grained = pytest.mark.parametrize("family", [f for f in ROUTERS if f not in COARSE])
each_uncalibrated = pytest.mark.parametrize("family", [f for f in ROUTERS if not ROUTERS[f].calibrated])
each_calibrated = pytest.mark.parametrize("family", [f for f in ROUTERS if ROUTERS[f].calibrated])
each_cost_weighted = pytest.mark.parametrize("family", filter(has_cost_weight, ROUTERS))


@pytest.fixture(scope="module")
def routers(trained_folders):
    return {family: AutoRouter.from_pretrained(folder) for family, folder in trained_folders.items()}


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A file of noise, so that cutting it short loses pixels."""
    path = tmp_path_factory.mktemp("image") / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@each_family
def test_round_trip_gives_the_same_scores_bit_for_bit(family, simulated_problem, tmp_path):
    arguments = arguments_for(family, cost_weights=(10.0,), num_epochs=2)
    trained = train_router(family, simulated_problem, arguments)
    save_router(trained, tmp_path / "router")
    loaded = AutoRouter.from_pretrained(tmp_path / "router")
    features = simulated_problem.validation_features
    assert torch.equal(loaded.score(features), trained.router.score(features))
    assert loaded.config.candidates == trained.router.config.candidates
    ours, theirs = trained.router.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@each_cost_weighted
def test_config_is_strict_json_even_for_an_infinite_cost_weight(family, simulated_problem, tmp_path):
    arguments = RouterTrainingArguments(cost_weights=(float("inf"),), num_epochs=1)
    save_router(train_router(family, simulated_problem, arguments), tmp_path / "router")

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    config = json.loads((tmp_path / "router" / "config.json").read_text(), parse_constant=refuse)
    assert config["training"]["cost_weight"] == "inf"
    assert AutoRouter.from_pretrained(tmp_path / "router").config.training["cost_weight"] == "inf"


@each_family
def test_route_scores_the_pool_and_takes_the_best(family, routers, image):
    router = routers[family]
    decision = router.route(QUESTION, image)
    assert list(decision.score) == router.config.candidate_names and len(decision.score) == 17
    assert decision.candidate == max(decision.score, key=decision.score.get)
    assert decision.usd_weight == getattr(router.config, "usd_weight", None)


@each_uncalibrated
def test_without_calibrated_estimates_a_decision_tells_mean_costs_alone(family, routers, image):
    router = routers[family]
    decision = router.route(QUESTION, image)
    assert decision.estimated_accuracy is None and decision.standard_error is None
    costs = {candidate["name"]: candidate["mean_cost_usd"] for candidate in router.config.candidates}
    assert decision.estimated_cost_usd == costs and min(costs.values()) > 0


@each_family
def test_route_decides_as_decide_does_on_stored_features(family, routers, simulated_problem):
    part = simulated_problem.validation.take(np.arange(12))
    router = routers[family]
    chosen = router.decide(simulated_problem.features.of(part))
    routed = [
        router.route(sample.question, sample.image, options=sample.options, hint=sample.hint).candidate
        for sample in router_inputs(part)
    ]
    assert routed == [router.config.candidate_names[place] for place in chosen]


@each_family
def test_path_bytes_and_pil_image_of_one_file_agree(family, routers, image):
    given = (image, str(image), image.read_bytes(), Image.open(image))
    decisions = [routers[family].route(QUESTION, image) for image in given]
    assert all(decision == decisions[0] for decision in decisions)


@each_fine_grained
@pytest.mark.parametrize("change", [{"options": ("yes", "no")}, {"hint": "Look at the left."}, {"image": None}])
def test_options_hint_and_image_change_the_scores(family, routers, image, change):
    plain = routers[family].route(QUESTION, image).score
    assert routers[family].route(**({"question": QUESTION, "image": image} | change)).score != plain


def test_missing_image_is_not_a_black_one(routers):
    assert routers["mlp"].route(QUESTION).score != routers["mlp"].route(QUESTION, Image.new("RGB", (96, 96))).score


@each_family
def test_only_candidates_of_the_subset_are_chosen_and_scored(family, routers, image):
    router = routers[family]
    whole = router.route(QUESTION, image)
    others = [name for name in router.config.candidate_names if name != whole.candidate]
    part = router.route(QUESTION, image, candidates=others)
    assert list(part.score) == others == list(part.estimated_cost_usd)
    assert part.score == {name: whole.score[name] for name in others}
    assert part.candidate == max(part.score, key=part.score.get)
    assert router.route(QUESTION, image, candidates=["GPT-4o"]).candidate == "GPT-4o"


def test_subset_counts_in_decide_too(routers, simulated_problem):
    router = routers["linear"]
    names = router.config.candidate_names
    chosen = router.decide(simulated_problem.validation_features, candidates=[names[16], names[3]])
    scores = router.score(simulated_problem.validation_features)
    assert chosen.tolist() == [3 if row[3] >= row[16] else 16 for row in scores]


@pytest.mark.parametrize("subset", [["GPT-5"], [], ["GPT-4o", "gpt-4o"]])
def test_unknown_candidate_or_empty_subset_is_refused(routers, subset):
    with pytest.raises(PoolMismatchError, match="expected candidates out of Janus-Pro-1B"):
        routers["knn"].route(QUESTION, candidates=subset)


def test_calibrated_families_are_those_that_refusals_name():
    assert tuple(family for family in FAMILIES if FAMILIES[family].calibrated) == CALIBRATED_FAMILIES


@each_calibrated
def test_calibrated_estimates_stand_behind_a_decision_and_keep_a_budget(family, routers, image):
    router = routers[family]
    decision = router.route(QUESTION, image)
    assert list(decision.estimated_accuracy) == router.config.candidate_names
    assert all(0 < chance < 1 for chance in decision.estimated_accuracy.values())
    assert min(decision.estimated_cost_usd.values()) > 0 and min(decision.standard_error.values()) > 0
    assert decision.candidate in decision.reason
    thrifty = router.route(QUESTION, image, max_cost_usd=2 * min(decision.estimated_cost_usd.values()))
    assert thrifty.estimated_cost_usd[thrifty.candidate] <= 2 * min(decision.estimated_cost_usd.values())
    heavy = router.route(QUESTION, image, usd_weight=1e9)
    assert heavy.candidate == min(heavy.estimated_cost_usd, key=heavy.estimated_cost_usd.get)
    assert router.route(QUESTION, image, min_accuracy=1.0).target_met is False


@each_uncalibrated
@pytest.mark.parametrize("budget", ["usd_weight", "max_cost_usd", "min_accuracy"])
def test_budget_needs_calibrated_estimates(family, routers, budget):
    with pytest.raises(CalibrationError, match=f"{budget}.*{ROUTERS[family].__name__}"):
        routers[family].route(QUESTION, **{budget: 0.5})
    assert routers[family].route(QUESTION, **{budget: None}) == routers[family].route(QUESTION)


@pytest.mark.parametrize("value", [None, 1.0])
def test_misspelt_argument_is_an_error_and_not_a_budget(routers, value):
    with pytest.raises(TypeError, match="usd_wieght"):
        routers["knn"].route(QUESTION, usd_wieght=value)


def test_missing_truncated_and_corrupt_images_are_refused(routers, image, tmp_path):
    content = image.read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.png").write_text("not an image")
    bad = [
        tmp_path / "absent.png",
        tmp_path / "cut.png",
        str(tmp_path / "text.png"),
        content[:50],
        b"",
        Image.open(io.BytesIO(content[: len(content) // 2])),
    ]
    for image in bad:
        with pytest.raises(RouterInputError, match="expected"):
            routers["linear"].route(QUESTION, image)


@each_family
def test_forward_gives_logits_and_the_loss_where_labels_are_given(family, routers, simulated_problem):
    labels = simulated_problem.soft_labels(cost_weight=10.0, unsolved=Unsolved.DROP)[:8]
    features, router = simulated_problem.train_features[:8], routers[family]
    bare, full = router(features=features), router(features=features, targets=labels)
    assert bare.loss is None and torch.equal(bare.logits, full.logits)
    assert torch.equal(full.logits, router(features=features, labels=labels).logits)
    if type(router).loss_and_scores is PreTrainedRouter.loss_and_scores:
        assert torch.equal(full.loss, soft_cross_entropy(full.logits, labels))
    assert torch.isfinite(full.loss)


def test_ties_go_to_the_first_candidate(routers, simulated_problem):
    router = routers["linear"]
    scores = torch.zeros(5, 17)
    scores[1, 4:] = 1.0
    assert router.choose(scores).tolist() == [0, 4, 0, 0, 0]


def test_base_class_has_no_scores_of_its_own(simulated_problem):
    base = PreTrainedRouter(RouterConfig(encoder=simulated_problem.features.encoder.config))
    with pytest.raises(TypeError, match="base of all families"):
        base.score(torch.zeros(1, base.feature_dim))
