"""`candidates`: a router's pool is listed, a new candidate is asked and added, others leave, and prices change."""

import csv
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from tests.standins.openai_server import OpenAIStandIn, Scripted, endpoint_entry, write_endpoints
from vlrouterbench.routers.auto import AutoRouter

NAME, PRICES = "GPT-4o", (2.5, 10.0)


@pytest.fixture(scope="module")
def router(trained_folders):
    return trained_folders["flagship"]


@pytest.fixture(scope="module")
def without(program, router, tmp_path_factory):
    """The router after GPT-4o left."""
    out = tmp_path_factory.mktemp("candidates") / "without"
    done = program("candidates", "remove", "--router", router, "--name", NAME, "--out", out)
    assert done.status == 0, done.err
    return out


@pytest.fixture(scope="module")
def anchors(program, without, simulated_folder, tmp_path_factory):
    """The anchor file of that router, 60 samples."""
    out = tmp_path_factory.mktemp("anchors") / "anchors.csv"
    asked = ("--router", without, "--benchmark", simulated_folder, "--count", 60, "--out", out)
    done = program("candidates", "anchors", *asked, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["num_samples"] == 60
    return out


@pytest.fixture(scope="module")
def filled(anchors, simulated_table, tmp_path_factory):
    """The anchor file as somebody filled it in who asked GPT-4o; its last row was forgotten."""
    rows = _rows(anchors)
    for row in rows[:-1]:
        row |= _outcome(simulated_table, row["sample_id"])
    return _written(tmp_path_factory.mktemp("filled") / "filled.csv", rows)


@pytest.fixture(scope="module")
def joined(program, without, simulated_folder, filled, tmp_path_factory):
    """The router after GPT-4o came back, and how the command ended."""
    out = tmp_path_factory.mktemp("joined") / "router"
    done = program(*_add(without, simulated_folder, filled, out))
    assert done.status == 0, done.err
    return out, done


def _add(router, benchmark, outcomes, out, *, name=NAME):
    prices = ("--input-price", PRICES[0], "--output-price", PRICES[1])
    told = ("--name", name, *prices, "--outcomes", outcomes, "--out", out)
    return ("candidates", "add", "--router", router, "--benchmark", benchmark, *told)


def _rows(path):
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def _written(path, rows):
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def _outcome(table, sample_id):
    row, column = table.column("sample_id").index(sample_id), table.pool.index[NAME]
    return {name: table.matrices[name][row, column] for name in ("quality", "input_tokens", "output_tokens")}


def _refused(done, *parts):
    assert done.status == 1 and len(done.errors) == 1 and done.out == "", done.out + done.err
    for part in parts:
        assert part in done.errors[0], done.errors[0]


def test_the_list_says_what_the_router_knows_of_each_candidate(program, router, simulated_table):
    content = json.loads(program("candidates", "list", "--router", router, "--json").out)
    train = simulated_table.split("train")
    assert [entry["name"] for entry in content["candidates"]] == list(train.pool.names)
    for place, entry in enumerate(content["candidates"]):
        candidate = train.pool.candidates[place]
        assert (entry["input_price"], entry["output_price"]) == (candidate.input_price, candidate.output_price)
        assert entry["mean_accuracy"] == pytest.approx(train.quality[:, place].mean(), abs=1e-5)
        assert entry["mean_cost_usd"] == pytest.approx(train.cost[:, place].mean(), rel=1e-5)
        assert entry["num_anchors"] is None
    assert content["trained_on_simulated_data"]


def test_the_list_fits_80_columns(program, joined, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = program("candidates", "list", "--router", joined[0]).out
    assert max(map(len, shown.splitlines())) <= 80 and "59" in shown and "simulated" in shown


def test_anchors_are_the_routers_own_choice_in_its_order(anchors, without, simulated_table):
    places = AutoRouter.from_pretrained(without).anchor_set(60)
    samples = simulated_table.split("train").samples.to_pylist()
    rows = _rows(anchors)
    assert [row["sample_id"] for row in rows] == [samples[place]["sample_id"] for place in places]
    for row, place in zip(rows, places, strict=True):
        assert (row["question"], row["hint"]) == (samples[place]["question"], samples[place]["hint"] or "")
        assert json.loads(row["options"] or "[]") == samples[place]["options"]
        assert row["quality"] == row["input_tokens"] == row["output_tokens"] == ""


def test_anchors_come_with_the_benchmarks_own_images(anchors, simulated_table):
    images = dict(zip(simulated_table.column("sample_id"), simulated_table.iter_images(), strict=True))
    named = [(row["sample_id"], row["image"]) for row in _rows(anchors)]
    assert len({image for _, image in named}) == 60
    for sample_id, image in named:
        assert (anchors.parent / image).read_bytes() == images[sample_id]
    with Image.open(anchors.parent / named[0][1]) as opened:
        assert opened.format == {"jpg": "JPEG", "png": "PNG"}[named[0][1].rsplit(".", 1)[1]]


def test_an_anchor_file_that_exists_is_not_written_over(program, without, simulated_folder, tmp_path):
    (tmp_path / "anchors.csv").write_text("paid for")
    asked = ("--router", without, "--benchmark", simulated_folder, "--count", 5, "--out", tmp_path / "anchors.csv")
    _refused(program("candidates", "anchors", *asked), "may hold outcomes")
    assert [path.name for path in tmp_path.iterdir()] == ["anchors.csv"]
    assert (tmp_path / "anchors.csv").read_text() == "paid for"


def test_more_anchors_than_the_router_remembers_are_refused(program, without, simulated_folder, tmp_path):
    asked = ("--router", without, "--benchmark", simulated_folder, "--count", 9999, "--out", tmp_path / "anchors.csv")
    _refused(program("candidates", "anchors", *asked), "--count: expected 1 to", "9999")
    assert not list(tmp_path.iterdir())


def test_another_benchmark_is_refused_by_its_digest(program, router, easy_folder, simulated_table, filled, tmp_path):
    asked = ("--router", router, "--benchmark", easy_folder, "--count", 5, "--out", tmp_path / "anchors.csv")
    _refused(program("candidates", "anchors", *asked), simulated_table.sha256, "simulated-easy", "expected", "found")
    _refused(program(*_add(router, easy_folder, filled, tmp_path / "new", name="new")), simulated_table.sha256)
    assert not list(tmp_path.iterdir())


def test_who_comes_back_by_anchors_is_estimated_as_it_was(joined, router, simulated_problem):
    train, rows = simulated_problem.train, simulated_problem.train_features
    with torch.no_grad():
        was = AutoRouter.from_pretrained(router).estimates(rows)
        back = AutoRouter.from_pretrained(joined[0]).estimates(rows)
    assert float(back.accuracy[:, -1].mean()) == pytest.approx(float(was.accuracy[:, -1].mean()), abs=0.12)
    assert float(back.cost_usd[:, -1].mean()) == pytest.approx(train.cost[:, -1].mean(), rel=0.15)
    # Sample by sample it follows what training had learnt of it.
    assert float(torch.corrcoef(torch.stack([back.accuracy[:, -1], was.accuracy[:, -1]]))[0, 1]) > 0.5


def test_rows_that_were_not_filled_in_are_counted_and_passed_over(program, joined):
    assert "without quality, skipped: 1" in joined[1].out
    content = json.loads(program("candidates", "list", "--router", joined[0], "--json").out)
    assert content["candidates"][-1]["name"] == NAME and content["candidates"][-1]["num_anchors"] == 59


def test_what_was_written_loads_and_routes(program, joined):
    done = program("route", "--router", joined[0], "--question", "What?", "--candidates", NAME, "--json")
    assert json.loads(done.out)["candidate"] == NAME
    names = {path.name for path in joined[0].iterdir()}
    assert {"config.json", "model.safetensors", "README.md", "modeling_flagship.py"} <= names


def test_a_parquet_table_of_other_rows_and_columns_does_as_well(program, joined, without, simulated_folder, filled):
    rows = [row | _numbers(row) | {"candidate": NAME} for row in reversed(_rows(filled)) if row["quality"]]
    pq.write_table(pa.Table.from_pylist(rows), filled.with_suffix(".parquet"))
    out = filled.parent / "again"
    done = program(*_add(without, simulated_folder, filled.with_suffix(".parquet"), out, name=NAME))
    assert done.status == 0, done.err
    ours, theirs = (AutoRouter.from_pretrained(folder) for folder in (out, joined[0]))
    assert torch.equal(ours.loadings, theirs.loadings) and torch.equal(ours.joined_quality, theirs.joined_quality)


def _numbers(row):
    return {name: float(row[name]) for name in ("quality", "input_tokens", "output_tokens")}


def _of_test_split(rows, table):
    rows[3] |= {"sample_id": table.split("test").column("sample_id")[0]}


def _of_nobody(rows, table):
    rows[3] |= {"sample_id": "nobody/1"}


def _doubled(rows, table):
    rows[3] |= {"sample_id": rows[0]["sample_id"]}


def _above_one(rows, table):
    rows[3] |= {"quality": 1.5}


def _negative_tokens(rows, table):
    rows[3] |= {"input_tokens": -4}


def _one_row(rows, table):
    for row in rows[1:]:
        row |= {"quality": ""}


def _no_tokens(rows, table):
    for row in rows:
        row |= {"output_tokens": ""}


def _a_word(rows, table):
    rows[3] |= {"quality": "good"}


def _somebody_elses(rows, table):
    for row in rows:
        row |= {"candidate": "Claude"}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_of_test_split, "row 4: expected a sample of the train split"),
        (_of_nobody, 'found "nobody/1"'),
        (_doubled, "expected each sample_id once"),
        (_above_one, "row 4: expected quality in [0, 1], found 1.5"),
        (_negative_tokens, "row 4: expected a number >= 0 in input_tokens"),
        (_one_row, "at least 2 anchor samples, found it in 1 of 60 rows"),
        (_no_tokens, "expected output_tokens beside quality"),
        (_a_word, 'column "quality" is not readable'),
        (_somebody_elses, 'found "Claude" in the column candidate'),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("_"),
)
def test_outcomes_that_cannot_be_are_refused_and_nothing_is_written(
    program, without, simulated_folder, simulated_table, filled, tmp_path, spoil, said
):
    rows = _rows(filled)
    spoil(rows, simulated_table)
    spoilt = _written(tmp_path / "outcomes.csv", rows)
    _refused(program(*_add(without, simulated_folder, spoilt, tmp_path / "new")), said, "outcomes.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["outcomes.csv"]


def test_a_test_sample_is_refused_with_the_reason(
    program, without, simulated_folder, simulated_table, filled, tmp_path
):
    rows = _rows(filled)
    _of_test_split(rows, simulated_table)
    spoilt = _written(tmp_path / "outcomes.csv", rows)
    said = ("of the test split", "must not have seen outcomes", "candidates anchors")
    _refused(program(*_add(without, simulated_folder, spoilt, tmp_path / "new")), *said)


@pytest.mark.parametrize("name", ["outcomes.txt", "none.csv", "folder.csv"])
def test_what_is_no_table_is_named(program, without, simulated_folder, tmp_path, name):
    (tmp_path / "outcomes.txt").write_text("sample_id,quality,input_tokens,output_tokens\n")
    (tmp_path / "folder.csv").mkdir()
    _refused(program(*_add(without, simulated_folder, tmp_path / name, tmp_path / "new")), name)


def test_a_taken_name_and_an_empty_one_are_refused(program, router, simulated_folder, filled, tmp_path):
    _refused(program(*_add(router, simulated_folder, filled, tmp_path / "new")), "not in the pool", NAME)
    _refused(program(*_add(router, simulated_folder, filled, tmp_path / "new", name=" ")), "a candidate's name")
    assert not list(tmp_path.iterdir())


def test_who_left_is_never_chosen(without, router, simulated_problem):
    before, after = AutoRouter.from_pretrained(router), AutoRouter.from_pretrained(without)
    for loaded in (before, after):
        loaded.config.usd_weight = 0.0
    rows = simulated_problem.train_features
    assert int((before.decide(rows) == before.config.candidate_names.index(NAME)).sum()) > 0
    assert {after.config.candidate_names[place] for place in after.decide(rows).tolist()} <= set(
        before.config.candidate_names
    ) - {NAME}


def test_new_prices_change_expected_costs_by_their_ratio(program, router, simulated_problem, tmp_path):
    options = ("--input-price", 4 * PRICES[0], "--output-price", 4 * PRICES[1], "--out", tmp_path / "new")
    done = program("candidates", "price", "--router", router, "--name", NAME, *options)
    assert done.status == 0 and "in $/1M 2.5 -> 10, out $/1M 10 -> 40" in done.out
    rows = simulated_problem.validation_features
    with torch.no_grad():
        was, now = (AutoRouter.from_pretrained(folder).estimates(rows) for folder in (router, tmp_path / "new"))
    torch.testing.assert_close(now.cost_usd[:, -1], 4 * was.cost_usd[:, -1])
    assert torch.equal(now.cost_usd[:, :-1], was.cost_usd[:, :-1]) and torch.equal(now.accuracy, was.accuracy)


def test_wrong_names_are_answered_with_the_right_one(program, router, tmp_path):
    prices = ("--input-price", 1, "--output-price", 1)
    for command in (("remove",), ("price", *prices)):
        asked = ("--router", router, "--name", "gpt-4", "--out", tmp_path / "new")
        _refused(program("candidates", *command, *asked), 'unknown candidate "gpt-4"', 'Did you mean "GPT-4o"?')
    assert not list(tmp_path.iterdir())


def test_the_last_candidate_stays(program, router, tmp_path):
    first, *others = AutoRouter.from_pretrained(router).config.candidate_names
    loaded = AutoRouter.from_pretrained(router)
    for name in others:
        loaded.remove_candidate(name)
    loaded.save_pretrained(tmp_path / "one")
    asked = ("--router", tmp_path / "one", "--name", first, "--out", tmp_path / "none")
    _refused(program("candidates", "remove", *asked), "keeps a candidate")
    assert not (tmp_path / "none").exists()


def test_a_family_with_a_closed_pool_names_those_with_an_open_one(program, trained_folders, tmp_path):
    router = trained_folders["linear"]
    _refused(program("candidates", "list", "--router", router), "found linear", "open pool: flagship")
    asked = ("--router", router, "--name", NAME, "--out", tmp_path / "new")
    _refused(program("candidates", "remove", *asked), "open pool: flagship")


@pytest.mark.parametrize(
    "arguments",
    [["add"], ["price", "--input-price", "-1"], ["anchors", "--count", "0"], ["nonsense"], ["list"]],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(program, arguments):
    done = program("candidates", *arguments)
    assert done.status == 2 and done.out == "" and "Error: " in done.err


def test_the_card_tells_every_change_once_and_keeps_what_a_person_wrote(program, joined, tmp_path):
    shutil.copytree(joined[0], tmp_path / "router")
    card = tmp_path / "router" / "README.md"
    card.write_text(card.read_text() + "\nA note of mine.\n")
    prices = ("--input-price", 5, "--output-price", 10)
    asked = ("--router", tmp_path / "router", "--name", NAME, *prices, "--out", tmp_path / "new")
    assert program("candidates", "price", *asked).status == 0
    text = (tmp_path / "new" / "README.md").read_text()
    assert text.endswith("\nA note of mine.\n")
    changes = [line for line in text.splitlines() if line.startswith(f"- {NAME}")]
    assert changes[0] == f"- {NAME} left."
    assert "59 anchor samples of the train split" in changes[1]
    assert "in $/1M 2.5 -> 5, out $/1M 10 -> 10" in changes[2] and len(changes) == 3
    assert text.count("## Candidates") == 1 and f"| {NAME} | 5.00 | 10.00 |" in text
    assert "model-index" not in text and "nothing was trained again" in text


def test_a_router_without_a_card_gets_one_without_trials(program, router, tmp_path):
    AutoRouter.from_pretrained(router).save_pretrained(tmp_path / "bare")
    for name in ("README.md", "card.json"):
        (tmp_path / "bare" / name).unlink()
    asked = ("--router", tmp_path / "bare", "--name", NAME, "--out", tmp_path / "new")
    assert program("candidates", "remove", *asked).status == 0
    text = (tmp_path / "new" / "README.md").read_text()
    assert f"- {NAME} left." in text and "over 16 vision-language models" in text
    assert "settings were tried" not in text and "simulated" in text


def test_an_endpoint_is_asked_about_the_anchor_samples_and_joins(
    program, without, simulated_folder, simulated_table, tmp_path
):
    """The answers are made up; who is right on them joins as the best candidate."""
    rows = simulated_table.split("train").samples
    answers = [json.dumps({"sample_id": name, "answer": "42"}) for name in rows["sample_id"].to_pylist()]
    (tmp_path / "answers.jsonl").write_text("\n".join(answers), encoding="utf-8")
    usage = {"prompt_tokens": 300, "completion_tokens": 2}
    with OpenAIStandIn(lambda asked, number: Scripted("42", usage=usage)) as server:
        file = write_endpoints(tmp_path / "endpoints.yaml", endpoint_entry("new", server.base_url))
        asked = (
            "candidates",
            "add",
            "--router",
            without,
            "--benchmark",
            simulated_folder,
            "--out",
            tmp_path / "router",
        )
        told = ("--endpoint", "new", "--endpoints", file, "--answers", tmp_path / "answers.jsonl", "--grading", "exact")
        done = program(*asked, *told, "--count", 40, "--yes", "--json")
        assert done.status == 0, done.err
        assert len(server.asked) == 40
        again = program(*asked, *told, "--count", 40, "--yes", "--json")
        assert again.status == 0 and len(server.asked) == 40
    content = json.loads(done.out)
    entry = content["candidates"][-1]
    assert (content["added"], content["num_anchors"], entry["name"]) == ("new", 40, "new")
    assert entry["mean_accuracy"] > 0.9 and entry["mean_cost_usd"] == pytest.approx(304 / 1e6)
    assert (tmp_path / "router-measured" / "measure_report.html").is_file()
    lacking = program(*asked, "--endpoint", "new")
    assert lacking.status == 1 and "--answers TABLE" in lacking.errors[0]
    both = program(*asked, *told, "--outcomes", file)
    assert both.status == 1 and "found both" in both.errors[0]
