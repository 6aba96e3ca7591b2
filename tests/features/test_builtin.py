"""The fitted encoder: learnt on what it is given, standardised, and defined for small and pictureless splits."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA

from vlrouterbench.features.fitting import fit_encoder
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.encoders.block import CLIP
from vlrouterbench.routers.encoders.builtin.image import IMAGE_DIM, NUM_SHAPE_FACTS, image_statistics
from vlrouterbench.routers.encoders.builtin.text import NUM_TEXT_FACTS, TEXT_BUCKETS, TEXT_DIM, raw_text
from vlrouterbench.routers.encoders.feature_encoder import RawFeatures
from vlrouterbench.routers.encoders.ocr.blocks import OCR_DIM, ReadImage
from vlrouterbench.routers.encoders.sample_input import RouterInput

WORDS = ("bar", "angle", "total", "left", "colour", "table", "cat", "page", "sum", "sign")


def _sample(number, *, pictured=True):
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 256, (12 + number % 7, 20 + number % 11, 3), dtype=np.uint8)
    question = " ".join(rng.choice(WORDS, 4 + number % 5)) + ("?" if number % 3 else f" {number}")
    return RouterInput(question, ("a", "b")[: number % 3], "", Image.fromarray(pixels) if pictured else None)


def _raw(samples):
    return RawFeatures([raw_text(s) for s in samples], [image_statistics(s.image) for s in samples])


@pytest.fixture(scope="module")
def samples():
    return [_sample(number) for number in range(150)]


@pytest.fixture(scope="module")
def encoder(samples):
    return fit_encoder(_raw(samples))


def test_dimensions_are_text_facts_image_and_shape(encoder):
    assert encoder.config["text_dim"] == TEXT_DIM and encoder.config["image_dim"] == IMAGE_DIM
    assert encoder.dim == TEXT_DIM + NUM_TEXT_FACTS + IMAGE_DIM + NUM_SHAPE_FACTS


def test_training_features_have_mean_0_and_spread_1_or_never_vary(encoder, samples):
    raw = _raw(samples)
    rows = encoder.features_of(raw)
    inside = (np.abs(rows) < CLIP).all(axis=0)
    constant = (np.abs(rows) < 1e-5).all(axis=0)
    assert inside.sum() > 100 and 0 < constant.sum() < 40
    np.testing.assert_allclose(rows[:, inside].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(rows[:, inside & ~constant].std(axis=0), 1, atol=1e-3)
    # Width and height are far over the clipping bound before they are standardised, and still tell pictures apart.
    sizes = rows[:, -NUM_SHAPE_FACTS:][:, 1:5]
    np.testing.assert_allclose(sizes.std(axis=0), 1, atol=1e-3)
    assert np.abs(rows).max() <= CLIP


def test_same_samples_give_the_same_encoder(encoder, samples):
    again = fit_encoder(_raw(samples))
    for (name, one), (_, two) in zip(encoder.named_buffers(), again.named_buffers(), strict=True):
        assert torch.equal(one, two), name


def test_other_samples_give_another_encoder(encoder):
    other = fit_encoder(_raw([_sample(number) for number in range(1000, 1150)]))
    assert all(not torch.equal(a, b) for a, b in zip(encoder.buffers(), other.buffers(), strict=True))


def test_bucket_weights_are_inverse_document_frequencies(encoder, samples):
    present = np.zeros(TEXT_BUCKETS)
    for sample in samples:
        present[raw_text(sample)[0]] += 1
    np.testing.assert_allclose(encoder.text.idf, np.log(151 / (1 + present)) + 1, rtol=1e-6)


def test_projections_are_orthonormal_like_scikit_learns(encoder):
    for projection in (encoder.text.projection, encoder.image.projection):
        np.testing.assert_allclose(projection.T @ projection, np.eye(projection.shape[1]), atol=1e-4)


def test_text_projection_spans_what_an_exact_decomposition_finds(encoder, samples):
    matrix = np.zeros((len(samples), TEXT_BUCKETS))
    for row, sample in enumerate(samples):
        ids, counts, _ = raw_text(sample)
        weights = (1 + np.log(counts)) * encoder.text.idf.numpy()[ids]
        matrix[row, ids] = weights / np.linalg.norm(weights)
    most = np.linalg.eigvalsh(matrix @ matrix.T)[-TEXT_DIM:].sum()
    kept = np.linalg.norm(matrix @ encoder.text.projection.numpy()) ** 2
    assert kept == pytest.approx(most, rel=0.01)


def test_image_projection_is_pca_of_standardised_statistics(encoder, samples):
    statistics = np.stack(_raw(samples).image).astype(float)
    scale = statistics.std(axis=0)
    standard = (statistics - statistics.mean(axis=0)) / np.where(scale < 1e-6, 1, scale)
    components = PCA(IMAGE_DIM, svd_solver="full").fit(standard).components_.T
    np.testing.assert_allclose(np.abs(components[:, :10]), np.abs(encoder.image.projection[:, :10]), atol=1e-3)


@pytest.mark.parametrize("num_samples", [1, 2, 3, 10])
@pytest.mark.parametrize("pictured", [True, False])
def test_small_and_pictureless_splits_give_finite_features(num_samples, pictured):
    samples = [_sample(number, pictured=pictured) for number in range(num_samples)]
    encoder = fit_encoder(_raw(samples))
    encoded = encoder.encode([*samples, _sample(77), RouterInput("")])
    assert encoded.shape == (num_samples + 2, encoder.dim) and torch.isfinite(encoded).all()


def test_missing_images_do_not_shift_the_statistics_of_the_others(samples):
    alone = fit_encoder(_raw(samples[:60]))
    mixed = fit_encoder(_raw(samples[:60] + [_sample(n, pictured=False) for n in range(40)]))
    for name in ("statistics_mean", "statistics_scale", "projection"):
        assert torch.equal(getattr(alone.image, name), getattr(mixed.image, name)), name


def test_text_found_in_pictures_is_a_part_of_its_own(samples, encoder):
    found = ["invoice total 17", "bar chart of sales", "exit sign"]
    raw = _raw(samples)
    pictures = [ReadImage(row[0], row, found[n % 3]) for n, row in enumerate(raw.image)]
    reading = fit_encoder(RawFeatures(raw.text, pictures), FeatureOptions(image="builtin+ocr"))
    assert reading.config["image"] == "builtin+ocr" and reading.dim == encoder.dim + OCR_DIM + 1
    first = [ReadImage(1.0, raw.image[0], text) for text in (*found, "")]
    rows = reading.features_of(RawFeatures([raw.text[0]] * 4, first))
    plain = encoder.features_of(raw.take([0]))[0]
    for row in rows:
        np.testing.assert_allclose(row[: encoder.dim], plain, atol=1e-5)
    assert len({row.tobytes() for row in rows}) == 4 and np.isfinite(rows).all()


def test_pictures_without_any_text_leave_that_part_at_0(samples):
    raw = _raw(samples[:20])
    pictures = [ReadImage(row[0], row, "") for row in raw.image]
    reading = fit_encoder(RawFeatures(raw.text, pictures), FeatureOptions(image="builtin+ocr"))
    rows = reading.features_of(RawFeatures(raw.text, pictures))
    assert not rows[:, -(reading.config["ocr_dim"] + 1) :].any() and np.isfinite(rows).all()
