"""Training any family: chosen on validation, blind to test, recorded in the configuration, saved whole."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from tests.families import arguments_for, has_cost_weight
from vlrouterbench.core.constants import Unsolved
from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.families.modeling_knn import NUM_NEIGHBORS
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.version import __version__

COST_WEIGHTS = (30.0, float("inf"))


def _arguments(family):
    return arguments_for(family, cost_weights=COST_WEIGHTS, num_epochs=2)


each_family = pytest.mark.parametrize("family", ROUTERS)


@pytest.fixture(scope="module")
def trained(simulated_problem):
    """Every family, trained on the simulated benchmark."""
    return {family: train_router(family, simulated_problem, _arguments(family)) for family in ROUTERS}


def _with_matrices(problem, quality, cost):
    matrices = problem.table.matrices | {"quality": quality, "cost": cost}
    return Problem(replace(problem.table, matrices=matrices), problem.features)


def _scrambled(problem, split):
    """The problem with other quality and cost on one split."""
    rng = np.random.default_rng(0)
    rows = np.array(problem.table.column("split")) == split
    quality, cost = problem.table.quality.copy(), problem.table.cost.copy()
    quality[rows] = 1 - quality[rows]
    cost[rows] = rng.uniform(1e-6, 1e-2, cost[rows].shape)
    return _with_matrices(problem, quality, cost)


def _same_router(one, two):
    ours, theirs = one.state_dict(), two.state_dict()
    equal = ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    return equal and one.config.to_dict() == two.config.to_dict()


@each_family
def test_test_split_has_no_part_in_training(family, trained, simulated_problem):
    blind = train_router(family, _scrambled(simulated_problem, "test"), _arguments(family))
    assert _same_router(blind.router, trained[family].router)
    assert blind.trials == trained[family].trials and blind.chosen == trained[family].chosen


@pytest.mark.parametrize("family", ["knn", "linear"])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_train_and_validation_do_have_a_part(family, split, trained, simulated_problem):
    other = train_router(family, _scrambled(simulated_problem, split), _arguments(family))
    assert other.trials != trained[family].trials


@each_family
def test_the_best_setting_on_validation_is_kept_the_first_of_equals(family, trained, simulated_problem):
    result = trained[family]
    scores = [trial.merit for trial in result.trials]
    assert result.chosen == result.trials[int(np.argmax(scores))]
    assert not has_cost_weight(family) or result.chosen.setting["cost_weight"] in COST_WEIGHTS
    decisions = result.router.decide(simulated_problem.validation_features)
    assert simulated_problem.validation_score(decisions) == result.chosen.validation_rank_score


def test_every_setting_is_tried_once(trained):
    weights = list(COST_WEIGHTS)
    assert [trial.setting for trial in trained["mlp"].trials] == [{"cost_weight": weight} for weight in weights]
    settings = [(trial.setting["cost_weight"], trial.setting["num_neighbors"]) for trial in trained["knn"].trials]
    assert settings == [(weight, count) for weight in weights for count in NUM_NEIGHBORS]


@each_family
def test_configuration_says_how_the_router_was_trained(family, trained, simulated_problem):
    config, chosen = trained[family].router.config, trained[family].chosen
    setting = dict(chosen.setting)
    if np.isinf(setting.get("cost_weight", 0.0)):
        setting["cost_weight"] = "inf"
    assert config.training == {
        "benchmark": {
            "name": "vl-routerbench-simulated-published",
            "sha256": simulated_problem.table.sha256,
            "simulated": True,
        },
        "variant": "default",
        **setting,
        "seed": 0,
        "unsolved": "drop" if has_cost_weight(family) else None,
        "num_train": len(simulated_problem.train),
        "num_validation": len(simulated_problem.validation),
        "validation_rank_score": chosen.validation_rank_score,
        "version": __version__,
    }
    assert config.candidates == simulated_problem.candidates()
    assert config.encoder == simulated_problem.features.encoder.config


def test_memory_holds_the_solved_training_samples(trained, simulated_problem):
    router = trained["knn"].router
    solved = (simulated_problem.train.quality >= 0.5).any(axis=1)
    assert router.config.memory_size == solved.sum() == len(router.memory)
    lengths = torch.linalg.vector_norm(router.memory, dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_unsolved_samples_are_remembered_where_asked_for(simulated_problem):
    quality = simulated_problem.table.quality.copy()
    quality[simulated_problem.train.rows[:20]] = 0.0
    problem = _with_matrices(simulated_problem, quality, simulated_problem.table.cost)
    sizes = {
        rule: train_router(
            "knn", problem, RouterTrainingArguments(cost_weights=(10.0,), unsolved=rule)
        ).router.config.memory_size
        for rule in Unsolved
    }
    assert sizes[Unsolved.CHEAPEST] == len(problem.train)
    assert sizes[Unsolved.DROP] <= len(problem.train) - 20


def test_papers_knn_is_the_case_of_hard_labels_and_five_neighbours(simulated_problem):
    problem = simulated_problem
    router = train_router("knn", problem, RouterTrainingArguments(variant="reference")).router
    labels = problem.soft_labels(cost_weight=float("inf"), unsolved=Unsolved.DROP).numpy()
    solved = labels.sum(axis=1) > 0
    theirs = KNeighborsClassifier(
        n_neighbors=5, metric="cosine", weights=lambda distance: 1 / (1e-6 + np.clip(distance, 0, None))
    ).fit(problem.train_features.numpy()[solved], labels[solved].argmax(axis=1))
    scores = router.score(problem.validation_features).numpy()
    np.testing.assert_allclose(
        scores[:, theirs.classes_], theirs.predict_proba(problem.validation_features.numpy()), atol=1e-4
    )
    others = np.setdiff1d(np.arange(17), theirs.classes_)
    assert not scores[:, others].any()


@pytest.mark.parametrize("weight", [10.0, float("inf")])
def test_permuting_the_candidates_permutes_knn_decisions(simulated_problem, weight):
    # No two costs are equal, so that no tie is broken by the order of the pool.
    rng = np.random.default_rng(1)
    cost = simulated_problem.table.cost * rng.uniform(0.9, 1.1, simulated_problem.table.cost.shape)
    problem = _with_matrices(simulated_problem, simulated_problem.table.quality, cost)
    order = rng.permutation(17)
    table = problem.table
    permuted = Problem(
        replace(
            table,
            pool=CandidatePool(tuple(table.pool.candidates[place] for place in order), table.pool.source),
            matrices={name: matrix[:, order] for name, matrix in table.matrices.items()},
        ),
        problem.features,
    )
    arguments = RouterTrainingArguments(cost_weights=(weight,))
    ours, theirs = train_router("knn", problem, arguments), train_router("knn", permuted, arguments)
    assert ours.chosen == theirs.chosen
    features = simulated_problem.features.of(simulated_problem.table.split("test"))
    names = [
        [router.config.candidate_names[place] for place in router.decide(features)]
        for router in (ours.router, theirs.router)
    ]
    assert ours.router.config.candidate_names != theirs.router.config.candidate_names
    assert names[0] == names[1] and len(set(names[0])) > 1


@each_family
def test_partly_measured_training_samples_are_used(family, simulated_problem):
    rng = np.random.default_rng(2)
    quality = simulated_problem.table.quality.copy()
    rows = simulated_problem.train.rows
    quality[rows[:, None], np.arange(17)] = np.where(
        rng.random((len(rows), 17)) < 0.5, np.nan, quality[rows[:, None], np.arange(17)]
    )
    problem = _with_matrices(simulated_problem, quality, simulated_problem.table.cost)
    router = train_router(family, problem, arguments_for(family, cost_weights=(10.0,), num_epochs=1)).router
    assert torch.isfinite(router.score(problem.validation_features)).all()


@each_family
def test_no_complete_validation_sample_is_an_error(family, simulated_problem):
    quality = simulated_problem.table.quality.copy()
    quality[np.array(simulated_problem.table.column("split")) == "validation", 3] = np.nan
    problem = _with_matrices(simulated_problem, quality, simulated_problem.table.cost)
    with pytest.raises(RouterError, match="expected validation samples measured for every candidate"):
        train_router(family, problem, _arguments(family))


@each_family
def test_no_solved_training_sample_is_an_error(family, simulated_problem):
    quality = np.zeros_like(simulated_problem.table.quality)
    problem = _with_matrices(simulated_problem, quality, simulated_problem.table.cost)
    with pytest.raises(RouterError, match="nothing to learn from"):
        train_router(family, problem, _arguments(family))


@pytest.mark.parametrize(("name", "nearest"), [("mpl", "mlp"), ("KNN", "knn"), ("linaer", "linear")])
def test_unknown_family_is_answered_with_the_nearest(simulated_problem, name, nearest):
    with pytest.raises(UnknownNameError, match=f'unknown router "{name}". Did you mean "{nearest}"'):
        train_router(name, simulated_problem)


def test_saving_replaces_an_older_router_as_a_whole(trained, tmp_path):
    out = tmp_path / "router"
    save_router(trained["mlp"], str(out))
    (out / "stale.json").write_text("{}")
    save_router(trained["linear"], out)
    assert type(AutoRouter.from_pretrained(out)) is ROUTERS["linear"]
    assert not (out / "stale.json").exists() and not (out / "modeling_mlp.py").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["router"]


@each_family
def test_saved_folder_has_a_card_of_this_run(family, trained, tmp_path):
    save_router(trained[family], tmp_path / "router")
    card = (tmp_path / "router" / "README.md").read_text()
    assert f"{trained[family].chosen.validation_rank_score:.2f}" in card
    count = len(trained[family].trials)
    assert f"{count} setting{'s were' if count > 1 else ' was'} tried" in card
    config = json.loads((tmp_path / "router" / "config.json").read_text())
    assert config["model_type"] == f"vlrouter-{family}"


@pytest.mark.parametrize("family", ["kmeans", "uniroute"])
def test_a_router_of_fewer_samples_than_clusters_is_loaded_as_it_was_saved(family, simulated_problem, tmp_path):
    """More clusters are asked for than there are samples: the router has, and states, one per sample."""
    quality = simulated_problem.table.quality.copy()
    train = np.flatnonzero(np.array(simulated_problem.table.column("split")) == "train")
    # UniRoute clusters all samples of the split, K-means those that some candidate answers.
    quality[train[48:]] = 0
    more = 50 if family == "kmeans" else len(train) + 1
    problem = _with_matrices(simulated_problem, quality, simulated_problem.table.cost)
    with pytest.MonkeyPatch.context() as patch:
        recipe = ROUTERS[family].recipes["default"]
        patch.setattr(ROUTERS[family], "recipes", {"default": replace(recipe, fit_grid={"num_clusters": (more,)})})
        made = train_router(family, problem, arguments_for(family, cost_weights=(10.0,)))
    save_router(made, tmp_path / "router")
    loaded = AutoRouter.from_pretrained(tmp_path / "router")
    assert loaded.config.num_clusters == len(loaded.centers) < more
    assert torch.equal(loaded.score(problem.validation_features), made.router.score(problem.validation_features))
