"""Token protocols: the reference's constants, or counts of what was really sent."""

import io

import pytest
from PIL import Image

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.image_tokens import image_rule
from vlrouterbench.data.protocol import prompt_text, tokens_of_images
from vlrouterbench.data.sources.vlmevalkit.questions import Question
from vlrouterbench.data.table import load_table
from vlrouterbench.data.tokens import count_tokens
from vlrouterbench.routers.encoders.sample_input import read_image

ASKED = Question("1", "Which one?", ["red", "blue"], "Look closely.", None)


def png(width, height):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, format="PNG")
    return buffer.getvalue()


def test_the_reference_prices_the_question_alone_and_256_for_any_image():
    assert prompt_text(ASKED, Protocol.REFERENCE) == "Which one?"
    assert set(tokens_of_images([png(2000, 10), png(9, 9)], published_pool(), Protocol.REFERENCE).values()) == {256}


def test_measured_prices_hint_and_options_and_each_candidates_own_image_tokens():
    text = prompt_text(ASKED, Protocol.MEASURED)
    assert all(part in text for part in ("Which one?", "Look closely.", "red", "blue"))
    tokens = tokens_of_images([png(1024, 1024)], published_pool(), Protocol.MEASURED)
    assert tokens["GPT-4o"] == 765
    assert tokens["Gemma3-27B"] == 258
    assert tokens["Qwen2.5-VL-72B-Instruct"] == tokens["MiMo-VL-7B-RL"] == 37 * 37 + 2


@pytest.mark.parametrize("image", [None, b"not an image"])
def test_an_image_of_unknown_size_is_not_measured(image):
    assert set(tokens_of_images([image], published_pool(), Protocol.MEASURED).values()) == {None}


def test_own_tables_bring_their_own_counts(own_tables, tmp_path):
    with pytest.raises(SourceError, match="leave --protocol out"):
        build_benchmark(own_tables, tmp_path / "benchmark", BuildOptions(protocol=Protocol.MEASURED))


def test_measured_input_tokens_of_every_pair_follow_from_text_and_image(data_root, tmp_path):
    source = data_root / "vlmevalkit_example"
    report = build_benchmark(source, tmp_path / "benchmark", BuildOptions(protocol=Protocol.MEASURED))
    assert report["protocol"] == "measured"
    table = load_table(tmp_path / "benchmark")
    texts = zip(*(table.column(name) for name in ("question", "options", "hint")), strict=True)
    place = table.pool.index["Gemini-Flash-2.5"]
    further = table.further_images()
    assert further  # some samples have several images, which are all counted
    for row, ((question, options, hint), content) in enumerate(zip(texts, table.iter_images(), strict=True)):
        text = count_tokens([prompt_text(Question("", question, options, hint, None), Protocol.MEASURED)])[0]
        images = [image_rule("Gemini-Flash-2.5")(*read_image(one).size) for one in (content, *further.get(row, ()))]
        assert table.matrices["input_tokens"][row, place] == text + sum(images)
