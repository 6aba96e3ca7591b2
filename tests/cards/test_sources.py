"""Sources of the 14 datasets: each of them, with a page where its licence was read."""

import re

import pytest

from vlrouterbench.cards.sources import NOT_STATED, SOURCES, sources_of
from vlrouterbench.core.constants import DATASETS


def test_each_of_the_14_datasets_has_a_source_and_no_other():
    assert set(SOURCES) == set(DATASETS)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_says_where_it_lives_and_where_its_licence_was_read(name):
    source = SOURCES[name]
    assert all(re.fullmatch(r"https://[^\s<>|]+", page) for page in (source.homepage, source.read_at))
    assert source.licence and re.fullmatch(r"(\d{4}\.\d{5})?", source.arxiv)
    # A cell of a table: neither may end it.
    assert not any("|" in text for text in (source.title, source.licence, source.note))


def test_a_licence_that_forbids_derivatives_is_pointed_out():
    restricted = [source for source in SOURCES.values() if "-ND" in source.licence or "-NC" in source.licence]
    assert restricted and all(source.note for source in restricted)


def test_sources_are_those_present_in_the_papers_order():
    assert list(sources_of(["OCRBench", "own", "MMStar"])) == ["MMStar", "OCRBench"]
    assert sources_of(["own"]) == {}
    assert SOURCES["MMStar"].licence == NOT_STATED
