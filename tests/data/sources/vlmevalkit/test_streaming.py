"""A tsv a few rows at a time: the same rows as the whole table, in blocks of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.sources.vlmevalkit.log_trees import write_tsv
from tests.series import examples
from vlrouterbench.data.sources.vlmevalkit import streaming
from vlrouterbench.data.sources.vlmevalkit.file_kinds import UnreadableFileError
from vlrouterbench.data.sources.vlmevalkit.reading import read_text_table
from vlrouterbench.data.sources.vlmevalkit.streaming import stream_tsv

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12) | st.sampled_from(
    ['"', '""', "a\nb", '"\n', "\t", "x" * 300, "\n" * 40]
)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Blocks of 16 bytes and the rest of their line, so that a small table has many of them."""
    monkeypatch.setattr(streaming, "_PIECE_BYTES", 16)


def rows_of(path, columns=("index", "image")):
    return [row for part in stream_tsv(path, columns).parts for row in part]


@given(cells=st.lists(CELLS, min_size=1, max_size=30))
@examples(150)
def test_the_rows_are_those_of_the_whole_table(tmp_path_factory, cells):
    rows = [{"index": n, "image": cell, "other": cell[::-1]} for n, cell in enumerate(cells)]
    path = write_tsv(tmp_path_factory.mktemp("tsv") / "a.tsv", rows)
    assert rows_of(path, ("index", "image", "other")) == read_text_table(path).to_pylist()


def test_only_wanted_columns_become_cells_and_all_names_are_known(tmp_path):
    path = write_tsv(tmp_path / "a.tsv", [{"index": 1, "answer": "B", "image": "x"}])
    assert stream_tsv(path, ("image", "index", "hint")).column_names == ["index", "answer", "image"]
    assert rows_of(path) == [{"index": "1", "image": "x"}]


def test_a_cell_of_many_blocks_is_whole(tmp_path):
    cells = ["x" * 5_000, "line\n" * 5_000, 'say "so"\n' * 5_000]
    path = write_tsv(tmp_path / "a.tsv", [{"index": n, "image": cell} for n, cell in enumerate(cells)])
    assert [row["image"] for row in rows_of(path)] == cells


def test_a_stray_quote_ends_no_cell_and_pulls_in_no_more_than_a_block_may_have(tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 100)
    path = tmp_path / "a.tsv"
    path.write_text("index\timage\n" + '1\t5" disk\n' + "2\tx\n" * 1_000)
    assert rows_of(path) == read_text_table(path).to_pylist()
    with path.open("rb") as handle:
        lines = streaming._WholeLines(handle)
        sizes = [len(block) for block in iter(lines.read, b"")]
    assert max(sizes) <= 104 and sum(sizes) == path.stat().st_size


@pytest.mark.parametrize(
    ("content", "after"),
    [
        (b"index\timage\n" + b"1\tx\n" * 100 + b"2\tx\ty\n", 1),
        (b"index\timage\n" + b"1\tx\n" * 5_000 + b"2\t\xff\n", 1),
        (b"", 0),
        (b"index\timage", 0),
    ],
    ids=["too many cells", "no text", "empty", "cut header"],
)
def test_what_the_whole_table_is_refused_for_is_refused_with_the_same_words(tmp_path, content, after):
    path = tmp_path / "a.tsv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as whole:
        read_text_table(path)
    parts = stream_tsv(path, ("index", "image")).parts
    if after:
        next(parts)
    with pytest.raises(UnreadableFileError) as streamed:
        list(parts)
    assert str(streamed.value) == str(whole.value)


def test_a_table_of_a_header_alone_has_names_and_no_rows(tmp_path):
    (tmp_path / "a.tsv").write_text("index\timage\n")
    assert stream_tsv(tmp_path / "a.tsv", ("index",)).column_names == ["index", "image"]
    assert rows_of(tmp_path / "a.tsv") == []


def test_a_file_that_is_gone_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="not readable as tsv"):
        stream_tsv(tmp_path / "a.tsv", ("index",))
