"""The score of an unfamiliar request: by hand, valid on requests like the training samples, kept with a router."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.families import ENCODER, small_router
from vlrouterbench.features.fitting import fit_encoder
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.familiarity import (
    DISTANCES,
    FEATURES,
    OUTSIDE,
    familiar,
    few_groups_text,
    unfamiliar_text,
    unfamiliarities,
)
from vlrouterbench.routers.encoders.builtin.text import BuiltinText
from vlrouterbench.routers.encoders.feature_encoder import RawFeatures
from vlrouterbench.routers.encoders.sample_input import RouterInput


class Encoder:
    """Two features of the text, one of the image."""

    fusion = "concat"
    text = type("Text", (), {"length": 2})
    image = type("Image", (), {"length": 1})


class Joined(Encoder):
    fusion = "average"


class Projected(Encoder):
    """The first feature of the text is a standardised projection of n-grams, the second a fact."""

    text = SimpleNamespace(
        length=2,
        projection=torch.zeros(5, 1),
        mean=torch.tensor([0.1, 7.0]),
        scale=torch.tensor([0.5, 9.0]),
    )


NONE = (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
"""Validation without a sample."""


def unfamiliarity(features, kept, encoder):
    return float(unfamiliarities(features, kept, encoder)[0])


def row(*values):
    return torch.tensor([values], dtype=torch.float32)


def test_distances_are_to_the_nearest_of_other_groups_and_the_share_that_lies_as_far_is_p():
    """Four groups in a line at 0, 1, 3, 7: mean distances to all others 11/3, 9/3, 9/3 and 17/3."""
    features = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    kept = familiar((features, torch.arange(4)), NONE, Joined)
    assert kept[DISTANCES].tolist() == [pytest.approx([3, 3, 11 / 3, 17 / 3])]
    # Of 4, mean distance (4 + 3 + 1 + 3) / 4 = 2.75: all four lie as far, p = 5/5. Of 9: 6.25 is farther than all, 1/5.
    assert unfamiliarity(row(4.0), kept, Joined) == 0.0
    assert unfamiliarity(row(9.0), kept, Joined) == pytest.approx(1 - 1 / 5)
    assert unfamiliarities(row(4.0), None, Joined) is None and unfamiliarities(row(4.0), {}, Joined) is None


def test_a_group_counts_once_and_is_no_neighbour_of_its_own():
    features = torch.tensor([[0.0], [0.0], [0.0], [5.0]])
    kept = familiar((features, torch.tensor([7, 7, 7, 8])), NONE, Joined)
    assert kept[DISTANCES].tolist() == [[5.0, 5.0]]
    assert familiar((features, torch.tensor([7, 7, 7, 7])), NONE, Joined) == {}


def test_of_two_modalities_the_stranger_counts_doubled():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(400, 3, generator=generator)
    kept = familiar((features, torch.arange(400)), NONE, Encoder)
    assert kept[DISTANCES].shape == (2, 400)
    usual, strange = row(0.1, -0.2, 0.3), row(0.1, -0.2, 30.0)
    assert unfamiliarity(usual, kept, Encoder) < 0.9
    assert unfamiliarity(strange, kept, Encoder) == pytest.approx(1 - 2 / 401)


def test_what_a_text_has_outside_of_the_projection_is_compared_with_a_validation_sample_of_each_group():
    """Projected to 0.1 + x / 2, so that 0.01 to 0.99 of validation lie outside, and one sample of each group counts."""
    train = torch.randn(400, 3, generator=torch.Generator().manual_seed(0)), torch.arange(400)
    shares = torch.arange(1, 100) / 100
    projected = torch.stack([(1 - shares - 0.1) * 2, *torch.zeros(2, 99)], dim=1)
    kept = familiar(train, (projected.repeat(2, 1), torch.arange(99).repeat(2)), Projected)
    assert torch.allclose(kept[OUTSIDE], shares, atol=1e-6)
    # What it takes to be said: 1/401 of each distance and 1/100 of the share, over 0.05; an equal part of the rest.
    spare = (1 - (2 / 401 + 1 / 100) / 0.05) / 3
    of_share, of_distance = 1 / 100 / 0.05 + spare, 1 / 401 / 0.05 + spare
    assert of_share + 2 * of_distance == pytest.approx(1)
    nothing, most, some = (row(2 * (1 - outside - 0.1), 0.0, 0.0) for outside in (1.0, 0.985, 0.5))
    assert unfamiliarity(nothing, kept, Projected) == pytest.approx(1 - 1 / 100 / of_share)
    assert unfamiliarity(most, kept, Projected) == pytest.approx(1 - 2 / 100 / of_share)
    assert unfamiliarity(some, kept, Projected) < 0.5
    strange = row(2 * (0.5 - 0.1), 0.0, 30.0)
    assert unfamiliarity(strange, kept, Projected) == pytest.approx(1 - 1 / 401 / of_distance)
    before = {name: values for name, values in kept.items() if name != OUTSIDE}
    assert unfamiliarity(strange, before, Projected) == pytest.approx(1 - 2 / 401)


@pytest.mark.parametrize("groups", [0, 19, 21, 22, 40])
def test_few_validation_groups_can_be_exceeded_or_do_not_count(groups):
    """A score beyond 24 others has p 1/25, which distances of 400 groups leave weight for; beyond 19 it has 1/20."""
    train = torch.randn(400, 3, generator=torch.Generator().manual_seed(0)), torch.arange(400)
    validation = torch.tensor([1.8, 0.0, 0.0]).repeat(groups, 1), torch.arange(groups)
    kept, outside = familiar(train, validation, Projected), row(-0.2, 0.0, 0.0)
    alone = {name: values for name, values in kept.items() if name != OUTSIDE}
    if groups > 21:
        assert unfamiliarity(outside, kept, Projected) >= 0.95 and not few_groups_text(kept)
    else:
        # One more than that must be more than 20 / (1 - 20 * 2 / 401), which is 22.2.
        assert f"22 are needed of groups of validation samples, found {groups}." in few_groups_text(kept)
        assert unfamiliarity(outside, kept, Projected) == unfamiliarity(outside, alone, Projected) < 0.9
    assert unfamiliarity(row(-0.2, 0.0, 40.0), kept, Projected) >= 0.95


def test_words_that_no_training_text_has_are_told_though_they_lie_in_the_middle_of_all_features():
    rng = np.random.default_rng(0)

    def texts(words, count):
        return [RouterInput(" ".join(rng.choice(words, 6)) + "?") for _ in range(count)]

    known, other = ([f"{letter * 3}{number}" for number in range(40)] for letter in "ab")
    encoder = fit_encoder(RawFeatures(BuiltinText().read(texts(known, 300)), None), FeatureOptions(fusion="text-only"))
    train, validation, alike, strange = (
        encoder.encode(texts(words, count)) for words, count in ((known, 300), (known, 200), (known, 200), (other, 50))
    )
    kept = familiar((train, torch.arange(300)), (validation, torch.arange(200)), encoder)
    assert (unfamiliarities(strange, kept, encoder) >= 0.95).float().mean() > 0.9
    assert (unfamiliarities(alike, kept, encoder) >= 0.95).float().mean() < 0.1
    alone = {name: values for name, values in kept.items() if name != OUTSIDE}
    assert (unfamiliarities(strange, alone, encoder) >= 0.95).float().mean() < 0.5


@pytest.mark.parametrize("fusion", ["average", "normalize-concat"])
def test_a_fusion_that_loses_a_texts_length_has_no_such_share(fusion):
    other = type("Other", (Projected,), {"fusion": fusion})
    train = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)), torch.arange(50)
    assert OUTSIDE not in familiar(train, train, other) and OUTSIDE in familiar(train, train, Projected)


def test_of_requests_like_the_training_samples_about_a_twentieth_passes_95_percent_at_most():
    rng = np.random.default_rng(0)
    drawn = torch.from_numpy(rng.standard_normal((1400, 3)).astype(np.float32))
    kept = familiar((drawn[:600], torch.arange(600)), NONE, Encoder)
    scores = unfamiliarities(drawn[600:], kept, Encoder).numpy()
    assert scores[7] == unfamiliarity(drawn[607:608], kept, Encoder)
    assert (scores >= 0.95).mean() < 0.075 and (scores >= 0.5).mean() < 0.55


def test_what_is_kept_is_bounded_drawn_by_a_fixed_seed_and_loaded_with_the_router(tmp_path):
    router = small_router("ridge-mf", encoder=ENCODER)
    features = torch.randn(2300, router.feature_dim, generator=torch.Generator().manual_seed(1))
    train, validation = (features, torch.arange(2300)), (features[:400] * 0.7, torch.arange(400))
    kept = familiar(train, validation, router.encoder)
    assert len(kept[FEATURES]) == 2000
    assert all(torch.equal(kept[name], other) for name, other in familiar(train, validation, router.encoder).items())
    router.held_out = kept
    router.save_pretrained(tmp_path / "router")
    loaded = AutoRouter.from_pretrained(str(tmp_path / "router"))
    near, far = features[:1], features[:1] + 40
    for asked in (near, far):
        assert loaded.decide_one(asked).unfamiliar == router.decide_one(asked).unfamiliar
    assert loaded.decide_one(near).unfamiliar < 0.95 and loaded.decide_one(far).unfamiliar > 0.99
    loaded.held_out = None  # as one that was saved before
    assert loaded.decide_one(far).unfamiliar is None
    assert small_router("mlp").decide_one(torch.zeros(1, small_router("mlp").feature_dim)).unfamiliar is None


def test_a_sentence_says_it_from_95_percent_on():
    assert unfamiliar_text(None) == unfamiliar_text(0.94) == ""
    assert unfamiliar_text(0.985) == (
        "Unlike the training samples: of requests that are like them at most 1.5% score as high."
    )
