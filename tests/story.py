"""The whole story, `vlrouterbench run`, told once per run of the suite: what it said, wrote and gave back."""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import run_program

NUM_SAMPLES, SEED = 150, 1


@dataclass(frozen=True)
class Story:
    """Where it was run, what it printed, and the records and titles of stages of the function behind it."""

    place: Path
    out: str
    err: str
    records: list
    titles: list

    @property
    def folder(self):
        """Benchmark, routers and evaluation."""
        return self.place / "runs" / "quickstart"


def tell(place):
    """Run the command in an empty folder, and write down there what it said."""
    from vlrouterbench import quickstart

    told, run_quickstart = {"titles": []}, quickstart.run_quickstart

    def listening(*arguments, stage, **options):
        @contextmanager
        def noted(title):
            told["titles"].append(title)
            with stage(title) as bar:
                yield bar

        told["records"] = run_quickstart(*arguments, stage=noted, **options)
        return told["records"]

    place.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("COLUMNS", "80")
        patch.setattr(quickstart, "run_quickstart", listening)
        ended = run_program("run", "--num-samples", NUM_SAMPLES, "--seed", SEED)
    assert ended.status == 0, ended.err
    (place / "told.json").write_text(json.dumps({"out": ended.out, "err": ended.err, **told}))


def read_story(place):
    """The story that was told in a folder."""
    return Story(place, **json.loads((place / "told.json").read_text()))
