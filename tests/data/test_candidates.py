"""Pools and price sheets: order, names, prices; nothing is free by accident."""

import dataclasses

import pytest

from vlrouterbench.core.errors import SourceError, UnknownNameError
from vlrouterbench.data.candidates import CandidateModel, CandidatePool, published_pool
from vlrouterbench.data.prices.read import read_pool, read_prices

TABLE = "name,input_price,output_price\nb,1,2\na,3,4\n"


def write(tmp_path, text, name="candidates.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_published_pool_has_the_papers_17_candidates_and_prices():
    pool = published_pool()
    assert len(pool) == 17
    assert (pool.names[0], pool.names[-1]) == ("Janus-Pro-1B", "GPT-4o")
    prices = {c.name: (c.input_price, c.output_price) for c in pool.candidates}
    assert prices["GPT-4o"] == (2.5, 10.0)
    assert prices["Gemini-Flash-2.5"] == (0.3, 2.4)
    assert prices["Kimi-VL-A3B-Thinking-2506"] == (0.2, 0.25)
    assert round(sum(i for i, _ in prices.values()), 2) == 7.17
    assert round(sum(o for _, o in prices.values()), 2) == 18.56


def test_the_published_pool_knows_its_log_folders_by_alias_and_by_name():
    pool = published_pool()
    assert pool.of_log_folder("GPT4o").name == "GPT-4o"
    assert pool.of_log_folder("GPT-4o").name == "GPT-4o"
    assert pool.of_log_folder("deepseek_vl2_tiny").name == "DeepSeek-VL2-Tiny"
    assert pool.of_log_folder("GPT4o_20241120") is None


def test_a_pool_keeps_the_order_of_its_file(tmp_path):
    pool = read_pool(write(tmp_path, TABLE))
    assert pool.names == ("b", "a")
    assert pool.index == {"b": 0, "a": 1}
    assert pool.candidates[0] == CandidateModel("b", 1.0, 2.0, price_source="candidates.csv", log_name="b")


def test_a_candidate_from_a_file_has_no_alias(tmp_path):
    pool = read_pool(write(tmp_path, "name,input_price,output_price\nGPT-4o,1,2\n"))
    assert pool.of_log_folder("GPT4o") is None
    assert pool.of_log_folder("GPT-4o").name == "GPT-4o"


def test_optional_columns_are_read(tmp_path):
    row = "name,input_price,output_price,parameters_b,source,date\nm,1,2,7.5,list price,2025-11\nn,1,2,,,\n"
    first, second = read_pool(write(tmp_path, row)).candidates
    assert (first.parameters_b, first.price_source, first.price_date) == (7.5, "list price", "2025-11")
    assert (second.parameters_b, second.price_source, second.price_date) == (None, "candidates.csv", "")


@pytest.mark.parametrize(
    "text",
    [
        "- {name: b, input_price: 1, output_price: 2}\n- {name: a, input_price: 3, output_price: 4}\n",
        "candidates:\n- {name: b, input_price: 1, output_price: 2}\n- {name: a, input_price: '3', output_price: 4}\n",
    ],
)
def test_csv_and_yaml_give_the_same_pool(tmp_path, text):
    from_csv, from_yaml = read_pool(write(tmp_path, TABLE)), read_pool(write(tmp_path, text, "candidates.yaml"))
    assert [dataclasses.replace(c, price_source="") for c in from_yaml.candidates] == [
        dataclasses.replace(c, price_source="") for c in from_csv.candidates
    ]


def test_a_byte_order_mark_from_a_spreadsheet_is_no_part_of_a_column_name(tmp_path):
    path = tmp_path / "candidates.csv"
    path.write_bytes(b"\xef\xbb\xbf" + TABLE.encode())
    assert read_pool(path).names == ("b", "a")


@pytest.mark.parametrize("row", ["m,1,", "m,,2", "m,1, "], ids=["no output price", "no input price", "blank"])
def test_a_candidate_without_a_price_is_an_error_not_free(tmp_path, row):
    with pytest.raises(SourceError, match=r'candidates\.csv, line 2, candidate "m": expected a price .* is not free'):
        read_pool(write(tmp_path, f"name,input_price,output_price\n{row}\n"))


def test_a_column_without_prices_is_an_error_not_free(tmp_path):
    with pytest.raises(SourceError, match='expected a price in "output_price"'):
        read_pool(write(tmp_path, "name,input_price\nm,1\n"))


@pytest.mark.parametrize("price", ["-1", "nan", "inf", "-0.5"])
def test_a_price_is_a_number_from_0_up(tmp_path, price):
    with pytest.raises(SourceError, match='candidate "m".*a number >= 0.*output_price'):
        read_pool(write(tmp_path, f"name,input_price,output_price\nm,1,{price}\n"))


def test_a_price_of_zero_may_be_stated(tmp_path):
    assert read_pool(write(tmp_path, "name,input_price,output_price\nm,0,0\n")).candidates[0].input_price == 0.0


@pytest.mark.parametrize("field", ["input_price", "output_price", "parameters_b"])
def test_a_number_that_is_none_is_named(tmp_path, field):
    values = {"input_price": "1", "output_price": "1", "parameters_b": "1"} | {field: "cheap"}
    with pytest.raises(SourceError, match=f"m.*expected a number in \"{field}\", found 'cheap'"):
        read_pool(write(tmp_path, f"name,{','.join(values)}\nm,{','.join(values.values())}\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,input_price,output_price\n,1,2\n", 'line 2: expected a "name"'),
        ("name,input_price,output_price\nm,1,2\nm,1,2\n", "must be unique in candidates.csv; doubled: m"),
        ("name,input_price,output_price\n", "expected rows with name"),
        ("", "expected rows with name"),
    ],
)
def test_a_bad_pool_is_named(tmp_path, text, message):
    with pytest.raises(SourceError, match=message):
        read_pool(write(tmp_path, text))


@pytest.mark.parametrize("text", ["a: [", "- just\n- names\n", "42\n", "", "candidates: 5\n", "candidates:\n"])
def test_a_bad_yaml_pool_is_a_source_error(tmp_path, text):
    with pytest.raises(SourceError, match=r"candidates\.yaml"):
        read_pool(write(tmp_path, text, "candidates.yaml"))


def test_bytes_that_are_no_text_are_a_source_error(tmp_path):
    path = tmp_path / "candidates.csv"
    path.write_bytes(b"name,input_price,output_price\n\xff\xfe,1,2\n")
    with pytest.raises(SourceError, match="not readable as csv or yaml"):
        read_pool(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"found nothing at .*prices\.csv"):
        read_prices(tmp_path / "prices.csv")


def test_an_empty_pool_is_an_error():
    with pytest.raises(SourceError, match="at least one candidate in here"):
        CandidatePool((), "here")


def test_a_price_sheet_overrides_the_prices_it_names_and_nothing_else(tmp_path):
    pool = read_pool(write(tmp_path, TABLE))
    sheet = read_prices(write(tmp_path, "name,input_price,output_price\na,30,40\n", "prices.csv"))
    changed = pool.with_prices(sheet, source="prices.csv", date="2026-01")
    assert changed.names == pool.names
    assert changed.candidates[0] == pool.candidates[0]
    second = changed.candidates[1]
    assert (second.input_price, second.output_price, second.price_source) == (30.0, 40.0, "prices.csv")
    assert changed.describe_prices() == "candidates.csv; prices.csv 2026-01"
    assert pool.candidates[1].input_price == 3.0


def test_a_price_for_an_unlisted_candidate_is_answered_with_the_nearest_one():
    with pytest.raises(UnknownNameError, match=r'candidate in p\.csv "GPT-4". Did you mean "GPT-4o"'):
        published_pool().with_prices({"GPT-4": (1.0, 1.0)}, source="p.csv")


def test_a_price_sheet_that_names_a_candidate_twice_is_an_error(tmp_path):
    path = write(tmp_path, "name,input_price,output_price\na,1,2\na,3,4\n", "prices.csv")
    with pytest.raises(SourceError, match=r'prices\.csv, line 3, candidate "a": expected its prices once'):
        read_prices(path)


@pytest.mark.parametrize("prices", [None, 5, {"GPT-4o": (1,)}, {"GPT-4o": 5}, {"GPT-4o": None}, {"GPT-4o": {1, 2}}])
def test_new_prices_that_are_no_pairs_are_refused_in_one_line(prices):
    with pytest.raises(SourceError, match=r"expected .*\(input, output\).*, found"):
        published_pool().with_prices(prices, source="x")


def test_a_name_that_is_no_text_is_an_unknown_one():
    with pytest.raises(UnknownNameError, match='"5"'):
        published_pool().with_prices({5: (1, 1)}, source="x")
