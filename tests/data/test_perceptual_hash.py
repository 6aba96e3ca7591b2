"""Hashes of images by their pixels: the same for the same pixels, alike for what looks alike."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from vlrouterbench.data.perceptual_hash import (
    lowest_frequencies,
    perceptual_hashes,
    pixel_key,
    pixels_digest,
    thumbnail,
)


def blurred(seed, size=(240, 180)):
    noise = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return Image.open(io.BytesIO(buffer.getvalue()))


def hash_of(image):
    return perceptual_hashes([thumbnail(image)])[0]


def distance(one, other):
    return (hash_of(one) ^ hash_of(other)).bit_count()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_the_same_pixels_have_one_key_and_one_digest_however_they_are_stored(kind):
    image = blurred(0)
    for stored in (encoded(image, kind), image.convert("RGBA")):
        assert pixel_key(thumbnail(stored), stored.size) == pixel_key(thumbnail(image), image.size)
        assert pixels_digest(stored) == pixels_digest(image)


def test_one_changed_pixel_is_another_digest():
    image, changed = blurred(0), blurred(0)
    changed.putpixel((3, 3), (0, 0, 0))
    assert pixels_digest(image) != pixels_digest(changed)


def test_bits_are_the_signs_of_the_lowest_frequencies_against_their_median():
    small = thumbnail(blurred(1))
    lowest = dctn(small.astype(float), norm="ortho")[:8, :8].ravel()
    bits = [False, *(value > np.median(lowest[1:]) for value in lowest[1:])]
    assert perceptual_hashes([small]) == [int("".join(str(int(bit)) for bit in bits), 2)]


@pytest.mark.parametrize(("dtype", "step"), [(np.uint16, 1), (np.int32, 1), (np.float32, 0.001)])
def test_images_of_more_than_8_bits_are_told_apart_by_all_their_levels(dtype, step):
    levels = np.full((40, 60), 100, dtype=dtype)
    other = levels.copy()
    other[7, 9] += dtype(step)
    digests = [pixels_digest(encoded(Image.fromarray(array), "TIFF")) for array in (levels, other, levels)]
    assert digests[0] == digests[2] != digests[1]


def test_rotated_and_mirrored_copies_are_not_told_as_the_module_says():
    image = blurred(1)
    assert distance(image, image.rotate(90, expand=True)) > 4
    assert distance(image, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) > 4


def test_the_lowest_frequencies_are_those_of_scipys_transform():
    grey = np.random.default_rng(0).integers(0, 256, (5, 32, 32)).astype(float)
    expected = dctn(grey, axes=(1, 2), norm="ortho")[:, :8, :8]
    assert np.allclose(lowest_frequencies(grey), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_a_copy_in_another_size_or_compression_is_within_4_bits(seed):
    image = blurred(seed)
    for copy in (encoded(image, "JPEG", quality=60), image.resize((480, 360)), image.resize((120, 90))):
        assert distance(image, copy) <= 4


def test_different_images_are_more_than_4_bits_apart():
    hashes = [hash_of(blurred(seed)) for seed in range(60)]
    distances = [(a ^ b).bit_count() for number, a in enumerate(hashes) for b in hashes[:number]]
    assert min(distances) > 4


def test_an_image_of_one_colour_resembles_nothing_and_batches_do_not_matter():
    images = [blurred(0), Image.new("RGB", (50, 40), "red"), blurred(1)]
    assert perceptual_hashes([thumbnail(image) for image in images]) == [hash_of(image) for image in images]
    assert hash_of(images[1]) is None
    assert perceptual_hashes([]) == []


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_has_a_thumbnail(mode):
    image = Image.new("L", (200, 150)).convert("I").convert("I;16") if mode == "I;16" else blurred(0).convert(mode)
    assert thumbnail(image).shape == (32, 32)
    pixels_digest(image)
