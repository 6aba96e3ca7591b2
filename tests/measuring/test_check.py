"""`endpoints check`: one tiny request each, against real sockets."""

import json

from tests.cli.conftest import run_program
from tests.standins.openai_server import OpenAIStandIn, Scripted, endpoint_entry, write_endpoints

KEY = "sk-very-secret-0123456789"


def test_each_endpoint_is_asked_once_and_failures_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("VLR_TEST_KEY", KEY)

    def script(asked, number):
        wrong = asked.headers.get("authorization") != f"Bearer {KEY}"
        return (
            Scripted(f"Incorrect key: {asked.headers.get('authorization')}", status=401) if wrong else Scripted("yes")
        )

    with OpenAIStandIn(script) as server:
        entries = (
            endpoint_entry("good", server.base_url, api_key_env="VLR_TEST_KEY"),
            endpoint_entry("text", server.base_url, api_key_env="VLR_TEST_KEY", max_images=0, max_output_tokens=5),
            endpoint_entry("keyless", server.base_url),
            endpoint_entry("unset", server.base_url, api_key_env="VLR_NO_SUCH_KEY"),
            endpoint_entry("nobody", "http://127.0.0.1:9/v1"),
        )
        ended = run_program("endpoints", "check", write_endpoints(tmp_path / "e.yaml", *entries), "--json")
    found = {entry["name"]: entry for entry in json.loads(ended.out)["endpoints"]}
    assert (ended.status, len(server.asked)) == (1, 3)
    assert found["good"]["answer"] == "yes" and not found["good"]["problem"] and not found["text"]["problem"]
    assert "key refused: HTTP 401" in found["keyless"]["problem"]
    assert "VLR_NO_SUCH_KEY" in found["unset"]["problem"]
    assert "unreachable: http://127.0.0.1:9/v1" in found["nobody"]["problem"]
    by_model = {asked.body["model"]: asked for asked in server.asked}
    assert len(by_model["org/good"].image_urls) == 1 and not by_model["org/text"].image_urls
    assert [by_model[f"org/{name}"].body["max_tokens"] for name in ("good", "text")] == [16, 5]
    assert KEY not in ended.out + ended.err
    assert ended.errors[0].startswith("error: expected 5 endpoints")


def test_the_schema_is_printed():
    assert json.loads(run_program("endpoints", "schema", "--json").out)["required"] == ["candidates"]
    assert json.loads(run_program("endpoints", "schema").out)["required"] == ["candidates"]
