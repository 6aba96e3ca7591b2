"""The demo's app: made once as plain objects, and once as the running command with a folder of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.once import built_once

NUM_SAMPLES = 160


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """What the app stands on, over a small benchmark."""
    from vlrouterbench.demo.workspace import prepare

    made = built_once(tmp_path_factory, "workspace/app", lambda folder: prepare(folder, num_samples=NUM_SAMPLES))
    return prepare(made, num_samples=NUM_SAMPLES)


@dataclass(frozen=True)
class RunningApp:
    """The command as it runs: its address, its folder, and the empty places that it must leave alone."""

    url: str
    folder: Path
    elsewhere: Path
    log: Path


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """`vlrouterbench demo --json` in a process of its own, with a home, temporary and current folder to keep empty."""
    root = tmp_path_factory.mktemp("demo")
    places = {name: root / "elsewhere" / name for name in ("home", "tmp", "here")}
    for place in places.values():
        place.mkdir(parents=True)
    own = {"HOME": places["home"], "TMPDIR": places["tmp"], "XDG_CACHE_HOME": places["home"] / ".cache"}
    environment = {name: value for name, value in os.environ.items() if name != "ROUTER_ID"}
    environment |= {name: str(place) for name, place in own.items()}
    environment |= {"HF_HOME": str(places["home"] / "hf"), "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = ["-m", "vlrouterbench", "demo", "--json", "--folder", root / "app", "--num-samples", NUM_SAMPLES]
    log = root / "log.txt"
    with log.open("w") as err:
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            cwd=places["here"],
            env=environment,
        )
        try:
            said = ""
            while not said.rstrip().endswith("}"):
                line = process.stdout.readline()
                assert line, log.read_text()
                said += line
            yield RunningApp(json.loads(said)["url"], root / "app", root / "elsewhere", log)
        finally:
            process.terminate()
            process.wait(30)
