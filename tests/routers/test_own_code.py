"""Routers whose family is not known here: their own code runs when it is asked for, as it was saved, and never else."""

import json
import shutil
import sys

import pytest
import torch

import vlrouterbench as vrb
from tests.cli.conftest import run_program
from tests.outside import outside_class
from tests.tables import write_own_tables
from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.hub.push import stage_router
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.arguments import RouterTrainingArguments

QUESTION = {"question": "Is this an easy colour, number 3?"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A benchmark and a router of somebody else's that was trained on it; its class is forgotten."""
    root = tmp_path_factory.mktemp("own-code")
    write_own_tables(root / "source")
    build_benchmark(root / "source", root / "benchmark")
    table = vrb.load_table(root / "benchmark")
    problem = vrb.Problem(table, vrb.encode_benchmark(table))
    with outside_class(root) as router:
        trained = vrb.train_router(router, problem, RouterTrainingArguments(cost_weights=(10.0,)))
        vrb.save_router(trained, root / "router")
    assert "outside" not in FAMILIES and "outside_router" not in sys.modules
    return root


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of the router's folder, to be changed."""
    return shutil.copytree(saved / "router", tmp_path / "copied_router")


def test_without_leave_the_code_does_not_run_and_the_flag_is_named(copy, tmp_path):
    path = copy / "outside_router.py"
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + path.read_text())
    with pytest.raises(
        UnknownNameError, match=r"unknown router family .*trust_remote_code=True \(--trust-remote-code\)"
    ):
        vrb.AutoRouter.from_pretrained(copy)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("route", "--router", "ROUTER", "--question", "What?"),
        ("evaluate", "BENCHMARK", "--router", "ROUTER", "--out", "OUT"),
        ("candidates", "list", "--router", "ROUTER"),
        ("push", "router", "ROUTER", "somebody/router", "--dry-run", "--out", "OUT"),
        ("demo", "--router", "ROUTER"),
        ("train", "BENCHMARK", "--router", "linear", "--teacher", "ROUTER", "--num-epochs", "1", "--out", "OUT"),
    ],
    ids=lambda command: command[0],
)
def test_no_command_runs_the_code_without_the_flag(command, saved, copy, tmp_path):
    path = copy / "outside_router.py"
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + path.read_text())
    places = {"ROUTER": copy, "BENCHMARK": saved / "benchmark", "OUT": tmp_path / "out"}
    done = run_program(*(places.get(word, word) for word in command))
    assert done.status == 1 and "--trust-remote-code" in done.err and len(done.errors) == 1
    assert not (tmp_path / "ran").exists() and not (tmp_path / "out").exists()


def test_with_leave_it_decides_as_the_saved_one(saved):
    loaded = vrb.AutoRouter.from_pretrained(saved / "router", trust_remote_code=True)
    with outside_class(saved) as router:
        vrb.register_router("outside", router)
        own = vrb.AutoRouter.from_pretrained(saved / "router")
        assert type(own) is router
    assert loaded.route(**QUESTION).as_dict() == own.route(**QUESTION).as_dict()
    assert torch.equal(loaded.shares, own.shares) and "outside" not in FAMILIES


def test_with_the_flag_it_is_routed_by_and_evaluated(saved, tmp_path):
    done = run_program("route", "--router", saved / "router", "--question", "What?", "--json", "--trust-remote-code")
    assert done.status == 0, done.err
    arguments = ("--router", saved / "router", "--router", "mixture", "--no-baselines", "--out", tmp_path / "out")
    done = run_program("--trust-remote-code", "evaluate", saved / "benchmark", *arguments, "--json")
    assert done.status == 0, done.err
    assert [record["router"] for record in json.loads(done.out)["results"]] == ["router", "mixture"]
    record = json.loads((tmp_path / "out" / "results.json").read_text())[0]
    assert record["router_config"]["family"] == "outside"


def test_leave_lasts_for_one_command(saved):
    assert run_program("--trust-remote-code", "route", "--router", saved / "router", "--question", "What?").status == 0
    assert run_program("route", "--router", saved / "router", "--question", "What?").status == 1


def test_the_digest_of_every_code_file_is_saved(saved):
    recorded = json.loads((saved / "router" / "config.json").read_text())["code_sha256"]
    assert set(recorded) == {path.name for path in (saved / "router").glob("*.py")}
    assert "outside_router.py" in recorded and all(len(digest) == 64 for digest in recorded.values())


@pytest.mark.parametrize("name", ["outside_router.py", "base_decision.py"])
def test_code_that_changed_since_it_was_saved_is_not_run(name, copy, tmp_path):
    path = copy / name
    path.write_text(path.read_text() + f"\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(RouterError, match=f"as it was saved, found {name} changed"):
        vrb.AutoRouter.from_pretrained(copy, trust_remote_code=True)
    assert not (tmp_path / "ran").exists()


def test_code_that_changed_since_it_was_saved_is_not_pushed(copy, tmp_path, saved):
    with outside_class(saved) as router:
        vrb.register_router("outside", router)
        stage_router(copy, tmp_path / "staged")
        (copy / "outside_router.py").write_text((copy / "outside_router.py").read_text() + "\n# later\n")
        with pytest.raises(RouterError, match="as it was saved, found outside_router.py changed"):
            stage_router(copy, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_another_entry_in_the_configuration_is_not_run_either(copy, tmp_path):
    (copy / "other.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config = json.loads((copy / "config.json").read_text())
    config["auto_map"]["AutoModel"] = "other.OutsideRouter"
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(RouterError, match=r"other\.py changed"):
        vrb.AutoRouter.from_pretrained(copy, trust_remote_code=True)
    assert not (tmp_path / "ran").exists()


def test_a_folder_without_digests_loads_as_before(copy):
    config = json.loads((copy / "config.json").read_text())
    del config["code_sha256"]
    (copy / "config.json").write_text(json.dumps(config))
    assert vrb.AutoRouter.from_pretrained(copy, trust_remote_code=True).config.model_type == "vlrouter-outside"


def test_push_lists_what_is_not_the_packages_and_carries_it(saved, tmp_path):
    out = tmp_path / "staged"
    command = ("push", "router", saved / "router", "somebody/router", "--dry-run", "--out", out, "--trust-remote-code")
    done = run_program(*command, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["code"] == ["outside_router.py"]
    assert (out / "outside_router.py").read_bytes() == (saved / "router" / "outside_router.py").read_bytes()


def test_code_that_needs_what_is_not_installed_is_one_message(copy):
    path = copy / "outside_router.py"
    path.write_text("import a_library_that_nobody_has\n" + path.read_text())
    config = json.loads((copy / "config.json").read_text())
    del config["code_sha256"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(RouterError, match="cannot be loaded: ImportError: .*Install what it needs"):
        vrb.AutoRouter.from_pretrained(copy, trust_remote_code=True)
