"""Bad input ends in one clear message on stderr and status 1, with no traceback and nothing half-written."""

import csv
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def rewrite(path, change):
    """Rewrite a parquet table row by row."""
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist([change(place, row) for place, row in enumerate(table.to_pylist())]), path)


def unpriced(folder):
    (folder / "candidates.csv").write_text("name,input_price,output_price\nsmall,0.1,0.1\nmiddle,,\nlarge,2,8\n")


def above_one(folder):
    rewrite(folder / "outcomes.parquet", lambda place, row: row | {"quality": 1.5 if place == 4 else row["quality"]})


def below_zero(folder):
    rewrite(folder / "outcomes.parquet", lambda place, row: row | {"quality": -0.1 if place == 0 else row["quality"]})


def image_outside(folder):
    rewrite(folder / "samples.parquet", lambda place, row: row | {"image": "../../etc/passwd"} if place == 2 else row)


def image_outside_by_link(folder):
    outside = folder.parent / "outside.png"
    shutil.copy(folder / "images" / "0.png", outside)
    (folder / "images" / "0.png").unlink()
    (folder / "images" / "0.png").symlink_to(outside)


def image_absolute(folder):
    rewrite(folder / "samples.parquet", lambda place, row: row | {"image": "/etc/hostname"} if place == 0 else row)


def unlisted_candidate(folder):
    rewrite(folder / "outcomes.parquet", lambda place, row: row | {"candidate": "smal"} if place == 0 else row)


def unknown_sample(folder):
    rewrite(folder / "outcomes.parquet", lambda place, row: row | {"sample_id": "s99"} if place == 0 else row)


def doubled_pair(folder):
    table = pq.read_table(folder / "outcomes.parquet")
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), folder / "outcomes.parquet")


def no_question(folder):
    pq.write_table(pq.read_table(folder / "samples.parquet").drop_columns(["question"]), folder / "samples.parquet")


def truncated(folder):
    path = folder / "outcomes.parquet"
    path.write_bytes(path.read_bytes()[:200])


def no_samples(folder):
    (folder / "samples.parquet").unlink()


def two_outcomes(folder):
    (folder / "outcomes.csv").write_text("sample_id,candidate,quality\ns00,small,1\n")


def bad_split(folder):
    rewrite(folder / "samples.parquet", lambda place, row: row | {"split": "tset"})


DAMAGE = {
    unpriced: ("middle", "price"),
    above_one: ("outcomes.parquet, row 5", "[0, 1]", "1.5"),
    below_zero: ("outcomes.parquet, row 1", "[0, 1]", "-0.1"),
    image_outside: ("samples.parquet, row 3", "../../etc/passwd", "leaves the folder"),
    image_outside_by_link: ("row 1", "leaves the folder"),
    image_absolute: ("row 1", "/etc/hostname", "leaves the folder"),
    unlisted_candidate: ("outcomes.parquet, row 1", '"smal"', 'Did you mean "small"'),
    unknown_sample: ("row 1", "s99", "not in the samples table"),
    doubled_pair: ("outcomes.parquet, row 37", "s00, small"),
    no_question: ("samples.parquet", "Missing: question"),
    truncated: ("outcomes.parquet", "not readable"),
    no_samples: ("expected samples.parquet", "found none"),
    two_outcomes: ("outcomes.parquet, outcomes.csv", "Keep one"),
    bad_split: ("tset", "train"),
}


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def check_refused(done, *parts):
    assert done.status == 1, done.out + done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    assert "unexpected" not in done.err
    assert len(done.errors) == 1, done.err
    message = done.err[done.err.index("error: ") :]
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize(("damage", "parts"), DAMAGE.items(), ids=[damage.__name__ for damage in DAMAGE])
def test_damaged_own_tables_are_refused_where_they_are_damaged(program, own_tables, damage, parts):
    damage(own_tables)
    before = listing(own_tables.parent)
    check_refused(program("build", own_tables, "--out", own_tables.parent / "benchmark"), *parts)
    assert listing(own_tables.parent) == before, "nothing may be left behind"


def test_a_failed_build_leaves_the_old_benchmark_as_it_was(program, own_tables, tmp_path):
    out = tmp_path / "benchmark"
    assert program("build", own_tables, "--out", out).status == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    above_one(own_tables)
    check_refused(program("build", own_tables, "--out", out))
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_an_empty_folder_is_no_source(program, tmp_path):
    (tmp_path / "empty").mkdir()
    check_refused(program("build", tmp_path / "empty", "--out", tmp_path / "out"), str(tmp_path / "empty"))
    assert listing(tmp_path) == ["empty"]


def test_a_folder_without_logs_is_no_source(program, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("nothing to see")
    check_refused(program("build", tmp_path / "photos", "--out", tmp_path / "out"), str(tmp_path / "photos"))
    assert listing(tmp_path) == ["photos"]


def test_a_source_that_is_not_there_is_refused(program, tmp_path):
    check_refused(program("build", tmp_path / "nowhere", "--out", tmp_path / "out"), str(tmp_path / "nowhere"))


def test_a_listed_candidate_without_a_price_is_refused_from_a_candidates_file_too(program, own_tables, tmp_path):
    with (tmp_path / "pool.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([("name", "input_price"), ("small", 0.1), ("middle", 0.5), ("large", 2)])
    options = ("--candidates", tmp_path / "pool.csv", "--out", tmp_path / "out")
    check_refused(program("build", own_tables, *options), "output_price")
    assert not (tmp_path / "out").exists()


def test_a_candidates_file_that_is_not_there_is_refused(program, own_tables, tmp_path):
    options = ("--candidates", tmp_path / "nowhere.csv", "--out", tmp_path / "out")
    check_refused(program("build", own_tables, *options), "nowhere.csv")


def test_strict_refuses_what_would_be_left_out(program, own_tables, tmp_path):
    (own_tables / "images" / "5.png").write_bytes(b"not a picture")
    check_refused(program("build", own_tables, "--out", tmp_path / "out", "--strict"), "--strict", "5.png")
    assert not (tmp_path / "out").exists()
    assert program("build", own_tables, "--out", tmp_path / "out").status == 0


def test_a_misspelt_router_is_answered_with_the_right_name(program, chain_folder, tmp_path):
    benchmark = chain_folder / "benchmark"
    check_refused(
        program("train", benchmark, "--router", "lineer", "--out", tmp_path / "out"),
        'unknown router "lineer"',
        'Did you mean "linear"',
    )
    check_refused(
        program("evaluate", benchmark, "--router", "orcale", "--out", tmp_path / "out"),
        'unknown router "orcale"',
        'Did you mean "oracle"',
    )
    assert listing(tmp_path) == []


def test_a_policy_needs_no_training_and_a_family_does(program, chain_folder, tmp_path):
    benchmark = chain_folder / "benchmark"
    check_refused(program("train", benchmark, "--router", "oracle", "--out", tmp_path / "out"), "needs no training")
    check_refused(program("evaluate", benchmark, "--router", "mlp", "--out", tmp_path / "out"), "needs training first")
    assert listing(tmp_path) == []


def test_a_folder_that_is_no_router_is_refused(program, chain_folder, tmp_path):
    check_refused(
        program("evaluate", chain_folder / "benchmark", "--router", tmp_path, "--out", tmp_path / "out"), "config.json"
    )
    check_refused(program("route", "--router", tmp_path, "--question", "What?"), "config.json")
    check_refused(program("route", "--router", tmp_path / "nowhere", "--question", "What?"), "found neither")


def test_damaged_weights_are_refused(program, chain_folder, tmp_path):
    shutil.copytree(chain_folder / "router", tmp_path / "router")
    weights = tmp_path / "router" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    check_refused(program("route", "--router", tmp_path / "router", "--question", "What?"), str(tmp_path / "router"))


def test_a_bad_image_given_to_route_is_an_error(program, chain_folder, tmp_path):
    asked = ("route", "--router", chain_folder / "router", "--question", "What?", "--image")
    (tmp_path / "text.png").write_text("not a picture")
    whole = (chain_folder / "own" / "images" / "3.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    check_refused(program(*asked, tmp_path / "text.png"), "does not decode", "text.png")
    check_refused(program(*asked, tmp_path / "cut.png"), "does not decode", "cut.png")
    check_refused(program(*asked, tmp_path / "nowhere.png"), "found nothing at")
    check_refused(program(*asked, tmp_path))


def test_route_refuses_what_a_family_without_estimates_cannot_do(program, chain_folder):
    asked = ("route", "--router", chain_folder / "router", "--question", "What?")
    for option in ("--usd-weight", "--max-cost-usd", "--min-accuracy"):
        check_refused(program(*asked, option, "0.5"), "calibrated estimates", option.strip("-").replace("-", "_"))
    check_refused(program(*asked, "--candidates", "small,huge"), "found huge")
    check_refused(program(*asked, "--candidates", ","), "an empty list")


@pytest.mark.parametrize("command", ["inspect", "encode", "train", "evaluate"])
def test_what_is_no_benchmark_is_refused(program, tmp_path, command):
    (tmp_path / "empty").mkdir()
    more = {"train": ("--router", "linear"), "evaluate": ("--router", "oracle", "--out", tmp_path / "out")}
    done = program(command, tmp_path / "empty", *more.get(command, ()))
    check_refused(done, "expected a benchmark folder", str(tmp_path / "empty"))
    assert listing(tmp_path) == ["empty"]


@pytest.mark.parametrize("inside", ["taken", "taken/deeper"])
def test_a_file_in_the_way_of_the_output_is_left_alone(program, chain_folder, tmp_path, inside):
    (tmp_path / "taken").write_text("mine")
    benchmark, out = chain_folder / "benchmark", ("--out", tmp_path / inside)
    commands = (
        ("build", chain_folder / "own", *out),
        ("evaluate", benchmark, "--router", "oracle", *out),
        ("train", benchmark, "--router", "linear", "--cost-weight", "0", "--num-epochs", "1", *out),
    )
    for command in commands:
        check_refused(program(*command), "expected a folder to write to, found a file", "Give another --out")
    assert listing(tmp_path) == ["taken"]
    assert (tmp_path / "taken").read_text() == "mine"


def test_settings_that_cannot_be_are_refused(program, chain_folder, tmp_path):
    train = ("train", chain_folder / "benchmark", "--router", "linear", "--out", tmp_path / "out")
    check_refused(program(*train, "--cost-weight", "-1"), "cost weights >= 0")
    check_refused(program(*train, "--cost-weight", "nan"), "cost weights >= 0")
    check_refused(program(*train, "--num-epochs", "0"), "num_epochs >= 1")
    check_refused(program("simulate", "--out", tmp_path / "out", "--num-samples", "3"), "at least 14 samples")
    check_refused(program("run", "--out", tmp_path / "out", "--num-samples", "3"), "at least 14 samples")
    evaluate = ("evaluate", chain_folder / "benchmark", "--router", "oracle", "--out", tmp_path / "out")
    check_refused(program(*evaluate, "--split", "tests"), 'unknown split "tests"', 'Did you mean "test"')
    encode = ("encode", chain_folder / "benchmark")
    check_refused(program(*encode, "--text", "builtn"), 'Did you mean "builtin"')
    assert listing(tmp_path) == []
