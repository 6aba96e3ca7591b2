"""The encoder that travels with a router: one row is the same alone and in a batch, and refuses what it is not."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.routers.encoders.builtin.image import NUM_SHAPE_FACTS
from vlrouterbench.routers.encoders.builtin.text import NUM_TEXT_FACTS, raw_text, tfidf_weights
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder
from vlrouterbench.routers.encoders.ocr import blocks as ocr_blocks
from vlrouterbench.routers.encoders.sample_input import RouterInput

CONFIG = {"text": "builtin", "image": "builtin", "version": 3, "text_dim": 5, "image_dim": 3}


@pytest.fixture(scope="module")
def encoder(simulated_problem):
    return simulated_problem.features.encoder


@pytest.fixture(scope="module")
def samples(simulated_table):
    return [*router_inputs(simulated_table.take(np.arange(12))), RouterInput("What is two and two?")]


def test_one_row_equals_the_same_row_in_a_batch_to_the_last_bit(encoder, samples):
    batch = encoder.encode(samples)
    alone = torch.cat([encoder.encode([sample]) for sample in samples])
    backwards = encoder.encode(samples[::-1]).flip(0)
    assert batch.dtype == torch.float32 and batch.shape == (len(samples), encoder.dim)
    assert torch.equal(batch, alone) and torch.equal(batch, backwards)


def test_encoding_again_gives_the_stored_features(encoder, samples, simulated_problem):
    assert torch.equal(encoder.encode(samples[:12]), simulated_problem.features.values[:12])


def test_no_samples_give_no_rows(encoder):
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_question_hint_options_and_image_each_change_the_features(encoder):
    image = Image.new("RGB", (80, 60), "white")
    base = encoder.encode([RouterInput("What is it?", ("a", "b"), "Look.", image)])
    for other in (
        RouterInput("What was it?", ("a", "b"), "Look.", image),
        RouterInput("What is it?", ("a", "c"), "Look.", image),
        RouterInput("What is it?", ("a", "b"), "Think.", image),
        RouterInput("What is it?", ("a", "b"), "Look.", Image.new("RGB", (80, 60), "navy")),
    ):
        assert not torch.equal(base, encoder.encode([other]))


def test_missing_image_is_not_a_black_one(encoder):
    black = RouterInput("What is it?", image=Image.new("RGB", (96, 96)))
    assert not torch.equal(encoder.encode([black]), encoder.encode([RouterInput("What is it?")]))


def test_features_are_finite_and_bounded_for_inputs_never_seen(encoder):
    odd = [
        RouterInput(""),
        RouterInput("9" * 10_000, ("x",) * 30, "y" * 500),
        RouterInput("?", image=Image.new("RGB", (5000, 1))),
        RouterInput("八" * 50, image=Image.new("CMYK", (1, 1))),
    ]
    values = encoder.encode(odd)
    assert torch.isfinite(values).all() and values.abs().max() <= 5


def test_dim_is_the_sum_of_its_parts():
    encoder = FeatureEncoder(CONFIG)
    assert encoder.dim == 5 + NUM_TEXT_FACTS + 3 + NUM_SHAPE_FACTS
    assert encoder.encode([RouterInput("a")]).shape == (1, encoder.dim)


def test_fitted_state_is_buffers_alone(encoder):
    assert not list(encoder.parameters())
    assert set(encoder.state_dict()) == {name for name, _ in encoder.named_buffers()}


@pytest.mark.parametrize("part", ["text", "image"])
def test_unknown_encoder_is_named(part):
    with pytest.raises(ValueError, match=f'unknown {part} encoder "other"'):
        FeatureEncoder(CONFIG | {part: "other"})


def test_features_of_another_version_are_refused():
    with pytest.raises(ValueError, match="version 3, found 1"):
        FeatureEncoder(CONFIG | {"version": 1})


def test_weights_have_unit_length_and_rare_buckets_weigh_more():
    ids, counts, _ = raw_text(RouterInput("three small bars and three large bars"))
    idf = np.ones(2**14, dtype=np.float32)
    idf[ids[0]] = 3
    weights = tfidf_weights(ids, counts, idf)
    assert np.linalg.norm(weights) == pytest.approx(1, abs=1e-6)
    others = (1 + np.log(counts[1:])) / weights[1:]
    np.testing.assert_allclose(3 * (1 + np.log(counts[0])) / weights[0], others, rtol=1e-5)


def test_text_without_words_has_no_weights():
    assert tfidf_weights(np.array([], dtype=int), np.array([]), np.ones(4)).size == 0


def test_encoder_that_reads_images_needs_the_reader(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    ocr_blocks._reader.cache_clear()
    encoder = FeatureEncoder(CONFIG | {"image": "builtin+ocr", "ocr_dim": 2})
    assert encoder.encode([RouterInput("a")]).shape == (1, encoder.dim)
    with pytest.raises(ocr_blocks.OcrError, match=r"vlrouterbench\[ocr\]"):
        encoder.encode([RouterInput("a", image=Image.new("RGB", (20, 20)))])
