"""`when_unfamiliar` of a gateway's configuration: a fallback that nothing overrules, a refusal, and who cannot."""

import pytest

import vlrouterbench as vrb
from tests.serving.conftest import EASY, HARD, asked_models
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.serving.settings_file import read_settings


@pytest.fixture(scope="module")
def score(router_folder):
    return vrb.AutoRouter.from_pretrained(router_folder).route(HARD).unfamiliar


def test_the_fallback_is_asked_and_neither_drawn_nor_kept_from(gateway, score):
    config = {"when_unfamiliar": f"fallback=middle@{score!r}", "explore": 1.0}
    with gateway(config=config) as running:
        for _ in range(4):
            answer = running.ask(HARD)
            assert answer.headers["x-vlrouter-candidate"] == asked_models(running)[-1] == "middle"
            assert "so the fallback middle is asked; the router would ask large" in answer.headers["x-vlrouter-reason"]
        plain = running.client.post(
            "/v1/route", json={"messages": [{"role": "user", "content": HARD}], "model": "auto"}
        )
        assert plain.json()["candidate"] == "middle" and plain.json()["decision"]["unfamiliar"] == score


def test_a_request_can_be_refused_and_others_are_answered(gateway, router_folder, score):
    own = vrb.AutoRouter.from_pretrained(router_folder)
    asked = {question: own.route(question).unfamiliar for question in (EASY, HARD)}
    level = max(asked.values())
    with gateway(config={"when_unfamiliar": f"error@{level!r}"}) as running:
        for question, unfamiliar in asked.items():
            answer = running.ask(question)
            assert answer.status_code == (400 if unfamiliar >= level else 200), answer.text
            assert ("refused here" in answer.text) == (unfamiliar >= level)


def test_what_cannot_be_done_is_told_before_the_first_request(gateway, tmp_path):
    with (
        pytest.raises(VLRouterBenchError, match='Did you mean "middle"'),
        gateway(config={"when_unfamiliar": "fallback=midle"}),
    ):
        pass
    (tmp_path / "serve.yaml").write_text("\nwhen_unfamiliar: gaurd\n")
    with pytest.raises(VLRouterBenchError, match=r'serve\.yaml.*2.*Did you mean "guard"'):
        read_settings(tmp_path / "serve.yaml")
