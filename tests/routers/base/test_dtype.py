"""`dtype` at load: a router stays in float32, says so, and decides as it did."""

import logging

import pytest
import torch
from PIL import Image
from transformers import AutoModel

from tests.families import SMALL_BACKBONES, small_router
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.registry import FAMILIES, ROUTERS

QUESTION = "What is the average of the tallest bars?"
IMAGE = Image.new("RGB", (64, 48), (10, 200, 30))
each_dtype = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, "float16", "bfloat16"], ids=str)


def loads_as_saved(family, folder, dtype):
    plain = FAMILIES[family].from_pretrained(folder).eval()
    expected = plain.route(QUESTION, IMAGE)
    for load in (FAMILIES[family], AutoRouter, AutoModel):
        router = load.from_pretrained(folder, dtype=dtype).eval()
        assert {p.dtype for p in router.parameters() if p.is_floating_point()} == {torch.float32}
        assert router.route(QUESTION, IMAGE) == expected


@pytest.mark.parametrize("family", ROUTERS)
@each_dtype
def test_a_trained_router_decides_the_same_whatever_dtype_is_asked_for(family, dtype, trained_folders):
    loads_as_saved(family, trained_folders[family], dtype)


@pytest.mark.parametrize("family", SMALL_BACKBONES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_an_end_to_end_router_does_too(family, dtype, end_to_end_folders):
    loads_as_saved(family, end_to_end_folders[family], dtype)


@pytest.mark.parametrize(("dtype", "said"), [(torch.float16, True), ("auto", False), (torch.float32, False)], ids=str)
def test_a_type_that_is_not_taken_is_named(dtype, said, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("vlrouterbench"), "propagate", True)
    small_router("linear").save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING):
        FAMILIES["linear"].from_pretrained(tmp_path, dtype=dtype)
    assert ("dtype=float16 is not taken: LinearRouter computes in float32" in caplog.text) == said


def test_what_was_saved_in_16_bits_is_loaded_in_float32(tmp_path):
    small_router("mlp").to(torch.bfloat16).save_pretrained(tmp_path)
    router = AutoRouter.from_pretrained(tmp_path)
    assert router.dtype == torch.float32 and router.route(QUESTION, IMAGE).candidate
