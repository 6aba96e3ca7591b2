"""Benchmarks whose samples have several images: what is pooled, what is stored, and what is taken alone and counted."""

import json

import pyarrow.parquet as pq
import pytest
import torch

from tests.tables import write_own_tables
from vlrouterbench.core.errors import UnknownNameError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.features.backbones import BackboneOptions, open_backbone
from vlrouterbench.features.encode import encode_benchmark, feature_path, features_by
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.features.packed import pack_benchmark
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.encoders.block import POOLED
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem


def built(root, *, several):
    """Twelve samples; every third one has three images, the last of which they share."""
    write_own_tables(root / "own", num_samples=12)
    samples = pq.read_table(root / "own" / "samples.parquet").to_pandas()
    paths = samples["image"].tolist()
    if several:
        samples["image"] = [
            json.dumps([path, paths[(row + 1) % 12], paths[0]]) if row % 3 == 1 else path
            for row, path in enumerate(paths)
        ]
    samples.to_parquet(root / "own" / "samples.parquet")
    build_benchmark(root / "own", root / "out")
    return load_table(root / "out")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return built(tmp_path_factory.mktemp("several"), several=True)


@pytest.fixture(scope="module")
def pooled(table):
    return encode_benchmark(table)


def test_where_samples_have_several_images_all_are_pooled_unless_the_first_is_asked_for(table, pooled):
    first = encode_benchmark(table, FeatureOptions(image_pooling="first"))
    assert pooled.encoder.config["image_pooling"] == POOLED == pooled.describe()["image_pooling"]
    assert "image_pooling" not in first.encoder.config and pooled.path != first.path
    assert pooled.encoder.dim == pooled.encoder.text.dim + 2 * pooled.encoder.image.dim + 1
    assert first.describe()["fewer_images"] == 4 and "fewer_images" not in pooled.describe()
    again = encode_benchmark(table, FeatureOptions(image_pooling="first"))
    assert again.describe() == first.describe() and torch.equal(again.values, first.values)
    with pytest.raises(UnknownNameError, match="mean-max-count"):
        FeatureOptions(image_pooling="mean")


def test_stored_rows_equal_encoding_one_sample_to_the_last_bit(table, pooled):
    counts = table.column("num_images")
    for row, sample in enumerate(router_inputs(table)):
        assert len(sample.images) == counts[row]
        assert torch.equal(pooled.encoder.encode([sample])[0], pooled.values[row])
    assert torch.equal(features_by(pooled.encoder, table), pooled.values)


def test_every_image_is_stored_once_whichever_way_it_is_taken_in(table, pooled):
    shards = sorted(path for path in pooled.path.parent.glob("image-*/*") if path.suffix == ".safetensors")
    encode_benchmark(table, FeatureOptions(image_pooling="first", fusion="image-only"))
    assert shards and shards == sorted(pooled.path.parent.glob("image-*/*.safetensors"))


def test_a_benchmark_of_single_images_is_encoded_as_before(tmp_path):
    table = built(tmp_path, several=False)
    own, first = encode_benchmark(table), FeatureOptions(image_pooling="first")
    assert feature_path(table) == feature_path(table, first) and "image_pooling" not in own.encoder.config
    forced = encode_benchmark(table, FeatureOptions(image_pooling=POOLED, fusion="image-only"))
    dim = own.encoder.image.dim
    assert not forced.values[:, dim:].any() and torch.equal(forced.values[:, :dim], own.values[:, -dim:])


def test_a_router_of_it_is_saved_evaluated_and_asked_and_one_of_the_first_alone_is_counted(table, pooled, tmp_path):
    features = {"pooled": pooled, "first": encode_benchmark(table, FeatureOptions(image_pooling="first"))}
    for name, given in features.items():
        save_router(train_router("knn", Problem(table, given)), tmp_path / name)
    options = EvaluationOptions(allow_leaks=True)
    records = evaluate_routers(table.folder, [str(tmp_path / name) for name in features], tmp_path / "out", options)
    several = sum(count > 1 for count in table.split("test").column("num_images"))
    cut = {record["router"]: record["features"].get("fewer_images", 0) for record in records}
    assert cut == {"pooled": 0, "first": several}
    row = table.column("num_images").index(3)
    sample = list(router_inputs(table))[row]
    loaded = AutoRouter.from_pretrained(str(tmp_path / "pooled"))
    decision = loaded.route(sample.question, images=sample.images, options=sample.options, hint=sample.hint)
    assert decision.images_left_out == 0
    assert list(decision.score.values()) == loaded.score(pooled.values[row : row + 1])[0].tolist()


def test_a_decoder_reads_all_images_and_another_backbone_the_first_which_is_counted(table):
    several = table.column("num_images")
    decoder = open_backbone(BackboneOptions("tiny-smolvlm", image_size=32), table)
    packed = pack_benchmark(table, decoder)
    assert packed.describe()["max_images"] == 3 and "fewer_images" not in packed.describe()
    rows = packed.values[torch.arange(len(table))]
    assert torch.equal(rows, decoder.encode(list(router_inputs(table))))
    assert decoder.unpacked(rows).has_image.sum(dim=1).tolist() == several
    other = pack_benchmark(table, open_backbone(BackboneOptions("tiny-lxmert", image_size=32), table))
    assert other.describe()["fewer_images"] == 4 and "max_images" not in other.describe()
