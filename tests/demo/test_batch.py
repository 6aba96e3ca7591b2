"""Batches: good rows are done, bad rows are listed, files that lie are refused, nothing is unpacked to disk."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.demo.bad_files import bomb_bytes, picture_bytes, zip_of
from vlrouterbench.demo.batch import SCHEMA, BatchFiles, BatchRouting
from vlrouterbench.demo.controls import CEILING, Wish
from vlrouterbench.demo.images import PictureArchive
from vlrouterbench.routing.limits import DemoError, Limits
from vlrouterbench.routing.question_table import checked_row, read_batch


@pytest.fixture
def routing(ground):
    return BatchRouting(ground.router, "flagship", Wish())


def csv(tmp_path, *lines, name="table.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_bad_rows_are_listed_and_good_rows_done(routing, tmp_path):
    table = csv(
        tmp_path,
        "sample_id,question,image,options",
        "a,What is it?,one.png,red|blue",
        "b,What is it?,none.png,",
        "c,,,",
        "d,Why?,,",
        "a,Again?,,",
        "e,Broken?,broken.png,",
        "f,Bomb?,bomb.png,",
    )
    pictures = {"deep/one.png": picture_bytes(), "broken.png": picture_bytes()[:40], "bomb.png": bomb_bytes()}
    result = routing.run(BatchFiles(table, zip_of(tmp_path / "pictures.zip", pictures)))
    assert [row["sample_id"] for row in result.decided] == ["a", "d"]
    assert [number for number, _ in result.bad] == [2, 3, 5, 6, 7]
    problems = dict(result.bad)
    assert "not in the archive" in problems[2] and "neither" in problems[3] and "earlier row" in problems[5]
    assert "cannot be read" in problems[6] and "cannot be read" in problems[7]


def test_the_file_of_decisions_says_what_route_decides(routing, ground, tmp_path):
    table = csv(tmp_path, "question", "Which is larger?", "How many are there?")
    path = routing.run(BatchFiles(table)).write(tmp_path / "decisions.parquet")
    rows = pq.read_table(path)
    assert rows.schema.equals(SCHEMA)
    weight = Wish().budget(ground.router)
    expected = [ground.router.route(q, **weight).candidate for q in ("Which is larger?", "How many are there?")]
    assert rows["candidate"].to_pylist() == expected
    assert rows["sample_id"].to_pylist() == ["1", "2"]
    assert all(0 <= chance <= 1 for chance in rows["estimated_accuracy"].to_pylist())


def test_progress_counts_every_row(routing, tmp_path):
    seen = []
    routing.run(BatchFiles(csv(tmp_path, "question", "A?", '""', "C?")), lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_budget_that_no_candidate_fits_is_the_rows_own_error(ground, tmp_path):
    routing = BatchRouting(ground.router, "flagship", Wish(CEILING, usd_per_10k=1e-9))
    result = routing.run(BatchFiles(csv(tmp_path, "question", "A?")))
    assert not result.decided and "Raise the budget" in result.bad[0][1]


def test_cells_stay_text_and_parquet_gives_the_same_rows(tmp_path):
    rows = [{"sample_id": "007", "question": "None"}, {"sample_id": "1e3", "question": "NA"}]
    table = csv(tmp_path, "sample_id,question", "007,None", "1e3,NA")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "table.parquet")
    assert read_batch(table) == read_batch(tmp_path / "table.parquet") == rows


def test_options_are_a_list_or_parted_by_bars():
    for options in ("red | blue", ["red", "blue"]):
        assert checked_row({"question": "Q?", "options": options}, 1).options == ("red", "blue")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00\x01", "not readable"),
        (b"PAR1 but nothing else", "not readable"),
        (b"text\nWhat?\n", "needs a column question"),
        (b"question\n", "0 rows"),
        (b"", "not readable"),
        (b"question,b\n1,2,3\n", "not readable"),
    ],
)
def test_a_file_that_is_no_table_stops_the_batch(routing, tmp_path, content, said):
    (tmp_path / "table").write_bytes(content)
    with pytest.raises(DemoError, match=said):
        routing.run(BatchFiles(tmp_path / "table"))


def test_a_small_parquet_file_of_many_rows_is_not_read(tmp_path):
    pq.write_table(pa.table({"question": ["same"] * 100_000}), tmp_path / "many.parquet")
    assert (tmp_path / "many.parquet").stat().st_size < 10_000
    with pytest.raises(DemoError, match="100,000 rows"):
        read_batch(tmp_path / "many.parquet")


def test_a_zip_bomb_is_refused_by_what_it_states(tmp_path):
    path = zip_of(tmp_path / "bomb.zip", {f"{number}.png": bytes(2**20) for number in range(4)})
    assert path.stat().st_size < 20_000
    with pytest.raises(DemoError, match="unpacks to 4 MiB; at most 2"):
        PictureArchive(path, Limits(unpacked_bytes=2 * 2**20))


def test_a_zip_that_lies_about_sizes_is_read_no_further_than_the_limit(tmp_path):
    path = zip_of(tmp_path / "liar.zip", {"a.png": bytes(2**20)})
    honest = (2**20).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, (100).to_bytes(4, "little")))
    with PictureArchive(path, Limits(image_bytes=1000)) as pictures, pytest.raises(DemoError):
        pictures.picture("a.png")


def test_too_many_files_in_a_zip_are_refused(tmp_path):
    path = zip_of(tmp_path / "many.zip", {f"{number}.png": b"" for number in range(5)})
    with pytest.raises(DemoError, match="5 files; at most 4"):
        PictureArchive(path, Limits(archive_files=4))


def test_names_that_climb_out_of_a_zip_lead_nowhere(tmp_path):
    (tmp_path / "secret.png").write_bytes(picture_bytes())
    here = tmp_path / "here"
    here.mkdir()
    path = zip_of(here / "climb.zip", {"../evil.png": picture_bytes(size=(3, 5)), "/abs.png": picture_bytes()})
    with PictureArchive(path) as pictures:
        # A member of that name is read out of the archive; a file of the disk never is.
        assert pictures.picture("../evil.png").size == (3, 5)
        for name in ("../secret.png", str(tmp_path / "secret.png"), "secret.png"):
            with pytest.raises(DemoError, match="not in the archive"):
                pictures.picture(name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["climb.zip", "here", "secret.png"]


def test_what_is_no_zip_is_said_plainly(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no zip at all")
    with pytest.raises(DemoError, match="not a readable zip"):
        PictureArchive(tmp_path / "no.zip")


def test_bad_rows_show_names_as_text(routing, tmp_path):
    table = csv(tmp_path, "question,image", 'Q?,"<img src=x onerror=alert(1)>"')
    said = routing.run(BatchFiles(table, zip_of(tmp_path / "p.zip", {"a.png": picture_bytes()}))).html()
    assert "<img" not in said and "&lt;img" in said
