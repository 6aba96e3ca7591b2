"""Image statistics: any picture, all of it, and a mask instead of a black square."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.series import examples
from vlrouterbench.routers.encoders.builtin.image import NUM_IMAGE_STATISTICS, NUM_SHAPE_FACTS, image_statistics


def _noise(size, mode="RGB", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def _check(statistics):
    assert statistics.shape == (NUM_IMAGE_STATISTICS,) and statistics.dtype == np.float32
    assert np.isfinite(statistics).all()
    assert statistics[0] == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (1, 300), (300, 1), (5000, 2), (2, 5000), (96, 96), (97, 31)])
@pytest.mark.parametrize("picture", ["noise", "black", "white"])
def test_any_size_gives_finite_statistics(size, picture):
    _check(image_statistics(_noise(size) if picture == "noise" else Image.new("RGB", size, picture)))


@examples(30)
@given(st.integers(1, 260), st.integers(1, 260), st.integers(0, 5))
def test_any_noise_gives_finite_statistics(width, height, seed):
    _check(image_statistics(_noise((width, height), seed=seed)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_any_mode_gives_finite_statistics(mode):
    image = _noise((30, 20), "L").convert(mode) if mode in ("LA", "PA", "I", "F") else _noise((30, 20), mode)
    _check(image_statistics(image))


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK"])
def test_the_same_grey_picture_in_another_mode_has_the_same_statistics(mode):
    grey = _noise((60, 40), "L")
    expected = image_statistics(grey.convert("RGB"))
    np.testing.assert_allclose(image_statistics(grey.convert("RGB").convert(mode)), expected, atol=1e-4)


def test_16_bit_grey_is_scaled_and_not_clipped_to_white():
    grey = _noise((60, 40), "L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    np.testing.assert_allclose(image_statistics(deep), image_statistics(grey), atol=1e-4)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_paper_is_white_and_not_black(mode):
    clear, white = Image.new("RGBA", (120, 80), (0, 0, 0, 0)), Image.new("RGB", (120, 80), "white")
    for picture in (clear, white):
        ImageDraw.Draw(picture).line((10, 70, 110, 10), fill="black", width=4)
    if mode == "P":
        clear = Image.new("P", clear.size, 0)
        clear.putpalette([0, 0, 0, 0, 0, 0])
        ImageDraw.Draw(clear).line((10, 70, 110, 10), fill=1, width=4)
        clear.info["transparency"] = 0
    clear = clear.convert(mode)
    np.testing.assert_allclose(image_statistics(clear), image_statistics(white), atol=1e-4)


def test_missing_image_gives_zeros_and_a_black_one_does_not():
    missing, black = image_statistics(None), image_statistics(Image.new("RGB", (96, 96)))
    assert missing.shape == (NUM_IMAGE_STATISTICS,) and not missing.any()
    assert black[0] == 1 and (missing[:NUM_SHAPE_FACTS] != black[:NUM_SHAPE_FACTS]).any()


@pytest.mark.parametrize("edge", [(0, 0, 7, 299), (392, 0, 399, 299), (0, 0, 399, 7), (0, 292, 399, 299)])
def test_the_whole_picture_counts_up_to_every_edge(edge):
    plain, marked = Image.new("RGB", (400, 300), "white"), Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(marked).rectangle(edge, fill="red")
    assert (image_statistics(plain) != image_statistics(marked)).any()


def test_opposite_edges_are_told_apart():
    pictures = [Image.new("RGB", (400, 300), "white") for _ in range(4)]
    boxes = ((0, 0, 20, 299), (379, 0, 399, 299), (0, 0, 399, 20), (0, 279, 399, 299))
    for picture, box in zip(pictures, boxes, strict=True):
        ImageDraw.Draw(picture).rectangle(box, fill="black")
    rows = {image_statistics(picture).tobytes() for picture in pictures}
    assert len(rows) == 4


def test_true_size_and_shape_are_features():
    small, large = Image.new("RGB", (50, 50), "white"), Image.new("RGB", (500, 500), "white")
    wide, tall = Image.new("RGB", (100, 50), "white"), Image.new("RGB", (50, 100), "white")
    facts = [image_statistics(image)[:NUM_SHAPE_FACTS].tolist() for image in (small, large, wide, tall)]
    np.testing.assert_allclose(facts[0], [1, np.log(50), np.log(50), np.log(2500), 0, 0, 0], rtol=1e-6)
    assert facts[0] != facts[1]
    assert facts[2][-2:] == [1, 0] and facts[3][-2:] == [0, 1]


def test_statistics_repeat_and_leave_the_image_as_it_was():
    image = _noise((70, 50))
    before = image.tobytes()
    first = image_statistics(image)
    np.testing.assert_array_equal(first, image_statistics(image))
    assert image.tobytes() == before and image.size == (70, 50)


def _printed(picture):
    """The last nine statistics: edges across and down, paper, ink, changes, busiest row, strokes, covered, spread."""
    return image_statistics(picture)[-9:]


def test_signs_of_print_counted_by_hand():
    page = Image.new("L", (240, 120), 255)
    # A black bar in the upper half: an edge on either side of its 60 rows, and one along its 32 columns, below.
    page.paste(0, (104, 0, 136, 60))
    across, down, paper, ink, changes, busiest, strokes, covered, _ = _printed(page)
    area = 240 * 120
    np.testing.assert_allclose([across, down], [2 * 60 / area, 32 / area], rtol=1e-6)
    np.testing.assert_allclose([paper, ink], [1 - 32 * 60 / area, 32 * 60 / area], rtol=1e-6)
    np.testing.assert_allclose([busiest, strokes], [32 / 240, (120 + 32) / area], rtol=1e-6)
    # Rows 0 to 60 are busier than the mean row, and the rest are empty.
    np.testing.assert_allclose(changes, 1 / 120, rtol=1e-6)
    # Cells are 20 x 10 pixels, and none has more than 16 of 200 marked.
    assert covered == 0


def test_a_page_of_text_is_covered_with_print_and_a_plain_or_smooth_picture_is_not():
    page = Image.new("RGB", (400, 400), "white")
    for line in range(25):
        ImageDraw.Draw(page).text((10, 16 * line), "word and number 17 " * 4, fill="black")
    smooth = Image.linear_gradient("L").resize((400, 400))
    covered = [_printed(picture)[7] for picture in (page, smooth, Image.new("RGB", (400, 400), "white"))]
    assert covered[0] > 0.8 and covered[1:] == [0, 0]


def test_half_a_page_of_text_covers_half_of_it():
    page = Image.new("RGB", (240, 240), "white")
    for column in range(0, 120, 4):
        ImageDraw.Draw(page).line((column, 0, column, 239), fill="black")
    assert _printed(page)[7] == pytest.approx(0.5)


def test_a_picture_twice_as_large_differs_in_its_shape_alone():
    small = _noise((40, 30))
    large, larger = (small.resize((40 * k, 30 * k), Image.Resampling.NEAREST) for k in (8, 16))
    one, two = (image_statistics(picture)[NUM_SHAPE_FACTS:] for picture in (large, larger))
    np.testing.assert_array_equal(one, two)


def test_a_picture_is_turned_as_its_exif_says():
    upright = _noise((70, 50))
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    lying.getexif()[0x0112] = 6  # turn by 90 degrees clockwise to view
    np.testing.assert_array_equal(image_statistics(lying), image_statistics(upright))
