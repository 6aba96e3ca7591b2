"""Clients that people have talk to a gateway unmodified, and get what the upstream sent."""

import asyncio
import json
import re
import shlex

import httpx
import pytest
from huggingface_hub import InferenceClient

from tests.serving.conftest import EASY, NAMES, asked_models, running_gateway
from tests.serving.test_gateway import EVENTS, LAST, with_image
from tests.standins.openai_server import Scripted

openai = pytest.importorskip("openai", reason="the SDK openai is not installed")
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}


def script(asked, number):
    """Streams where that is asked, calls a tool where one is offered, else says which model was asked."""
    if asked.body.get("stream"):
        return Scripted(chunks=EVENTS + LAST)
    if asked.body.get("tools"):
        choice = {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [CALL]}}
        return Scripted(raw=json.dumps({"choices": [{**choice, "finish_reason": "tool_calls"}]}).encode())
    return Scripted(text=f"I am {asked.body['model']}")


@pytest.fixture(scope="module")
def running(router_folder, tmp_path_factory):
    """One gateway for all clients."""
    with running_gateway(router_folder, tmp_path_factory.mktemp("clients"), script, tools=True) as started:
        yield started


@pytest.fixture
def sdk(running):
    """The SDK, without its own HTTP proxies."""
    with openai.OpenAI(
        base_url=f"{running.url}/v1", api_key="none", http_client=httpx.Client(trust_env=False), max_retries=0
    ) as client:
        yield client


def test_the_openai_sdk_asks_streams_and_calls_tools(sdk, running):
    messages = with_image("What is this?")
    answer = sdk.chat.completions.with_raw_response.create(model="auto", messages=messages)
    candidate = answer.headers["x-vlrouter-candidate"]
    assert answer.parse().choices[0].message.content == f"I am org/{candidate}" and candidate in NAMES
    stream = sdk.chat.completions.create(model="small", messages=messages, stream=True)
    parts = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
    assert parts == [f"part {n}" for n in range(4)]
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    called = sdk.chat.completions.create(model="auto", messages=messages, tools=tools)
    assert called.choices[0].message.tool_calls[0].function.name == "look"
    assert {model.id for model in sdk.models.list()} == {"auto", *NAMES}


def test_the_openai_sdk_raises_what_it_would_of_openai(sdk):
    with pytest.raises(openai.NotFoundError, match="unknown model"):
        sdk.chat.completions.create(model="gpt", messages=[{"role": "user", "content": EASY}])


@pytest.mark.parametrize("library", ["openai", "huggingface_hub", "langchain_openai"])
def test_the_clients_of_the_documentation_run_as_printed(library, running, project_root, monkeypatch):
    pytest.importorskip(library, reason=f"{library} is not installed")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    page = (project_root / "docs" / "serve.md").read_text(encoding="utf-8")
    (block,) = (
        text
        for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        if re.search(rf"^(import|from) {library}\b", text)
    )
    asked = len(running.upstream.asked)
    exec(block.replace("http://127.0.0.1:8000", running.url), {})
    assert len(running.upstream.asked) == asked + 1


def test_the_requests_of_the_documentation_are_answered(running, project_root):
    page = (project_root / "docs" / "serve.md").read_text(encoding="utf-8")
    lines = re.findall(r"^curl .*$", page, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        words = shlex.split(line.replace("http://127.0.0.1:8000", running.url))
        url, body = words[2], words[words.index("-d") + 1]
        answer = httpx.post(url, content=body, headers={"content-type": "application/json"}, trust_env=False)
        assert answer.status_code == 200, answer.text


async def ask_at_once(url):
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key="none", http_client=httpx.AsyncClient(trust_env=False), max_retries=0
    ) as client:
        create = client.chat.completions.create
        messages = [{"role": "user", "content": EASY}]
        return await asyncio.gather(*(create(model="auto", messages=messages) for _ in range(12)))


def test_the_asynchronous_sdk_gets_one_answer_for_each_of_many_requests(running):
    answers = asyncio.run(ask_at_once(running.url))
    assert len({answer.choices[0].message.content for answer in answers}) == 1 and len(answers) == 12


def test_the_inference_client_of_huggingface_hub_asks(running, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    client = InferenceClient(base_url=f"{running.url}/v1", api_key="none")
    said = client.chat_completion(model="auto", messages=[{"role": "user", "content": EASY}])
    assert said.choices[0].message.content.startswith("I am org/")
    assert asked_models(running)[-1] in NAMES
