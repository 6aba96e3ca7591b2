"""Several images of one question: all are taken in by a router that was made for it, and none is left out silently."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, pipeline

from tests.families import ENCODER, small_router
from vlrouterbench.routers.base.decision import read_images, read_request
from vlrouterbench.routers.encoders.block import POOLED
from vlrouterbench.routers.encoders.feature_encoder import FeatureProcessor
from vlrouterbench.routers.encoders.sample_input import RouterInput, RouterInputError


def image(seed, size=(40, 30)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def chat(*parts):
    return [{"role": "user", "content": list(parts)}]


A, B, C = image(1), image(2, (9, 90)), image(3, (70, 20))


def drawn(router):
    """Weights are drawn: every difference of a text or an image shows in the scores."""
    torch.manual_seed(0)
    for block in router.encoder.blocks.values():
        for name, buffer in block.named_buffers():
            if name not in ("mean", "scale"):
                torch.nn.init.normal_(buffer)
    for parameter in router.head.parameters():
        torch.nn.init.normal_(parameter)
    return router


@pytest.fixture(scope="module")
def one():
    """As every router before: it reads the first image."""
    return drawn(small_router("mlp", num_candidates=3))


@pytest.fixture(scope="module")
def all_of_them():
    return drawn(small_router("mlp", num_candidates=3, encoder=ENCODER | {"image_pooling": POOLED}))


def test_features_are_mean_largest_above_it_and_the_logarithm_of_the_number(all_of_them):
    block = all_of_them.encoder.image
    read = block.read([RouterInput("", image=image) for image in (A, B, C)])
    vectors = np.stack([block.standardised(raw) for raw in read])
    (features,) = all_of_them.encoder.encode([RouterInput.of("A?", (), "", [A, B, C])]).numpy()
    own = features[-block.length :]
    assert len(own) == 2 * block.dim + 1 and all_of_them.encoder.dim == len(features)
    np.testing.assert_allclose(own[: block.dim], vectors.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(own[block.dim : -1], vectors.max(axis=0) - vectors.mean(axis=0), rtol=1e-5, atol=1e-6)
    assert own[-1] == np.float32(np.log2(3))


@pytest.mark.parametrize("images", [[], [A]], ids=["none", "one"])
def test_of_one_image_or_none_the_features_are_those_of_old_and_zeros(one, all_of_them, images):
    sample = RouterInput.of("A?", (), "", images)
    (old,), (new,) = one.encoder.encode([sample]).numpy(), all_of_them.encoder.encode([sample]).numpy()
    assert (new[: len(old)] == old).all() and not new[len(old) :].any()


def test_their_order_does_not_count_and_each_of_them_does(all_of_them):
    score = all_of_them.route("A?", images=[A, B, C]).score
    assert all_of_them.route("A?", images=[C, B, A]).score == pytest.approx(score)
    assert len({tuple(all_of_them.route("A?", images=of).score.values()) for of in ([A], [A, A], [A, B], [B, C])}) == 4


def test_a_decision_is_the_same_however_several_images_come(all_of_them, tmp_path):
    expected = all_of_them.route("A?", images=[A, B])
    assert expected.image_used and not expected.images_left_out and not expected.reason
    paths = [str(tmp_path / f"{place}.png") for place in range(2)]
    for path, one in zip(paths, (A, B), strict=True):
        one.save(path)
    messages = chat({"type": "text", "text": "A?"}, *({"type": "image", "image": image} for image in (A, B)))
    row = {"question": "A?", "image": A, "images": [B], "num_images": 2}
    asked = [
        all_of_them.route("A?", [A, B]),
        all_of_them.route("A?", images=paths),
        all_of_them.route("A?", str(paths)),
        all_of_them.route(messages=messages),
        *all_of_them.route_batch([{"question": "A?", "images": [A, B]}, row]),
    ]
    assert asked == [expected] * 6
    pipe = pipeline("vlm-routing", model=all_of_them)
    assert pipe({"question": "A?", "images": [A, B]}) == expected.as_dict() == pipe(messages)


def test_the_processor_takes_lists_and_the_saved_router_scores_as_it_routes(all_of_them, tmp_path):
    all_of_them.save_pretrained(tmp_path)
    processor = AutoProcessor.from_pretrained(tmp_path)
    given = processor(text=["A?", "B?", "C?"], images=[[A, B, C], B, None])
    assert given["image_values"].shape[:2] == (3, 3)
    scores = all_of_them(**given).logits
    for row, of in enumerate(([A, B, C], [B], [])):
        decision = all_of_them.route(f"{'ABC'[row]}?", images=of)
        assert list(decision.score.values()) == pytest.approx(scores[row].tolist(), rel=1e-5)


def test_a_router_that_reads_the_first_alone_says_so_and_its_processor_refuses_the_rest(one):
    first, several = one.route("A?", A), one.route("A?", images=[A, B, C])
    assert several.score == first.score and several.image_used
    assert several.images_left_out == 2
    assert several.reason == "Of 3 images this router reads the first alone: 2 had no part in this decision."
    assert first.images_left_out == 0 and first.reason == ""
    processor = FeatureProcessor(one.config.encoder)
    with pytest.raises(RouterInputError, match="at most 1 image.* of a question, as this router reads, found 2"):
        processor(text=["A?", "B?"], images=[A, [A, B]])


def test_an_image_that_cannot_be_read_is_an_error_or_left_out_and_counted(all_of_them):
    given = {"question": "A?", "images": [A, b"none", B]}
    with pytest.raises(RouterInputError, match="does not decode"):
        all_of_them.route(**given)
    left = all_of_them.route(**given, on_bad_image="text-only")
    assert left.score == all_of_them.route("A?", images=[A, B]).score
    assert left.images_left_out == 1 and left.reason == "1 more cannot be read: 1 had no part in this decision."
    elsewhere = chat({"type": "image_url", "image_url": "https://a.b/c.png"}, {"type": "image", "image": A})
    assert all_of_them.route(messages=elsewhere, on_bad_image="text-only").images_left_out == 1
    alone = all_of_them.route("A?", images=[b"none"], on_bad_image="text-only")
    assert alone == all_of_them.route("A?") and not alone.image_used


def test_too_many_images_and_too_many_pixels_are_refused(monkeypatch):
    with pytest.raises(RouterInputError, match="at most 64 images of a question, found 65"):
        read_images([A] * 65)
    monkeypatch.setattr("vlrouterbench.routers.base.decision.MAX_PIXELS_TOGETHER", 2 * 40 * 30)
    assert len(read_request({"question": "A?", "images": [A, A]}).images) == 2
    with pytest.raises(RouterInputError, match="at most 2,400 pixels"):
        read_images([A, A, A])


def test_an_unknown_pooling_is_refused_by_name():
    with pytest.raises(ValueError, match='unknown image_pooling "sum"'):
        small_router("mlp", encoder=ENCODER | {"image_pooling": "sum"})
