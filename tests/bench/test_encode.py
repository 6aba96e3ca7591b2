"""The comparison of encoding times what it made, part by part."""

import io
import json

import pytest
from PIL import Image

from vlrouterbench.bench.encode import PARTS, make_samples
from vlrouterbench.cli.main import main


def test_bench_encode_says_how_fast_and_where_the_time_goes(capsys):
    assert main(["bench", "encode", "--scale", "0.004", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["samples"] == 12
    assert result["samples_per_second"] == pytest.approx(12 / result["ours"])
    assert result["ratio"] == pytest.approx(result["baseline"] / result["ours"])
    assert tuple(result["shares"]) == PARTS and all(share > 0 for share in result["shares"].values())
    assert sum(result["shares"].values()) <= 1


def test_bench_encode_shows_its_figures(capsys):
    assert main(["bench", "encode", "--scale", "0.002"]) == 0
    shown = capsys.readouterr().out
    assert "samples per second" in shown and "image statistics" in shown


def test_pictures_are_photos_and_pages_of_512_pixels_and_the_same_each_time():
    samples, pictures = make_samples(4)
    opened = [Image.open(io.BytesIO(picture)) for picture in pictures]
    assert [image.format for image in opened] == ["JPEG", "PNG", "JPEG", "PNG"]
    assert {image.size for image in opened} == {(512, 512)}
    assert len(set(pictures)) == 4 and make_samples(4) == (samples, pictures)
