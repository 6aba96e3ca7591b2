"""Linear: scores are one affine map of the features."""

import torch

from tests.families import small_router, training_set
from vlrouterbench.routers.families.modeling_linear import LinearRouter, LinearRouterConfig

ENCODER = {"text": "builtin", "image": "builtin", "version": 3, "text_dim": 4, "image_dim": 2}


def test_scores_are_weight_times_features_plus_bias():
    router = LinearRouter(LinearRouterConfig(candidates=[{"name": "a"}, {"name": "b"}], encoder=ENCODER))
    features = torch.randn(5, router.feature_dim, generator=torch.Generator().manual_seed(0))
    weight, bias = (p.detach() for p in router.parameters())
    assert weight.shape == (2, router.feature_dim)
    torch.testing.assert_close(router.score(features), features @ weight.T + bias)


def test_trained_router_answers_for_every_candidate(trained_folders, simulated_problem):
    router = LinearRouter.from_pretrained(trained_folders["linear"])
    scores = router.score(simulated_problem.validation_features)
    assert scores.shape == (len(simulated_problem.validation), 17)
    assert torch.isfinite(scores).all()


def test_candidates_start_alike_and_one_without_a_label_out_of_reach():
    router = small_router("linear")
    features = torch.randn(3, router.feature_dim, generator=torch.Generator().manual_seed(0))
    router.fit(training_set(features, [[1, 0, 1], [1, 0, 0], [0, 0, 0]], [[0.001, 0.002, 0.003]] * 3))
    assert router.score(features).tolist() == [[0.0, -20.0, 0.0]] * 3
