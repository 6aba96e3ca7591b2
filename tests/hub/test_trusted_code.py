"""Routers loaded by their own code, with leave: end to end or with an open pool, from a folder and from the Hub."""

import csv
import json

import pytest

import vlrouterbench as vrb
from tests.cli.conftest import run_program
from tests.families import packed_problem
from tests.outside import outside_class
from tests.tables import write_own_tables
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.backbones.router import EndToEndRouter
from vlrouterbench.routers.base.calibrated import CalibratedRouter
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.pool.opened import check_open_pool

SOURCE = '''"""A family of somebody else's, made from one of the package."""
from vlrouterbench.routers.{home} import {base}Router, {base}RouterConfig


class OutsideConfig({base}RouterConfig):
    model_type = "vlrouter-outside-{name}"


class OutsideRouter({base}Router):
    config_class = OutsideConfig
    title = "Outside {name}"
'''
KINDS = {
    "end-to-end": ("families.modeling_vlc", "VLC"),
    "flagship": ("flagship.modeling_flagship", "Flagship"),
}
QUESTION = "A hard proof, number 3?"
TRUST = "--trust-remote-code"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A benchmark, and routers of somebody else's that were trained on it; their classes are forgotten."""
    root = tmp_path_factory.mktemp("trusted")
    build_benchmark(write_own_tables(root / "source", num_samples=80), root / "benchmark")
    table = vrb.load_table(root / "benchmark")
    problems = {
        "end-to-end": packed_problem(root / "benchmark", image_size=64),
        "flagship": vrb.Problem(table, vrb.encode_benchmark(table)),
    }
    for name, (home, base) in KINDS.items():
        source = SOURCE.format(home=home, base=base, name=name)
        with outside_class(root, f"outside_{base.lower()}", source) as router:
            arguments = RouterTrainingArguments(
                cost_weights=(10.0,) if name == "end-to-end" else None, num_epochs=1 if name == "end-to-end" else None
            )
            vrb.save_router(vrb.train_router(router, problems[name], arguments), root / name)
    assert not [name for name in FAMILIES if "outside" in name]
    return root


@pytest.mark.parametrize("name", KINDS)
def test_it_decides_by_its_own_code_and_evaluates_with_the_flag(name, saved, tmp_path):
    asked = ("route", "--router", saved / name, "--question", QUESTION, "--json")
    refused, done = run_program(*asked), run_program(*asked, TRUST)
    assert refused.status == 1 and TRUST in refused.errors[0] and done.status == 0, done.err
    loaded = vrb.AutoRouter.from_pretrained(saved / name, trust_remote_code=True)
    assert type(loaded).__module__.startswith("transformers_modules.")
    assert json.loads(done.out)["candidate"] == loaded.route(QUESTION).candidate
    asked = ("evaluate", saved / "benchmark", "--router", saved / name, "--out", tmp_path / "out", "--update-card")
    done = run_program(*asked, TRUST)
    assert done.status == 0, done.err
    record = json.loads((tmp_path / "out" / "results.json").read_text())[0]
    assert record["router_config"]["family"] == f"outside-{name}"
    assert ("frontier" in record and record["frontier"] is not None) == (name == "flagship")
    # The whole card, though the class knows nothing of this package.
    card = (saved / name / "README.md").read_text()
    assert (
        "## On the test split" in card
        and "## Chosen on validation" in card
        and f"# Outside {name} router over 3" in card
    )


def test_a_kind_is_recognised_whoever_loaded_its_code(saved):
    loaded = {name: vrb.AutoRouter.from_pretrained(saved / name, trust_remote_code=True) for name in KINDS}
    kinds = (EndToEndRouter, CalibratedRouter, OpenPoolRouter)
    assert [[is_kind(router, kind) for kind in kinds] for router in loaded.values()] == [
        [True, False, False],
        [False, True, True],
    ]
    assert not any(isinstance(router, kind) for router in loaded.values() for kind in kinds)
    with pytest.raises(RouterError, match="found outside-end-to-end, whose pool is as it was trained"):
        check_open_pool(loaded["end-to-end"], "here")


def test_candidates_join_leave_and_change_their_price_by_the_routers_own_code(saved, tmp_path):
    router, benchmark, sheet = saved / "flagship", saved / "benchmark", tmp_path / "anchors.csv"

    def run(*arguments):
        done = run_program("candidates", *arguments, TRUST)
        assert done.status == 0, done.err
        return done

    run("anchors", "--router", router, "--benchmark", benchmark, "--count", 10, "--out", sheet)
    with sheet.open(newline="") as handle:
        rows = [row | {"quality": 1, "input_tokens": 90, "output_tokens": 9} for row in csv.DictReader(handle)]
    with sheet.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    prices = ("--input-price", 0.2, "--output-price", 0.4)
    added = ("--name", "new", *prices, "--outcomes", sheet, "--out", tmp_path / "added")
    run("add", "--router", router, "--benchmark", benchmark, *added)
    run("remove", "--router", tmp_path / "added", "--name", "small", "--out", tmp_path / "removed")
    dearer = ("--name", "large", "--input-price", 3, "--output-price", 9, "--out", tmp_path / "priced")
    run("price", "--router", tmp_path / "removed", *dearer)
    listed = json.loads(run("list", "--router", tmp_path / "priced", "--json").out)["candidates"]
    assert [entry["name"] for entry in listed] == ["middle", "large", "new"] and listed[2]["num_anchors"] == 10
    card = (tmp_path / "priced" / "README.md").read_text()
    assert "- new joined" in card and "- small left." in card and "- large has new prices: in $/1M 2 -> 3" in card
    assert "## Chosen on validation" in card and "| large | 3.00 | 9.00 |" in card
    refused = run_program("candidates", "list", "--router", tmp_path / "priced")
    assert refused.status == 1 and TRUST in refused.errors[0]


@pytest.mark.parametrize("name", KINDS)
def test_from_the_hub_it_is_pushed_loaded_and_decides_the_same(name, saved, fake_hub, client):
    done = client(fake_hub.endpoint, ("push", "router", saved / name, "owner/router", TRUST))
    assert done.returncode == 0, done.stderr
    loads = "from vlrouterbench import AutoRouter\nrouter = AutoRouter.from_pretrained('owner/router'{flag})\n"
    decides = f"answer = [type(router).__module__, router.route({QUESTION!r}).as_dict()]"
    module, decision = client(fake_hub.endpoint, loads.format(flag=", trust_remote_code=True") + decides)
    assert module.startswith("transformers_modules.owner.router.")
    local = vrb.AutoRouter.from_pretrained(saved / name, trust_remote_code=True)
    assert decision == local.route(QUESTION).as_dict()
    refused = client(fake_hub.endpoint, ("route", "--router", "owner/router", "--question", QUESTION))
    assert refused.returncode == 1 and TRUST in refused.stderr.splitlines()[-1]
    again = "answer = router.push_to_hub('owner/again')"
    client(fake_hub.endpoint, loads.format(flag=", trust_remote_code=True") + again)
    files = [fake_hub.files("model", f"owner/{repo}") for repo in ("router", "again")]
    assert files[0].keys() == files[1].keys()
    code = [path for path in files[0] if path.endswith(".py")]
    assert f"outside_{KINDS[name][1].lower()}.py" in code
    assert all(files[0][path] == files[1][path] for path in code)
