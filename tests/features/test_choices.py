"""Encoders by name: what is stored is found under the same key in every release, and a new kind is one class."""

from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from tests.features.ink_encoder import NUM_ROWS, InkEncoder
from vlrouterbench.core.errors import UnknownNameError
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark, feature_path, features_by
from vlrouterbench.features.handlers import HANDLERS
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.features.reading import vector_store
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.encoders.block import BLOCKS, MODALITIES, block_class
from vlrouterbench.routers.encoders.builtin.image import BuiltinImage
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder
from vlrouterbench.routers.encoders.hub.blocks import HubImage, HubText
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem

# As version 0.1.0 computed them: another name would encode again what is stored beside users' benchmarks.
FEATURE_KEYS = [
    ({}, "90325101f7bfdf6e"),
    ({"image": "builtin+ocr"}, "b20ac405214cfa07"),
    ({"text": "MODEL"}, "7257b9e2f1f16880"),
    ({"text": "MODEL", "max_length": 20}, "02891628c271d8a7"),
    ({"image": "MODEL"}, "a9fb282ddb980344"),
    ({"fusion": "text-only"}, "156f05723e823d80"),
    ({"fusion": "image-only"}, "55b65f4dc66ff319"),
    ({"fusion": "weighted-average", "text_weight": 0.6}, "3f2a21703828c9ba"),
]
DESCRIPTION = {"id": "models/e5 small", "revision": None, "sha256": "ab", "dim": 4, "version": 1}
VECTOR_FOLDERS = [
    (HubText(DESCRIPTION | {"max_length": 20, "family": "e5"}), "text-e5-small-22bf720c8ce9ff9e"),
    (HubImage(DESCRIPTION), "image-e5-small-9fa514c58d7f6fd6"),
    (BuiltinImage(), "image-builtin-29766b770bc73d94"),
]


@pytest.fixture
def named_table(tmp_path):
    """All that names of stored features depend on of a table."""
    return SimpleNamespace(folder=tmp_path / "benchmark", sha256="5" * 64, samples=pa.table({"sample_id": ["a"]}))


@pytest.fixture
def model(tmp_path):
    """A folder with the files of a pretrained model, which are named without being loaded."""
    folder = tmp_path / "e5-small"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return str(folder)


@pytest.mark.parametrize(("values", "key"), FEATURE_KEYS)
def test_features_keep_their_name_from_release_to_release(values, key, named_table, model, monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda package: "9.9")
    options = FeatureOptions(**{name: model if value == "MODEL" else value for name, value in values.items()})
    assert feature_path(named_table, options).name == f"features-{key}.safetensors"


@pytest.mark.parametrize(("block", "name"), VECTOR_FOLDERS)
def test_vectors_keep_their_folder_from_release_to_release(block, name, named_table):
    assert vector_store(named_table, block).folder.name == name


def test_a_kind_stands_in_the_registry_by_its_own_name():
    for modality in MODALITIES:
        for kind in BLOCKS[modality]:
            block = block_class(modality, kind)
            assert (block.modality, block.name) == (modality, kind)
    assert all(kind in BLOCKS[modality] for modality, kind in HANDLERS)


def test_an_unknown_name_is_refused_with_those_that_are_known(named_table):
    with pytest.raises(UnknownNameError, match=r"builtin\+ocr.*FOLDER.*OWNER/NAME"):
        feature_path(named_table, FeatureOptions(image="buildin+orc"))


@pytest.fixture
def ink(monkeypatch):
    monkeypatch.setitem(BLOCKS["image"], "ink", f"{InkEncoder.__module__}:{InkEncoder.__name__}")
    return FeatureOptions(image="ink")


@pytest.fixture
def table(tmp_path):
    build_from_logs(simulate_logs(num_samples=120, seed=2), tmp_path / "benchmark")
    return load_table(tmp_path / "benchmark")


def test_a_new_kind_is_stored_fitted_on_train_and_read_back(ink, table, monkeypatch):
    features = encode_benchmark(table, ink)
    assert features.describe()["image"] == "ink" and features.encoder.config["image"] == "ink"
    train = features.of(table.split("train"))[:, -NUM_ROWS:]
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=0.2)
    assert features.encoder.image.usual.all()
    monkeypatch.setattr(InkEncoder, "read", None)
    again = encode_benchmark(table, ink)
    assert isinstance(again.encoder.image, InkEncoder) and torch.equal(again.values, features.values)
    # Vectors are stored by image, so that other features of them read nothing either.
    assert encode_benchmark(table, FeatureOptions(image="ink", fusion="image-only")).encoder.dim == 1 + NUM_ROWS
    assert torch.equal(features_by(again.encoder, table.split("test")), features.of(table.split("test")))


def test_another_identity_is_read_anew(ink, table, monkeypatch):
    first = encode_benchmark(table, ink)
    monkeypatch.setattr(InkEncoder, "identity", {"version": 2})
    second = encode_benchmark(table, ink)
    assert first.path != second.path
    folders = [path.name for path in first.path.parent.glob("image-ink-*")]
    assert len(folders) == 2


def test_a_router_over_a_new_kind_is_trained_saved_and_loaded(ink, table, tmp_path):
    problem = Problem(table, encode_benchmark(table, ink))
    trained = train_router("mlp", problem, RouterTrainingArguments(cost_weights=(10.0,), num_epochs=2))
    save_router(trained, tmp_path / "router")
    loaded = AutoRouter.from_pretrained(tmp_path / "router")
    question = {"question": "How dark is it?", "image": Image.new("RGB", (40, 30), "navy")}
    assert loaded.route(**question) == trained.router.route(**question)
    carried = sorted(path.name for path in (tmp_path / "router").glob("*ink*.py"))
    assert carried == ["tests_features_ink_encoder.py"]


def test_a_block_comes_back_from_its_configuration(ink, table):
    encoder = encode_benchmark(table, ink).encoder
    assert isinstance(FeatureEncoder(encoder.config).image, InkEncoder)
