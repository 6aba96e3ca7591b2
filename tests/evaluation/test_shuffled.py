"""Shuffled labels: the link from sample to outcome is cut, everything else stays."""

import numpy as np
import pytest

from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.shuffled import shuffled_outcomes, train_on_shuffled
from vlrouterbench.features.encode import features_by
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.metrics.trade_off import chosen_values, rank_score
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.registry import family_name


def test_outcomes_move_whole_within_train_and_validation_and_test_stays(simulated_table):
    shuffled = shuffled_outcomes(simulated_table, seed=1)
    for split in ("train", "validation"):
        before, after = simulated_table.split(split), shuffled.split(split)
        assert before.column("sample_id") == after.column("sample_id")
        rows = [np.column_stack([t.quality, t.cost]) for t in (before, after)]
        assert (rows[0] != rows[1]).any()
        assert sorted(map(tuple, rows[0])) == sorted(map(tuple, rows[1]))
    np.testing.assert_array_equal(simulated_table.split("test").quality, shuffled.split("test").quality)
    again = shuffled_outcomes(simulated_table, seed=1)
    np.testing.assert_array_equal(again.quality, shuffled.quality)


@pytest.mark.parametrize("family", ["kmeans", "ovr"])
def test_the_twin_is_of_the_same_family_variant_and_cost_weight(simulated_table, trained_folders, family):
    router = AutoRouter.from_pretrained(trained_folders[family])
    twin = train_on_shuffled(router, simulated_table, EncodingWork(), seed=0)
    assert family_name(twin) == family
    for name in ("variant", "cost_weight"):
        assert twin.config.training.get(name) == router.config.training.get(name)
    mine, twins = (dict(r.state_dict()) for r in (router, twin))
    assert mine.keys() == twins.keys()
    assert any(not mine[name].equal(twins[name]) for name in mine if not name.startswith("encoder."))


def test_an_end_to_end_routers_twin_sees_the_same_samples_and_learns_nothing(easy_folder, end_to_end_folders):
    router, table = AutoRouter.from_pretrained(end_to_end_folders["cosine"]), load_table(easy_folder)
    twin = train_on_shuffled(router, table, EncodingWork(), seed=0)
    assert family_name(twin) == "cosine" and twin.config.training["cost_weight"] == 10.0
    test = table.split("test")
    rows = features_by(router.encoder, test)

    def score(judged):
        chosen = judged.decide(rows).numpy()
        figures = (chosen_values(matrix, chosen).mean() for matrix in (test.quality, test.cost))
        return rank_score(*figures, cost_bounds=table.cost_bounds)

    assert score(router) > score(twin) + 5


def test_a_router_from_pretrained_weights_has_no_twin(easy_folder, end_to_end_folders):
    router = AutoRouter.from_pretrained(end_to_end_folders["cosine"])
    router.config.encoder["backbone"].pop("random")
    with pytest.raises(RouterError, match="--shuffled-labels: CosineCls started from pretrained weights"):
        train_on_shuffled(router, load_table(easy_folder), EncodingWork(), seed=0)
