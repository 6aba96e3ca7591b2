"""Logs of requests that tests write themselves, and the gateways of `tests/serving`."""

import numpy as np
import pytest
import torch

import vlrouterbench as vrb
from vlrouterbench.core.files import write_json
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.features.given import encoder_digest
from vlrouterbench.routers.encoders.sample_input import RouterInput
from vlrouterbench.serving.logs.encoders import keep_encoder
from vlrouterbench.serving.logs.entry import Entry
from vlrouterbench.serving.logs.export import export_log
from vlrouterbench.serving.logs.parts import opened, part_at
from vlrouterbench.serving.logs.writing import LogOptions, RequestLog


def write_log(folder, entries, ratings=(), **options):
    """A log of entries and of (id, quality) pairs."""
    log = RequestLog(folder, lambda lost: None, LogOptions(**options))
    for entry in entries:
        log.add(entry)
    for name, quality in ratings:
        assert log.rate(name, quality) is not None
    log.close()
    return folder


def entry(number, **fields):
    """A routed request that the candidate "small" answered."""
    values = {
        "id": f"vlr-{number}",
        "key": "-",
        "conversation": f"c{number}",
        "mode": "route",
        "model": "auto",
        "chosen": "small",
        "candidate": "small",
        "status": 200,
        "propensity": 1.0,
        "features": np.arange(4, dtype=np.float32) + number,
        "latency": {"upstream": 0.5},
        "cost_usd": 0.001,
    }
    return Entry(**values | fields)


LEVELS = ("easy colour", "middling count", "hard proof")
COSTS = {"small": 1e-5, "middle": 1e-4, "large": 1e-3}
PRICES = {name: {"input_price": 1.0, "output_price": 2.0} for name in COSTS}


def question_of(number, level):
    return f"A {LEVELS[level]}, number {number}?"


def rated_log(folder, router, count=480, *, with_content=False, seed=0):
    """A log of drawn requests, each answered by one of three candidates at random; hard ones need the large one.

    Gives the log's folder and each request's level.
    """
    rng = np.random.default_rng(seed)
    levels, names = rng.integers(3, size=count), list(COSTS)
    questions = [question_of(number, level) for number, level in enumerate(levels)]
    features = router.encoder.encode([RouterInput(question) for question in questions]).numpy()
    entries, ratings = [], []
    for number, level in enumerate(levels):
        place = int(rng.integers(3))
        estimates = router.decide_one(torch.from_numpy(features[number : number + 1])).as_dict()
        entries.append(
            entry(
                number,
                chosen=names[place],
                candidate=names[place],
                propensity=1 / 3,
                asked={"budget": {}, "candidates": names},
                decision=estimates,
                encoder=encoder_digest(router.encoder),
                features=features[number],
                cost_usd=COSTS[names[place]],
                input_tokens=10,
                output_tokens=5,
                messages=[{"role": "user", "content": questions[number]}] if with_content else None,
            )
        )
        ratings.append((f"vlr-{number}", float(place >= level)))
    write_log(folder, entries, (), content=with_content)
    with opened(part_at(folder, entries[0].time)) as connection:  # all at once: one by one would take its time
        connection.executemany("insert into feedback values (?, 0, ?)", ratings)
    keep_encoder(folder, router.encoder, encoder_digest(router.encoder))
    write_json(folder / "candidates.json", PRICES)
    return folder, levels


@pytest.fixture(scope="session")
def served_router(router_folder):
    """The router of `tests/serving`, loaded."""
    return vrb.AutoRouter.from_pretrained(router_folder)


@pytest.fixture(scope="session")
def drawn_log(served_router, tmp_path_factory):
    """A rated log without content, its levels, the tables it was exported to, and their benchmark."""
    root = tmp_path_factory.mktemp("drawn")
    folder, levels = rated_log(root / "log", served_router)
    export_log(folder, root / "tables")
    build_benchmark(root / "tables", root / "benchmark")
    return root, levels


@pytest.fixture(scope="session")
def retrained(drawn_log):
    """A router of the benchmark of the log, and its folder."""
    root, _ = drawn_log
    table = vrb.load_table(root / "benchmark")
    trained = vrb.train_router("ridge-mf", vrb.Problem(table, vrb.encode_benchmark(table)))
    vrb.save_router(trained, root / "retrained")
    return trained.router, root / "retrained"
