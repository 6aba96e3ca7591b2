"""The steps of `bench gpu` with small models, its published sizes, and what it says without a GPU."""

import json

import pytest
import torch

from vlrouterbench.bench import gpu
from vlrouterbench.bench.gpu import CURVE_TOLERANCE, compared_curves
from vlrouterbench.bench.gpu_sizes import PUBLISHED
from vlrouterbench.cli.bench import _gpu_lines
from vlrouterbench.cli.main import main
from vlrouterbench.routers.backbones.models import build_backbone

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")


@needs_no_gpu
def test_without_a_gpu_published_sizes_are_refused_and_small_ones_named(capsys):
    assert main(["bench", "gpu"]) == 1
    assert "found none. `bench gpu --backbone tiny`" in capsys.readouterr().err
    assert main(["bench", "gpu", "--backbone", "org/model"]) == 1
    assert "expected --backbone tiny" in capsys.readouterr().err


@needs_no_gpu
def test_small_models_go_through_every_step_but_those_of_a_gpu(capsys, monkeypatch):
    encoders = {"text": {"samples_per_second": 1.0, "shares": {}}}
    monkeypatch.setattr(gpu, "bench_hub_encoders", lambda scale: {"encoders": encoders})  # has tests of its own
    assert main(["bench", "gpu", "--backbone", "tiny", "--scale", "0.01", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["training"]) == ["tiny-lxmert", "tiny-qwen2.5-vl"]
    for figures in result["training"].values():
        assert figures["flops_per_second"] == pytest.approx(figures["flops_per_sample"] * figures["trained_per_second"])
        assert figures["share_of_bf16_peak"] is None
    curves = result["loss_curves"]
    assert curves["within_tolerance"] and len(curves["cpu"]) == 10 and curves["cpu"][-1] != curves["cpu"][0]
    lines = _gpu_lines(result)
    assert any("not run, it needs a GPU" in line for line in lines)
    assert all("random weights; simulated" in line for line in lines[:3])


def test_a_curve_that_leaves_the_cpus_is_said_to_be_outside():
    curves = compared_curves([1.0, 0.5], [1.0, 0.5 + 2 * CURVE_TOLERANCE])
    assert not curves["within_tolerance"] and curves["largest_difference"] == pytest.approx(2 * CURVE_TOLERANCE)


@pytest.mark.parametrize(("sized", "millions"), zip(PUBLISHED, [(180, 220), (3300, 3500)], strict=True))
def test_the_published_sizes_are_those_of_the_models(sized, millions):
    """Without the embedding of the vocabulary: 23 M of LXMERT's 208 M, 311 M of the decoder's 3.75 B."""
    config = sized.make_config(2000, 64, sized.image_size)
    description = {"name": sized.name, "kind": sized.kind, "random": True, "config": config}
    if sized.kind == "lxmert":
        description["patches"] = {"kind": "linear", "patch_size": sized.patch_size}
    with torch.device("meta"):
        backbone = build_backbone(description, sized.image_size)
    low, high = millions
    assert low < sum(one.numel() for one in backbone.parameters()) / 1e6 < high
