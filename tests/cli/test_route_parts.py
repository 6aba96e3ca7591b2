"""`route --questions ... --out FOLDER`: the decisions of one table, in parts; a rerun does only what is missing."""

import errno
import hashlib
import json
import shutil

import datasets
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from tests.killing import killed_before, steps_of
from tests.series import LONG, SERIES
from tests.warm import run_whole_python
from vlrouterbench.data.saved_tables import cutting
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.spending_curve import spending_curve
from vlrouterbench.routing.parts import shard_rows
from vlrouterbench.routing.parts.manifest import budget_record
from vlrouterbench.routing.routed_table import SCHEMA

NUM_ROWS = 40
COLUMNS = ("sample_id", "question", "hint")
BAD = 7
"""The row, from 0 on, that cannot be decided."""


@pytest.fixture(scope="module")
def router(trained_folders):
    return trained_folders["linear"]


@pytest.fixture(scope="module")
def rows():
    words = ("count", "chart", "colour", "proof", "text", "map")
    made = [
        {"sample_id": f"q{number}", "question": f"What {words[number % 6]} is it? {number}", "hint": words[number % 5]}
        for number in range(NUM_ROWS)
    ]
    made[BAD]["question"] = ""
    return made


@pytest.fixture
def shards(rows, tmp_path):
    """The rows in three shards of three formats."""
    folder = tmp_path / "questions"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows[:15]), folder / "a.parquet", row_group_size=4)
    lines = [",".join(COLUMNS), *(",".join(row.values()) for row in rows[15:20])]
    (folder / "b.csv").write_text("\n".join(lines))
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, rows[20:])))
    return folder


@pytest.fixture
def routed(program, router, shards, tmp_path):
    """Runs the command over the shards, on one process; gives how it ended."""

    def run(*more, questions=shards, out=tmp_path / "out", router=router):
        asked = ("route", "--router", router, "--questions", questions, "--out", out, "--actors", 1)
        return program(*asked, *more)

    return run


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def refused(done, *parts):
    assert done.status == 1 and len(done.errors) == 1 and done.out == "", done.out + done.err
    for part in parts:
        assert part in done.errors[0], done.errors[0]


def test_parts_hold_the_decisions_of_one_table_and_bad_rows_their_reason(program, router, rows, routed, tmp_path):
    done = routed("--parts", 6, "--json")
    assert done.status == 0, done.err
    summary = json.loads(done.out)
    assert (summary["rows"], summary["decided"], summary["bad"], summary["parts"]) == (40, 39, 1, 6)
    parts = sorted((tmp_path / "out").glob("part-*.parquet"))
    assert [path.name for path in parts] == [f"part-0000{number}-of-00006.parquet" for number in range(6)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "one.parquet")
    program("route", "--router", router, "--questions", tmp_path / "one.parquet", "--out", tmp_path / "one.csv.parquet")
    together = pa.concat_tables([pq.read_table(path) for path in parts])
    assert together.schema.equals(SCHEMA)
    assert together.to_pylist() == pq.read_table(tmp_path / "one.csv.parquet").to_pylist()
    assert summary["chosen"] == {
        name: together["candidate"].to_pylist().count(name) for name in set(together["candidate"].to_pylist())
    }
    assert summary["average_estimated_cost_usd"] == pytest.approx(
        sum(together["estimated_cost_usd"].to_pylist()) / len(together)
    )
    bad = [
        row
        for number in range(6)
        for row in pq.read_table(tmp_path / f"out/errors-0000{number}-of-00006.parquet").to_pylist()
    ]
    assert bad == [{"sample_id": "q7", "shard": "a.parquet", "row": 8, "problem": "neither a question nor an image."}]


def test_the_manifest_says_what_the_job_is_and_what_is_done(routed, router, shards, tmp_path):
    routed("--parts", 3, "--allow-text-only")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [entry["name"] for entry in manifest["input"]["shards"]] == ["a.parquet", "b.csv", "c.jsonl"]
    for entry in manifest["input"]["shards"]:
        assert entry["sha256"] == hashlib.sha256((shards / entry["name"]).read_bytes()).hexdigest()
    assert (manifest["input"]["rows"], manifest["input"]["columns"]) == (40, sorted(COLUMNS))
    assert manifest["parts"][1] == {"part": 1, "rows": 13, "ranges": [[0, 13, 15], [1, 0, 5], [2, 0, 6]]}
    assert (manifest["done"], manifest["decided"], manifest["bad"]) == ([0, 1, 2], 39, 1)
    assert manifest["router"]["name"] == router.name and manifest["options"] == {"allow_text_only": True}


def test_datasets_and_pyarrow_read_the_folder(routed, tmp_path, monkeypatch):
    routed("--parts", 4)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "out"
    read = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(read) == 39 and read[0]["sample_id"] == "q0" and read.column_names == SCHEMA.names
    bad = datasets.load_dataset(str(folder), "errors", split="train", cache_dir=str(tmp_path / "cache"))
    assert bad["row"][:] == [8]
    assert pads.dataset(sorted(map(str, folder.glob("part-*.parquet")))).count_rows() == 39
    assert "trained on simulated data" in (folder / "README.md").read_text()


def test_a_rerun_does_what_is_missing_and_nothing_else(routed, tmp_path):
    routed("--parts", 5)
    folder, whole = tmp_path / "out", digests(tmp_path / "out")
    (folder / "part-00001-of-00005.parquet").unlink()
    (folder / "part-00003-of-00005.parquet").write_bytes(b"PAR1 damaged PAR1")
    kept = {
        path.name: path.stat().st_mtime_ns
        for path in folder.glob("part-*")
        if path.name[:10] not in ("part-00001", "part-00003")
    }
    again = json.loads(routed("--json").out)  # the manifest knows how many parts there are
    assert (again["parts"], again["parts_found"], again["decided"], again["bad"]) == (5, 3, 39, 1)
    assert digests(folder) == whole
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == kept
    assert json.loads(routed("--json").out)["parts_found"] == 5 and digests(folder) == whole


def test_a_part_is_done_only_with_the_bytes_that_were_written_of_both_its_files(routed, tmp_path):
    routed("--parts", 4)
    folder, whole = tmp_path / "out", digests(tmp_path / "out")
    flipped = bytearray((folder / "part-00002-of-00004.parquet").read_bytes())
    flipped[200:260] = bytes(255 - byte for byte in flipped[200:260])  # the footer stays whole
    (folder / "part-00002-of-00004.parquet").write_bytes(flipped)
    (folder / "errors-00001-of-00004.parquet").unlink()
    (folder / ".part-00003-of-00004.json").write_text("[]")
    assert json.loads(routed("--json").out)["parts_found"] == 1 and digests(folder) == whole
    (folder / "errors-00000-of-00004.parquet").write_bytes((folder / "errors-00001-of-00004.parquet").read_bytes())
    assert json.loads(routed("--json").out)["parts_found"] == 3 and digests(folder) == whole


def test_a_rerun_of_a_job_that_is_done_imports_no_torch_and_loads_no_router(routed, router, shards, tmp_path):
    asked = ("route", "--router", router, "--questions", shards, "--out", tmp_path / "out", "--json")
    first = json.loads(routed("--parts", 3, "--json").out)
    code = (
        "import sys\nfrom vlrouterbench.cli.main import main\nstatus = main(sys.argv[1:])\n"
        "print(status, [name for name in ('torch', 'transformers', 'datasets') if name in sys.modules])"
    )
    before = digests(tmp_path / "out")
    done = run_whole_python("-c", code, *asked)
    assert done.stdout.endswith("}\n0 []\n"), done.stdout + done.stderr
    again = json.loads(done.stdout[: done.stdout.rindex("}") + 1])
    assert again == {**first, "parts_found": 3, "seconds": again["seconds"]} and digests(tmp_path / "out") == before


def test_the_state_of_a_job_that_was_killed_at_its_very_end_is_written_by_a_rerun(routed, tmp_path):
    routed("--parts", 3)
    folder, whole = tmp_path / "out", digests(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "done": [], "decided": 0}))
    (folder / "README.md").unlink()
    assert routed().status == 0 and digests(folder) == whole


def test_a_router_whose_card_was_edited_or_that_was_moved_is_the_same_router(routed, router, tmp_path):
    shutil.copytree(router, tmp_path / "moved" / router.name)
    assert routed("--parts", 3).status == 0
    whole = digests(tmp_path / "out")
    assert routed(router=tmp_path / "moved" / router.name).status == 0 and digests(tmp_path / "out") == whole
    (tmp_path / "moved" / router.name / "README.md").write_text("Another card.")
    assert json.loads(routed("--json", router=tmp_path / "moved" / router.name).out)["parts_found"] == 3


def test_where_pieces_of_text_are_is_kept_and_found_again_where_it_is_damaged(routed, tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "PIECE_BYTES", 60)
    routed("--parts", 5)
    folder, whole = tmp_path / "out", digests(tmp_path / "out")
    kept = json.loads(json.loads((folder / ".pieces.json").read_text())["tables"])
    assert sorted(len(table["pieces"]) > 1 for table in kept.values()) == [True, True]
    (folder / "part-00004-of-00005.parquet").unlink()
    with pytest.MonkeyPatch.context() as patch:  # what was found is used, and nothing is looked through again
        patch.setattr(shard_rows, "cut_table", None)
        assert routed().status == 0 and digests(folder) == whole
    for damage in ("{", '{"sha256": "x", "tables": "{}"}'):
        (folder / "part-00004-of-00005.parquet").unlink()
        (folder / ".pieces.json").write_text(damage)
        assert routed().status == 0 and digests(folder).items() - whole.items() == {
            (".pieces.json", hashlib.sha256(damage.encode()).hexdigest())
        }


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--parts", 4), ("--parts was 5, and is 4",)),
        (("--candidates", "GPT-4o"), ('--candidates was not given, and is ["GPT-4o"]',)),
        (("--allow-text-only",), ("--allow-text-only was not given, and is true",)),
    ],
)
def test_other_options_than_the_job_was_begun_with_are_refused_by_name(routed, tmp_path, more, said):
    routed("--parts", 5)
    before = digests(tmp_path / "out")
    refused(routed(*more), "holds another job", *said)
    assert digests(tmp_path / "out") == before


def test_another_input_or_router_than_the_job_was_begun_with_is_refused_by_name(
    routed, shards, trained_folders, tmp_path
):
    routed("--parts", 5)
    before = digests(tmp_path / "out")
    refused(routed(router=trained_folders["knn"]), "its router was linear (", "and is knn (")
    refused(routed(questions=shards / "*.parquet"), "its input lacks b.csv, c.jsonl")
    shutil.copytree(shards, tmp_path / "moved")
    assert routed(questions=tmp_path / "moved").status == 0  # the same input in another place
    (shards / "b.csv").write_text((shards / "b.csv").read_text().replace("What", "Where"))
    refused(routed(), "its input changed in b.csv")
    (shards / "d.csv").write_text("sample_id,question,hint\nd,Why?,\n")
    refused(routed(), "its input has besides d.csv")
    assert digests(tmp_path / "out") == before


def test_a_folder_of_something_else_is_left_alone(routed, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("")
    refused(routed(), "expected an empty folder", "found thesis.tex")
    (tmp_path / "out" / "manifest.json").write_text('{"format": 2, "job": "x"}')
    refused(routed(), "expected the manifest of a job in parts at", "found no command, version, input")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.json", "thesis.tex"]


def test_a_manifest_that_was_changed_by_hand_is_refused(routed, tmp_path):
    routed("--parts", 2)
    path = tmp_path / "out" / "manifest.json"
    path.write_text(path.read_text().replace('"rows": 20', '"rows": 21', 1))
    refused(routed(), "was changed by hand")


def test_a_manifest_of_other_kinds_is_refused_in_one_plain_line(routed, tmp_path):
    routed("--parts", 2)
    path = tmp_path / "out" / "manifest.json"
    whole = json.loads(path.read_text())
    wrong = {
        "null": "found null",
        "[]": "found a list in the place of an object",
        "{}": "found format none, where this version writes 2",
        '{"format":1}': "found format 1, where",
        "{": "found no JSON",
        json.dumps({**whole, "input": []}): "found one whose job was changed",
        json.dumps({**whole, "loaded": "x"}): 'found one whose "loaded" was changed',
        json.dumps({**whole, "loaded": {**whole["loaded"], "simulated": 3}}): 'found one whose "loaded" was changed',
        json.dumps({**whole, "budget": "x"}): 'found one whose "budget" was changed',
        json.dumps({**whole, "budget": {"usd_weight": 0.0}}): 'found one whose "budget" was changed',
    }
    for content, said in wrong.items():
        path.write_text(content)
        refused(routed(), "expected the manifest of a job in parts at", said, "Put the folder aside")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.csv", "sample_id,question\nd,Why?\n", ("the same columns in every table", "d.csv lacks hint")),
        ("d.csv", "sample_id,question,hint,more\nd,Why?,,\n", ("d.csv adds more",)),
        ("d.csv", "sample_id,question,hint\nq3,Why?,\nq21,Why?,\n", ("found 2 of 42 rows", "row 4 of a.parquet")),
        ("d.csv", "sample_id,question,hint\n41,Why?,\n,Why?,\n", ("found 1 of 42", '"42"')[:1]),
    ],
)
def test_tables_that_do_not_go_together_are_refused_before_anything_is_written(
    routed, shards, tmp_path, name, content, said
):
    (shards / name).write_text(content.replace("41,Why", "42,Why"))
    refused(routed(), *said)
    assert not (tmp_path / "out").exists()


def test_what_stands_in_the_place_of_the_folder_is_named(routed, shards, tmp_path):
    refused(routed(out=shards / "b.csv" / "zz"), "found a file: ", "b.csv. Give another --out")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    refused(routed(out=tmp_path / "link"), "found a link to nothing: ")


def test_an_input_of_nothing_is_refused(routed, tmp_path):
    refused(routed(questions=tmp_path / "none-*.parquet"), "found no file at", "none-*.parquet")
    pq.write_table(pa.table({"question": pa.array([], pa.string())}), tmp_path / "empty.parquet")
    refused(routed(questions=tmp_path / "empty.parquet"), "expected rows with questions, found none")
    refused(routed("--parts", 41), "--parts: expected 1 to 40 parts")
    assert not (tmp_path / "out").exists()


def test_where_every_row_is_bad_that_is_an_error_and_the_reasons_are_there(routed, tmp_path):
    (tmp_path / "bad.csv").write_text('question\n""\n""\n')
    refused(routed(questions=tmp_path / "bad.csv"), "found none of 2", "errors-*.parquet")
    errors = pq.read_table(tmp_path / "out" / "errors-00000-of-00001.parquet")
    assert errors["sample_id"].to_pylist() == ["1", "2"]


def test_images_are_those_beside_each_shard(routed, tmp_path):
    from tests.demo.bad_files import image_bytes

    for name in ("one", "two"):
        (tmp_path / "shards" / name).mkdir(parents=True)
        (tmp_path / "shards" / name / "q.csv").write_text(f"sample_id,question,image\n{name},What?,{name}.png\n")
        (tmp_path / "shards" / name / f"{name}.png").write_bytes(image_bytes())
    done = routed("--parts", 1, "--json", questions=tmp_path / "shards" / "*" / "q.csv")
    assert json.loads(done.out)["decided"] == 2, done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "o.parquet", "--parts", "2"), "--parts needs a folder as --out"),
        (("--out", "o.csv", "--engine", "ray"), "--engine needs a folder as --out"),
    ],
)
def test_parts_need_a_folder(program, arguments, said):
    done = program("route", "--router", "somewhere", "--questions", "q.csv", *arguments)
    assert done.status == 2 and said in " ".join(done.err.split())
    alone = program("route", "--router", "somewhere", "--question", "Why?", *arguments[2:])
    assert alone.status == 2 and "belongs to --questions" in " ".join(alone.err.split())


def test_options_of_another_engine_and_unknown_ones_are_refused(program, routed, router):
    refused(routed("--engine", "raay"), 'unknown engine "raay". Did you mean "ray"?')
    refused(routed("--ray-address", "auto"), "--ray-address belongs to --engine ray")
    refused(routed("--gpus-per-actor", "1"), "--gpus-per-actor belongs to --engine ray")
    one = ("route", "--router", router, "--questions", "none/*.csv", "--out", "one.csv")
    refused(program(*one), "found no file at none/*.csv")


@pytest.mark.faults
def test_a_job_killed_at_any_step_is_ended_by_a_rerun_with_the_bytes_of_one_that_was_not(
    routed, tmp_path, record_property
):
    """`make faults` kills at every step."""
    routed("--parts", 3)
    whole, steps = digests(tmp_path / "out"), steps_of(lambda: routed("--parts", 3, out=tmp_path / "counted"))
    assert digests(tmp_path / "counted") == whole
    chosen = range(len(steps)) if LONG else [len(steps) // 4, len(steps) // 2]
    for step in chosen:
        out = tmp_path / str(step)
        assert killed_before(step, lambda: routed("--parts", 3, out=out))  # noqa: B023
        parts = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.glob("*.parquet")}
        assert parts.items() <= whole.items()
        assert routed("--parts", 3, out=out).status == 0 and digests(out) == whole
    record_property(SERIES, f"{len(chosen)} killed jobs in parts, all ended by a rerun")


@pytest.mark.faults
def test_a_full_disk_ends_the_job_and_a_rerun_ends_it_the_same(routed, tmp_path, record_property):
    parts, writer = 20 if LONG else 4, pq.ParquetWriter.write_table
    routed("--parts", parts)
    whole, chosen = digests(tmp_path / "out"), range(20) if LONG else [2]
    for full_at in chosen:
        turn, out = iter(range(100)), tmp_path / str(full_at)

        def filling(self, table):
            if next(turn) == full_at:  # noqa: B023
                raise OSError(errno.ENOSPC, "No space left on device")
            writer(self, table)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pq.ParquetWriter, "write_table", filling)
            refused(routed("--parts", parts, out=out), "expected space to write", f"-of-000{parts:02d}.parquet")
        found, done = digests(out), json.loads((out / "manifest.json").read_text())["done"]
        assert {name for name in found if name.startswith("part")} < set(whole)
        assert len(done) in (full_at, full_at - 1)  # one part writes its bad row as well
        again = json.loads(routed("--parts", parts, "--json", out=out).out)
        assert again["parts_found"] == len(done) and digests(out) == whole
    record_property(SERIES, f"{len(chosen)} full disks under jobs in parts, all ended by a rerun")


@pytest.fixture
def averaged(routed, trained_folders, tmp_path):
    """Runs the command with the flagship and an average, part of the way from the cheapest decisions to the dearest."""
    curve = spending_curve(AutoRouter.from_pretrained(trained_folders["flagship"]))
    budget = curve[0][0] + 0.3 * (curve[-1][0] - curve[0][0])

    def run(*more, average=budget, **where):
        return routed("--average-cost-usd", average, *more, router=trained_folders["flagship"], **where)

    return run, budget


def test_an_average_is_kept_over_the_whole_job_whatever_its_parts(averaged, tmp_path):
    run, budget = averaged
    chosen = []
    for parts in (1, 5):
        done = run("--parts", parts, "--json", out=tmp_path / str(parts))
        assert done.status == 0, done.err
        summary = json.loads(done.out)
        rows = [
            row for path in sorted((tmp_path / str(parts)).glob("part-*")) for row in pq.read_table(path).to_pylist()
        ]
        mean = sum(row["estimated_cost_usd"] for row in rows) / len(rows)
        assert mean <= budget and summary["average_estimated_cost_usd"] == pytest.approx(mean)
        stated = json.loads((tmp_path / str(parts) / "manifest.json").read_text())["budget"]
        assert stated["average_cost_usd"] == budget and stated["expected_usd"] == pytest.approx(mean, rel=1e-6)
        chosen.append(rows)
    assert chosen[0] == chosen[1] and len({row["candidate"] for row in chosen[0]}) > 1


def test_a_weight_that_was_changed_by_hand_is_refused_in_the_manifest_and_in_parts(averaged, tmp_path):
    run, _ = averaged
    assert run("--parts", 2).status == 0
    folder, whole = tmp_path / "out", digests(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "part-00001-of-00002.parquet").unlink()
    changed = {**manifest["budget"], "usd_weight": 0.0}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "budget": changed}))
    refused(run(), 'found one whose "budget" was changed by hand')
    bound = budget_record(manifest["job"], changed["average_cost_usd"], 0.0, changed["expected_usd"])
    (folder / "manifest.json").write_text(json.dumps({**manifest, "budget": bound}))
    refused(run(), "expected parts at the weight of the manifest, 0, found", "part-00000-of-00002.parquet at")
    del manifest["budget"]  # the first pass finds it again
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert json.loads(run("--json").out)["parts_found"] == 1 and digests(folder) == whole


def test_an_average_that_is_no_number_above_0_is_refused_before_the_router_is_loaded(routed, tmp_path):
    for average in ("nan", "inf", "-1", "0"):
        done = routed(f"--average-cost-usd={average}", router=tmp_path)
        refused(done, f"average_cost_usd: expected a number above 0, found {float(average)}")
    assert not (tmp_path / "out").exists()


@pytest.mark.faults
def test_a_job_killed_while_it_adds_up_an_average_is_ended_by_a_rerun(averaged, tmp_path):
    run, _ = averaged
    steps = steps_of(lambda: run("--parts", 3))
    whole = digests(tmp_path / "out")
    (tmp_path / "out" / "part-00001-of-00003.parquet").unlink()
    (tmp_path / "out" / ".budget").mkdir()  # as after a kill between the weight and the end of its sums
    assert run("--parts", 3).status == 0 and digests(tmp_path / "out") == whole
    for step in range(len(steps)) if LONG else [len(steps) // 3]:
        out = tmp_path / str(step)
        assert killed_before(step, lambda: run("--parts", 3, out=out))  # noqa: B023
        assert run("--parts", 3, out=out).status == 0 and digests(out) == whole


def test_an_average_that_cannot_be_kept_leaves_nothing(averaged, routed, tmp_path):
    run, _ = averaged
    refused(run(average=1e-9), "less than the cheapest decisions cost on these questions")
    refused(routed("--average-cost-usd", 1), "found linear", "open pool: flagship")
    assert not (tmp_path / "out").exists()
