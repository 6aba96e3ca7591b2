"""Train splits past memory: blocks give what the whole gives, and a sample is drawn by the seed and stated."""

import mmap
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.families import arguments_for, small_router, training_set
from vlrouterbench.core.constants import Unsolved
from vlrouterbench.core.errors import BenchmarkError, RouterError
from vlrouterbench.data import mapped
from vlrouterbench.data.table import load_table
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.learning import TrainingSet, mean_of_blocks
from vlrouterbench.routers.families.modeling_ridge_mf import reduced_rank_ridge, ridge_of_blocks
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training import streamed
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.samples import FeatureDataset
from vlrouterbench.training.streamed import StreamedBatches

COUNT = 60
SAMPLED = 20
SIZES = {"memory_size": 10, "num_landmarks": 10, "num_datasets": 3}


def _samples(dim, **changes):
    """Sixty samples of three datasets and thirty groups; one candidate lacks outcomes, on rows of its own."""
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(rng.normal(size=(COUNT, dim))).float()
    quality = (rng.random((COUNT, 2)) < 0.5).astype(float)
    cost = rng.uniform(1e-4, 1e-3, (COUNT, 2))
    quality[5:25, 1] = cost[5:25, 1] = np.nan
    made = training_set(rows, quality.tolist(), cost.tolist())
    tokens = tuple(torch.from_numpy(rng.uniform(1, 100, (COUNT, 2))) for _ in range(2))
    groups, datasets = torch.arange(COUNT) // 2, torch.arange(COUNT) % 3
    return replace(made, tokens=tokens, groups=groups, dataset_ids=datasets, **changes)


def _flagship(samples):
    router = small_router("flagship", num_candidates=2, **SIZES)
    router.fit(samples)
    return router


def _in_blocks_of(size, monkeypatch):
    """Read in blocks, while what takes a sample takes all."""
    parts = [slice(start, min(start + size, COUNT)) for start in range(0, COUNT, size)]
    monkeypatch.setattr(TrainingSet, "blocks", lambda samples: parts)


@pytest.mark.parametrize("size", [7, 59])
def test_a_flagship_read_in_blocks_is_the_one_that_is_read_whole(size, monkeypatch):
    samples = _samples(small_router("flagship").feature_dim)
    whole = _flagship(samples)
    _in_blocks_of(size, monkeypatch)
    assert len(samples.blocks()) > 1
    blocks = _flagship(samples)
    for name, values in whole.state_dict().items():
        torch.testing.assert_close(blocks.state_dict()[name], values, rtol=1e-4, atol=1e-5, msg=name)
    # What is estimated without a sample's own fold is also the same, fold by fold.
    torch.testing.assert_close(blocks.out_of_fold.accuracy, whole.out_of_fold.accuracy, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(blocks.out_of_fold.cost_usd, whole.out_of_fold.cost_usd, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("family", ["ridge-mf", "context-mean"])
def test_sums_over_blocks_are_sums_over_all_rows(family, monkeypatch):
    samples = _samples(small_router(family).feature_dim)

    def fitted():
        router = small_router(family, num_candidates=2)
        router.fit(samples)
        return router.estimates(samples.features)

    whole = fitted()
    _in_blocks_of(7, monkeypatch)
    blocks = fitted()
    torch.testing.assert_close(blocks.accuracy, whole.accuracy, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(blocks.cost_usd, whole.cost_usd, rtol=1e-4, atol=1e-9)


def test_of_a_long_split_the_kernel_takes_a_sample_and_linear_parts_take_all():
    dim = small_router("flagship").feature_dim
    whole, sampled = _flagship(_samples(dim)), _flagship(samples := _samples(dim, max_samples=SAMPLED))
    for part in ("costs", "tokens", "stack.datasets"):
        for name, values in whole.get_submodule(part).state_dict().items():
            torch.testing.assert_close(sampled.get_submodule(part).state_dict()[name], values)
    rows = samples.sampled_rows
    assert len(sampled.out_of_fold.accuracy) == SAMPLED and torch.equal(sampled.out_of_fold_rows, rows)
    landmarks = sampled.stack.kernel.landmarks
    nearest = (landmarks @ torch.nn.functional.normalize(samples.features, dim=1).T).argmax(dim=1)
    assert set(nearest.tolist()) <= set(rows.tolist())


def test_a_sample_is_drawn_by_the_seed_and_is_all_where_that_is_enough():
    samples = _samples(4, max_samples=SAMPLED)
    rows = samples.sampled_rows
    assert len(rows) == len(rows.unique()) == SAMPLED and torch.equal(rows, rows.sort().values)
    assert torch.equal(rows, _samples(4, max_samples=SAMPLED).sampled_rows)
    assert not torch.equal(rows, _samples(4, max_samples=SAMPLED, seed=1).sampled_rows)
    taken = samples.sampled
    assert torch.equal(taken.features, samples.features[rows]) and torch.equal(taken.tokens[1], samples.tokens[1][rows])
    assert _samples(4, max_samples=COUNT).sampled_rows.tolist() == list(range(COUNT))


@given(st.integers(0, 10**6), st.lists(st.integers(1, 39), max_size=4, unique=True))
@settings(max_examples=15)
def test_ridge_regression_over_blocks_is_that_of_all_rows(seed, cuts):
    rng = np.random.default_rng(seed)
    features, targets = torch.from_numpy(rng.normal(size=(40, 5))), torch.from_numpy(rng.normal(size=(40, 3)))
    # Two columns of one pattern of unmeasured rows, one of another; a block may have none of either.
    targets[rng.random(40) < 0.3, :2] = torch.nan
    targets[rng.random(40) < 0.3, 2] = torch.nan
    ends = [0, *sorted(cuts), 40]
    pieces = [(features[a:b], targets[a:b]) for a, b in zip(ends, ends[1:], strict=False)]
    whole, blocks = reduced_rank_ridge(features, targets, penalty=2.0), ridge_of_blocks(lambda: pieces, penalty=2.0)
    torch.testing.assert_close(blocks[0] @ blocks[1], whole[0] @ whole[1])


def test_a_mean_over_blocks_leaves_out_what_was_not_measured():
    values = torch.tensor([[1.0, torch.nan], [3.0, torch.nan], [torch.nan, torch.nan], [5.0, torch.nan]])
    mean = mean_of_blocks(values.split(3))
    assert mean[0] == 3.0 and mean[1].isnan()


@pytest.mark.parametrize("family", ["flagship", "knn"])
def test_what_was_learnt_from_a_sample_is_stated_in_config_and_card(family, simulated_problem, tmp_path):
    arguments = arguments_for(family, cost_weights=(10.0,), max_samples=SAMPLED)
    save_router(train_router(family, simulated_problem, arguments), tmp_path / family)
    router, count = AutoRouter.from_pretrained(tmp_path / family), len(simulated_problem.train)
    note = router.config.training["sample_note"]
    assert router.config.training["num_sampled"] == SAMPLED and f"from {SAMPLED} of {count:,} training samples" in note
    assert note in (tmp_path / family / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    if family == "knn":
        assert router.config.memory_size <= SAMPLED
    else:
        assert int(router.held_out["is_train"].sum()) == SAMPLED


def test_a_router_that_learnt_from_all_says_nothing_of_a_sample(simulated_problem):
    trained = train_router("flagship", simulated_problem, RouterTrainingArguments(max_samples=10**6))
    assert "sample_note" not in trained.router.config.training
    assert "num_sampled" not in trained.router.config.training


def test_every_family_that_holds_samples_says_so():
    assert {name for name, family in ROUTERS.items() if family.from_sample} == {
        "context-nn",
        "flagship",
        "kmeans",
        "knn",
        "ovr",
        "prknn",
        "prototype",
        "two-tower",
        "uniroute",
    }


def test_a_sample_of_none_is_refused():
    with pytest.raises(RouterError, match="max_samples >= 1, found 0"):
        RouterTrainingArguments(max_samples=0)


def test_a_split_is_a_view_of_its_matrices_and_the_same_rows(simulated_table):
    for name in ("train", "test"):
        part = simulated_table.split(name)
        assert np.shares_memory(part.quality, simulated_table.quality)
        rows = np.flatnonzero(np.array(simulated_table.column("split")) == name)
        assert np.array_equal(part.rows, rows) and np.array_equal(part.cost, simulated_table.cost[rows], equal_nan=True)
        assert part.column("sample_id") == [simulated_table.column("sample_id")[row] for row in rows]
    assert not np.shares_memory(simulated_table.take(np.array([3, 1])).quality, simulated_table.quality)


def _streamed(count, batch_size, world_size, **changes):
    """The batches of every process, of row numbers, over samples of which every seventh does not count."""
    targets = torch.ones(count, 2)
    targets[::7] = torch.nan
    samples = FeatureDataset(torch.arange(count).float().unsqueeze(1), targets)
    made = []
    for rank in range(world_size):
        one = StreamedBatches(samples, batch_size, rank=rank, world_size=world_size, seed=0, most=40)
        one.epoch = changes.get("epoch", 0)
        made.append([batch["features"][:, 0].int().tolist() for batch in one])
        assert len(made[-1]) == len(one)
    return made


def test_processes_share_the_batches_that_one_process_takes(monkeypatch):
    monkeypatch.setattr(streamed, "RUN", 8)
    (alone,), together = _streamed(200, 12, 1), _streamed(200, 4, 3)
    assert [sorted(batch) for batch in alone] == [sorted(sum(parts, [])) for parts in zip(*together, strict=True)]
    taken = sum(alone, [])
    assert len(set(taken)) == len(taken) and not [row for row in taken if row % 7 == 0]
    # 171 rows count: 14 batches of 12, and 3 that this epoch leaves out.
    assert len(alone) == 14 and alone == _streamed(200, 12, 1)[0]
    other = _streamed(200, 12, 1, epoch=1)[0]
    assert other != alone and set(sum(other, [])) != set(taken)


def test_a_gradient_family_learns_from_a_stream_what_it_learns_in_memory(simulated_problem):
    """A step on every sample has no order: its weights agree but for rounding."""
    counted = int(simulated_problem.soft_labels(cost_weight=10.0, unsolved=Unsolved.DROP).any(dim=1).sum())
    arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=4, batch_size=counted)
    whole, stream = (
        train_router("linear", simulated_problem, replace(arguments, max_samples=most)).router for most in (None, 64)
    )
    assert whole.head.weight.abs().max() > 1e-3
    torch.testing.assert_close(stream.head.weight, whole.head.weight, atol=1e-4, rtol=1e-3)


def test_outcomes_that_are_mapped_from_the_disk_are_the_same(simulated_folder, simulated_problem, monkeypatch):
    monkeypatch.setattr(mapped, "MAPPED_BYTES", 1)
    table, kept = load_table(simulated_folder), simulated_problem.table
    for name, matrix in kept.matrices.items():
        assert np.array_equal(table.matrices[name], matrix, equal_nan=True)
    lies_in = table.split("train").cost
    while isinstance(lies_in, np.ndarray):
        lies_in = lies_in.base
    assert isinstance(lies_in, mmap.mmap)
    asked = {"cost_weight": 10.0, "unsolved": Unsolved.DROP, "seed": 0}
    ours, theirs = (p.training_set(**asked) for p in (Problem(table, simulated_problem.features), simulated_problem))
    assert torch.equal(ours.quality, theirs.quality) and torch.equal(ours.soft_labels, theirs.soft_labels)


def test_no_room_for_mapped_outcomes_is_one_error(monkeypatch):
    with pytest.raises(BenchmarkError, match="expected room for .* GiB of outcomes .* Let TMPDIR name a folder"):
        mapped.new_matrix((10**13, 17))
