"""The plugin for LiteLLM: its own contract, and through the real `litellm.Router` where that is installed."""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

import vlrouterbench as vrb
from tests.serving.conftest import EASY, HARD, NAMES
from tests.serving.test_gateway import with_image
from tests.standins.openai_server import OpenAIStandIn, Scripted
from vlrouterbench.core.errors import UnknownNameError
from vlrouterbench.routers.encoders.sample_input import RouterInputError
from vlrouterbench.serving.litellm_plugin import RouterPlugin
from vlrouterbench.serving.settings import ServingError

INTERPRETER = "VLROUTERBENCH_LITELLM_PYTHON"
"""Of the environment: an interpreter that has litellm 1.110 or later and this package's own dependencies."""
QUESTIONS = [EASY, HARD, with_image(EASY), with_image(HARD)]


@dataclass
class Context:
    """A context as LiteLLM makes it: the fields that its own documents state."""

    structured_messages: list
    candidate_models: list
    raw_messages: list = field(default_factory=list)
    metadata: dict = field(default_factory=dict)
    signals: dict = field(default_factory=dict)


def messages_of(question):
    return question if isinstance(question, list) else [{"role": "user", "content": question}]


def run(plugin, question, models):
    return asyncio.run(plugin.run(Context(messages_of(question), list(models))))


def test_of_a_group_the_routers_own_choice_is_left_and_told(router_folder):
    plugin, router = RouterPlugin(router_folder), vrb.AutoRouter.from_pretrained(router_folder)
    for question in QUESTIONS:
        decision = router.route(messages=messages_of(question))
        context = run(plugin, question, [f"openai/org/{name}" for name in NAMES])
        assert context.candidate_models == [f"openai/org/{decision.candidate}"]
        assert context.signals["vlrouter"] == decision.as_dict()
    named = RouterPlugin(router_folder, {"large": "azure/best"})
    assert run(named, HARD, ["azure/best", "small", "other/large"]).candidate_models == ["azure/best"]


def test_a_group_without_candidates_passes_and_of_a_part_of_the_pool_one_is_picked(router_folder):
    plugin = RouterPlugin(router_folder)
    assert run(plugin, HARD, ["openai/gpt", "openai/enlarge"]).candidate_models == ["openai/gpt", "openai/enlarge"]
    assert run(plugin, HARD, ["small"]).candidate_models == ["small"]
    cheap = RouterPlugin(router_folder, budget={"usd_weight": 1e9})
    assert run(cheap, HARD, NAMES).candidate_models == ["small"]


def test_what_the_router_refuses_is_an_error_or_passes_as_was_wished(router_folder):
    broken = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
    with pytest.raises(RouterInputError):
        run(RouterPlugin(router_folder), broken, NAMES)
    passed = run(RouterPlugin(router_folder, on_refusal="pass"), broken, NAMES)
    assert passed.candidate_models == NAMES and "refused" in passed.signals["vlrouter"]
    with pytest.raises(UnknownNameError, match='Did you mean "large"'):
        RouterPlugin(router_folder, {"lareg": "x"})
    with pytest.raises(ServingError, match="expected on_refusal"):
        RouterPlugin(router_folder, on_refusal="pas")


PROGRAM = """
import asyncio, json, sys
import litellm
from vlrouterbench.serving.litellm_plugin import RouterPlugin
folder, base_url, questions = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
group = [
    {"model_name": "auto", "litellm_params": {"model": f"openai/org/{name}", "api_base": base_url, "api_key": "none"}}
    for name in ("small", "middle", "large")
]
router = litellm.Router(model_list=group, plugins=[RouterPlugin(folder)])

async def main():
    return [(await router.acompletion(model="auto", messages=turns)).choices[0].message.content for turns in questions]

print(json.dumps(asyncio.run(main())))
"""


def test_the_real_router_of_litellm_asks_whom_the_router_picks(router_folder, project_root):
    python = os.environ.get(INTERPRETER) or (sys.executable if importlib.util.find_spec("litellm") else None)
    if python is None:
        pytest.skip(
            f"litellm is not installed: pip install 'vlrouterbench[litellm]', or name its Python in {INTERPRETER}"
        )
    router = vrb.AutoRouter.from_pretrained(router_folder)
    expected = [router.route(messages=messages_of(question)).candidate for question in QUESTIONS]
    with OpenAIStandIn(lambda asked, _: Scripted(text=f"from {asked.body['model']}")) as upstream:
        asked = json.dumps([messages_of(question) for question in QUESTIONS])
        known = {"PYTHONPATH": str(project_root), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            [python, "-c", PROGRAM, str(router_folder), upstream.base_url, asked],
            env=os.environ | known, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [f"from org/{name}" for name in expected]
    assert [one.body["model"] for one in upstream.asked] == [f"org/{name}" for name in expected]
    assert len(upstream.asked[2].image_urls) == 1 and len(set(expected)) == 2
