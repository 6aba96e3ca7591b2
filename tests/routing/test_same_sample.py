"""One sample, one decision: `route`, `route_batch`, `route --questions`, the demo's Batch and `evaluate` read alike."""

import base64
import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tests.cli.conftest import run_program
from tests.demo.bad_files import zip_of
from tests.families import ENCODER
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.demo.batch import BatchFiles, BatchRouting
from vlrouterbench.demo.controls import Preference
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.routers.base.decision import read_sample
from vlrouterbench.routers.families.modeling_mlp import MLPRouter, MLPRouterConfig

NUM_SAMPLES = 300
NAMES = ("small", "middle", "large")
SPLITS = ["train"] * 20 + ["validation"] * 10 + ["test"] * NUM_SAMPLES
WORDS = (
    "How many boxes?",
    " What is the total? ",
    "图中有几个方框？",
    'A "quoted"; line,\nand\tmore',
    "007",
    "None",
    "é" * 400,
)
OPTIONS = (
    (None, []),
    ("", ()),
    ('["red", "blue"]', ["red", "blue"]),
    ("['one', 'two', \"it's\"]", ("one", "two", "it's")),
    ("yes|no | maybe", np.array(["yes", "no", "maybe"])),
    ("[1, 2.5, 3]", [1, 2.5, 3]),
    ("['a' 'b']", '["a", "b"]'),
    ("[]", None),
)
"""Options as a table writes them, and as a program gives the same."""
HINTS = (None, "", "Look closely.", " two  spaces ")
MODES = ("RGB", "L", "RGBA", "P", "JPEG")


@dataclass(frozen=True)
class Sample:
    """A sample in the table, as csv has it, and in a program."""

    row: dict[str, Any]
    flat: dict[str, Any]
    given: dict[str, Any]


def encoded(number):
    """An image, in turn of every mode."""
    pixels = np.random.default_rng(number).integers(0, 256, (12 + number % 9, 30 - number % 13, 3), dtype=np.uint8)
    image, mode, buffer = Image.fromarray(pixels // (1 + number % 3)), MODES[number % len(MODES)], io.BytesIO()
    (image if mode == "JPEG" else image.convert(mode)).save(buffer, "JPEG" if mode == "JPEG" else "PNG")
    return buffer.getvalue()


def image_forms(number, folder):
    """An image in three columns of a table, in csv, and as programs hold it."""
    content, name = encoded(number), f"images/{number}.png"
    (folder / name).write_bytes(content)
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    in_table = (
        {"image": name},
        {"image": name.replace("/", "\\")},
        {"image": json.dumps([name])},
        {"image_path": name},
        {"image": url},
        {"images": [{"bytes": content, "path": None}]},
        {"images": [{"bytes": content, "path": "elsewhere.png"}]},
        {"images": [{"bytes": None, "path": name}]},
    )[number % 8]
    image = Image.open(io.BytesIO(content))
    plain = image.convert("RGB") if image.mode == "P" else image
    in_program = (
        folder / name,
        str(folder / name),
        content,
        bytearray(content),
        {"bytes": content, "path": None},
        {"bytes": None, "path": str(folder / name)},
        image,
        [image],
        np.asarray(plain),
        torch.from_numpy(np.array(plain)),
        url,
    )[number % 11]
    flat = {"image": url} if "images" in in_table else in_table
    return in_table, flat, in_program


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("same") / "own"
    (path / "images").mkdir(parents=True)
    return path


@pytest.fixture(scope="module")
def samples(folder):
    made = []
    for number in range(len(SPLITS)):
        written, given = OPTIONS[number % len(OPTIONS)]
        texts = {
            "sample_id": f"s{number}",
            "question": f"{WORDS[number % len(WORDS)]}{number // 7}",
            "hint": HINTS[number % len(HINTS)],
        }
        row, flat, image = image_forms(number, folder) if number % 5 else ({}, {}, None)
        made.append(
            Sample(
                texts | {"options": written, "split": SPLITS[number]} | row,
                texts | {"options": written} | flat,
                texts | {"options": given, "image": image},
            )
        )
    return made


@pytest.fixture(scope="module")
def router(samples):
    """Weights are drawn, and the last ones scaled so that every candidate is chosen: what differs in a sample shows."""
    torch.manual_seed(3)
    candidates = [{"name": name, "mean_cost_usd": 0.001} for name in NAMES]
    encoder = ENCODER | {"text_dim": 16, "image_dim": 16}
    router = MLPRouter(MLPRouterConfig(candidates=candidates, encoder=encoder)).eval()
    buffers = [(name, values) for block in router.encoder.blocks.values() for name, values in block.named_buffers()]
    for values in (*router.head.parameters(), *(values for name, values in buffers if name not in ("mean", "scale"))):
        torch.nn.init.normal_(values)
    with torch.no_grad():
        scores = router.score(router.encoder.encode([read_sample(sample.given) for sample in samples]))
        last = router.head[-1]
        last.weight /= scores.std(dim=0).unsqueeze(1)
        last.bias.copy_((last.bias - scores.mean(dim=0)) / scores.std(dim=0))
    return router


@pytest.fixture(scope="module")
def asked(samples):
    return [sample for sample in samples if sample.row["split"] == "test"]


@pytest.fixture(scope="module")
def alone(router, asked):
    """What `route` decides on each sample."""
    return [
        router.route(**{name: value for name, value in sample.given.items() if name != "sample_id"}) for sample in asked
    ]


@pytest.fixture(scope="module")
def expected(asked, alone):
    return {sample.given["sample_id"]: decision.candidate for sample, decision in zip(asked, alone, strict=True)}


def test_the_samples_are_told_apart(expected, alone):
    counts = Counter(expected.values())
    assert len(expected) == NUM_SAMPLES and min(counts[name] for name in NAMES) > NUM_SAMPLES / 20, counts
    assert len({tuple(decision.score.values()) for decision in alone}) == NUM_SAMPLES
    assert sum(decision.image_used for decision in alone) == NUM_SAMPLES * 4 / 5


def test_route_batch_decides_as_route_to_the_last_bit(router, asked, alone):
    assert router.route_batch([sample.given for sample in asked]) == alone


@pytest.fixture(scope="module")
def table(folder, samples):
    pq.write_table(pa.Table.from_pylist([sample.row for sample in samples], schema=SCHEMA), folder / "samples.parquet")
    return folder / "samples.parquet"


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("sample_id", "question", "hint", "options", "split", "image", "image_path")]
    + [("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())])))]
)


@pytest.fixture(scope="module")
def saved(router, tmp_path_factory):
    path = tmp_path_factory.mktemp("router") / "router"
    router.save_pretrained(path)
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_table_of_questions_is_decided_as_route(saved, folder, table, samples, expected, tmp_path, kind):
    questions = table
    if kind == "csv":
        questions = folder / "questions.csv"
        with questions.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, ["sample_id", "question", "hint", "options", "image", "image_path"])
            writer.writeheader()
            writer.writerows(sample.flat for sample in samples)
    done = run_program("route", "--router", saved, "--questions", questions, "--out", tmp_path / "out.parquet")
    assert done.status == 0 and f"{len(samples)} of {len(samples)} rows decided" in done.out, done.err + done.out
    assert decided(pq.read_table(tmp_path / "out.parquet"), expected) == expected


def decided(rows, expected):
    pairs = zip(rows["sample_id"].to_pylist(), rows["candidate"].to_pylist(), strict=True)
    return {sample_id: candidate for sample_id, candidate in pairs if sample_id in expected}


def test_the_page_decides_a_batch_as_route(router, folder, table, expected, tmp_path):
    images = {f"images/{path.name}": path.read_bytes() for path in (folder / "images").iterdir()}
    routing = BatchRouting(router, "mine", Preference())
    routed = routing.run(BatchFiles(table, zip_of(tmp_path / "images.zip", images)))
    assert not routed.bad
    assert decided(pa.Table.from_pylist(routed.decisions), expected) == expected


def test_evaluate_decides_as_route(router, folder, table, samples, expected, tmp_path):
    prices = [f"{name},{place},{place}" for place, name in enumerate(NAMES, start=1)]
    (folder / "candidates.csv").write_text("\n".join(["name,input_price,output_price", *prices]))
    outcomes = [
        {"sample_id": sample.row["sample_id"], "candidate": name, "quality": 1.0, "input_tokens": 9, "output_tokens": 9}
        for sample in samples
        for name in NAMES
    ]
    pq.write_table(pa.Table.from_pylist(outcomes), folder / "outcomes.parquet")
    report = build_benchmark(folder, tmp_path / "benchmark")
    assert report["left_out"] == [] and report["splits"]["test"] == NUM_SAMPLES
    evaluate_routers(tmp_path / "benchmark", [router], tmp_path / "out", EvaluationOptions(time_routers=False))
    assert decided(pq.read_table(tmp_path / "out" / "decisions.parquet"), expected) == expected
