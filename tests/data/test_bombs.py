"""Small files that would be huge tables: each ends with one message, in a process of its own that is held to 1 GiB.

The process is the measure: it may take 1 GiB of memory beyond its libraries, and 120 s of a busy machine (10 s of a
free one).
"""

import json
import re
import subprocess
import sys
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.tables import write_own_tables
from vlrouterbench.cli.main import main

CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ROOT = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    f'xmlns:r="{RELATIONS}"><sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
BOOK_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
)
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
HEAD = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>sample_id</t></is></c>'
    '<c r="B1" t="inlineStr"><is><t>question</t></is></c></row>'
)


def workbook(path, cells, shared=()):
    """An xlsx file of rows as they stand; `cells` and `shared` are texts that are written one after the other."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            ("[Content_Types].xml", CONTENT_TYPES),
            ("_rels/.rels", ROOT),
            ("xl/workbook.xml", BOOK),
            ("xl/_rels/workbook.xml.rels", BOOK_RELATIONS),
        ):
            archive.writestr(name, text)
        with archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as member:
            member.write(f"<sst {MAIN}>".encode())
            for text in shared:
                member.write(f"<si><t>{text}</t></si>".encode())
            member.write(b"</sst>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as member:
            member.write(f"<worksheet {MAIN}><sheetData>{HEAD}".encode())
            for text in cells:
                member.write(text.encode())
            member.write(b"</sheetData></worksheet>")
    return path


def far_cell(path):
    return workbook(path, ['<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'])


def far_cell_otherwise_spelt(path):
    return workbook(path, ["<row r = '1048576'><c r = 'XFD1048576'><v>1</v></c></row>"])


def shared_text(path):
    rows = (f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c><c r="B{n}" t="s"><v>0</v></c></row>' for n in range(2, 6002))
    return workbook(path, rows, shared=["x" * 2**20])


def long_cell(path):
    pieces = ('<row r="2"><c r="A2" t="inlineStr"><is><t>', *("x" * 2**24 for _ in range(96)), "</t></is></c></row>")
    return workbook(path, pieces)


def long_cell_below_the_size(path):
    pieces = ('<row r="2"><c r="A2" t="inlineStr"><is><t>', *("x" * 2**24 for _ in range(20)), "</t></is></c></row>")
    return workbook(path, pieces)


def deep_json(path):
    path.write_text('{"sample_id": "a", "question": ' + '{"a":' * 200_000 + "1" + "}" * 200_001 + "\n")
    return path


def deep_lists(path):
    path.write_text('{"sample_id": "a", "question": "b"}\n' * 3000 + '{"sample_id": ' + "[" * 200_000 + "\n")
    return path


def run_lengths(path):
    rows = 1_000_000
    kinds = {"sample_id": pa.array(["a"] * rows), "question": pa.array(["b"] * rows), "hint": pa.array([None] * rows)}
    table = pa.table(kinds)
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(100):
            writer.write_table(table)
    assert path.stat().st_size < 2**20
    return path


def texts_referred_to(path, name="question"):
    ids = pa.array([str(number) for number in range(20_000)])
    once = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * (2**20 - 1)]))
    pq.write_table(pa.table({"sample_id": ids, "candidate": ids, name: once}), path, compression="zstd")
    assert path.stat().st_size < 2**20
    return path


def new_keys_in_every_row(path):
    path.write_text("".join(json.dumps({"sample_id": "a", "question": "b", f"k{n}": 1}) + "\n" for n in range(30_000)))
    return path


def wide_objects(path):
    path.write_text(json.dumps({"sample_id": "a", "question": "b", "x": {f"k{n}": 1 for n in range(100_000)}}) + "\n")
    return path


def wide_csv(path):
    head = ",".join(["sample_id", "question", *map(str, range(100_000))])
    path.write_text(head + "\n" + ",".join(["1"] * 100_002) + "\n")
    return path


def wide_json(path):
    path.write_text(json.dumps({"sample_id": "a", "question": "b"} | {str(n): n for n in range(100_000)}) + "\n")
    return path


BOMBS = {
    "far cell": (far_cell, "samples.xlsx", "more than 5,000 columns"),
    "far cell, other spelling": (far_cell_otherwise_spelt, "samples.xlsx", "more than 5,000 columns"),
    "shared text": (shared_text, "samples.xlsx", "bytes of shared texts"),
    "cell of 1.5 GiB": (long_cell, "samples.xlsx", "unpacks to more than 536,870,912 bytes"),
    "cell of 320 MiB": (long_cell_below_the_size, "samples.xlsx", "a cell has more than 1,048,576 bytes"),
    "deep objects": (deep_json, "samples.jsonl", "line 1 has more than 500 lists or objects"),
    "deep lists": (deep_lists, "samples.jsonl", "line 3,001 has more than 500 lists or objects"),
    "run lengths": (run_lengths, "samples.parquet", "100,000,000 rows"),
    "wide csv": (wide_csv, "samples.csv", "more than 5,000 columns"),
    "wide jsonl": (wide_json, "samples.jsonl", "more than 5,000 different keys"),
    "wide objects": (wide_objects, "samples.jsonl", "more than 5,000 different keys"),
    "new keys in every row": (new_keys_in_every_row, "samples.jsonl", "more than 5,000 different keys"),
    "texts referred to": (texts_referred_to, "samples.parquet", "bytes or more in memory"),
}
HELD = """
import resource, sys
import pyarrow, pyarrow.parquet, pyarrow.json, pyarrow.csv, fastexcel, vlrouterbench.data.build
import vlrouterbench.cli.main as program
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
if "--each" not in sys.argv:
    sys.exit(program.main(sys.argv[1:]))
for folder in sys.argv[2:]:
    print("after", folder, program.main(["build", folder, "--out", folder + "-out"]), file=sys.stderr, flush=True)
"""


def held(*arguments):
    """Run the program with 1 GiB more than its libraries take."""
    command = [sys.executable, "-c", HELD, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of a process are Linux's")
def test_a_bomb_among_own_tables_ends_in_one_message_within_a_gigabyte(tmp_path):
    folders = []
    for number, (make, file, _) in enumerate(BOMBS.values()):
        own = write_own_tables(tmp_path / str(number), num_samples=3, images=False)
        (own / "samples.parquet").unlink()
        make(own / file)
        folders.append(own)
    # One process for all: what one bomb leaves behind in memory counts against the next.
    done = held("--each", *folders)
    said = dict(zip(BOMBS, re.split(r"^after .* 1\n", done.stderr, flags=re.MULTILINE), strict=False))
    assert list(said) == list(BOMBS) and done.returncode == 0, (done.returncode, done.stderr[-500:])
    for folder, (name, (*_, message)) in zip(folders, BOMBS.items(), strict=True):
        errors = [line for line in said[name].splitlines() if line.startswith("error: ")]
        assert len(errors) == 1 and "unexpected" not in errors[0] and len(errors[0]) < 700, name
        assert message in errors[0], errors[0]
        assert not folder.with_name(folder.name + "-out").exists()


def test_decisions_that_refer_to_one_text_from_every_row_are_refused_before_they_are_read(tmp_path, capsys):
    benchmark = tmp_path / "benchmark"
    write_own_tables(tmp_path / "own", num_samples=120, images=False)
    assert main(["build", str(tmp_path / "own"), "--out", str(benchmark)]) == 0
    decisions = texts_referred_to(tmp_path / "decisions.parquet", "router")
    assert main(["evaluate", str(benchmark), "--router", str(decisions), "--out", str(tmp_path / "out")]) == 1
    assert "bytes or more in memory" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of a process are Linux's")
def test_bombs_among_logs_are_named_in_left_out_and_the_build_goes_on(tmp_path):
    logs = tmp_path / "logs"
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}" t="inlineStr"><is><t>Q{n}</t></is></c>'
        f'<c r="C{n}" t="inlineStr"><is><t>yes</t></is></c><c r="D{n}"><v>{n % 2}</v></c></row>'
        for n in range(2, 40)
    )
    names = "".join(
        f'<c r="{letter}1" t="inlineStr"><is><t>{name}</t></is></c>'
        for letter, name in zip("ABCD", ("index", "question", "prediction", "hit"), strict=True)
    )
    (tmp_path / "candidates.csv").write_text(
        "name,input_price,output_price\nm,1,2\nn,2,3\nfar,1,1\nlong,1,1\nwide,1,1\n"
    )
    for model in ("m", "n"):
        (logs / model).mkdir(parents=True)
        path = workbook(logs / model / f"{model}_MMStar_openai_result.xlsx", [rows])
        _rename_head(path, names)
    for model, make in (("far", far_cell), ("long", long_cell_below_the_size), ("wide", shared_text)):
        (logs / model).mkdir()
        make(logs / model / f"{model}_MMStar_openai_result.xlsx")
    done = held("build", logs, "--candidates", tmp_path / "candidates.csv", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr[-800:]
    left_out = json.loads((tmp_path / "out" / "build_report.json").read_text())["left_out"]
    details = {entry["file"].split("/")[0]: entry["detail"] for entry in left_out if entry["reason"] == "unreadable"}
    assert "columns" in details["far"] and "more than 1,048,576 bytes" in details["long"]
    assert "shared texts" in details["wide"]


def _rename_head(path, names):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"].decode().replace(HEAD, f'<row r="1">{names}</row>')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else content)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of a process are Linux's")
def test_a_page_of_200_candidates_is_drawn_within_a_gigabyte_and_names_all_of_them(tmp_path):
    candidates = [(f"model-{number}", 0.1 + 0.01 * number, 0.2 + 0.01 * number) for number in range(200)]
    write_own_tables(tmp_path / "own", num_samples=30, images=False, candidates=candidates)
    assert held("build", tmp_path / "own", "--out", tmp_path / "benchmark").returncode == 0
    done = held("inspect", tmp_path / "benchmark", "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr[-500:]
    page = (tmp_path / "page.html").read_text()
    assert all(f"<td>{name}</td>" in page for name, *_ in candidates)


def test_a_router_with_a_name_of_100_000_characters_is_ranked_and_its_name_is_cut_in_figures(tmp_path):
    benchmark = tmp_path / "benchmark"
    write_own_tables(tmp_path / "own", num_samples=120, images=False)
    assert main(["build", str(tmp_path / "own"), "--out", str(benchmark)]) == 0
    evaluation = tmp_path / "evaluation"
    one = ("--router", "mixture", "--no-baselines")
    assert main(["evaluate", str(benchmark), *one, "--out", str(evaluation)]) == 0
    rows = pq.read_table(evaluation / "decisions.parquet").to_pylist()
    (tmp_path / "submission").mkdir()
    renamed = pa.Table.from_pylist([row | {"router": "n$" * 50_000} for row in rows])
    pq.write_table(renamed, tmp_path / "submission" / "decisions.parquet")
    board = ("--benchmark", str(benchmark), "--out", str(tmp_path / "board"))
    assert main(["leaderboard", str(tmp_path / "submission"), *board]) == 0
    figures = re.findall("<svg.*?</svg>", (tmp_path / "board" / "leaderboard.html").read_text(), re.DOTALL)
    assert figures and all(len(figure) < 2**20 for figure in figures)
