"""Features of pretrained encoders for a whole benchmark: nothing twice, nothing stale, the same bytes however made."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import vlrouterbench.features.reading as reading
from tests.hub_models import WORDS, save_image_model, save_text_model
from tests.tables import write_own_tables
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark, feature_path, features_by
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.features.options import EncodingWork, FeatureOptions
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError
from vlrouterbench.routers.encoders.hub.image import HubImageEncoder
from vlrouterbench.routers.encoders.hub.text import HubTextEncoder
from vlrouterbench.routers.encoders.sample_input import RouterInput

NUM_SAMPLES, SHARD = 90, 24


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {
        "text": str(save_text_model(root / "e5-small-v2")),
        "image": str(save_image_model(root / "siglip-tiny", "siglip")),
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = write_own_tables(tmp_path_factory.mktemp("own") / "own", num_samples=NUM_SAMPLES)
    # In words that the small model's tokenizer knows.
    rows, words = pq.read_table(folder / "samples.parquet").to_pylist(), WORDS.split()
    for number, row in enumerate(rows):
        row["question"] = " ".join(words[(7 * number + step * (number % 5 + 1)) % len(words)] for step in range(6))
    pq.write_table(pa.Table.from_pylist(rows), folder / "samples.parquet")
    return folder


@pytest.fixture
def table(source, tmp_path):
    build_benchmark(source, tmp_path / "benchmark")
    return load_table(tmp_path / "benchmark")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(reading, "SHARD_SIZE", SHARD)


@pytest.fixture
def options(models):
    return FeatureOptions(**models, device="cpu")


@pytest.fixture
def encoded_texts(monkeypatch):
    """Every text that a pretrained encoder was given."""
    seen = []
    original = HubTextEncoder.encode

    def counting(encoder, inputs):
        seen.extend(sample.text for sample in inputs)
        return original(encoder, inputs)

    monkeypatch.setattr(HubTextEncoder, "encode", counting)
    return seen


@pytest.fixture
def encoded_pictures(monkeypatch):
    """How many pictures a pretrained encoder was given."""
    seen = []
    original = HubImageEncoder.encode

    def counting(encoder, inputs):
        seen.extend(sample.image.size for sample in inputs)
        return original(encoder, inputs)

    monkeypatch.setattr(HubImageEncoder, "encode", counting)
    return seen


def _bytes(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.safetensors")}


def test_vectors_stand_beside_each_other_standardised_on_train(table, options):
    features = encode_benchmark(table, options)
    assert features.values.shape == (NUM_SAMPLES, 32 + 33)
    train = features.of(table.split("train")).numpy()
    varied = train.std(axis=0) > 1e-3
    assert varied.sum() > 30
    inside = varied & (np.abs(train) < 5).all(axis=0)
    np.testing.assert_allclose(train[:, inside].mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(train[:, inside].std(axis=0), 1, atol=1e-2)
    # The flag beside the picture's vector never varies here: it says nothing.
    assert not features.values[:, 32].any()


def test_features_are_the_encoders_own_vectors_scaled(table, options, models):
    features = encode_benchmark(table, options)
    text, image = HubTextEncoder(models["text"]), HubImageEncoder(models["image"])
    inputs = list(router_inputs(table))[:7]
    for row, sample in enumerate(inputs):
        block = features.encoder.text
        expected = (text.encode([sample])[0] - block.mean) / block.scale
        torch.testing.assert_close(features.values[row, :32], expected.clamp(-5, 5), atol=1e-3, rtol=0)
        block = features.encoder.image
        expected = (image.encode([sample])[0] - block.mean[1:]) / block.scale[1:]
        torch.testing.assert_close(features.values[row, 33:], expected.clamp(-5, 5), atol=1e-3, rtol=0)


def test_what_a_router_reads_of_one_sample_agrees_with_the_stored_vector(table, options):
    encoder = encode_benchmark(table, options).encoder
    stored = [path for path in (table.folder.parent / "benchmark.features").iterdir() if path.is_dir()]
    assert len(stored) == 2
    raw = [encoder.text.read([sample])[0] for sample in router_inputs(table)]
    batch = reading.Reading(table, encoder.text, reading.VectorStore(next(p for p in stored if "text" in p.name)))
    for alone, together in zip(raw, batch.vectors(EncodingWork()), strict=True):
        np.testing.assert_allclose(alone, together, atol=1e-5)


def test_nothing_is_encoded_twice_within_a_benchmark(source, tmp_path, options, encoded_texts, encoded_pictures):
    rows = pq.read_table(source / "samples.parquet").to_pylist()
    for row in rows[1:40]:
        row["question"], row["image"] = rows[0]["question"], rows[0]["image"]
    own = tmp_path / "own"
    shutil.copytree(source, own)
    pq.write_table(pa.Table.from_pylist(rows), own / "samples.parquet")
    build_benchmark(own, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    encode_benchmark(table, options)
    questions = {row["question"] for row in rows}
    assert len(questions) < NUM_SAMPLES - 30
    assert sorted(encoded_texts) == sorted(questions)
    # A blank picture tells how long a vector is; it is none of the encoder's inputs here.
    assert len(encoded_pictures) == len({(own / row["image"]).read_bytes() for row in rows})


def test_a_changed_fusion_or_partner_encodes_nothing_again(table, options, models, encoded_texts, encoded_pictures):
    encode_benchmark(table, options)
    encoded_texts.clear(), encoded_pictures.clear()
    encode_benchmark(table, FeatureOptions(**models, device="cpu", fusion="average"))
    encode_benchmark(table, FeatureOptions(text=models["text"], device="cpu"))
    assert encoded_texts == [] and encoded_pictures == []


def test_another_model_at_the_same_path_is_not_taken_for_it(table, tmp_path, models):
    folder = tmp_path / "model"
    save_text_model(folder)
    options = FeatureOptions(text=str(folder), fusion="text-only", device="cpu")
    first = encode_benchmark(table, options)
    save_text_model(folder, max_length=80)
    second = encode_benchmark(table, options)
    assert first.path != second.path
    assert first.encoder.text.description["sha256"] != second.encoder.text.description["sha256"]


def test_one_or_two_processes_give_the_same_bytes(source, tmp_path, options):
    folders = []
    for num_proc in (1, 2):
        folder = tmp_path / str(num_proc) / "benchmark"
        build_benchmark(source, folder)
        encode_benchmark(load_table(folder), options, EncodingWork(num_proc))
        folders.append(_bytes(folder.with_name("benchmark.features")))
    assert folders[0] == folders[1]
    assert len(folders[0]) == 1 + 2 * -(-NUM_SAMPLES // SHARD)


def test_shares_of_processes_launched_together_make_the_same_bytes(source, tmp_path, options):
    build_benchmark(source, tmp_path / "alone" / "benchmark")
    encode_benchmark(load_table(tmp_path / "alone" / "benchmark"), options)
    build_benchmark(source, tmp_path / "shared" / "benchmark")
    table = load_table(tmp_path / "shared" / "benchmark")

    # Each wait lets both go on. Processes, not threads: transformers loads one model at a time in a process.
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(2, timeout=120)

    def take_part(rank):
        encoded = encode_benchmark(table, options, EncodingWork(rank=rank, world_size=2, wait=barrier.wait))
        np.save(tmp_path / f"{rank}.npy", encoded.values.numpy())

    other = fork.Process(target=take_part, args=(1,))
    other.start()
    take_part(0)
    other.join()
    assert other.exitcode == 0
    assert (np.load(tmp_path / "0.npy") == np.load(tmp_path / "1.npy")).all()
    assert _bytes(tmp_path / "shared") == _bytes(tmp_path / "alone")


KILLED = """
import sys
import vlrouterbench.features.reading as reading
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.features.options import FeatureOptions
reading.SHARD_SIZE = int(sys.argv[4])
write = reading.VectorStore.write
def telling(store, digests, vectors):
    path = write(store, digests, vectors)
    print(path, flush=True)
    return path
reading.VectorStore.write = telling
encode_benchmark(load_table(sys.argv[1]), FeatureOptions(text=sys.argv[2], image=sys.argv[3], device="cpu"))
"""


@pytest.mark.faults
def test_a_killed_run_resumes_and_ends_with_the_same_bytes(source, tmp_path, models, options, encoded_texts):
    build_benchmark(source, tmp_path / "alone" / "benchmark")
    encode_benchmark(load_table(tmp_path / "alone" / "benchmark"), options)
    build_benchmark(source, tmp_path / "killed" / "benchmark")
    arguments = [str(tmp_path / "killed" / "benchmark"), models["text"], models["image"], str(SHARD)]
    with subprocess.Popen([sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, text=True) as program:
        for _ in range(2):
            assert program.stdout.readline().strip().endswith(".safetensors")
        os.kill(program.pid, signal.SIGKILL)
    assert program.returncode == -signal.SIGKILL
    encoded_texts.clear()
    encode_benchmark(load_table(tmp_path / "killed" / "benchmark"), options)
    assert 0 < len(encoded_texts) <= NUM_SAMPLES - 2 * SHARD
    assert _bytes(tmp_path / "killed") == _bytes(tmp_path / "alone")


def test_two_processes_at_once_do_not_corrupt_the_store(source, tmp_path, models, options):
    build_benchmark(source, tmp_path / "alone" / "benchmark")
    encode_benchmark(load_table(tmp_path / "alone" / "benchmark"), options)
    build_benchmark(source, tmp_path / "both" / "benchmark")
    arguments = [str(tmp_path / "both" / "benchmark"), models["text"], models["image"], str(SHARD)]
    programs = [
        subprocess.Popen([sys.executable, "-c", KILLED, *arguments], stdout=subprocess.DEVNULL) for _ in range(2)
    ]
    deadline = time.monotonic() + 300
    assert [program.wait(deadline - time.monotonic()) for program in programs] == [0, 0]
    assert _bytes(tmp_path / "both") == _bytes(tmp_path / "alone")


def test_a_fitted_encoder_gives_its_stored_features_again(table, options, encoded_texts):
    features = encode_benchmark(table, options)
    loaded = FeatureEncoder(json.loads(json.dumps(features.encoder.config)))
    loaded.load_state_dict(features.encoder.state_dict())
    encoded_texts.clear()
    part = table.split("test")
    assert torch.equal(features_by(loaded, part), features.of(part))
    assert encoded_texts == []


def test_a_sample_without_a_usable_image_has_zeros_and_a_flag(source, tmp_path, options):
    own = tmp_path / "own"
    shutil.copytree(source, own)
    for number in range(30):
        (own / "images" / f"{number}.png").write_bytes(b"no picture")
    build_benchmark(own, tmp_path / "benchmark", BuildOptions(allow_missing_images=True))
    table = load_table(tmp_path / "benchmark")
    features = encode_benchmark(table, options)
    assert features.masked_images == 30 == features.describe()["masked_images"]
    flagged = {name for name, ok in zip(table.column("sample_id"), table.column("image_ok"), strict=True) if not ok}
    for row, sample_id in enumerate(table.column("sample_id")):
        assert bool((features.values[row, 33:] == 0).all()) == (sample_id in flagged)
    flags = features.values[:, 32]
    assert len(flags.unique()) == 2


@pytest.mark.parametrize("fusion", ["normalize-concat", "average", "weighted-average", "text-only", "image-only"])
def test_every_fusion_is_what_a_router_computes_for_one_sample(table, models, fusion):
    features = encode_benchmark(table, FeatureOptions(**models, device="cpu", fusion=fusion))
    assert features.describe()["fusion"] == fusion
    sizes = {"normalize-concat": 65, "image-only": 33}
    assert features.values.shape[1] == sizes.get(fusion, 32) == features.encoder.dim
    sample = next(router_inputs(table))
    torch.testing.assert_close(features.encoder.encode([sample])[0], features.values[0], atol=2e-3, rtol=0)


def test_text_only_never_opens_an_image_encoder(table, models):
    options = FeatureOptions(text=models["text"], image="no/such-model", fusion="text-only", device="cpu")
    features = encode_benchmark(table, options)
    assert features.encoder.image is None and features.describe()["image"] is None


def test_a_router_with_another_encoder_than_it_was_trained_with_is_refused(table, options, tmp_path):
    encoder = FeatureEncoder(encode_benchmark(table, options).encoder.config)
    other = save_text_model(tmp_path / "e5-small-v2", max_length=80)
    encoder.text.use(other)
    with pytest.raises(HubEncoderError, match="not the one this router was trained with: sha256 "):
        encoder.text.read([next(router_inputs(table))])


def test_an_encoder_elsewhere_is_the_same_by_its_content(table, options, models, tmp_path):
    encoder = FeatureEncoder(encode_benchmark(table, options).encoder.config)
    shutil.copytree(models["text"], tmp_path / "moved")
    encoder.text.use(tmp_path / "moved")
    sample = next(router_inputs(table))
    expected = HubTextEncoder(models["text"]).encode([sample])[0].numpy()
    np.testing.assert_allclose(encoder.text.read([sample])[0], expected, atol=1e-6)


def test_what_is_not_there_is_said(table, tmp_path):
    with pytest.raises(BenchmarkError, match="not in the Hub's cache"):
        encode_benchmark(table, FeatureOptions(text="nobody/no-such-encoder"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchmarkError, match=r"expected a model with config\.json"):
        encode_benchmark(table, FeatureOptions(image=str(tmp_path / "empty")))
    if not torch.cuda.is_available():
        with pytest.raises(BenchmarkError, match="expected a GPU"):
            encode_benchmark(table, FeatureOptions(text="nobody/no-such-encoder", device="cuda"))


def test_one_family_by_another_name_has_another_place(table, models, tmp_path):
    shutil.copytree(models["text"], tmp_path / "plain")
    options = [FeatureOptions(text=name, device="cpu") for name in (models["text"], str(tmp_path / "plain"))]
    assert feature_path(table, options[0]) != feature_path(table, options[1])


def test_a_tall_picture_is_read_to_its_edges(table, models):
    encoder = HubImageEncoder(models["image"])
    tall = Image.new("RGB", (20, 400), "white")
    marked = tall.copy()
    marked.paste((0, 0, 0), (0, 380, 20, 400))
    one, two = encoder.encode([RouterInput("", image=tall), RouterInput("", image=marked)])
    assert not torch.allclose(one, two, atol=1e-4)
