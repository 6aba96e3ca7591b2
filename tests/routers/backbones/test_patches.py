"""Patch tokens: boxes are where patches are, and a picture that is absent is not a black one."""

import pytest
import torch

from vlrouterbench.routers.backbones.patches import PatchTokens, patch_boxes


def test_boxes_by_hand():
    expected = [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]]
    assert patch_boxes(2).tolist() == expected


def test_tokens_stand_in_the_order_of_their_boxes():
    patches = PatchTokens({"kind": "linear", "patch_size": 4}, 5, 8)
    pixels = torch.zeros(1, 3, 8, 8)
    other = pixels.clone()
    other[:, :, :4, 4:] = 1  # upper right: the second box
    here = torch.tensor([True])
    changed = (patches(pixels, here) != patches(other, here)).any(dim=-1)
    assert changed.tolist() == [[False, True, False, False]]


def test_an_absent_picture_is_one_learnt_vector_whatever_the_pixels():
    patches = PatchTokens({"kind": "linear", "patch_size": 4}, 5, 8)
    tokens = patches(torch.rand(2, 3, 8, 8), torch.tensor([False, True]))
    assert torch.equal(tokens[0], patches.absent.expand(4, 5))
    assert not torch.equal(tokens[0], tokens[1])


def test_a_picture_of_no_whole_number_of_patches_is_refused():
    with pytest.raises(ValueError, match="16-pixel patches divide, found 40"):
        PatchTokens({"kind": "linear", "patch_size": 16}, 8, 40)
