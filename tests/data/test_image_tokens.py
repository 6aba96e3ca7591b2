"""Image tokens by candidate: published examples, and parity with the processors that transformers carries."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.core.errors import SourceError, UnknownNameError
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.image_tokens import (
    IMAGE_RULES,
    PUBLISHED_RULES,
    deepseek_tiles,
    gemini_tiles,
    image_rule,
    internvl_tiles,
    kimi_patches,
    llava_next_tiles,
    openai_tiles,
    phi_crops,
    pixtral_patches,
    qwen_patches,
)

SIDES = st.integers(32, 3000)
PROPERTY = examples(150)


@pytest.mark.parametrize(("size", "tokens"), [((1024, 1024), 765), ((2048, 4096), 1105), ((512, 512), 255)])
def test_gpt4o_gives_the_examples_of_its_guide(size, tokens):
    assert openai_tiles(*size) == tokens


def test_gemini_gives_the_examples_of_its_guide():
    assert gemini_tiles(384, 384) == 258
    assert gemini_tiles(960, 540) == 6 * 258


def test_phi_takes_seventeen_views_of_a_square_picture():
    assert phi_crops(1344, 1344) == (16 + 1) * 144 + 1 + 5 * 12


def test_deepseek_takes_one_tile_and_the_global_view_of_a_small_square():
    assert deepseek_tiles(384, 384) == 14 * 15 + 1 + 14 * 15


def test_kimi_never_takes_more_than_its_limit():
    assert kimi_patches(28, 28) == 1
    assert kimi_patches(5000, 5000) <= 4096


@PROPERTY
@given(SIDES, SIDES)
def test_qwen_agrees_with_its_processor(width, height):
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    rows, columns = smart_resize(height, width, 28, 56 * 56, 12_845_056)
    assert qwen_patches(width, height) == rows * columns // 28**2 + 2


@PROPERTY
@given(SIDES, SIDES)
def test_internvl_agrees_with_its_processor(width, height):
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import get_optimal_tiled_canvas

    columns, rows = get_optimal_tiled_canvas((height, width), (448, 448), 1, 12)
    tiles = columns * rows
    assert internvl_tiles(width, height) == 256 * (tiles + (tiles > 1)) + 2


@PROPERTY
@given(SIDES, SIDES)
def test_llava_next_agrees_with_its_processor(width, height):
    from transformers.image_processing_utils import select_best_resolution
    from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor

    processor = LlavaNextProcessor.__new__(LlavaNextProcessor)
    grids = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
    high, wide = select_best_resolution([height, width], grids)
    unpadded, ends = processor._get_unpadded_features(height, width, 24, 24, high // 336, wide // 336)
    assert llava_next_tiles(width, height) == unpadded + ends + 576


@PROPERTY
@given(SIDES, SIDES)
def test_pixtral_counts_patches_of_sixteen_pixels_and_row_ends(width, height):
    ratio = max(1.0, width / 1024, height / 1024)
    wide, high = (math.floor(side / ratio) if ratio > 1 else side for side in (width, height))
    assert pixtral_patches(width, height) == -(-high // 16) * (-(-wide // 16) + 1)


@PROPERTY
@given(st.sampled_from(sorted(IMAGE_RULES)), SIDES, SIDES)
def test_every_rule_gives_a_sane_number_for_every_size(name, width, height):
    assert 1 <= IMAGE_RULES[name](width, height) <= 20_000


def test_every_published_candidate_has_a_rule_and_no_other_has():
    assert set(PUBLISHED_RULES) == set(published_pool().names)
    assert set(PUBLISHED_RULES.values()) == set(IMAGE_RULES)


def test_a_candidate_without_a_rule_is_an_error_that_says_how_to_give_one():
    with pytest.raises(SourceError, match="image_rule"):
        image_rule("my-own-model")
    assert image_rule("my-own-model", "fixed_256")(10, 10) == 258
    with pytest.raises(UnknownNameError, match='Did you mean "qwen_patches"'):
        image_rule("my-own-model", "qwen_patch")
