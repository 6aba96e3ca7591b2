"""MLP: layers of the configured widths, dropout in training alone."""

import pytest
import torch
from torch import nn

from vlrouterbench.routers.families.modeling_mlp import MLPRouter, MLPRouterConfig

ENCODER = {"text": "builtin", "image": "builtin", "version": 3, "text_dim": 4, "image_dim": 2}
CANDIDATES = [{"name": name} for name in "abc"]


def _router(**own):
    return MLPRouter(MLPRouterConfig(candidates=CANDIDATES, encoder=ENCODER, **own))


@pytest.mark.parametrize("hidden_sizes", [[8], [16, 4], [6, 5, 4]])
def test_layers_have_the_configured_widths(hidden_sizes):
    router = _router(hidden_sizes=hidden_sizes)
    layers = [layer for layer in router.head if isinstance(layer, nn.Linear)]
    widths = [router.feature_dim, *hidden_sizes, 3]
    assert [(layer.in_features, layer.out_features) for layer in layers] == list(zip(widths, widths[1:], strict=False))
    assert router.score(torch.zeros(2, router.feature_dim)).shape == (2, 3)


def test_dropout_works_in_training_alone():
    router = _router(hidden_sizes=[64], dropout=0.5)
    features = torch.randn(4, router.feature_dim, generator=torch.Generator().manual_seed(0))
    router.eval()
    assert torch.equal(router.score(features), router.score(features))
    router.train()
    assert not torch.equal(router.score(features), router.score(features))


def test_hidden_layers_are_not_linear():
    router = _router().eval()
    features = torch.randn(1, router.feature_dim, generator=torch.Generator().manual_seed(0))
    zero, one, two = (router.score(features * scale) for scale in (0.0, 1.0, -1.0))
    assert not torch.allclose(one + two, 2 * zero)


def test_widths_are_saved_and_loaded(tmp_path):
    router = _router(hidden_sizes=[9, 7], dropout=0.1).eval()
    router.save_pretrained(tmp_path)
    loaded = MLPRouter.from_pretrained(tmp_path).eval()
    assert loaded.config.hidden_sizes == [9, 7] and loaded.config.dropout == 0.1
    features = torch.randn(3, router.feature_dim, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.score(features), router.score(features))
