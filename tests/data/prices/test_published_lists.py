"""LiteLLM's and OpenRouter's lists, in the form in which they are published: per token, by exact names."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.prices.read import with_price_file
from vlrouterbench.data.table import load_table

LITELLM = {
    "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of https://...", "max_tokens": "LEGACY"},
    "gpt-4o": {
        "cache_read_input_token_cost": 1.25e-06,
        "input_cost_per_token": 2.5e-06,
        "input_cost_per_token_batches": 1.25e-06,
        "litellm_provider": "openai",
        "max_input_tokens": 128000,
        "mode": "chat",
        "output_cost_per_token": 1e-05,
        "search_context_cost_per_query": {"search_context_size_low": 0.03},
        "supports_vision": True,
    },
    "azure/gpt-4o": {"input_cost_per_token": 2.75e-06, "output_cost_per_token": 1.1e-05, "litellm_provider": "azure"},
    "gemini-vision": {
        "input_cost_per_image": 0.0025,
        "input_cost_per_request": 0.001,
        "input_cost_per_token": 5e-07,
        "litellm_provider": "vertex_ai-vision-models",
        "output_cost_per_token": 1.5e-06,
    },
    "dall-e": {"litellm_provider": "openai", "mode": "image_generation", "output_cost_per_image": 0.04},
    "free-local": {"input_cost_per_token": 0, "output_cost_per_token": 0.0, "litellm_provider": "ollama"},
}
OPENROUTER = {
    "data": [
        {
            "id": "openai/gpt-4o",
            "canonical_slug": "openai/gpt-4o-2024-11-20",
            "name": "OpenAI: GPT-4o",
            "context_length": 128000,
            "architecture": {"modality": "text+image->text", "input_modalities": ["text", "image"]},
            "pricing": {
                "prompt": "0.0000025",
                "completion": "0.00001",
                "request": "0",
                "image": "0.003613",
                "web_search": "0",
                "internal_reasoning": "0",
                "input_cache_read": "0.00000125",
            },
        },
        {"id": "openrouter/auto", "name": "Auto Router", "pricing": {"prompt": "-1", "completion": "-1"}},
        {"id": "qwen/qwen-vl:free", "name": "Qwen (free)", "pricing": {"prompt": "0", "completion": "0"}},
        {"id": "perplexity/sonar", "pricing": {"prompt": "0.000001", "completion": "0.000001", "request": "0.005"}},
    ]
}


def pool_of(*names, **price_names):
    rows = [CandidateModel(name, 7.0, 8.0, price_source="own", price_name=price_names.get(name, "")) for name in names]
    return CandidatePool(tuple(rows), "here")


def listed(tmp_path, content):
    path = tmp_path / "list.json"
    path.write_text(json.dumps(content, indent=4))
    return path


def prices(pool):
    return {c.name: (c.input_price, c.output_price, c.request_price) for c in pool.candidates}


@pytest.mark.parametrize(
    ("content", "names", "expected"),
    [
        (LITELLM, ("gpt-4o", "azure/gpt-4o", "free-local"), [(2.5, 10.0, 0.0), (2.75, 11.0, 0.0), (0.0, 0.0, 0.0)]),
        (LITELLM, ("gemini-vision",), [(0.5, 1.5, 0.001)]),
        (OPENROUTER, ("openai/gpt-4o", "qwen/qwen-vl:free"), [(2.5, 10.0, 0.0), (0.0, 0.0, 0.0)]),
        (OPENROUTER, ("openai/gpt-4o-2024-11-20", "perplexity/sonar"), [(2.5, 10.0, 0.0), (1.0, 1.0, 0.005)]),
    ],
)
def test_prices_per_token_are_a_million_times_as_much_per_million(tmp_path, content, names, expected):
    repriced = with_price_file(pool_of(*names), listed(tmp_path, content))
    assert list(prices(repriced).values()) == expected
    assert repriced.notes == ()


def test_an_entry_is_taken_by_its_exact_name_alone_and_others_are_named_with_the_nearest(tmp_path):
    repriced = with_price_file(pool_of("gpt-4o", "GPT-4o-mini", "gpt4o"), listed(tmp_path, LITELLM))
    assert prices(repriced)["gpt4o"] == prices(repriced)["GPT-4o-mini"] == (7.0, 8.0, 0.0)
    (note,) = repriced.notes
    assert "no entry of" in note and "\"gpt4o\" (did you mean 'gpt-4o'?)" in note and '"GPT-4o-mini"' in note
    assert repriced.describe_prices() == "list.json (LiteLLM); own"


def test_a_price_name_says_which_entry_is_meant(tmp_path):
    repriced = with_price_file(pool_of("mine", mine="azure/gpt-4o"), listed(tmp_path, LITELLM))
    assert prices(repriced) == {"mine": (2.75, 11.0, 0.0)}
    with pytest.raises(SourceError, match="candidate \"mine\": .*'azure/gpt-4' .*Did you mean 'azure/gpt-4o'"):
        with_price_file(pool_of("mine", mine="azure/gpt-4"), listed(tmp_path, LITELLM))


@pytest.mark.parametrize(
    ("content", "names", "message"),
    [
        (LITELLM, ("nobody",), r"found none \(LiteLLM\): \"nobody\""),
        (LITELLM, ("sample_spec",), "found none"),
        (LITELLM, ("dall-e",), "entry 'dall-e': .*\"input_cost_per_token\".*It is priced by output_cost_per_image"),
        (OPENROUTER, ("openrouter/auto",), "entry 'openrouter/auto': .*found -1: it has no fixed price"),
        ({"data": [{"pricing": {}}]}, ("m",), 'data, entry 1: expected a model with an "id"'),
        ({"data": [*OPENROUTER["data"], OPENROUTER["data"][0]]}, ("m",), "entry 5: expected each id once"),
        (
            {"m": {"litellm_provider": "x", "input_cost_per_token": 2.5, "output_cost_per_token": 10}},
            ("m",),
            "entry 'm': expected USD per token.*found '2.5': likely USD per million tokens, which is 0.0000025 per",
        ),
        ({"m": {"litellm_provider": "x", "input_cost_per_token": 1e-12, "output_cost_per_token": 0}}, ("m",), "likely"),
        (
            {"m": {"litellm_provider": "x", "input_cost_per_token": True, "output_cost_per_token": 0}},
            ("m",),
            "found 'True'",
        ),
        (
            {"m": {"litellm_provider": "x", "input_cost_per_token": "2_5e-6", "output_cost_per_token": 0}},
            ("m",),
            "per token",
        ),
        ({"m": 5}, ("m",), "expected rows with name"),
    ],
)
def test_what_a_list_does_not_say_is_never_guessed(tmp_path, content, names, message):
    with pytest.raises(SourceError, match=message):
        with_price_file(pool_of(*names), listed(tmp_path, content))


@pytest.mark.parametrize(("prompt", "completion", "found"), [("0.15", "0.6", "0.15"), ("0.0000025", "10", "10")])
def test_a_list_in_usd_per_million_tokens_is_refused_with_the_number_that_stands_in_it(
    prompt, completion, found, tmp_path
):
    content = {"data": [{"id": "GPT-4o", "pricing": {"prompt": prompt, "completion": completion}}]}
    with pytest.raises(SourceError, match=f"found '{found}': likely USD per million tokens"):
        with_price_file(pool_of("GPT-4o"), listed(tmp_path, content))


def test_a_list_with_a_price_of_a_cent_per_token_is_read_where_that_is_allowed(tmp_path):
    content = {"data": [{"id": "GPT-4o", "pricing": {"prompt": "0.01", "completion": "0.01"}}]}
    repriced = with_price_file(pool_of("GPT-4o"), listed(tmp_path, content), allow_unlikely=True)
    assert prices(repriced) == {"GPT-4o": (10_000, 10_000, 0)}


def test_a_price_per_request_is_not_called_used_where_every_outcome_brings_its_own_cost(own_tables, tmp_path):
    table = pq.read_table(own_tables / "outcomes.parquet")
    own = [0.25 if name == "small" else None for name in table["candidate"].to_pylist()]
    pq.write_table(table.append_column("cost_usd", pa.array(own, pa.float64())), own_tables / "outcomes.parquet")
    fields = {"litellm_provider": "x", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    fields["input_cost_per_request"] = 0.002
    names = ("small", "middle", "large")
    sheet = listed(tmp_path, dict.fromkeys(names, fields))
    report = build_benchmark(own_tables, tmp_path / "out", BuildOptions(prices=sheet))
    by_candidate = {price["candidate"]: price for price in report["other_prices"]}
    assert [by_candidate[name]["used"] for name in names] == [False, True, True]
    assert "cost_usd" in by_candidate["small"]["reason"]
    assert (load_table(tmp_path / "out").cost[:, 0] == 0.25).all()


def test_prices_that_costs_do_not_contain_are_kept_and_named_with_the_reason(tmp_path):
    (candidate,) = with_price_file(pool_of("gpt-4o"), listed(tmp_path, LITELLM)).candidates
    fields = {price["field"]: price for price in candidate.other_prices}
    assert set(fields) == {
        "cache_read_input_token_cost",
        "input_cost_per_token_batches",
        "search_context_cost_per_query",
    }
    cached = fields["cache_read_input_token_cost"]
    assert (cached["value"], cached["used"]) == ("1.25e-06", False) and "cache" in cached["reason"]
    (candidate,) = with_price_file(pool_of("openai/gpt-4o"), listed(tmp_path, OPENROUTER)).candidates
    assert [price["field"] for price in candidate.other_prices] == ["image", "input_cache_read"]


def test_a_price_per_request_is_in_every_cost_and_a_later_sheet_without_one_takes_it_out(own_tables, tmp_path):
    fields = {"litellm_provider": "x", "output_cost_per_token": 2e-6}
    content = {
        "small": fields | {"input_cost_per_token": 1e-6, "input_cost_per_request": 0.002, "input_cost_per_image": 0.1},
        "large": fields | {"input_cost_per_token": 3e-6},
    }
    build_benchmark(own_tables, tmp_path / "old")
    report = build_benchmark(own_tables, tmp_path / "new", BuildOptions(prices=listed(tmp_path, content)))
    old, new = load_table(tmp_path / "old"), load_table(tmp_path / "new")
    by_token = old.with_prices({"small": (1.0, 2.0), "large": (3.0, 2.0)}, source="hand")
    assert new.cost[:, 0] == pytest.approx(by_token.cost[:, 0] + 0.002, rel=1e-12)
    assert new.cost[:, 2] == pytest.approx(by_token.cost[:, 2], rel=1e-12)
    again = new.with_prices({"small": (1.0, 2.0)}, source="hand")
    assert again.cost[:, 0] == pytest.approx(by_token.cost[:, 0], rel=1e-9)
    assert {price["field"]: price["used"] for price in report["other_prices"]} == {
        "input_cost_per_request": True,
        "input_cost_per_image": False,
    }
    assert '"middle"' in report["price_notes"][0]
    with pytest.raises(SourceError, match=r'--strict: .*no entry of "middle"'):
        build_benchmark(own_tables, tmp_path / "out", BuildOptions(prices=listed(tmp_path, content), strict=True))
