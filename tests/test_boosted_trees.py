"""The example of boosted trees: tensors that decide as LightGBM's own trees do, saved and loaded where it is absent."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import run_program
from tests.families import ENCODER, training_set
from tests.interpreters import WITHOUT
from tests.outside import registries_restored
from tests.tables import write_own_tables
from vlrouterbench.core.plugins import import_plugin
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.routers.auto import AutoRouter

pytest.importorskip("lightgbm", reason="the extra `test` is not installed")
STATED = 1e-6
"""How far probabilities may be from LightGBM's, as the example says."""
NAN = float("nan")
ABSENT = ("vlrouterbench", "lightgbm", "sklearn", "pandas", "pyarrow")
ROUTE = (
    f"import sys\n{WITHOUT}\n"
    f"sys.meta_path[:] = [Without(finder, {ABSENT!r}) for finder in sys.meta_path]\n"
    """
import json
from transformers import AutoModel
router = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
decisions = [router.route(question=question).as_dict() for question in sys.argv[2:]]
print(json.dumps([decisions, [name for name in sys.modules if name.split(".")[0] in ("lightgbm", "vlrouterbench")]]))
"""
)


@pytest.fixture(scope="module")
def example(project_root):
    """The example's module; what it registers is forgotten afterwards, and so is the module."""
    path = list(sys.path)
    with registries_restored():
        yield import_plugin(str(project_root / "docs" / "examples" / "boosted_trees_router.py"))
    sys.path[:] = path
    del sys.modules["boosted_trees_router"]


@pytest.fixture(scope="module")
def samples():
    """400 samples of 4 candidates: one by threshold, one by an interaction, one always right, one hardly measured."""
    rng = np.random.default_rng(3)
    features = torch.tensor(rng.normal(size=(400, 10)), dtype=torch.float32)
    # Values that occur many times, zeros among them, lie on thresholds more often than others.
    features[:, 1] = (4 * features[:, 1]).round() / 4
    rows = features.numpy()
    quality = np.stack([rows[:, 0] > 0.3, (rows[:, 1] > 0) ^ (rows[:, 2] > 0), np.ones(400), rows[:, 3] > 0], axis=1)
    quality = np.where(rng.random(quality.shape) < 0.1, 1 - quality, quality).astype(float)
    quality[:, 2] = 1
    quality[50:, 3] = NAN
    return training_set(features, quality, np.where(np.isnan(quality), NAN, [0.001, 0.002, 0.004, 0.008]))


@torch.no_grad()
def estimated(router, features):
    """Probabilities (num_samples, num_candidates)."""
    return router.estimate(features)[0].numpy()


def fitted(example, samples, folder, **own):
    """A router that was fitted, saved and loaded."""
    names = [{"name": name, "mean_cost_usd": 0.001} for name in "abcd"]
    router = example.BoostedTreesRouter(example.BoostedTreesConfig(candidates=names, encoder=ENCODER, **own))
    router.fit(samples)
    router.save_pretrained(folder)
    return AutoRouter.from_pretrained(folder)


@pytest.mark.parametrize("own", [{"depth": 1}, {"depth": 4}, {"depth": 3, "num_trees": 7}], ids=str)
def test_a_saved_router_estimates_as_lightgbm_within_what_is_stated(example, samples, own, tmp_path):
    router = fitted(example, samples, tmp_path, **own)
    rng = np.random.default_rng(0)
    new = torch.tensor(rng.normal(size=(300, samples.features.shape[1])), dtype=torch.float32)
    for features in (samples.features, new):
        ours = estimated(router, features)
        for candidate in range(4):
            known = ~samples.correct[:, candidate].isnan()
            rows, correct = samples.features[known], samples.correct[known, candidate]
            booster = example.boost(rows, correct, router.config, samples.seed)
            theirs = booster.predict(features.numpy(), num_iteration=router.config.num_trees)
            np.testing.assert_allclose(ours[:, candidate], theirs, atol=STATED, rtol=0)
    spread = ours.max(axis=0) - ours.min(axis=0)
    assert (spread[:2] > 0.2).all() and spread[2] == 0


def test_a_sample_exactly_on_a_threshold_takes_lightgbms_side(example, samples, tmp_path):
    router = fitted(example, samples, tmp_path)
    booster = example.boost(samples.features, samples.correct[:, 0], router.config, samples.seed)
    used = router.split_features[: router.config.num_grown], router.thresholds[: router.config.num_grown]
    rows = []
    for feature, threshold in zip(used[0].flatten().tolist(), used[1].flatten().tolist(), strict=True):
        for value in (threshold, np.nextafter(np.float32(threshold), np.float32(np.inf))):
            rows.append(samples.features[0].clone())
            rows[-1][feature] = float(value)
    rows = torch.stack(rows)
    np.testing.assert_allclose(estimated(router, rows)[:, 0], booster.predict(rows.numpy()), atol=STATED, rtol=0)


@pytest.mark.hypothesis
@given(st.floats(allow_nan=False, width=64, min_value=-1e30, max_value=1e30), st.floats(allow_nan=False, width=32))
def test_a_float32_is_above_a_threshold_where_it_is_above_the_rounded_one(example, threshold, value):
    rounded = example.rounded_down(threshold)
    assert float(np.float32(rounded)) == rounded and rounded <= threshold
    near = float(np.float32(threshold))
    for one in (value, near, float(np.nextafter(np.float32(near), np.float32(np.inf)))):
        assert (one > threshold) == (one > rounded)


def test_a_candidate_that_was_never_measured_is_never_chosen(example, samples, tmp_path):
    quality, cost = samples.quality.double().numpy().copy(), samples.cost.numpy().copy()
    quality[:, 2] = cost[:, 2] = NAN
    router = fitted(example, training_set(samples.features, quality, cost), tmp_path)
    assert 2 not in set(router.decide(samples.features).tolist())


@pytest.fixture(scope="module")
def story(example, project_root, tmp_path_factory):
    """A benchmark, and a router that the program trained on it, evaluated and studied."""
    root = tmp_path_factory.mktemp("boosted")
    write_own_tables(root / "source", num_samples=200)
    build_benchmark(root / "source", root / "benchmark")
    plugin = ("--plugin", project_root / "docs" / "examples" / "boosted_trees_router.py", "--json")
    asked = ("--router", root / "router", "--router", "mixture", "--no-baselines", "--out", root / "evaluation")
    studied = ("--router", "boosted-trees", "--router", "knn", "--router", "mixture", "--seed", "0", "--seed", "1")
    done = {
        "train": run_program(
            "train", root / "benchmark", "--router", "boosted-trees", "--out", root / "router", *plugin
        ),
        "evaluate": run_program("evaluate", root / "benchmark", *asked, *plugin),
        "study": run_program("study", root / "benchmark", *studied, "--out", root / "study", *plugin),
    }
    for name, one in done.items():
        assert one.status == 0, f"{name}: {one.err}"
    return root, {name: json.loads(one.out) for name, one in done.items()}


def test_it_is_trained_evaluated_and_studied_by_its_name(story):
    _, said = story
    assert set(said["train"]["chosen"]) == {"depth", "num_trees", "usd_weight"}
    assert [record["router"] for record in said["evaluate"]["results"]] == ["router", "mixture"]
    assert said["study"]["first"] == "boosted-trees"
    assert {one["router"] for one in said["study"]["routers"]} >= {"boosted-trees", "knn", "mixture"}
    # The questions say which candidate is right, in words.
    router, mixture = said["evaluate"]["results"]
    assert router["rank_score"] > mixture["rank_score"]


def test_a_saved_router_decides_the_same_where_no_lightgbm_scikit_learn_or_package_is(story):
    root, _ = story
    questions = ("A hard proof, number 3?", "An easy colour, number 8?", "A middling count, number 5?")
    found = subprocess.run(
        [sys.executable, "-c", ROUTE, str(root / "router"), *questions], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    decisions, loaded = json.loads(found.stdout.splitlines()[-1])
    here = AutoRouter.from_pretrained(root / "router")
    assert decisions == [json.loads(json.dumps(here.route(question).as_dict())) for question in questions]
    assert len({one["candidate"] for one in decisions}) > 1 and loaded == []
