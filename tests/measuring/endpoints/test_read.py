"""Endpoints files: what is read, what is refused, and that no key is ever repeated."""

import pytest

from tests.standins.openai_server import endpoint_entry, write_endpoints
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.measuring.endpoints.endpoint import PROVIDER_URL, EndpointError
from vlrouterbench.measuring.endpoints.fields import FIELDS, Kind, endpoints_schema
from vlrouterbench.measuring.endpoints.read import read_endpoints

KEY = "sk-very-secret-0123456789"
URL = "http://127.0.0.1:1/v1"


def read(tmp_path, text):
    path = tmp_path / "endpoints.yaml"
    path.write_text(text, encoding="utf-8")
    return read_endpoints(path)


def problem(tmp_path, **fields):
    """What is said of one entry with these fields."""
    entry = {name: value for name, value in (endpoint_entry("a", URL) | fields).items() if value is not None}
    with pytest.raises(VLRouterBenchError) as caught:
        read_endpoints(write_endpoints(tmp_path / "endpoints.yaml", entry))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
    return str(caught.value)


def test_every_field_of_the_contract_is_read(tmp_path):
    file = read(
        tmp_path,
        """
candidates:
  - name: small
    base_url: http://127.0.0.1:8000/v1/
    model: org/small
    api_key_env: SMALL_KEY
    input_price: 0.1
    output_price: 0.4
    timeout_s: 30
    max_concurrency: 64
    requests_per_minute: 90
    max_output_tokens: 512
    context_tokens: 8192
    max_images: 4
    max_image_bytes: 4000000
    tools: true
    extra_body: {top_p: 0.5, temperature: null, stop: ["\\n", end], reasoning: {effort: low, on: True}, max_tokens: 7}
  - {name: big, provider: together, model: org/big, input_price: 2, output_price: 8}
""",
    )
    small, big = file.endpoints
    assert small.url == "http://127.0.0.1:8000/v1/chat/completions"
    assert (small.timeout_s, small.max_concurrency, small.requests_per_minute) == (30.0, 64, 90.0)
    assert (small.max_output_tokens, small.context_tokens, small.max_images) == (512, 8192, 4)
    assert (small.max_image_bytes, small.tools, small.api_key_env) == (4_000_000, True, "SMALL_KEY")
    assert small.extra_body == {
        "top_p": 0.5,
        "temperature": None,
        "stop": ["\n", "end"],
        "reasoning": {"effort": "low", "on": True},
        "max_tokens": 7,
    }
    assert (big.address, big.sent_model) == (PROVIDER_URL, "org/big:together")
    assert (big.max_concurrency, big.max_images, big.tools) == (8, 1, False)
    assert file.pool().names == ("small", "big")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, 'expected a value in "name"'),
        ({"model": None}, 'expected a value in "model"'),
        ({"base_url": None}, "expected base_url or provider, found neither"),
        ({"provider": "together"}, "expected base_url or provider, found both"),
        ({"base_url": "ftp://host/v1"}, "expected http:// or https://"),
        ({"base_url": "127.0.0.1:8000"}, "expected http:// or https://"),
        ({"base_url": f"{URL}/chat/completions"}, "expected base_url up to /v1"),
        ({"input_price": None}, "A candidate without a price is not free"),
        ({"output_price": "1,5"}, "Write decimals with a point"),
        ({"input_price": 0.000002, "output_price": 0.000008}, "likely USD per token"),
        ({"max_concurrency": 0}, "from 1 to 1,024"),
        ({"max_concurrency": 2.5}, "expected a whole number"),
        ({"timeout_s": -1}, "expected a number >= 0"),
        ({"tools": "maybe"}, "expected true or false"),
        ({"max_tokens": 5}, "Did you mean"),
        ({"image_rule": "gwen_patches"}, 'Did you mean "qwen_patches"'),
        ({"extra_body": [1]}, "expected fields of a request in extra_body"),
        ({"extra_body": {"messages": []}}, "which a request sets"),
        ({"extra_body": {"n": 3}}, "which a request sets"),
        ({"name": "a\u202eb"}, "invisible character"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, fields, said):
    assert said in problem(tmp_path, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": KEY},
        {"token": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"api_key_env": KEY},
        {"base_url": f"https://user:{KEY}@host/v1"},
        {"base_url": f"https://host/v1?key={KEY}"},
        {"extra_body": {"api_key": KEY}},
        {"extra_body": {"headers": {"Authorization": KEY}}},
        {"extra_body": {"auth": "letmein"}},
        *({name: KEY} for name in ("source", "date", "name", "model", "image_rule", "max_output_tokens")),
        {"base_url": f"https://host/{KEY}/v1"},
        {"extra_body": {"user": KEY}},
        {"extra_body": {"metadata": [{"note": f"Bearer {KEY}"}]}},
    ],
)
def test_a_key_in_the_file_is_refused_and_never_repeated(tmp_path, fields):
    said = problem(tmp_path, **fields)
    assert "Keys never stand in this file" in said
    assert KEY not in said


@pytest.mark.parametrize(
    "key",
    [
        f"hf_{'Ab3' * 11}",
        f"sk-proj-{'aB3-' * 12}",
        f"ghp_{'Ab3' * 12}",
        f"AIza{'Ab3_' * 9}",
        "AKIAABCDEFGH12345678",
        f"gsk_{'Ab3' * 12}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
        "Bearer abcdefgh1234",
    ],
)
def test_a_key_of_any_providers_form_is_refused_wherever_it_stands(tmp_path, key):
    for fields in ({"source": key}, {"api_key_env": key}, {"extra_body": {"user": [key]}}):
        said = problem(tmp_path, **fields)
        assert "Keys never stand in this file" in said and key not in said


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "price list of 2026-11, see https://host/prices"},
        {"model": "Qwen/Qwen2.5-VL-72B-Instruct-AWQ"},
        {"model": "sk-ai/small-model"},
        {"extra_body": {"stop": ["</answer>", "hf_"], "user": "team-a", "max_tokens": 3}},
    ],
)
def test_what_only_resembles_a_key_is_read(tmp_path, fields):
    read_endpoints(write_endpoints(tmp_path / "e.yaml", endpoint_entry("a", URL) | fields))


def test_two_candidates_of_one_name_are_refused_with_both_lines(tmp_path):
    path = write_endpoints(tmp_path / "e.yaml", endpoint_entry("a", URL), endpoint_entry("a", URL))
    with pytest.raises(EndpointError, match=r'line \d+: expected each name once, found "a" in line \d+ already'):
        read_endpoints(path)


def test_an_alias_cannot_stand_for_a_million_values(tmp_path):
    head = "candidates:\n- name: a\n  base_url: http://h/v1\n  model: m\n  input_price: 1\n  output_price: 1\n"
    lists = "".join(f"    x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 7))
    with pytest.raises(EndpointError, match=r"at most 1,000 values"):
        read(tmp_path, f"{head}  extra_body:\n    x0: &x0 [1]\n{lists}")


@pytest.mark.parametrize("text", ["", "candidates: []", "[1]", "candidates: {a: 1}", "candidates: [x]"])
def test_a_file_without_endpoints_is_refused(tmp_path, text):
    with pytest.raises(EndpointError, match="expected"):
        read(tmp_path, text)


def test_a_key_comes_from_the_environment_alone(tmp_path, monkeypatch):
    entry = endpoint_entry("a", URL, api_key_env="VLR_TEST_KEY")
    (endpoint,) = read_endpoints(write_endpoints(tmp_path / "e.yaml", entry)).endpoints
    monkeypatch.delenv("VLR_TEST_KEY", raising=False)
    with pytest.raises(EndpointError, match="environment variable VLR_TEST_KEY, found none"):
        endpoint.key()
    monkeypatch.setenv("VLR_TEST_KEY", KEY)
    assert endpoint.key() == KEY
    assert KEY not in repr(endpoint)
    assert endpoint.hidden(f"wrong key {KEY}.") == "wrong key [VLR_TEST_KEY]."
    monkeypatch.setenv("VLR_TEST_KEY", f"{KEY}\nx: y")
    with pytest.raises(EndpointError, match="visible ASCII"):
        endpoint.key()


def test_the_schema_and_the_reader_know_the_same_fields():
    entry = endpoints_schema()["properties"]["candidates"]["items"]
    assert set(entry["properties"]) == {field.name for field in FIELDS}
    assert entry["required"] == ["name", "model", "input_price", "output_price"]
    for field in FIELDS:
        if field.kind in (Kind.NUMBER, Kind.COUNT):
            assert entry["properties"][field.name]["minimum"] == field.low


def test_a_folder_in_the_place_of_the_file_is_named_with_a_file_in_it(tmp_path):
    with pytest.raises(
        VLRouterBenchError, match=r"expected an endpoints file, found the folder .*\. Name the file itself\.$"
    ):
        read_endpoints(tmp_path)
    (tmp_path / "mine.yaml").write_text("")
    with pytest.raises(VLRouterBenchError, match=r"Name the file itself, such as .*mine\.yaml\.$"):
        read_endpoints(tmp_path)
