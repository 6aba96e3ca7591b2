"""Tables as people save them, from the command line: built and asked alike; what cannot be read is one line."""

import gzip
import io
import json
import logging

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.families import small_router
from tests.tables import write_own_tables
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.table import load_table

SEMICOLON = {"sep": ";", "decimal": ","}
SAVED = {
    "semicolon": ("csv", lambda frame, path: frame.to_csv(path, index=False, **SEMICOLON)),
    "gbk": ("csv", lambda frame, path: frame.to_csv(path, index=False, encoding="gbk")),
    "utf-16": ("csv", lambda frame, path: frame.to_csv(path, index=False, encoding="utf-16")),
    "tsv": ("tsv", lambda frame, path: frame.to_csv(path, index=False, sep="\t")),
    "xlsx": ("xlsx", lambda frame, path: frame.to_excel(path, index=False)),
    "json": ("json", lambda frame, path: frame.to_json(path, orient="records")),
    "packed": ("csv.gz", lambda frame, path: path.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))),
    "capitals": ("CSV", lambda frame, path: frame.to_csv(path, index=False)),
}


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    path = tmp_path_factory.mktemp("router") / "router"
    small_router("linear").save_pretrained(path)
    return path


@pytest.fixture
def frames(own_tables):
    """The samples and outcomes of own tables, which are gone: a test saves them as it likes."""
    found = {}
    for stem in ("samples", "outcomes"):
        found[stem] = pq.read_table(own_tables / f"{stem}.parquet").to_pandas()
        (own_tables / f"{stem}.parquet").unlink()
    found["samples"]["options"] = [json.dumps(list(options)) for options in found["samples"]["options"]]
    found["samples"]["question"] = "图中有几个方框？红色的在哪里？"
    found["outcomes"]["quality"] *= 0.5
    return found


def one_line(done, *parts):
    assert done.status == 1 and len(done.errors) == 1 and done.out == "" and "unexpected" not in done.err, done.err
    message = done.err[done.err.index("error: ") :]
    assert len(message.splitlines()) == 1 and len(message) < 900, message
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize("kind", SAVED)
def test_own_tables_are_built_and_asked_however_they_were_saved(
    program, router, own_tables, frames, tmp_path, caplog, kind
):
    ending, save = SAVED[kind]
    for stem, frame in frames.items():
        save(frame, own_tables / f"{stem}.{ending}")
    with caplog.at_level(logging.WARNING):
        done = program("build", own_tables, "--out", tmp_path / "out")
    assert done.status == 0 and "12 samples x 3 candidates, 36 of 36 pairs kept" in done.out, done.err
    assert ("was read as GBK" in caplog.text) == (kind == "gbk")
    table = load_table(tmp_path / "out")
    assert set(table.column("question")) == {"图中有几个方框？红色的在哪里？"}
    assert table.report["images"] == {"ok": 12, "bad": 0} and table.quality.max() == 0.5
    asked = ("--questions", own_tables / f"samples.{ending}", "--out", tmp_path / "q.csv")
    done = program("route", "--router", router, *asked)
    assert done.status == 0 and "12 of 12 rows decided" in done.out, done.err


def test_what_is_saved_otherwise_is_named_with_what_to_do(program, own_tables, frames, tmp_path):
    for stem in frames:
        (own_tables / f"{stem}.ods").write_bytes(b"PK")
    one_line(
        program("build", own_tables, "--out", tmp_path / "out"),
        "found samples.ods, outcomes.ods, which are read from .parquet, .csv, .jsonl, .tsv, .json or .xlsx alone",
    )
    frames["samples"].to_csv(own_tables / "samples.csv", index=False)
    one_line(program("build", own_tables, "--out", tmp_path / "out"), "expected outcomes.parquet", "found outcomes.ods")


@pytest.mark.parametrize("kind", ["struct", "bytes", "benchmark"])
def test_parquet_with_images_in_it_is_built_and_asked(program, router, own_tables, tmp_path, kind):
    samples = pq.read_table(own_tables / "samples.parquet")
    contents = [(own_tables / name).read_bytes() for name in samples["image"].to_pylist()]
    cells = contents if kind == "bytes" else [{"bytes": content, "path": None} for content in contents]
    pq.write_table(
        samples.drop_columns("image").append_column("image", pa.array(cells)), own_tables / "samples.parquet"
    )
    questions = own_tables / "samples.parquet"
    assert program("build", own_tables, "--out", tmp_path / "out").status == 0
    assert load_table(tmp_path / "out").report["images"] == {"ok": 12, "bad": 0}
    num_rows = 12
    if kind == "benchmark":
        questions = next((tmp_path / "out" / "data").glob("*.parquet"))
        num_rows = pq.read_metadata(questions).num_rows
    done = program("route", "--router", router, "--questions", questions, "--out", tmp_path / "q.parquet", "--json")
    content = json.loads(done.out)
    assert content["decided"] == num_rows and content["without_image"] == 0


@pytest.mark.parametrize("as_json", [False, True])
def test_several_images_are_never_cut_down_without_a_word(program, router, own_tables, tmp_path, as_json):
    samples = pq.read_table(own_tables / "samples.parquet").to_pandas()
    samples["image"] = [json.dumps([name, "images/0.png"]) for name in samples["image"]]
    samples.to_parquet(own_tables / "samples.parquet")
    done = program("build", own_tables, "--out", tmp_path / "out")
    assert done.status == 0 and "left out, each named in build_report.json: nothing" in done.out
    assert load_table(tmp_path / "out").report["images"] == {"ok": 12, "bad": 0, "several": 12}
    asked = ("--questions", own_tables / "samples.parquet", "--out", tmp_path / "q.parquet", *["--json"] * as_json)
    done = program("route", "--router", router, *asked)
    if as_json:
        content = json.loads(done.out)
        assert (content["decided"], content["without_image"], content["fewer_images"]) == (12, 0, 12)
    else:
        assert "rows decided without some of their images: 12" in done.out


def test_a_question_about_several_images_says_which_of_them_had_no_part(program, router, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    asked = ("route", "--router", router, "--question", "What differs?", "--image", tmp_path / "a.png")
    assert program(*asked).status == 0
    done = program(*asked, "--image", tmp_path / "a.png")
    assert "Of 2 images this router reads the first alone: 1 had no part" in " ".join(done.out.split())
    done = program(*asked, "--image", tmp_path / "gone.png")
    one_line(done, "expected an image file, found nothing at")


def as_csv(**columns):
    return pd.DataFrame(columns).to_csv(index=False).encode()


def as_parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


ROW = {"sample_id": ["a"], "question": ["A?"]}
WRONG = {
    "names that are no text": ("csv", b"sample_id,question,qu\xff\xfe\na,A?,1\n", "Save it as UTF-8"),
    "a NUL in a path": ("csv", as_csv(**ROW, image=["a\0b.png"]), "a\\x00b.png"),
    "a NUL in a path of parquet": ("parquet", as_parquet(**ROW, image=["a\0b.png"]), "a\\x00b.png"),
    "a question that is a list": ("parquet", as_parquet(sample_id=["a"], question=[["A?"]]), "question"),
    "a question that is no text": ("parquet", as_parquet(sample_id=["a"], question=[b"\xff"]), "UTF8"),
    "a hint that is a dict": ("parquet", as_parquet(**ROW, hint=[{"x": 1}]), "hint"),
    "options that are a dict": ("parquet", as_parquet(**ROW, options=[{"A": "red"}]), 'expected a list in "options"'),
    "options that are a text": ("csv", as_csv(**ROW, options=["red or blue"]), 'expected a list in "options"'),
    "options that are a number": ("parquet", as_parquet(**ROW, options=[3]), 'expected a list in "options"'),
    "an option that is none": ("parquet", as_parquet(**ROW, options=[["red", None]]), "a text for each option"),
    "an image that is a number": ("parquet", as_parquet(**ROW, image=[7]), "found int"),
    "an image that is another dict": ("parquet", as_parquet(**ROW, image=[{"data": b""}]), "without bytes or path"),
    "an image that is bare base64": ("csv", as_csv(**ROW, image=["iVBORw0KGgo" * 999]), "data:image/png;base64,"),
    "a name of many lines": ("parquet", as_parquet(**ROW, image=["../a\nb.png"]), "leaves the folder"),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("command", ["build", "route"])
def test_fields_of_another_kind_are_one_line(program, router, tmp_path, kind, command):
    ending, content, said = WRONG[kind]
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / f"samples.{ending}").write_bytes(content)
    (folder / "candidates.csv").write_text("name,input_price,output_price\nsmall,1,1\nlarge,2,2\n")
    (folder / "outcomes.csv").write_text("sample_id,candidate,quality,input_tokens,output_tokens\na,small,1,9,9\n")
    asked = {
        "build": ("build", folder, "--out", tmp_path / "out"),
        "route": (
            "route",
            "--router",
            router,
            "--questions",
            folder / f"samples.{ending}",
            "--out",
            tmp_path / "q.csv",
        ),
    }
    one_line(program(*asked[command]), said)
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_a_build_says_whether_candidates_and_prices_are_the_users_own(program, tmp_path):
    own = write_own_tables(tmp_path / "own", num_samples=40, images=False)
    built = program("build", own, "--out", tmp_path / "out")
    assert "candidates: candidates.csv; prices: candidates.csv" in built.out
    (own / "candidates.csv").unlink()
    rows = pq.read_table(own / "outcomes.parquet").to_pylist()
    names = dict(zip(("small", "middle", "large"), published_pool().names, strict=False))
    pq.write_table(
        pa.Table.from_pylist([row | {"candidate": names[row["candidate"]]} for row in rows]), own / "outcomes.parquet"
    )
    built = program("build", own, "--out", tmp_path / "out")
    said = "candidates: the published pool of this package, since the source has no candidates file; prices: VL-Router"
    assert built.status == 0 and said in built.out
