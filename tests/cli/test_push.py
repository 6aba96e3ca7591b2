"""`push`: a dry run writes what a push uploads; wrong use and wrong folders end clearly."""
# ruff: noqa: F811 - fixtures of the hub's tests are arguments here

import json
import shutil
import subprocess
import sys

import pytest

from tests.hub.conftest import client, closed_endpoint, fake_hub  # noqa: F401
from vlrouterbench.data.table import load_table


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("kind", "folder"), [("dataset", "benchmark"), ("router", "router")])
def test_a_dry_run_writes_exactly_what_a_push_uploads(program, chain_folder, fake_hub, client, tmp_path, kind, folder):
    out = tmp_path / "out"
    done = program("push", kind, chain_folder / folder, "owner/name", "--dry-run", "--out", out)
    assert (done.status, done.out) == (0, f"would upload {out}\n")
    pushed = client(fake_hub.endpoint, ("--json", "push", kind, chain_folder / folder, "owner/name"))
    assert pushed.returncode == 0, pushed.stderr
    hub_kind, prefix = ("dataset", "datasets/") if kind == "dataset" else ("model", "")
    url = f"{fake_hub.endpoint}/{prefix}owner/name"
    assert json.loads(pushed.stdout) == {"url": url, "repo_id": "owner/name", "pushed": True}
    uploaded = {path: data for path, data in fake_hub.files(hub_kind, "owner/name").items() if path != ".gitattributes"}
    assert contents(out) == uploaded


def test_a_dry_run_of_a_dataset_loads_in_a_process_without_the_package(program, chain_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = program("push", "dataset", chain_folder / "benchmark", "owner/name", "--dry-run", "--json")
    assert json.loads(done.out) == {"out": "runs/push/owner--name", "repo_id": "owner/name", "pushed": False}
    code = """
        import json, sys
        sys.modules["vlrouterbench"] = None
        from datasets import load_dataset
        found = load_dataset("runs/push/owner--name")
        print(json.dumps({split: rows["sample_id"][:] for split, rows in found.items()}))
    """.replace("\n        ", "\n")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    table = load_table(chain_folder / "benchmark")
    ids = json.loads(loaded.stdout.splitlines()[-1])
    assert ids == {split: table.split(split).column("sample_id") for split in ("train", "validation", "test")}


def test_without_a_network_a_push_fails_and_a_dry_run_does_not(chain_folder, client, closed_endpoint, tmp_path):
    done = client(closed_endpoint, ("push", "dataset", chain_folder / "benchmark", "owner/name"))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(f"error: the Hub at {closed_endpoint} cannot be reached")
    out = tmp_path / "out"
    dry = ("push", "dataset", chain_folder / "benchmark", "owner/name", "--dry-run", "--out", out)
    assert client(closed_endpoint, dry).returncode == 0 and (out / "build_report.json").is_file()


def test_a_bare_id_is_refused_in_a_dry_run_too(program, chain_folder, tmp_path):
    out = tmp_path / "out"
    done = program("push", "dataset", chain_folder / "benchmark", "vl-routerbench", "--dry-run", "--out", out)
    assert done.status == 1 and 'form owner/name, found "vl-routerbench"' in done.errors[0]
    assert not out.exists()


def test_a_router_with_a_pickle_is_refused(program, chain_folder, tmp_path):
    folder = shutil.copytree(chain_folder / "router", tmp_path / "router")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    done = program("push", "router", folder, "owner/name", "--dry-run", "--out", tmp_path / "out")
    assert done.status == 1 and "found pytorch_model.bin" in done.errors[0]


def test_a_benchmark_is_no_router_and_a_router_no_benchmark(program, chain_folder, tmp_path):
    swapped = (("router", "benchmark"), ("dataset", "router"))
    for kind, folder in swapped:
        done = program("push", kind, chain_folder / folder, "owner/name", "--dry-run", "--out", tmp_path / "out")
        assert done.status == 1 and len(done.errors) == 1


def test_other_kinds_are_not_offered(program, chain_folder):
    assert program("push", "model", chain_folder / "router", "owner/name").status == 2


def test_out_without_dry_run_is_wrong_usage(program, chain_folder, tmp_path):
    done = program("push", "router", chain_folder / "router", "owner/name", "--out", tmp_path / "out")
    assert done.status == 2 and "--dry-run" in done.err


def test_a_dry_run_of_the_metric_writes_a_folder_that_evaluate_loads(program, tmp_path, monkeypatch):
    import evaluate

    monkeypatch.chdir(tmp_path)
    done = program("push", "metric", "rank_score", "owner/rank_score", "--dry-run", "--json")
    out = json.loads(done.out)["out"]
    assert out == "runs/push/owner--rank_score/rank_score"
    metric = evaluate.load(out, cache_dir=str(tmp_path), cost_bounds=(0.001, 0.01))
    assert metric.compute(predictions=[0], quality=[[1.0]], cost=[[0.001]])["rank_score"] == 100


def test_a_folder_of_another_name_is_read_by_its_script_as_it_says(program, tmp_path):
    import evaluate

    done = program("push", "metric", "rank_score", "owner/rank_score", "--dry-run", "--out", tmp_path / "other")
    script = done.out.splitlines()[1].split('"')[1]
    assert script == f"{tmp_path}/other/rank_score.py"
    metric = evaluate.load(script, cache_dir=str(tmp_path / "cache"), cost_bounds=(0.001, 0.01))
    assert metric.compute(predictions=[0], quality=[[1.0]], cost=[[0.001]])["rank_score"] == 100


def test_the_metric_is_pushed_from_its_own_folder_alone(program, chain_folder, tmp_path):
    done = program(
        "push", "metric", chain_folder / "router", "owner/rank_score", "--dry-run", "--out", tmp_path / "out"
    )
    assert done.status == 1 and "expected the metric's folder" in done.errors[0]
