"""Samples as rows of bytes: what is stored is what `encode` gives, decoded once, and whole or made anew."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from tests.families import packed_problem
from vlrouterbench.core.errors import RouterError
from vlrouterbench.features import packed as packed_module
from vlrouterbench.features.backbones import BackboneOptions, open_backbone
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.features.packed import pack_benchmark, tokenizer_digest
from vlrouterbench.routers.backbones.processing_router import RouterProcessor
from vlrouterbench.routers.encoders.sample_input import RouterInput


@pytest.fixture
def table(simulated_table):
    return simulated_table


@pytest.fixture
def encoder(table):
    return open_backbone(BackboneOptions("tiny-lxmert", image_size=32), table)


def test_stored_rows_are_what_the_router_makes_of_a_sample(table, encoder):
    few = table.take(np.array([3, 50, 200]))
    rows = pack_benchmark(table, encoder).of(few)[torch.arange(3)]
    assert torch.equal(rows, encoder.encode(list(router_inputs(few))))


def test_unpacked_pixels_and_tokens_by_hand(encoder):
    white, text_alone = RouterInput("a", image=Image.new("RGB", (9, 9), "white")), RouterInput("a b c")
    given = encoder.unpacked(encoder.encode([white, text_alone]))
    assert given.pixels.shape == (2, 3, 32, 32) and given.has_image.tolist() == [True, False]
    # White is 1 before normalisation, mean and deviation are a half: 1 after it.
    assert torch.equal(given.pixels[0], torch.ones(3, 32, 32))
    lengths = [len(encoder.tokenizer(text)["input_ids"]) for text in ("a", "a b c")]
    assert given.mask.sum(dim=1).tolist() == lengths
    assert given.mask.shape[1] == max(lengths)


def test_the_whole_picture_is_kept(encoder):
    """A wide picture with a red left edge and a blue right one: both are in the square."""
    wide = Image.new("RGB", (320, 32), "white")
    wide.paste("red", (0, 0, 40, 32))
    wide.paste("blue", (280, 0, 320, 32))
    pixels = encoder.image_row(wide)[: encoder.pixel_bytes].reshape(32, 32, 3)
    assert pixels[16, 0].tolist() == [255, 0, 0] and pixels[16, 31].tolist() == [0, 0, 255]
    assert set(pixels[0].ravel()) == {128}


def test_a_decoder_has_a_place_for_each_of_a_samples_pictures_and_others_for_the_first(table):
    decoder = open_backbone(BackboneOptions("tiny-smolvlm", image_size=32, max_images=3), table)
    white, black = (Image.new("RGB", (9, 9), colour) for colour in ("white", "black"))
    samples = [RouterInput.of("a", (), "", images) for images in ([white, black], [], [black] * 4)]
    given = decoder.unpacked(decoder.encode(samples))
    assert given.pixels.shape == (3, 3, 3, 32, 32)
    assert given.has_image.tolist() == [[True, True, False], [False] * 3, [True] * 3]
    assert torch.equal(given.pixels[0, :2], torch.stack([torch.ones(3, 32, 32), -torch.ones(3, 32, 32)]))
    one = open_backbone(BackboneOptions("tiny-smolvlm", image_size=32), table)
    assert one.most_images == 1 and "max_images" not in one.config
    assert pack_benchmark(table, decoder).path != pack_benchmark(table, one).path
    with pytest.raises(RouterError, match="reads one image of a sample, found 2"):
        open_backbone(BackboneOptions("tiny-lxmert", max_images=2), table)


def test_pictures_are_decoded_once_and_by_several_processes_to_the_same_bytes(table, encoder, monkeypatch):
    first = pack_benchmark(table, encoder)
    stored = first.path.read_bytes()
    monkeypatch.setattr(packed_module, "_write_images", None)
    assert pack_benchmark(table, encoder).path == first.path
    monkeypatch.undo()
    first.path.unlink()
    seen = []
    pack_benchmark(table, encoder, EncodingWork(num_proc=2, progress=lambda done, total: seen.append((done, total))))
    assert first.path.read_bytes() == stored
    assert seen[-1] == (len(table), len(table))


@pytest.mark.parametrize("length", [0, 60, 5000])
def test_a_store_that_was_cut_short_is_made_anew(length, table, encoder):
    path = pack_benchmark(table, encoder).path
    stored = path.read_bytes()
    path.write_bytes(stored[:length])
    pack_benchmark(table, encoder)
    assert path.read_bytes() == stored


def test_another_size_has_a_store_of_its_own(table, encoder):
    other = open_backbone(BackboneOptions("tiny-lxmert", image_size=48), table)
    assert pack_benchmark(table, other).path != pack_benchmark(table, encoder).path


def test_a_tokenizer_that_was_called_is_saved_and_named_as_one_that_was_not(encoder, tmp_path):
    digest = tokenizer_digest(encoder)
    RouterProcessor(encoder.tokenizer, encoder.config).save_pretrained(tmp_path / "before")
    encoder.encode([RouterInput("a text")])
    assert encoder.tokenizer.backend_tokenizer.truncation is not None
    RouterProcessor(encoder.tokenizer, encoder.config).save_pretrained(tmp_path / "after")
    assert tokenizer_digest(encoder) == digest
    for path in (tmp_path / "before").iterdir():
        assert (tmp_path / "after" / path.name).read_bytes() == path.read_bytes(), path.name


def test_rows_are_sent_to_another_process_as_names_of_files(easy_folder):
    rows = packed_problem(easy_folder, "tiny-siglip").train_features
    sent = pickle.dumps(rows)
    assert len(sent) < rows.images.nbytes / 100
    places = torch.tensor([5, 0, 3])
    assert torch.equal(pickle.loads(sent)[places], rows[places])  # noqa: S301
