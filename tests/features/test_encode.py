"""The feature store: read back while it belongs to the benchmark, made again when damaged, fitted on train alone."""

import shutil
import weakref
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vlrouterbench.core.errors import BenchmarkError, UnknownNameError
from vlrouterbench.data.build import build_benchmark, build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.table import load_table
from vlrouterbench.features import encode, reading, store
from vlrouterbench.features.encode import encode_benchmark, feature_path, fitted_note, read_blocks
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.features.options import EncodingWork, FeatureOptions
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder


@pytest.fixture(scope="module")
def logs():
    return simulate_logs(num_samples=60, seed=1)


@pytest.fixture
def table(logs, tmp_path):
    build_from_logs(logs, tmp_path / "benchmark")
    return load_table(tmp_path / "benchmark")


class Calls:
    """Counts how often it is called, and remembers the last call."""

    def __init__(self):
        self.count, self.last = 0, None

    def __call__(self, done, total):
        self.count, self.last = self.count + 1, (done, total)


def _same(one, two):
    buffers = zip(one.encoder.named_buffers(), two.encoder.named_buffers(), strict=True)
    assert all(a == b and torch.equal(x, y) for (a, x), (b, y) in buffers)
    assert one.encoder.config == two.encoder.config
    assert torch.equal(one.values, two.values)
    assert (one.masked_images, one.path) == (two.masked_images, two.path)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_of_many_samples_what_was_read_is_not_held_and_gives_the_same_features(table, monkeypatch, modality):
    held = encode_benchmark(table)
    shutil.rmtree(held.path.parent)
    monkeypatch.setattr(reading, "MOST_IN_MEMORY", 30)
    monkeypatch.setattr(reading, "SHARD_SIZE", 16)
    monkeypatch.setattr(store, "_SHARDS_IN_MEMORY", 1)
    again = encode_benchmark(table)
    _same(held, again)
    rows = read_blocks(table, {modality: again.encoder.blocks[modality]}, EncodingWork()).rows(modality)
    known, most = [], 0
    for row in rows:
        known.append(weakref.ref(row if modality == "image" else row[2]))
        most = max(most, sum(ref() is not None for ref in known))
    assert len(rows) == len(known) == 60 and most <= 2 * 16
    with pytest.raises(IndexError):
        rows[60]


def test_an_encoder_of_many_train_samples_is_fitted_on_a_sample_of_them_which_is_stated(table, monkeypatch):
    whole = encode_benchmark(table)
    assert whole.fitted_on is None and "fitted_on" not in whole.describe()
    monkeypatch.setattr(encode, "MOST_IN_MEMORY", 20)
    part, again = encode_benchmark(table), encode_benchmark(table)
    assert part.path != whole.path and not torch.equal(part.values[:, :8], whole.values[:, :8])
    assert part.describe()["fitted_on"] == again.describe()["fitted_on"] == 20
    _same(part, again)
    assert fitted_note(part.describe()) == "Encoders were fitted on a sample of 20 of the train split's samples."
    assert fitted_note(whole.describe()) == ""


def test_second_call_reads_the_file_and_gives_identical_tensors(table):
    first, second = Calls(), Calls()
    encoded = encode_benchmark(table, work=EncodingWork(progress=first))
    read = encode_benchmark(table, work=EncodingWork(progress=second))
    assert first.last == (60, 60)
    assert second.count == 0
    _same(encoded, read)


def test_store_lies_beside_the_folder_and_holds_no_pickle(table):
    before = sorted(path for path in table.folder.rglob("*"))
    path = encode_benchmark(table).path
    assert path == feature_path(table) and path.parent.parent == table.folder.parent
    assert sorted(table.folder.rglob("*")) == before
    files = [p for p in path.parent.rglob("*") if p.is_file()]
    assert len(files) == 2 and path in files
    assert {p.suffix for p in files} == {".safetensors"}


def _without_metadata(path):
    save_file(load_file(path), path)


def _with_a_buffer_of_another_shape(path):
    _rewrite(path, lambda tensors: tensors.update({"encoder.text.idf": torch.ones(3)}))


def _with_too_few_rows(path):
    _rewrite(path, lambda tensors: tensors.update({"features": tensors["features"][:40].clone()}))


def _rewrite(path, change):
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata=metadata)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        _without_metadata,
        _with_a_buffer_of_another_shape,
        _with_too_few_rows,
    ],
    ids=["empty", "last byte", "no metadata", "other shape", "too few rows"],
)
def test_damaged_store_is_encoded_again_and_mended(table, damage):
    whole = encode_benchmark(table)
    damage(whole.path)
    damaged = whole.path.read_bytes()
    _same(encode_benchmark(table), whole)
    assert whole.path.read_bytes() != damaged
    mended = whole.path.stat().st_mtime_ns
    _same(encode_benchmark(table), whole)
    assert whole.path.stat().st_mtime_ns == mended


def test_another_benchmark_digest_gives_another_file(table):
    other = replace(table, report=table.report | {"sha256": "0" * 64})
    assert feature_path(other) != feature_path(table)
    assert feature_path(other).parent == feature_path(table).parent


def _with_question(logs, row, question):
    """The same logs with one question reworded."""
    questions = logs.samples["question"].to_pylist()
    questions[row] = question
    place = logs.samples.schema.get_field_index("question")
    return replace(logs, samples=logs.samples.set_column(place, "question", pa.array(questions, pa.string())))


@pytest.mark.parametrize("split", ["test", "validation"])
def test_encoder_is_fitted_on_train_only(logs, table, tmp_path, split):
    encoded = encode_benchmark(table)
    asked = table.split(split).column("sample_id")[0]
    row = logs.samples["sample_id"].to_pylist().index(asked)
    changed = _with_question(logs, row, "A wholly different question about zebras and their 47 stripes")
    picture = tmp_path / "other.png"
    Image.new("RGB", (300, 20), "red").save(picture)
    images = [picture if place == row else image for place, image in enumerate(changed.images)]
    build_from_logs(replace(changed, images=images), tmp_path / "changed")
    other = load_table(tmp_path / "changed")
    assert other.column("split") == table.column("split") and other.sha256 != table.sha256
    encoded_other = encode_benchmark(other)
    for (name, one), (_, two) in zip(
        encoded.encoder.named_buffers(), encoded_other.encoder.named_buffers(), strict=True
    ):
        assert torch.equal(one, two), name
    place = table.column("sample_id").index(asked)
    differs = (encoded.values != encoded_other.values).any(dim=1)
    assert differs.tolist() == [row == place for row in range(60)]


def test_a_training_question_does_change_the_encoder(logs, table, tmp_path):
    asked = table.split("train").column("sample_id")[0]
    row = logs.samples["sample_id"].to_pylist().index(asked)
    build_from_logs(_with_question(logs, row, "zebras and their 47 stripes"), tmp_path / "changed")
    ours, theirs = (encode_benchmark(t).encoder for t in (table, load_table(tmp_path / "changed")))
    assert not torch.equal(ours.text.idf, theirs.text.idf)


def test_stored_rows_equal_encoding_one_sample_to_the_last_bit(simulated_problem):
    part = simulated_problem.table.take(np.arange(0, 400, 40))
    stored = simulated_problem.features.of(part)
    for row, sample in zip(stored, router_inputs(part), strict=True):
        assert torch.equal(simulated_problem.features.encoder.encode([sample])[0], row)


def test_features_of_a_part_are_its_rows(simulated_problem):
    part = simulated_problem.table.split("test")
    assert torch.equal(simulated_problem.features.of(part), simulated_problem.features.values[part.rows])


def test_router_input_holds_question_hint_and_options(simulated_table):
    options, hints = simulated_table.column("options"), simulated_table.column("hint")
    rows = [row for row, pair in enumerate(zip(options, hints, strict=True)) if all(pair)]
    part = simulated_table.take(np.array(rows[:1]))
    (sample,) = router_inputs(part)
    for piece in (part.column("question")[0], part.column("hint")[0], *part.column("options")[0]):
        assert piece in sample.text
    assert sample.image.size[0] > 1


def test_sample_without_a_usable_image_gets_the_mask_and_is_counted(own_tables, tmp_path):
    (own_tables / "images" / "3.png").write_bytes(b"no picture")
    (own_tables / "images" / "7.png").unlink()
    build_benchmark(own_tables, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    features = encode_benchmark(table)
    assert features.masked_images == 2 == features.describe()["masked_images"]
    assert encode_benchmark(table).masked_images == 2
    for place, sample in enumerate(router_inputs(table)):
        missing = table.column("sample_id")[place] in ("s03", "s07")
        assert (sample.image is None) == missing
        assert torch.equal(features.encoder.encode([sample])[0], features.values[place])
    assert torch.isfinite(features.values).all()


def test_text_only_benchmark_is_encoded(own_tables, tmp_path):
    path = own_tables / "samples.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["image"]), path)
    build_benchmark(own_tables, tmp_path / "benchmark")
    features = encode_benchmark(load_table(tmp_path / "benchmark"))
    assert features.masked_images == 12
    assert torch.isfinite(features.values).all() and features.values.any()


def test_description_names_encoders_version_and_size(simulated_problem):
    features = simulated_problem.features
    assert features.describe() == {
        "text": "builtin",
        "image": "builtin",
        "fusion": "concat",
        "version": 3,
        "dim": features.values.shape[1],
        "masked_images": 0,
    }
    assert features.values.dtype == torch.float32 and isinstance(features.encoder, FeatureEncoder)


@pytest.mark.parametrize("kind", ["text", "image"])
def test_unknown_encoder_is_answered_with_the_nearest(simulated_table, kind):
    with pytest.raises(UnknownNameError, match=f'unknown {kind} encoder "bulitin". Did you mean "builtin"'):
        encode_benchmark(simulated_table, FeatureOptions(**{kind: "bulitin"}))


def test_part_of_a_benchmark_is_refused(simulated_table):
    with pytest.raises(BenchmarkError, match="expected all 400 samples"):
        encode_benchmark(simulated_table.split("train"))
