"""Checking images: whole or not, the same or not, never replaced."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vlrouterbench.data.images import check_image, check_images, read_image_bytes


def encoded(kind="PNG", colour=(200, 30, 30)):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 60, (40, 60, 3), dtype=np.uint8) + np.array(colour, np.uint8) // 2
    Image.fromarray(noise.astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def huge_png():
    """A PNG that claims 60,000 x 60,000 pixels in a few bytes."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_whole_image_is_known_by_the_digest_of_its_bytes(kind):
    content = encoded(kind)
    check = check_image(content)
    assert (check.sha256, check.problem) == (hashlib.sha256(content).hexdigest(), None)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_image_is_unreadable(kind):
    content = encoded(kind)
    check = check_image(content[: len(content) // 2])
    assert check.sha256 is None
    assert "does not decode" in check.problem


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_image_are_unreadable(content):
    assert check_image(content).problem


def test_a_decompression_bomb_is_unreadable():
    assert check_image(huge_png()).problem


def test_no_image_is_no_problem():
    assert (check_image(None).sha256, check_image(None).problem) == (None, None)


def test_a_file_and_its_bytes_are_the_same_picture(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded())
    assert check_image(path) == check_image(encoded())
    assert read_image_bytes(path) == read_image_bytes(encoded()) == encoded()
    assert read_image_bytes(None) is None


def test_a_file_that_is_gone_is_a_problem_not_a_crash(tmp_path):
    assert check_image(tmp_path / "gone.png").problem
    assert check_image(tmp_path).problem  # a folder


@pytest.mark.parametrize("num_threads", [0, 1, 4])
def test_checks_stand_in_the_order_of_the_images(num_threads):
    references = [encoded(), b"bad", None, encoded(colour=(0, 200, 0)), encoded()]
    checks = check_images(references, num_threads=num_threads)
    assert checks == [check_image(reference) for reference in references]
    assert checks[0] == checks[4] != checks[3]
