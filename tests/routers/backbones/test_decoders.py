"""Decoders as backbones: they read what the model's own way in reads, and pool the last token."""

import pytest
import torch

from vlrouterbench.features.tiny_backbones import TINY
from vlrouterbench.routers.backbones.models import build_backbone
from vlrouterbench.routers.backbones.sample_encoder import BackboneInput

SIZE, PICTURE_TOKEN = 64, 1
BEFORE, AFTER = [3, 4], [5]
each_decoder = pytest.mark.parametrize("name", ["tiny-smolvlm", "tiny-qwen2.5-vl"])


def _small(name):
    torch.manual_seed(0)
    kind, describe = TINY[name]
    description = {"kind": kind, "config": describe(50, 6, SIZE), "before": BEFORE, "after": AFTER}
    return build_backbone(description, SIZE).eval()


def _given(length=6):
    """Two samples, the second with a text of four tokens."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(2, 3, SIZE, SIZE, generator=generator)
    tokens = torch.zeros(2, length, dtype=torch.long)
    tokens[:, :6] = torch.randint(6, 50, (2, 6), generator=generator)
    mask = torch.zeros_like(tokens)
    mask[0, :6], mask[1, :4] = 1, 1
    return BackboneInput(pixels, torch.tensor([True, True]), tokens * mask, mask)


def _own_way_in(backbone, given):
    """What transformers' model gives for the same pictures and text, with its pictures' tokens in the text."""
    backbone.model.config.image_token_id = PICTURE_TOKEN
    batch, several = len(given.tokens), given.pixels.dim() == 5
    places = [*BEFORE, *[PICTURE_TOKEN] * backbone.per_side**2, *AFTER] * (given.pixels.shape[1] if several else 1)
    ids = torch.cat([torch.tensor([places] * batch), given.tokens], dim=1)
    mask = torch.cat([torch.ones(batch, len(places), dtype=torch.long), given.mask], dim=1)
    if backbone.model_config.model_type == "smolvlm":
        pictures = {"pixel_values": given.pixels if several else given.pixels[:, None]}
    else:
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        as_given = {"do_resize": False, "do_rescale": False, "do_normalize": False}
        processor = Qwen2VLImageProcessorPil(patch_size=8, merge_size=2, **as_given)
        each = given.pixels.reshape(-1, 3, SIZE, SIZE)
        pictures = processor([picture.numpy() for picture in each], return_tensors="pt")
        pictures = {**pictures, "mm_token_type_ids": (ids == PICTURE_TOKEN).int()}
    hidden = backbone.model(input_ids=ids, attention_mask=mask, **pictures).last_hidden_state
    return hidden[torch.arange(batch), mask.sum(dim=1) - 1]


def _several():
    """Three places of a picture each: the first sample fills two of them, the second one."""
    generator, given = torch.Generator().manual_seed(2), _given()
    pixels = torch.randn(2, 3, 3, SIZE, SIZE, generator=generator)
    there = torch.tensor([[True, True, False], [True, False, False]])
    return BackboneInput(pixels, there, given.tokens, given.mask)


@each_decoder
@torch.no_grad()
def test_of_several_places_those_that_are_filled_are_read_as_by_the_models_own_way_in(name):
    backbone, given = _small(name), _several()
    vectors = backbone(given)
    first = BackboneInput(given.pixels[:1, :2], given.has_image[:1, :2], given.tokens[:1], given.mask[:1])
    assert torch.allclose(vectors[:1], _own_way_in(backbone, first), atol=1e-5)
    second = BackboneInput(given.pixels[1:, 0], given.has_image[1:, 0], given.tokens[1:], given.mask[1:])
    assert torch.allclose(vectors[1:], backbone(second), atol=1e-5)
    turned = BackboneInput(given.pixels.flip(1), given.has_image, given.tokens, given.mask)
    assert not torch.allclose(backbone(turned)[0], vectors[0], atol=1e-3)


@each_decoder
@torch.no_grad()
def test_vectors_are_those_of_the_models_own_way_in(name):
    backbone, given = _small(name), _given()
    assert torch.allclose(backbone(given), _own_way_in(backbone, given), atol=1e-5)


@each_decoder
@torch.no_grad()
def test_padding_has_no_part_in_a_vector(name):
    backbone = _small(name)
    assert torch.allclose(backbone(_given(6)), backbone(_given(11)), atol=1e-5)


@each_decoder
@torch.no_grad()
def test_another_picture_or_none_gives_another_vector(name):
    backbone, given = _small(name), _given()
    turned = BackboneInput(given.pixels.flip(2), given.has_image, given.tokens, given.mask)
    without = BackboneInput(given.pixels, torch.tensor([True, False]), given.tokens, given.mask)
    first, other, none = (backbone(each) for each in (given, turned, without))
    assert not torch.allclose(first, other, atol=1e-3)
    assert torch.allclose(first[0], none[0], atol=1e-6) and not torch.allclose(first[1], none[1], atol=1e-3)


@each_decoder
@torch.no_grad()
def test_a_picture_that_normalises_to_zeros_is_a_picture(name):
    backbone, given = _small(name), _given()
    grey = BackboneInput(torch.zeros_like(given.pixels), given.has_image, given.tokens, given.mask)
    assert backbone(grey).isfinite().all()


def test_a_size_that_image_tokens_do_not_divide_is_refused():
    kind, describe = TINY["tiny-smolvlm"]
    with pytest.raises(ValueError, match="tokens of 16 pixels divide, found 40"):
        build_backbone({"kind": kind, "config": describe(50, 6, 40)}, 40)
