"""Twelve payloads in every text field of the inputs: no output of any command acts, and every one can be parsed."""

import csv
import json
import re
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.cli.conftest import run_program
from tests.payloads import ACTING, PAYLOADS, check_markdown, check_page

SHOWABLE = [p for p in PAYLOADS if not re.search("[\\x00-\\x1f\\x7f-\\x9f\u2028-\u202e\u2066]", p)]
"""What may be a candidate's name: the others are refused."""
FOLDER = "own \x1b[31m\u202e$x_| `<b>*\n= \\frac{1}{"


def write_tables(folder):
    folder.mkdir()
    names = SHOWABLE[:4]
    with (folder / "candidates.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(("name", "input_price", "output_price", "source", "date"))
        for place, name in enumerate(names):
            payload = SHOWABLE[-1 - place % len(SHOWABLE)]
            writer.writerow((name, 0.1 * 4**place, 0.2 * 4**place, payload, payload))
    rng = np.random.default_rng(0)
    samples, outcomes = [], []
    for number in range(10 * len(PAYLOADS)):
        payload = PAYLOADS[number % len(PAYLOADS)]
        samples.append(
            {
                "sample_id": f"{number} {payload}",
                "question": f"{number} {payload}?",
                "dataset": f"{payload} d",
                "task_group": f"g{number % 3} {PAYLOADS[number % 3 + 3]}",
                "hint": payload,
                "options": [payload, "other"],
                "image": f"missing {payload}.png" if number % 40 == 0 else None,
            }
        )
        for place, name in enumerate(names):
            right = float(rng.random() < 0.4 + 0.15 * place)
            tokens = {"input_tokens": 100 + number, "output_tokens": 10 + place}
            outcomes.append({"sample_id": samples[-1]["sample_id"], "candidate": name, "quality": right} | tokens)
    pq.write_table(pa.Table.from_pylist(samples), folder / "samples.parquet")
    pq.write_table(pa.Table.from_pylist(outcomes), folder / "outcomes.parquet")
    return names


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """The folder of all outputs, and how each command ended."""
    root = tmp_path_factory.mktemp("payloads")
    own, benchmark, router, out = root / FOLDER, root / "b" / FOLDER, root / "r" / FOLDER, root / "evaluation"
    names = write_tables(own)
    (root / "submission").mkdir()
    ended = {
        "build": run_program("build", own, "--out", benchmark, "--allow-missing-images"),
        "inspect": run_program("inspect", benchmark, "--html", root / "inspect.html"),
        "json": run_program("inspect", benchmark, "--json"),
        "train": run_program("train", benchmark, "--router", "flagship", "--out", router),
        "list": run_program("candidates", "list", "--router", router),
        "evaluate": run_program(
            *("evaluate", benchmark, "--router", router, "--router", "mixture", "--split", "test", "--out", out),
            *("--figures", "--tables", "--update-card", "--no-baselines"),
        ),
    }
    decisions = pq.read_table(out / "decisions.parquet").to_pylist()
    own_rows = [row for row in decisions if row["router"] != "mixture"]
    for number, payload in enumerate(PAYLOADS):
        renamed = [row | {"router": payload} for row in own_rows]
        place = root / "submission" / f"s{number}"
        place.mkdir()
        pq.write_table(pa.Table.from_pylist(renamed), place / "decisions.parquet")
    board = ("--benchmark", benchmark, "--out", root / "board")
    ended["leaderboard"] = run_program("leaderboard", root / "submission", *board)
    lambdas = ("--router", "linear", "--cost-weight", "10", "--cost-weight", "inf")
    ended["sweep"] = run_program("sweep", benchmark, *lambdas, "--num-epochs", "1", "--out", root / "sweep")
    ended["ablate"] = run_program("ablate", benchmark, "--axis", "cost-weight", *lambdas, "--out", root / "ablation")
    policies = ("--router", "cheapest", "--router", "strongest", "--seed", "0", "--seed", "1")
    ended["study"] = run_program("study", benchmark, *policies, "--num-proc", "1", "--out", root / "study")
    ended["route"] = run_program("route", "--router", router, "--question", "".join(PAYLOADS))
    return root, benchmark, router, names, ended


def test_every_command_works_on_names_of_every_kind(worked):
    *_, ended = worked
    assert {name: (done.status, done.err) for name, done in ended.items() if done.status} == {}


def test_nothing_that_is_printed_acts_in_a_terminal(worked):
    *_, ended = worked
    for name, done in ended.items():
        assert not ACTING.search(done.out), name
        assert not ACTING.search(done.err), name
    assert "\\x1b[31m" in ended["build"].out and SHOWABLE[0] in ended["list"].out
    summary = json.loads(ended["json"].out)
    assert {part["dataset"] for part in summary["per_dataset"]} == {f"{payload} d" for payload in PAYLOADS}


def test_pages_have_no_element_of_a_payload_and_their_figures_are_xml(worked):
    root, *_ = worked
    pages = [root / "inspect.html", root / "evaluation" / "report.html", root / "board" / "leaderboard.html"]
    pages += [*(root / "ablation").glob("*.html"), *(root / "study").glob("*.html")]
    assert len(pages) == 5
    for page in pages:
        check_page(page.read_text(encoding="utf-8"))
    assert "&lt;script&gt;" in pages[0].read_text(encoding="utf-8")


def test_figures_are_xml(worked):
    root, *_ = worked
    figures = [*(root / "evaluation" / "figures").glob("*.svg"), root / "sweep" / "sweep.svg"]
    assert len(figures) > 3
    for figure in figures:
        ElementTree.parse(figure)
        assert not ACTING.search(figure.read_text(encoding="utf-8"))


def test_cards_and_tables_in_markdown_hold_no_markup_of_a_payload(worked):
    root, benchmark, router, names, _ = worked
    tables = (root / "evaluation" / "results.md", root / "ablation" / "ablation.md")
    swept = sorted((root / "sweep").rglob("README.md"))
    assert swept
    for path in (benchmark / "README.md", router / "README.md", *tables, *swept):
        text = path.read_text(encoding="utf-8")
        if text.startswith("---"):
            front, _, text = text[4:].partition("\n---\n")
            assert isinstance(yaml.safe_load(front), dict)
        check_markdown(text)
    assert len(names) == 4


def test_latex_has_no_command_of_a_payload(worked):
    root, *_ = worked
    text = (root / "evaluation" / "results.tex").read_text(encoding="utf-8")
    assert not ACTING.search(text) and "\\input" not in text and "\\frac" not in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {6}


def test_every_file_of_json_is_json_with_the_names_as_they_are(worked):
    root, _, router, names, _ = worked
    folders = (root / "evaluation", root / "sweep", root / "ablation", root / "study", router)
    files = [path for folder in folders for path in folder.rglob("*.json")]
    for path in files:
        json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    config = json.loads((router / "config.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in config["candidates"]] == names and len(files) > 8


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_payload_in_the_place_of_a_name_on_the_command_line_is_one_message_that_does_not_act(payload, tmp_path):
    for command in (
        ("--plugin", payload, "inspect", tmp_path),
        ("route", "--router", payload, "--question", "a"),
        ("evaluate", tmp_path, "--router", payload, "--out", tmp_path / "out"),
    ):
        done = run_program(*command)
        assert done.status in (1, 2) and not ACTING.search(done.err) and not ACTING.search(done.out), command
        assert "unexpected" not in done.err and "Traceback" not in done.err


def test_the_leaderboards_csv_has_no_formula_and_a_row_for_each(worked):
    root, *_ = worked
    with (root / "board" / "leaderboard.csv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert sum(row["kind"] == "submission" for row in rows) == len(PAYLOADS)
    assert not [
        cell
        for row in rows
        for cell in (row["router"], row["submission"], row["file"])
        if cell[:1] in "=+-@\t" and cell
    ]
    assert not ACTING.search("".join(row["router"] for row in rows))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_an_error_about_a_payload_is_one_that_does_not_act(payload, tmp_path):
    own = tmp_path / "own"
    write_tables(own)
    table = pq.read_table(own / "outcomes.parquet").slice(0, 1)
    wrong = table.set_column(1, "candidate", pa.array([payload]))
    pq.write_table(wrong, own / "outcomes.parquet")
    for command in (
        ("build", own, "--out", tmp_path / "out"),
        ("inspect", tmp_path / f"no {payload[:20]}".replace("\x00", "/")),
    ):
        done = run_program(*command)
        if payload not in SHOWABLE[:4] or command[0] == "inspect":
            assert done.status == 1 and len(done.errors) == 1
        assert not ACTING.search(done.err) and not ACTING.search(done.out) and "unexpected" not in done.err
