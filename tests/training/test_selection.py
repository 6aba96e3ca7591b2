"""Settings are judged on validation alone, in order, each once."""

import pytest

from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training.selection import Trial, best_of, try_settings

SETTINGS = {
    "knn": [{"num_neighbors": 200}, {"num_neighbors": 5}, {"num_neighbors": 50}],
    "uniroute": [
        {"shrinkage": 0.0, "usd_weight": 1.0},
        {"shrinkage": 0.0, "usd_weight": 500.0},
        {"shrinkage": 30.0, "usd_weight": 500.0},
    ],
    "linear": [{}],
}


@pytest.mark.parametrize("family", SETTINGS)
def test_settings_tried_together_score_as_each_alone(family, trained_folders, simulated_problem):
    router = AutoRouter.from_pretrained(trained_folders[family])
    trials = try_settings(router, simulated_problem, SETTINGS[family])
    for setting, trial in zip(SETTINGS[family], trials, strict=True):
        router.config.update(setting)
        decisions = router.decide(simulated_problem.validation_features)
        assert trial == Trial(setting, simulated_problem.validation_score(decisions))


def test_the_first_of_equals_is_the_best():
    trials = [Trial({"a": 1}, 50.0), Trial({"a": 2}, 60.0), Trial({"a": 3}, 60.0)]
    assert best_of(trials) is trials[1]
