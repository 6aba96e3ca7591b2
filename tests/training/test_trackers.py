"""Trackers: TensorBoard's files hold what the training did; what is not there is refused before anything is trained."""

import pytest

from tests.families import packed_problem
from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.training import best_epochs
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router


def test_tensorboard_holds_loss_learning_rate_and_every_epochs_rank_score(easy_folder, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    taken = []
    take = best_epochs.BestEpochs.take

    def remembering(keeper, indices, trials):
        taken.append(trials[0].validation_rank_score)
        take(keeper, indices, trials)

    monkeypatch.setattr(best_epochs.BestEpochs, "take", remembering)
    arguments = RouterTrainingArguments(
        cost_weights=(10.0,), num_epochs=3, log_to=("tensorboard",), logging_dir=tmp_path / "logs"
    )
    trained = train_router("vlc", packed_problem(easy_folder, "tiny-siglip"), arguments)
    (folder,) = (tmp_path / "logs").iterdir()
    assert folder.name == "cost_weight=10.0"
    events = EventAccumulator(str(folder))
    events.Reload()
    scores = [event.value for event in events.Scalars("eval/rank_score")]
    assert scores == pytest.approx(taken) and len(scores) == 3
    assert max(scores) == pytest.approx(trained.chosen.validation_rank_score)
    losses, rates = events.Scalars("train/loss"), events.Scalars("train/learning_rate")
    # Eleven steps an epoch: every tenth, and the last of each.
    assert [event.step for event in losses] == [10, 11, 20, 22, 30, 33] == [event.step for event in rates]
    assert losses[-1].value < losses[0].value


def test_a_tracker_that_is_not_there_is_refused(monkeypatch, tmp_path):
    with pytest.raises(UnknownNameError, match='Did you mean "tensorboard"'):
        RouterTrainingArguments(log_to=("tensorbord",))
    with pytest.raises(RouterError, match="--log-to neptune: it is not installed"):
        RouterTrainingArguments(log_to=("neptune",))
    with pytest.raises(RouterError, match="expected both or neither"):
        RouterTrainingArguments(log_to=("tensorboard",))
    with pytest.raises(RouterError, match="expected both or neither"):
        RouterTrainingArguments(logging_dir=tmp_path)
    monkeypatch.setattr("transformers.integrations.get_available_reporting_integrations", lambda: [])
    with pytest.raises(RouterError, match=r"with \"vlrouterbench\[tensorboard\]\""):
        RouterTrainingArguments(log_to=("tensorboard",), logging_dir=tmp_path)
