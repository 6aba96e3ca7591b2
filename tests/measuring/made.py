"""Small samples to ask about, and the program asked about them."""

import json

import numpy as np
from PIL import Image

from tests.cli.conftest import run_program
from tests.standins.openai_server import write_endpoints

KEY = "sk-very-secret-0123456789"
KEY_VARIABLE = "VLR_TEST_KEY"


def write_samples(folder, count=6, *, images=True, **columns):
    """A folder with `samples.jsonl` of `count` questions with two options, the first of which is right."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(0), []
    for number in range(count):
        row = {"sample_id": f"s{number}", "question": f"What is in {number}?", "options": ["a cat", "a dog"]}
        row |= {"answer": "A"} | {name: value(number) if callable(value) else value for name, value in columns.items()}
        if images:
            Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(folder / f"{number}.png")
            row["image"] = f"{number}.png"
        rows.append({name: value for name, value in row.items() if value is not None})
    (folder / "samples.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def measured(tmp_path, entries, *options, samples=None):
    """`measure` run on samples and endpoints; gives how it ended and the folder of tables."""
    file = write_endpoints(tmp_path / "endpoints.yaml", *entries)
    source = samples or write_samples(tmp_path / "samples")
    out = tmp_path / "tables"
    return run_program("measure", source, "--endpoints", file, "--out", out, "--yes", *options), out
