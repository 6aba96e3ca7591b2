"""Every input that is read from others: what a good one is, how a case changes it, and the command that reads it.

Decisions
- A case is its number: the same number gives the same input and the same command.
- Good inputs are made once for a process, and copied for each case.
"""

import json
import random
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from PIL import Image

from tests.cli.conftest import run_program
from tests.data.sources.vlmevalkit.log_trees import write_choice_logs, write_images
from tests.families import small_router
from tests.fuzzing.mutations import mutated_bytes, mutated_folder, mutated_rows, mutated_text, mutated_tree, save_rows
from tests.tables import write_own_tables

SEED = 22
SAVED = Path(__file__).parent.parent / "fixtures" / "v0"
CANDIDATES = [
    {"name": "small", "input_price": 0.1, "output_price": 0.1},
    {"name": "middle", "input_price": 0.5, "output_price": 1.0},
    {"name": "large", "input_price": 2.0, "output_price": 8.0},
]
PUBLISHED = {
    row["name"]: {
        "input_cost_per_token": row["input_price"] / 1e6,
        "output_cost_per_token": row["output_price"] / 1e6,
        "litellm_provider": "x",
        "mode": "chat",
    }
    for row in CANDIDATES
}
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
Command = tuple[object, ...]


def prepare(base: Path) -> None:
    """Make the good inputs."""
    base.mkdir(parents=True)
    write_own_tables(base / "own", num_samples=12)
    small_router("linear").save_pretrained(base / "routers" / "linear")
    for family in ("flagship", "knn", "two-tower"):
        shutil.copytree(SAVED / "routers" / family, base / "routers" / family)
    shutil.copytree(SAVED / "benchmark", base / "benchmark")
    logs = base / "logs"
    for model in ("small", "large"):
        for dataset in ("MMStar", "MMBench_DEV_EN_V11"):
            write_choice_logs(logs / model, model, dataset, [1, 0, 1, 1])
    write_images(logs, "MMStar", 4)
    write_images(logs, "MMBench_DEV_EN_V11", 4)
    (logs / "pool.csv").write_text(pd.DataFrame(CANDIDATES).to_csv(index=False))
    done = run_program("evaluate", base / "benchmark", "--router", "cheapest", "--no-baselines", "--out", base / "one")
    assert done.status == 0, done.err
    for name in FORMATS:
        Image.effect_noise((24, 16), 60).convert("P" if name == "GIF" else "RGB").save(base / f"picture.{name}", name)


def _logs(base: Path, work: Path, rng: random.Random) -> Command:
    shutil.copytree(base / "logs", work / "logs")
    for _ in range(rng.choice((1, 1, 3))):
        mutated_folder(work / "logs", rng)
    return "build", work / "logs", "--candidates", base / "logs" / "pool.csv", "--out", work / "out"


def _archive(base: Path, work: Path, rng: random.Random) -> Command:
    shutil.copytree(base / "logs", work / "logs")
    path = work / rng.choice(("logs.tar.gz", "logs.tar", "logs.tgz", "logs.zip"))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for one in sorted((work / "logs").rglob("*")):
                archive.write(one, one.relative_to(work))
    else:
        with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as archive:
            archive.add(work / "logs", "logs")
            if rng.random() < 0.3:
                member = tarfile.TarInfo(rng.choice(("../out", "/out", "logs/../../x", "logs/small", "a" * 300)))
                member.type = rng.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.REGTYPE))
                member.linkname = rng.choice(("/etc/passwd", "../..", "logs"))
                archive.addfile(member)
    if rng.random() < 0.8:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    return "build", path, "--candidates", base / "logs" / "pool.csv", "--out", work / "out"


def _own_tables(base: Path, work: Path, rng: random.Random) -> Command:
    shutil.copytree(base / "own", work / "own")
    for stem in ("samples", "outcomes"):
        path = work / "own" / f"{stem}.parquet"
        if rng.random() < 0.7:
            rows = pd.read_parquet(path).to_dict("records")
            path.unlink()
            rows = [{name: list(cell) if name == "options" else cell for name, cell in row.items()} for row in rows]
            path = save_rows(mutated_rows(rows, rng), work / "own" / stem, rng)
        if rng.random() < 0.2:
            path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    if rng.random() < 0.1:
        mutated_folder(work / "own", rng)
    return "build", work / "own", "--out", work / "out"


def _entries(work: Path, rng: random.Random, published: bool) -> Path:
    rows: object = PUBLISHED if published else CANDIDATES
    kind = "json" if published else rng.choice(("csv", "csv", "yaml", "json"))
    path = work / f"entries.{kind}"
    if kind == "json":
        rows = mutated_tree(rows, rng)
        text = json.dumps(rows if rng.random() < 0.8 or published else {"candidates": rows}, default=str)
    else:
        frame = pd.DataFrame(mutated_rows(CANDIDATES, rng) if rng.random() < 0.6 else CANDIDATES)
        text = frame.to_csv(index=False) if kind == "csv" else _yaml(frame.to_dict("records"))
    content = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.4:
        content = mutated_text(text, rng) if rng.random() < 0.7 else mutated_bytes(content, rng)
    path.write_bytes(content)
    return path


def _yaml(rows: list[dict[str, object]]) -> str:
    return "".join(f"- {'  '.join(f'{name}: {cell}' + chr(10) for name, cell in row.items())}" for row in rows)


def _candidates(base: Path, work: Path, rng: random.Random) -> Command:
    return "build", base / "own", "--candidates", _entries(work, rng, False), "--out", work / "out"


def _prices(base: Path, work: Path, rng: random.Random) -> Command:
    return "build", base / "own", "--prices", _entries(work, rng, rng.random() < 0.5), "--out", work / "out"


def _questions(base: Path, work: Path, rng: random.Random) -> Command:
    names = sorted((base / "own" / "images").iterdir())
    rows = [
        {
            "sample_id": f"q{number}",
            "question": f"What is {number}?",
            "options": '["a", "b"]' if number % 2 else "a|b",
            "hint": "look",
            "image": str(names[number]) if number % 3 else None,
        }
        for number in range(6)
    ]
    path = save_rows(mutated_rows(rows, rng), work / "questions", rng)
    if rng.random() < 0.3:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    more = ("--allow-text-only",) if rng.random() < 0.5 else ()
    out = work / rng.choice(("out.csv", "out.parquet"))
    return "route", "--router", base / "routers" / "linear", "--questions", path, "--out", out, *more


def _router(base: Path, work: Path, rng: random.Random) -> Command:
    family = rng.choice(("linear", "linear", "flagship", "knn", "two-tower"))
    shutil.copytree(base / "routers" / family, work / "router")
    # The model's own files: a router's code is not run, and its card is not read.
    files = ("config.json",) if rng.random() < 0.6 else None
    for _ in range(rng.choice((1, 1, 2))):
        mutated_folder(work / "router", rng, files)
    if rng.random() < 0.2:
        return "candidates", "list", "--router", work / "router"
    return "route", "--router", work / "router", "--question", "What is it?", "--option", "a", "--option", "b"


def _submission(base: Path, work: Path, rng: random.Random) -> Command:
    shutil.copytree(base / "one", work / "submissions" / "one")
    mutated_folder(work / "submissions", rng, ("decisions.parquet", "results.json") if rng.random() < 0.8 else None)
    benchmark = ("--benchmark", base / "benchmark") if rng.random() < 0.8 else ()
    return "leaderboard", work / "submissions", *benchmark, "--out", work / "board"


def _decisions(base: Path, work: Path, rng: random.Random) -> Command:
    rows = pd.read_parquet(base / "one" / "decisions.parquet").to_dict("records")
    path = save_rows(mutated_rows(rows, rng), work / "decisions", rng)
    if rng.random() < 0.3:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
    return "evaluate", base / "benchmark", "--router", path, "--no-baselines", "--out", work / "out"


def _benchmark(base: Path, work: Path, rng: random.Random) -> Command:
    shutil.copytree(base / "benchmark", work / "benchmark")
    for _ in range(rng.choice((1, 1, 2))):
        mutated_folder(work / "benchmark", rng)
    return "inspect", work / "benchmark"


def _picture(base: Path, work: Path, rng: random.Random) -> Command:
    path = work / f"picture.{rng.choice(('png', 'jpg', 'svg', 'txt'))}"
    path.write_bytes(mutated_bytes((base / f"picture.{rng.choice(FORMATS)}").read_bytes(), rng))
    return "route", "--router", base / "routers" / "linear", "--question", "What is it?", "--image", path


INPUTS: dict[str, Callable[[Path, Path, random.Random], Command]] = {
    "logs": _logs,
    "archives": _archive,
    "own tables": _own_tables,
    "candidates": _candidates,
    "prices": _prices,
    "questions": _questions,
    "routers": _router,
    "submissions": _submission,
    "decisions": _decisions,
    "benchmarks": _benchmark,
    "images": _picture,
}


def kind_of(number: int) -> str:
    """The kind of input of a case."""
    return list(INPUTS)[number % len(INPUTS)]


def command_of(number: int, base: Path, work: Path) -> Command:
    """Make the input of a case in an empty folder, and give the command that reads it."""
    return INPUTS[kind_of(number)](base, work, random.Random(f"{SEED} {number}"))
