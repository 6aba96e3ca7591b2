"""`forward` as transformers has it: `labels` give the loss, logits stand beside it, and what is unknown raises."""

import pytest
import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from tests.families import SMALL_BACKBONES, small_router
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.learning import soft_cross_entropy
from vlrouterbench.routers.registry import ROUTERS

SOFT = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
each_family = pytest.mark.parametrize("family", ROUTERS)


@pytest.fixture
def features():
    return torch.randn(2, small_router("linear").feature_dim, generator=torch.Generator().manual_seed(0))


def test_the_loss_is_the_mean_cross_entropy_with_the_labels():
    router = small_router("linear")
    with torch.no_grad():
        router.head.weight.zero_()
        router.head.bias.copy_(torch.log(torch.tensor([1.0, 2.0, 1.0])))
    output = router(features=torch.zeros(2, router.feature_dim), labels=SOFT)
    # -(log 1/4 + log 1/2) / 2 and -log 1/4, in mean (1.5 + 2) / 2 times log 2.
    assert output.loss.item() == pytest.approx(1.75 * torch.log(torch.tensor(2.0)).item())
    assert torch.allclose(output.logits.softmax(dim=1), torch.tensor([0.25, 0.5, 0.25]).expand(2, 3))


def test_indices_of_candidates_are_soft_labels_of_0_and_1(features):
    router = small_router("mlp")
    output = router(features=features, labels=torch.tensor([2, 0]))
    rows = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert output.loss == router(features=features, labels=rows).loss == soft_cross_entropy(output.logits, rows)


def test_a_sample_without_a_label_does_not_count(features):
    router = small_router("mlp")
    both, first = (router(features=features[:n], labels=torch.tensor([2, -100][:n])).loss for n in (2, 1))
    assert torch.allclose(both, first)


@each_family
@pytest.mark.parametrize("training", [False, True])
def test_every_family_has_a_loss_and_logits_beside_it(family, training, trained_folders, simulated_problem):
    router = AutoRouter.from_pretrained(trained_folders[family]).train(training)
    rows = simulated_problem.train_features[:4]
    for labels in (torch.full((4, 17), 1 / 17), torch.tensor([0, 3, 16, 5])):
        output = router(features=rows, labels=labels)
        assert torch.isfinite(output.loss) and output.logits.shape == (4, 17)
    if not training:
        assert torch.equal(output.logits, router.score(rows))


@pytest.mark.parametrize("family", SMALL_BACKBONES)
@pytest.mark.parametrize("training", [False, True])
def test_end_to_end_routers_do_too(family, training, end_to_end_folders):
    router = AutoRouter.from_pretrained(end_to_end_folders[family]).train(training)
    rows = torch.zeros(2, router.encoder.dim, dtype=torch.uint8)
    output = router(features=rows, labels=torch.tensor([1, 0]))
    assert torch.isfinite(output.loss) and output.logits.shape == (2, router.num_candidates)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (torch.zeros(2, 4), r"expected soft labels \(2, 3\) in floating .* found \(2, 4\) float32"),
        (torch.zeros(3, dtype=torch.long), r"indices of candidates \(2,\) in int64; found \(3,\) int64"),
        (torch.zeros(2, dtype=torch.int32), r"found \(2,\) int32"),
        (torch.tensor([0, 3]), "indices of candidates from 0 to 2, or -100 .* found 3"),
        (torch.tensor([-1, 0]), "found -1"),
    ],
)
def test_labels_of_another_shape_type_or_range_are_refused(labels, found, features):
    with pytest.raises(ValueError, match=found):
        small_router("linear")(features=features, labels=labels)


def test_targets_is_the_older_name_of_labels_and_both_are_one_too_many(features):
    router = small_router("linear")
    assert router(features=features, targets=SOFT).loss == router(features=features, labels=SOFT).loss
    with pytest.raises(ValueError, match="expected labels or, by their older name, targets; found both"):
        router(features=features, targets=SOFT, labels=SOFT)


@each_family
def test_unknown_inputs_raise(family, features):
    with pytest.raises(TypeError, match="label_smoothing"):
        small_router(family)(features=features, label_smoothing=0.1)


class Rows(Dataset):
    """What a person has: features with one label each."""

    def __init__(self, labels):
        self.features = torch.randn(len(labels), small_router("mlp").feature_dim, generator=torch.manual_seed(0))
        for index, label in enumerate(labels):
            self.features[index, 0] = 5.0 * int(label if label.ndim == 0 else label.argmax())
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {"features": self.features[index], "labels": self.labels[index]}


@pytest.mark.parametrize("family", ["linear", "mlp", "irt", "two-tower"])
@pytest.mark.parametrize("kind", ["indices", "soft"])
def test_transformers_trainer_trains_and_evaluates_a_router(family, kind, tmp_path):
    best = torch.arange(48) % 3
    rows = Rows(best if kind == "indices" else torch.nn.functional.one_hot(best, 3).float())
    options = TrainingArguments(
        output_dir=str(tmp_path),
        num_train_epochs=20,
        learning_rate=0.02,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        per_device_train_batch_size=16,
    )
    router = small_router(family)
    trainer = Trainer(model=router, args=options, train_dataset=rows, eval_dataset=rows)
    before = trainer.evaluate()["eval_loss"]
    trainer.train()
    predictions = trainer.predict(rows)
    assert trainer.evaluate()["eval_loss"] < before
    assert predictions.predictions.shape == (48, 3)


@each_family
def test_what_is_not_trained_stays_so_after_loading(family, trained_folders):
    """transformers loads every tensor of a file as a parameter that is trained."""
    loaded = AutoRouter.from_pretrained(trained_folders[family])
    made = type(loaded)(loaded.config)
    assert {n: p.requires_grad for n, p in loaded.named_parameters()} == {
        n: p.requires_grad for n, p in made.named_parameters()
    }


def test_a_trainer_on_a_loaded_router_leaves_frozen_tensors_alone(tmp_path):
    router = small_router("prototype")
    router.prototypes.normal_(generator=torch.Generator().manual_seed(0))
    router.save_pretrained(tmp_path / "router")
    loaded = AutoRouter.from_pretrained(tmp_path / "router")
    assert not loaded.prototypes.requires_grad
    assert torch.equal(loaded.prototypes, router.prototypes)
