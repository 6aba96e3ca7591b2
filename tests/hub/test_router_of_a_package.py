"""A router of somebody's package: found by its entry points, pushed with its code, loaded where the package is not."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from tests.cli.conftest import run_program
from tests.interpreters import WITHOUT
from tests.outside import registries_restored
from tests.tables import write_own_tables
from vlrouterbench.core import plugins
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.routers.auto import AutoRouter

FILES = {
    "pyproject.toml": """
        [build-system]
        requires = ["setuptools>=77"]
        build-backend = "setuptools.build_meta"

        [project]
        name = "acme-routing"
        version = "1.0"

        [project.entry-points."vlrouterbench.routers"]
        acme = "acme_routing.network:AcmeRouter"
        acme-rule = "acme_routing.rule:decide"

        [project.entry-points."vlrouterbench.encoders"]
        question-length = "acme_routing.length:QuestionLength"

        [project.entry-points."vlrouterbench.sources"]
        one-file = "acme_routing.one_file:OneFile"

        [tool.setuptools]
        packages = ["acme_routing"]
    """,
    "acme_routing/__init__.py": "",
    "acme_routing/layers.py": """
        import torch


        class Bend(torch.nn.Module):
            def forward(self, values):
                return torch.tanh(values)
    """,
    "acme_routing/network.py": """
        import torch
        from torch import nn

        from vlrouterbench.routers import PreTrainedRouter, Recipe, RouterConfig

        from .layers import Bend


        class AcmeConfig(RouterConfig):
            model_type = "acme"

            def __init__(self, width=8, **kwargs):
                self.width = width
                super().__init__(**kwargs)


        class AcmeRouter(PreTrainedRouter):
            config_class = AcmeConfig
            by_gradient = True
            recipes = {"default": Recipe(cost_weights=(10.0,), num_epochs=12)}

            def __init__(self, config):
                super().__init__(config)
                self.layers = nn.Sequential(
                    nn.Linear(self.feature_dim, config.width), Bend(), nn.Linear(config.width, self.num_candidates)
                )
                self.post_init()

            def score(self, features):
                return self.layers(features)
    """,
    "acme_routing/rule.py": """
        def decide(samples):
            return ["large" if "proof" in sample["question"] else "small" for sample in samples]
    """,
    "acme_routing/length.py": """
        import numpy as np

        from vlrouterbench.routers.encoders.block import TEXT, FeatureBlock


        class QuestionLength(FeatureBlock):
            modality, name = TEXT, "question-length"

            def __init__(self):
                super().__init__(dim=1)

            @property
            def identity(self):
                return {"version": 1}

            def read(self, inputs):
                return [np.array([len(sample.question)], dtype=np.float32) for sample in inputs]

            def project(self, raw):
                return raw
    """,
    "acme_routing/one_file.py": """
        from vlrouterbench.data.sources.source import Match, Source


        class OneFile(Source):
            name = "one file"
            expected = "all.txt"

            def matches(self, folder):
                return Match((folder / "all.txt").is_file(), "no all.txt")

            def default_pool(self, folder):
                raise NotImplementedError

            def read(self, folder, options):
                raise NotImplementedError
    """,
}
QUESTIONS = ("A hard proof, number 4?", "An easy colour, number 9?")
WITHOUT_PACKAGE = f"""
import sys
{WITHOUT}
sys.meta_path[:] = [Without(finder, ("vlrouterbench", "acme_routing")) for finder in sys.meta_path]
from transformers import AutoModel
router = AutoModel.from_pretrained("owner/acme", trust_remote_code=True)
answer = [router.route(question).score for question in {QUESTIONS!r}]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder into which pip installed the wheel of the package."""
    root = tmp_path_factory.mktemp("acme")
    for name, content in FILES.items():
        path = root / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content).lstrip())
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    for command in (
        ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", root, root / "source"),
        ("install", "--no-deps", "--no-index", "--find-links", root, "--target", root / "site", "acme-routing"),
    ):
        done = subprocess.run([*pip, *map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return root / "site"


@pytest.fixture(scope="module")
def program(site, tmp_path_factory):
    """Runs the program where the package is installed; gives its summary, or its message where it fails."""
    known, work = set(sys.modules), tmp_path_factory.mktemp("acme-work")

    def run(*arguments):
        done = run_program(*(work / word[1:] if word.startswith("@") else word for word in arguments), "--json")
        return json.loads(done.out) if done.status == 0 else done.errors[-1]

    run.folder = work
    sys.path.insert(0, str(site))
    plugins._entry_points.cache_clear()
    with registries_restored():
        yield run
    sys.path.remove(str(site))
    plugins._entry_points.cache_clear()
    for name in set(sys.modules) - known:
        if name.partition(".")[0] == "acme_routing":
            del sys.modules[name]


@pytest.fixture(scope="module")
def router(program):
    """A benchmark, and a router of the package's family that was trained on it, with the package's encoder."""
    build_benchmark(write_own_tables(program.folder / "own"), program.folder / "benchmark")
    said = program("train", "@benchmark", "--router", "acme", "--text", "question-length", "--out", "@router")
    assert said["tried"] == 1, said
    return program.folder / "router"


def test_a_family_and_a_function_are_found_by_every_command_that_takes_routers(router, program):
    asked = ("--router", "acme", "--router", "acme-rule")
    evaluated = program("evaluate", "@benchmark", *asked, "--no-baselines", "--out", "@evaluation")["results"]
    assert [record["router"] for record in evaluated] == ["acme", "acme-rule"]
    rows = program("study", "@benchmark", *asked, "--seed", "0")["routers"]
    assert {row["router"] for row in rows} == {"acme", "acme-rule", "upper-bound"}
    assert {row["router"]: row["rank_score"] for row in rows}["acme-rule"] == evaluated[1]["rank_score"]
    swept = program("sweep", "@benchmark", "--router", "acme", "--cost-weight", "1", "--out", "@sweep")
    ablated = program("ablate", "@benchmark", "--router", "acme", "--axis", "modality", "--out", "@ablation")
    assert swept["router"] == ablated["router"] == "acme"


def test_a_function_of_a_package_is_refused_where_something_is_trained(router, program):
    for command in (("train", "@benchmark"), ("sweep", "@benchmark", "--out", "@none")):
        assert '"acme-rule" is a function, which needs no training' in program(*command, "--router", "acme-rule")


def test_its_format_is_among_those_that_build_expects(program):
    (program.folder / "empty").mkdir()
    assert "or one file (all.txt)" in program("build", "@empty", "--out", "@built")


def test_it_is_pushed_with_its_code_and_loaded_by_id_with_leave_alone(router, program, fake_hub, client, site):
    path = os.pathsep.join(map(str, (site, os.environ.get("PYTHONPATH", ""))))
    done = client(fake_hub.endpoint, ["push", "router", router, "owner/acme", "--json"], PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    own = ["acme_routing_layers.py", "acme_routing_length.py", "acme_routing_network.py"]
    assert json.loads(done.stdout)["code"] == own
    files = fake_hub.files("model", "owner/acme")
    assert set(own) < set(files) and "acme_routing_rule.py" not in files
    changed = files | {own[0]: files[own[0]] + b"# changed since\n"}
    fake_hub.add("model", "owner/changed", changed)
    # Without the package: by this one with the flag, and not without it, and never where the code changed.
    refused, scores, later = client(
        fake_hub.endpoint,
        f"""
        from vlrouterbench import AutoRouter
        from vlrouterbench.core.errors import VLRouterBenchError

        def said(repository, **options):
            try:
                AutoRouter.from_pretrained(repository, **options)
            except VLRouterBenchError as error:
                return str(error)

        refused = said("owner/acme")
        router = AutoRouter.from_pretrained("owner/acme", trust_remote_code=True)
        scores = [router.route(question).score for question in {QUESTIONS!r}]
        answer = [refused, scores, said("owner/changed", trust_remote_code=True)]
        """,
    )
    assert "acme_routing_network.py" in refused and "trust_remote_code=True (--trust-remote-code)" in refused
    assert len(refused) < 320 and "found acme_routing_layers.py changed" in later
    assert client(fake_hub.endpoint, WITHOUT_PACKAGE) == scores
    here = AutoRouter.from_pretrained(router)
    assert [here.route(question).score for question in QUESTIONS] == scores
