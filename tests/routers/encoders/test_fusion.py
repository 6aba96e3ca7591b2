"""Fusion as pure functions: golden values by hand, sizes as stated, nothing cut off, zeros stay zeros."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vlrouterbench.routers.encoders.block import FUSIONS, fuse, fused_dim, projected, random_signs, unit_length

TEXT, IMAGE = np.array([3.0, 4.0]), np.array([0.0, 5.0, 12.0, 0.0])


def test_concat_stands_side_by_side():
    np.testing.assert_array_equal(fuse(TEXT, IMAGE, "concat"), [3, 4, 0, 5, 12, 0])


def test_normalize_concat_gives_both_parts_one_length_and_mean_square_1():
    # Lengths 5 and 13; the common length is the root of (2 + 4) / 2.
    expected = np.sqrt(3) * np.array([0.6, 0.8, 0, 5 / 13, 12 / 13, 0])
    fused = fuse(TEXT, IMAGE, "normalize-concat")
    np.testing.assert_allclose(fused, expected)
    assert np.mean(fused**2) == pytest.approx(1)


def test_averages_of_one_size_are_plain_means():
    other = np.array([1.0, 0.0])
    np.testing.assert_allclose(fuse(TEXT, other, "average"), [2, 2])
    np.testing.assert_allclose(fuse(TEXT, other, "weighted-average", text_weight=0.75), [2.5, 3])


def test_average_of_two_sizes_projects_the_longer_one_by_signs():
    signs = random_signs(4, 2)
    assert set(np.abs(signs).ravel().tolist()) == {np.float32(1 / np.sqrt(2))}
    expected = (TEXT + IMAGE @ signs) / 2
    np.testing.assert_allclose(fuse(TEXT, IMAGE, "average"), expected)


@pytest.mark.parametrize(("fusion", "expected"), [("text-only", TEXT), ("image-only", IMAGE)])
def test_one_part_alone_is_itself_and_the_other_may_be_absent(fusion, expected):
    given = (TEXT, None) if fusion == "text-only" else (None, IMAGE)
    np.testing.assert_array_equal(fuse(*given, fusion), expected)


def test_unknown_fusion_is_answered_with_all():
    with pytest.raises(ValueError, match='unknown fusion "concta". Known: concat, normalize-concat'):
        fuse(TEXT, IMAGE, "concta")


SIZES = st.integers(1, 9)
VALUES = st.floats(-50, 50, width=32)


@given(SIZES, SIZES, st.sampled_from(FUSIONS), st.data())
def test_a_fused_vector_has_the_stated_size_in_a_batch_and_alone(text_dim, image_dim, fusion, data):
    text = data.draw(arrays(np.float32, (3, text_dim), elements=VALUES))
    image = data.draw(arrays(np.float32, (3, image_dim), elements=VALUES))
    fused = fuse(text, image, fusion)
    assert fused.shape == (3, fused_dim(fusion, text_dim, image_dim)) and np.isfinite(fused).all()
    for row in range(3):
        np.testing.assert_allclose(fuse(text[row], image[row], fusion), fused[row], rtol=1e-5, atol=1e-4)


@given(SIZES, SIZES, st.sampled_from(FUSIONS))
def test_every_number_of_both_parts_counts(text_dim, image_dim, fusion):
    rng = np.random.default_rng(0)
    text, image = rng.normal(size=text_dim) + 3, rng.normal(size=image_dim) + 3
    fused = fuse(text, image, fusion).copy()
    parts = {"text-only": [text], "image-only": [image]}.get(fusion, [text, image])
    for part in parts:
        for place in range(len(part)):
            # Normalising hides a change of a lone number; signs of it do not.
            before, part[place] = part[place], -1.5 * part[place]
            assert not np.allclose(fuse(text, image, fusion), fused)
            part[place] = before


def test_a_part_of_zeros_stays_zeros():
    nothing = np.zeros(4)
    np.testing.assert_array_equal(unit_length(nothing), nothing)
    assert not fuse(TEXT, nothing, "normalize-concat")[2:].any()


def test_the_projection_keeps_inner_products_on_average():
    rng = np.random.default_rng(1)
    one = unit_length(rng.normal(size=(40, 1024)))
    two = unit_length(one + 0.5 * unit_length(rng.normal(size=(40, 1024))))
    before = (one * two).sum(axis=1)
    after = (projected(one, 256) * projected(two, 256)).sum(axis=1)
    assert before.mean() == pytest.approx(after.mean(), abs=0.05)
    assert abs(random_signs(1024, 256).sum()) < 3 * np.sqrt(1024), "as many signs of either kind"


def test_signs_are_the_same_everywhere():
    expected = "+-+-+-+-+-+-+++++---++--++----++"
    found = "".join("+" if value > 0 else "-" for value in random_signs(64, 8).ravel()[:32])
    assert found == expected
