"""A router is asked alike however a sample comes: alone, in a list, or in a chat; what cannot be decided is refused."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.families import small_router
from vlrouterbench.routers.base import asking as module
from vlrouterbench.routers.base.decision import CalibrationError, read_messages
from vlrouterbench.routers.encoders.sample_input import RouterInput, RouterInputError


@pytest.fixture(scope="module")
def router():
    """Weights are drawn: every difference of a text or an image shows in the scores."""
    torch.manual_seed(0)
    router = small_router("mlp", num_candidates=5)
    for parameter in router.head.parameters():
        torch.nn.init.normal_(parameter)
    for block in router.encoder.blocks.values():
        for name, buffer in block.named_buffers():
            if name not in ("mean", "scale"):
                torch.nn.init.normal_(buffer)
    return router


def png(seed, size=(40, 30)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def data_url(content):
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def part(content):
    return {"type": "image_url", "image_url": {"url": data_url(content)}}


def user(*parts):
    return {"role": "user", "content": list(parts)}


def text(words):
    return {"type": "text", "text": words}


def test_scores_tell_texts_and_images_apart(router):
    asked = [("A?", None), ("B, longer?", None), ("A?", png(1)), ("A?", png(2, (9, 90)))]
    assert len({tuple(router.route(*one).score.values()) for one in asked}) == 4


def test_a_list_is_decided_as_each_sample_alone(router, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_SAMPLES", 4)
    samples = [
        {
            "question": f"Which of {number}?",
            "options": ["red", str(number)][: number % 3],
            "hint": "Look." * (number % 2),
        }
        | ({"image": png(number)} if number % 3 else {})
        for number in range(11)
    ]
    decisions = router.route_batch(samples)
    assert decisions == [router.route(**sample) for sample in samples]
    assert [decision.image_used for decision in decisions] == [bool(number % 3) for number in range(11)]
    assert router.route_batch(iter(samples), candidates=["a", "b"]) == [
        router.route(**sample, candidates=["a", "b"]) for sample in samples
    ]
    assert router.route_batch([]) == []


def test_large_images_close_a_block_early(router, monkeypatch):
    sizes, encode = [], router.encoder.encode
    monkeypatch.setattr(router.encoder, "encode", lambda samples: sizes.append(len(samples)) or encode(samples))
    monkeypatch.setattr(module, "BLOCK_PIXELS", 1)
    router.route_batch([{"question": "A?"}, {"question": "B?", "image": png(1)}, {"question": "C?"}])
    assert sizes == [2, 1]


def test_a_sample_that_was_read_is_taken_as_it_is(router):
    (decision,) = router.route_batch([RouterInput("A?", ("x", "y"), "Look.")])
    assert decision == router.route("A?", options=["x", "y"], hint="Look.")


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([{"question": "A?"}, {"question": "B?", "image": b"none"}], r"samples\[1\]: .*does not decode"),
        ([{"question": "A?"}, {}], r"samples\[1\]: neither a question nor an image"),
        ([{"question": None, "image": float("nan")}], r"samples\[0\]: neither"),
        (["A?"], r"samples\[0\]: expected a sample as a dict"),
        ("A?", "samples as a list of dicts, found str"),
        ({"question": "A?"}, "samples as a list of dicts, found dict"),
        (None, "samples as a list of dicts, found NoneType"),
    ],
)
def test_a_list_names_the_sample_that_it_cannot_decide(router, samples, said):
    with pytest.raises(RouterInputError, match=said):
        router.route_batch(samples)


def test_a_budget_is_checked_before_a_sample_is_read(router):
    with pytest.raises(CalibrationError):
        router.route_batch([{}], usd_weight=1.0)
    with pytest.raises(TypeError, match="unexpected keyword arguments"):
        router.route_batch([{}], pictures=1)


def test_the_last_turn_of_the_user_decides_a_chat(router):
    chat = [
        {"role": "system", "content": "Be brief."},
        user(text("What was it?"), part(png(1))),
        {"role": "assistant", "content": "A cat."},
        user(text("What is it"), part(png(2)), text("here?")),
        {"role": "assistant", "content": "It"},
    ]
    expected = router.route("What is it\nhere?", png(2), options=["a", "b"])
    assert router.route(messages=chat, options=["a", "b"]) == expected
    assert router.route_batch([{"messages": chat, "options": ["a", "b"]}]) == [expected]
    assert router.route(messages=[{"role": "user", "content": "Why?"}]) == router.route("Why?")
    assert router.route(messages=[user(part(png(3)))]) == router.route("", png(3))


@pytest.mark.parametrize(
    "image",
    [{"type": "image_url", "image_url": data_url(png(4))}, {"type": "image", "image": Image.open(io.BytesIO(png(4)))}],
    ids=["text", "PIL"],
)
def test_other_forms_of_a_part_hold_the_same_image(router, image):
    assert router.route(messages=[user(text("A?"), image)]) == router.route("A?", png(4))


@pytest.mark.parametrize("address", ["https://example.com/a.png", "file:///etc/passwd", "/etc/passwd", "a.png", ""])
@pytest.mark.parametrize("kind", ["image_url", "image"])
def test_a_chat_opens_and_fetches_nothing(router, tmp_path, monkeypatch, address, kind):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(png(1))
    chat = [user(text("A?"), {"type": kind, kind: {"url": address}})]
    with pytest.raises(RouterInputError, match="nothing is fetched") as caught:
        router.route(messages=chat)
    assert len(str(caught.value).splitlines()) == 1
    assert router.route(messages=chat, on_bad_image="text-only") == router.route(
        "A?", "gone.png", on_bad_image="text-only"
    )


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("A?", "list of dicts with role and content, found str"),
        ([1], "list of dicts with role and content, found a list of 1"),
        ([], "a turn of the user, found none in 0"),
        ([{"role": "assistant", "content": "A"}], "a turn of the user, found none in 1"),
        ([{"role": "user"}], "text or a list of parts, found NoneType"),
        ([{"role": "user", "content": ["A?"]}], "text or a list of parts, found a list of 1"),
        ([user({"type": "input_audio"})], "parts of type text or image_url, found input_audio"),
        ([user({"text": "A?"})], "parts of type text or image_url, found None"),
        ([user({"type": "text", "text": 7})], "parts of type text or image_url"),
        ([user(text(" "))], "neither a question nor an image"),
    ],
)
def test_what_is_no_chat_is_refused_in_one_line(router, messages, said):
    with pytest.raises(RouterInputError, match=said) as caught:
        router.route(messages=messages)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 300


def test_what_contradicts_itself_is_refused(router):
    chat = [{"role": "user", "content": "Why?"}]
    with pytest.raises(RouterInputError, match="messages or question, found both"):
        router.route("Why?", messages=chat)
    with pytest.raises(RouterInputError, match="image or images, found both"):
        router.route("Why?", png(1), images=[png(1)])
    with pytest.raises(RouterInputError, match="neither a question nor an image"):
        router.route()
    assert router.route("Why?", images=[png(1)]) == router.route("Why?", png(1))
    assert router.route("Why?", images=[]) == router.route("Why?")


def test_messages_are_read_without_a_router():
    assert read_messages([user(text("A?"))]) == {"question": "A?", "images": []}


def test_a_part_of_a_chat_without_its_text_is_said_to_have_none():
    messages = [{"role": "user", "content": [{"type": "text", "text": None}]}]
    with pytest.raises(RouterInputError, match="found one without a text in it: NoneType"):
        read_messages(messages)
