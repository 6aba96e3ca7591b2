"""What arrives on the Hub is the staged folder, and it is read there as it is read here."""

import json
import shutil
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from huggingface_hub import ModelCard

from tests.tables import write_own_tables
from vlrouterbench.cards.render import PICTURE_MARK
from vlrouterbench.core.errors import BenchmarkError, RouterError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.hub.card_figures import DATASET_FIGURE
from vlrouterbench.hub.push import check_repo_id, push_dataset, stage_dataset, stage_router
from vlrouterbench.hub.repo_files import HubError
from vlrouterbench.routers.auto import AutoRouter

QUESTIONS = ["What is the sum of the bars?", "Which animal is shown?", "Read the date on the form."]


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def on_hub(hub, kind, repo_id):
    return {path: data for path, data in hub.files(kind, repo_id).items() if path != ".gitattributes"}


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    root = tmp_path_factory.mktemp("pushed")
    build_benchmark(write_own_tables(root / "own", num_samples=40), root / "benchmark")
    return root / "benchmark"


@pytest.fixture
def copy(benchmark, tmp_path):
    return shutil.copytree(benchmark, tmp_path / "benchmark")


@pytest.fixture
def router(trained_folders, tmp_path):
    return shutil.copytree(trained_folders["linear"], tmp_path / "router")


def named(files, repo_id="owner/name"):
    """Files as they are on the Hub: the card's example loads from there."""
    card = files["README.md"]
    assert card.count(b"PATH_OR_REPO_ID") > 0
    return files | {"README.md": card.replace(b"PATH_OR_REPO_ID", repo_id.encode())}


def others(files):
    """All but the card, and the picture that it has when it is pushed."""
    return {name: content for name, content in files.items() if name not in ("README.md", DATASET_FIGURE)}


def push(kind, folder, repo_id="owner/name", **options):
    return f"""
        from vlrouterbench.hub.push import push_{kind}
        answer = push_{kind}({str(folder)!r}, {repo_id!r}, **{options})
    """


def test_a_pushed_benchmark_is_what_was_staged_and_loads_with_the_same_rows(fake_hub, client, benchmark, tmp_path):
    assert client(fake_hub.endpoint, push("dataset", benchmark)) == f"{fake_hub.endpoint}/datasets/owner/name"
    staged = stage_dataset(benchmark, tmp_path / "staged", "owner/name")
    assert contents(staged) == on_hub(fake_hub, "dataset", "owner/name")
    card, picture = contents(staged)["README.md"].decode(), contents(staged)[DATASET_FIGURE]
    assert f"]({DATASET_FIGURE})" in card and picture.startswith(b"\x89PNG") and PICTURE_MARK not in card
    assert others(contents(staged)) == others(named(contents(benchmark)))
    found = client(
        fake_hub.endpoint,
        """
        import sys
        sys.modules["vlrouterbench"] = None
        from datasets import load_dataset

        loaded = load_dataset("owner/name", "default")
        streamed = load_dataset("owner/name", "default", streaming=True)
        names = ("sample_id", "question", "quality", "cost", "output_tokens")
        answer = {
            "loaded": {split: [[row[n] for n in names] for row in rows] for split, rows in loaded.items()},
            "streamed": {split: [[row[n] for n in names] for row in rows] for split, rows in streamed.items()},
            "sizes": [list(row["image"].size) for row in loaded["test"]],
            "outcomes": load_dataset("owner/name", "outcomes", split="train").to_list(),
            "streamed outcomes": list(load_dataset("owner/name", "outcomes", split="train", streaming=True)),
        }
        """,
    )
    table = load_table(benchmark)
    for split, rows in found["loaded"].items():
        part = table.split(split)
        assert [row[:2] for row in rows] == list(map(list, zip(*map(part.column, ("sample_id", "question")), strict=1)))
        for place, name in ((2, "quality"), (3, "cost"), (4, "output_tokens")):
            values = [[row[place][candidate] for candidate in table.pool.names] for row in rows]
            np.testing.assert_array_equal(np.array(values, float), part.matrices[name])
    assert found["streamed"] == found["loaded"]
    assert found["sizes"] == [[20, 12]] * len(found["loaded"]["test"])
    assert found["outcomes"] == pq.read_table(benchmark / "outcomes").to_pylist() == found["streamed outcomes"]


def test_the_pushed_benchmark_answers_to_our_name(fake_hub, client, benchmark):
    client(fake_hub.endpoint, push("dataset", benchmark))
    ids = client(
        fake_hub.endpoint,
        """
        import vlrouterbench
        from datasets import load_dataset

        answer = {split: rows["sample_id"][:] for split, rows in load_dataset("vl-routerbench").items()}
        """,
        VLROUTERBENCH_REPO_ID="owner/name",
    )
    table = load_table(benchmark)
    assert ids == {split: table.split(split).column("sample_id") for split in ("train", "validation", "test")}


def test_a_second_push_takes_away_shards_that_are_gone_and_nothing_else(fake_hub, client, benchmark):
    stale = {"data/train-stem-00000-of-00001.parquet": b"old", "outcomes/more.parquet": b"old"}
    fake_hub.add("dataset", "owner/name", stale | {"README.md": b"old", "LICENSE": b"kept"})
    client(fake_hub.endpoint, push("dataset", benchmark))
    assert others(on_hub(fake_hub, "dataset", "owner/name")) == others(contents(benchmark)) | {"LICENSE": b"kept"}


def test_a_pushed_router_is_what_was_staged_and_routes_the_same(fake_hub, client, router, tmp_path):
    assert client(fake_hub.endpoint, push("router", router)) == f"{fake_hub.endpoint}/owner/name"
    staged = stage_router(router, tmp_path / "staged", "owner/name")
    assert contents(staged) == named(contents(router)) == on_hub(fake_hub, "model", "owner/name")
    scores = client(
        fake_hub.endpoint,
        f"""
        from vlrouterbench import AutoRouter

        router = AutoRouter.from_pretrained("owner/name")
        answer = [router.route(question=question).score for question in {QUESTIONS}]
        """,
    )
    here = AutoRouter.from_pretrained(router)
    assert scores == [here.route(question=question).score for question in QUESTIONS]


def test_the_card_of_a_pushed_router_names_the_benchmark_that_is_given_and_its_own_folder_does_not(router, tmp_path):
    before = contents(router)
    staged = stage_router(router, tmp_path / "staged", "owner/name", dataset_id="owner/benchmark")
    card = ModelCard.load(staged / "README.md")
    assert card.data.datasets == ["owner/benchmark"]
    assert {one.dataset_type for one in card.data.eval_results} == {"owner/benchmark"}
    assert card.text == ModelCard.load(router / "README.md").text.replace("PATH_OR_REPO_ID", "owner/name")
    assert contents(router) == before


def test_a_private_push_makes_a_private_repository_and_never_a_public_one(fake_hub, client, benchmark):
    client(fake_hub.endpoint, push("dataset", benchmark, private=True))
    assert fake_hub.repositories["dataset", "owner/name"].private
    fake_hub.add("dataset", "owner/open", {})
    done = client(fake_hub.endpoint, ("push", "dataset", benchmark, "owner/open", "--private"))
    assert done.returncode == 1 and "owner/open exists and is public: nothing was pushed" in done.stderr
    assert fake_hub.files("dataset", "owner/open") == {}


@pytest.mark.parametrize(
    ("variables", "status", "said"),
    [
        ({"HF_TOKEN": None}, None, "(HTTP 401): it knows no valid token"),
        ({}, 403, "(HTTP 403): you may not write there"),
        ({}, 404, "(HTTP 404): there is no such owner"),
        ({}, 418, "(HTTP 418): "),
    ],
    ids=["no token", "forbidden", "not found", "other"],
)
def test_a_refusal_of_the_hub_is_one_clear_message(fake_hub, client, benchmark, variables, status, said):
    fake_hub.refuse_writes_with = status
    done = client(fake_hub.endpoint, ("push", "dataset", benchmark, "owner/name"), **variables)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


def test_an_owner_of_someone_else_is_refused(fake_hub, client, benchmark):
    done = client(fake_hub.endpoint, ("push", "dataset", benchmark, "stranger/name"))
    assert done.returncode == 1 and "the Hub refused stranger/name (HTTP 403)" in done.stderr


@pytest.mark.parametrize("offline", [None, "1"], ids=["nothing listens", "switched off"])
def test_without_a_network_it_says_so_at_once(client, closed_endpoint, benchmark, offline):
    start = time.monotonic()
    done = client(closed_endpoint, ("push", "dataset", benchmark, "owner/name"), HF_HUB_OFFLINE=offline)
    assert time.monotonic() - start < 15
    assert done.returncode == 1
    assert f"error: the Hub at {closed_endpoint} cannot be reached" in done.stderr and "--dry-run" in done.stderr


@pytest.mark.parametrize("repo_id", ["vl-routerbench", "a/b/c", "owner/", "/name", "owner/na me", ""])
def test_an_id_that_is_not_owner_and_name_is_refused(benchmark, repo_id):
    with pytest.raises(HubError, match="of the form owner/name"):
        check_repo_id(repo_id)
    with pytest.raises(HubError, match="of the form owner/name"):
        push_dataset(benchmark, repo_id)


def test_a_benchmark_with_altered_tables_is_refused(copy, tmp_path):
    path = next((copy / "data").glob("test-*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.set_column(1, "dataset", [["altered"] * table.num_rows]), path)
    with pytest.raises(BenchmarkError, match="not the ones its build_report.json was written for"):
        stage_dataset(copy, tmp_path / "staged")
    assert not (tmp_path / "staged").exists()


@pytest.mark.parametrize("name", ["notes.txt", "data/model.pkl", "data/deep/train.json", "config.json"])
def test_a_benchmark_with_a_foreign_file_is_refused_by_name(copy, tmp_path, name):
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("foreign")
    with pytest.raises(HubError, match=f"found {name}"):
        stage_dataset(copy, tmp_path / "staged")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "memory.pkl", "train.py", "checkpoint/model.safetensors"])
def test_a_router_with_a_pickle_or_unknown_file_is_refused_before_it_is_loaded(router, tmp_path, monkeypatch, name):
    monkeypatch.setattr(AutoRouter, "from_pretrained", lambda *_: pytest.fail("it was loaded"))
    (router / name).parent.mkdir(exist_ok=True)
    (router / name).write_bytes(b"\x80\x04.")
    with pytest.raises(HubError, match=f"found {name}.*never pushed"):
        stage_router(router, tmp_path / "staged")


def test_a_router_that_does_not_load_is_refused(router, tmp_path):
    (router / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(RouterError, match="cannot be loaded"):
        stage_router(router, tmp_path / "staged")
    with pytest.raises(HubError, match="expected a folder to push, found none"):
        stage_router(tmp_path / "nowhere", tmp_path / "staged")


@pytest.mark.parametrize("name", ["README.md", "outcomes"])
def test_a_missing_part_is_named(copy, tmp_path, name):
    if name == "README.md":
        (copy / name).unlink()
    else:
        report = json.loads((copy / "build_report.json").read_text())
        shutil.rmtree(copy / name)
        from vlrouterbench.core.files import sha256_of_files

        report["sha256"] = sha256_of_files(copy.rglob("*.parquet"), copy)
        (copy / "build_report.json").write_text(json.dumps(report))
    with pytest.raises(HubError, match=f"expected {name}"):
        stage_dataset(copy, tmp_path / "staged")


def test_hidden_entries_stay_behind(copy, tmp_path):
    before = contents(copy)
    (copy / ".gitattributes").write_text("*.parquet filter=lfs")
    (copy / ".cache" / "huggingface").mkdir(parents=True)
    (copy / ".cache" / "huggingface" / "trace.json").write_text("{}")
    assert contents(stage_dataset(copy, tmp_path / "staged")) == before


def test_staging_replaces_an_earlier_staging_and_nothing_else(copy, benchmark, tmp_path):
    out = stage_dataset(benchmark, tmp_path / "staged")
    (out / "README.md").write_text("old")
    assert contents(stage_dataset(benchmark, out)) == contents(benchmark)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(HubError, match="found thesis.tex"):
        stage_dataset(benchmark, tmp_path / "mine")
    for target in (copy, copy / "staged", copy.parent):
        with pytest.raises(HubError, match="expected a folder apart from"):
            stage_dataset(copy, target)
    assert contents(copy) == contents(benchmark)
