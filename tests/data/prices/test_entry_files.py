"""Files of candidates are read cell by cell as they stand: nothing is repaired, and a message names the line."""

import pytest

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.prices.entry_files import read_entries
from vlrouterbench.data.prices.read import read_pool

HEAD = "name,input_price,output_price\n"
BOMB = "- &a [x, x]\n" + "".join(f"- &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))


def refused(tmp_path, name, text, match):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SourceError, match=match) as caught:
        read_pool(path)
    message = str(caught.value)
    assert str(path) in message or path.name in message
    assert len(message) < 900 and "\n" not in message
    return message


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            "name,input_price,input_price,output_price\nm,1,2,3\n",
            r"line 1: expected each column once, found 'input_price' 2 t",
        ),
        (
            HEAD + "m,1,2\nn,0,15,0,60\n",
            r"line 3, candidate 'n': expected 3 cells as in the header, found 5.*decimal comma",
        ),
        (HEAD + "m,1\n", r"line 2, candidate 'm': expected 3 cells as in the header, found 2"),
        (HEAD + "m,1_000,2\n", r'line 2, candidate "m": expected a number in "input_price", found .1_000'),
        (HEAD + "m,٢,2\n", 'expected a number in "input_price", found .٢'),
        (HEAD + 'm,"0,15",2\n', "found '0,15'. Write decimals with a point"),
        (HEAD + "m,1e308,2\n", "at most 1,000,000"),
        (HEAD + "m,010,2\n", "found '010'.*without zeros in front"),
        (HEAD + "m,true,2\n", "found 'true'. A price is a number"),
        (HEAD + "m,1:30,2\n", "found '1:30'"),
        (HEAD + "m,0.0000025,0.00001\n", 'line 2, candidate "m": .*likely USD per token, which is 2.5 per million'),
        (HEAD + "m,1,2\nm,3,4\n", r"doubled: m \(.*line 3 and line 2\)"),
        (HEAD + '"a\nb",1,2\n', r"line 3: expected a name of one line .* with a line break \(U\+000A\)"),
        (HEAD + "a\x1b[31m,1,2\n", r"with a control character \(U\+001B\)"),
        (HEAD + "a\u202eb,1,2\n", r"with an invisible character \(U\+202E\)"),
        (HEAD + "a\u200bb,1,2\n", r"with an invisible character \(U\+200B\)"),
        (HEAD + "a\x00b,1,2\n", r"U\+0000"),
        (HEAD + f"{'x' * 100_000},1,2\n", "of 100,000 characters, where 200 are the most"),
        (HEAD + f"{'x' * 200_000},1,2\n", "line 2, is not readable as csv"),
        ("name;input_price;output_price\nm;0,15;0,6\n", "line 1: expected columns divided by commas"),
        (
            "name,input_cost_per_token,output_cost_per_token\nm,1e-6,2e-6\n",
            "USD per million tokens, so times 1,000,000",
        ),
        ("name,input_price,output_prce\nm,1,2\n", "expected a price in \"output_price\".*Is 'output_prce' meant"),
        (HEAD + "m,1,2,\n", "expected 3 cells as in the header, found 4"),
        ("name,input_price,output_price,\nm,1,2,left over\n", "no value in a column without a name"),
        (HEAD + 'm,"1,2\n', "is not readable as csv"),
        (
            "name,input_price,output_price,unit\nm,1,2,per 1K tokens\n",
            r"line 2: expected prices in USD per million tokens, .* found 'per 1K tokens' in 'unit', which is not read",
        ),
        ("name,input_price,output_price,currency\nm,1,2,EUR\n", "found 'EUR' in 'currency', which is not read"),
        ("name,input_price,output_price,request_price\nm,1,2,0.1\n", "found '0.1' in 'request_price', which is not"),
        ("name,input_price,output_price,cachedInputPrice\nm,1,2,0.1\n", "found '0.1' in 'cachedInputPrice', which"),
        ("Name,Input_Price,output_price\nm,1,2\n", "line 1: expected \"name\" spelt so, found 'Name'. Rename it"),
        ("name,input_price,output_price,Input Price\nm,1,2,3\n", 'expected "input_price" spelt so, found \'Input P'),
        ("name,input_price,output_price,Parameters_B\nm,1,2,3\n", 'expected "parameters_b" spelt so'),
        (b"\xff\xfen\x00a\x00", "is no UTF-8. Save it as UTF-8"),
        (HEAD + "m,1,2\n" * 10_001, "at most 10,000 entries|doubled"),
    ],
)
def test_a_csv_that_is_not_as_it_should_be_is_refused_by_its_line(tmp_path, text, match):
    refused(tmp_path, "candidates.csv", text, match)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("- {name: m, input_price: true, output_price: 1}\n", "line 1, candidate \"m\": .*found 'true'"),
        ("- name: m\n  input_price: 1:30\n  output_price: 1\n", "found '1:30'"),
        ("- {name: m, input_price: 010, output_price: 1}\n", "found '010'"),
        ("- {name: m, input_price: 1_000, output_price: 1}\n", "found '1_000'"),
        ("- {name: m, input_price: 0x10, output_price: 1}\n", "found '0x10'"),
        ("- {name: m, input_price: .inf, output_price: 1}\n", "expected a number >= 0"),
        ("- {name: m, input_price: ٢, output_price: 1}\n", "found '٢'"),
        ("- {name: m, input_price: 1, output_price: ~}\n", 'expected a price in "output_price", found none'),
        (
            "- name: m\n  input_price: 1\n  input_price: 2\n  output_price: 1\n",
            r"line 3: expected each key once, found 'input_price' again",
        ),
        (
            "candidates:\n- {name: a, input_price: 1, output_price: 1}\ncandidates: []\n",
            "line 3: expected each key once",
        ),
        (
            "- name: m\n  input_price: [1, 2]\n  output_price: 1\n",
            "line 1: expected one value in 'input_price', found a list",
        ),
        ("x: &z 1\ncandidates:\n- name: m\n  input_price: {a: 1}\n  output_price: 1\n", "found a mapping"),
        ("- {name: m, input_price: 1, output_price: 1}\n- n\n", "line 2: expected rows with name.*found a text"),
        ("- {? [a] : 1}\n", "expected a key, found a list"),
        ("a: [\n", "line 2, is not readable as csv or yaml"),
        ("a: \x00\n", "not readable as csv or yaml"),
        ("[" * 20_000, "more than 16 lists within each other"),
        ("- " * 5_000 + "a", "more than 16 lists within each other"),
        ("a: &a\n  b: *a\n", "candidates.yaml"),
        ("--- 1\n--- 2\n", "not readable as csv or yaml"),
        ("# " + "x" * 600_000, "expected at most 262,144 bytes"),
        ("!!python/object/apply:os.system ['true']\n", "expected rows"),
        ('- {name: "a\\nb", input_price: 1, output_price: 1}\n', r"line break \(U\+000A\)"),
        ('- {name: "a\\e]0;x", input_price: 1, output_price: 1}\n', r"U\+001B"),
    ],
)
def test_a_yaml_that_is_not_as_it_should_be_is_refused_by_its_line(tmp_path, text, match):
    refused(tmp_path, "candidates.yaml", text, match)


def test_aliases_in_the_place_of_a_price_are_never_expanded(tmp_path):
    rows = f"bomb:\n{BOMB}candidates:\n- {{name: m, input_price: *u, output_price: 1}}\n"
    message = refused(tmp_path, "candidates.yaml", rows, "expected one value in 'input_price', found a list")
    assert len(message) < 300


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[{"name": "m", "input_price": true, "output_price": 1}]', "entry 1, candidate \"m\": .*found 'True'"),
        ('[{"name": "m", "input_price": 1e308, "output_price": 1}]', "at most 1,000,000"),
        ('[{"name": "m", "input_price": NaN, "output_price": 1}]', "expected a number >= 0"),
        ('[{"name": "m", "input_price": "1_000", "output_price": 1}]', "found '1_000'"),
        (
            '[{"name": "m", "input_price": 1, "input_price": 2, "output_price": 1}]',
            "each key once in an object, found 'input_price'",
        ),
        ('[{"name": "m", "input_price": [1], "output_price": 1}]', "entry 1: expected one value in 'input_price'"),
        ('[{"name": "m", "input_price": null, "output_price": 1}]', 'expected a price in "input_price", found none'),
        ("[" * 200_000, "more lists within each other"),
        ('{"a":' * 200_000, "more lists within each other"),
        ('{"a": 1}', "expected rows with name"),
        ("[1]", "expected rows with name"),
        ("{", "line 1, is not readable as JSON"),
    ],
)
def test_a_json_that_is_not_as_it_should_be_is_refused_by_its_entry(tmp_path, text, match):
    refused(tmp_path, "candidates.json", text, match)


def test_one_table_in_three_forms_gives_one_pool(tmp_path):
    (tmp_path / "a.csv").write_text("name,input_price,output_price,date\nb,0.5,2e0,2025-11-01\n,,,\n010,3,4,\n")
    (tmp_path / "b.yaml").write_text(
        "base: &base {output_price: 2e0, date: 2025-11-01}\ncandidates:\n- {name: b, input_price: 0.5, <<: *base}\n"
        "- {name: 010, input_price: 3, output_price: '4', date: ~}\n"
    )
    (tmp_path / "c.json").write_text(
        '{"candidates": [{"name": "b", "input_price": 0.5, "output_price": "2e0", "date": "2025-11-01"},'
        '{"name": "010", "input_price": 3, "output_price": 4.0, "date": null}]}'
    )
    pools = [read_pool(tmp_path / name) for name in ("a.csv", "b.yaml", "c.json")]
    facts = [[(c.name, c.input_price, c.output_price, c.price_date) for c in pool.candidates] for pool in pools]
    assert facts[0] == [("b", 0.5, 2.0, "2025-11-01"), ("010", 3.0, 4.0, "")]
    assert facts[0] == facts[1] == facts[2]


def test_columns_and_rows_that_a_spreadsheet_leaves_empty_do_not_count(tmp_path):
    (tmp_path / "p.csv").write_text("name,input_price,output_price,,\nm,1,2,,\n\n,,,,\n")
    assert [entry.values["name"] for entry in read_entries(tmp_path / "p.csv")] == ["m"]


def test_unlikely_prices_are_taken_as_they_stand_where_that_is_allowed(tmp_path):
    (tmp_path / "p.csv").write_text(HEAD + "m,0.0000025,1\n")
    assert read_pool(tmp_path / "p.csv", allow_unlikely=True).candidates[0].input_price == 2.5e-6


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_another_spelling_and_a_unit_that_is_not_read_are_refused_in_every_format(tmp_path, name):
    texts = {
        "a.yaml": "- {{name: m, input_price: 1, {}: {}, output_price: 2}}\n",
        "a.json": '[{{"name": "m", "input_price": 1, "{}": "{}", "output_price": 2}}]',
    }
    refused(tmp_path, name, texts[name].format("Output_Price", 3), 'expected "output_price" spelt so')
    refused(tmp_path, name, texts[name].format("price_per_1k", 3), "found '3' in 'price_per_1k', which is not read")


@pytest.mark.parametrize(
    "unit", ["USD per million tokens", "$/1M", "usd", "USD/Mtok", "per 1M tokens", "usd_per_1m_tokens", ""]
)
def test_a_unit_that_is_the_expected_one_and_notes_are_taken(tmp_path, unit):
    (tmp_path / "a.csv").write_text(f"name,input_price,output_price,Unit,notes,generated\nm,1,2,{unit},a cost,3\n")
    assert read_pool(tmp_path / "a.csv").names == ("m",)


@pytest.mark.parametrize("unit", ["per token", "USD per 1K tokens", "EUR", "¥/1M", "cents per million"])
def test_another_unit_is_refused(tmp_path, unit):
    refused(tmp_path, "a.csv", f"name,input_price,output_price,unit\nm,1,2,{unit}\n", f"found '{unit}' in 'unit'")
