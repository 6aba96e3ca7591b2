"""Asking candidates from the page: what goes out, what comes back beside the estimate, and whose key is used."""

import re
import tempfile
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from gradio.helpers import special_args

from tests.demo.bad_files import image_bytes
from tests.standins.openai_server import OpenAIStandIn, Scripted, endpoint_entry, write_endpoints
from vlrouterbench.cli.main import main
from vlrouterbench.demo.asking import ANSWER_TOKENS, Asking, asking_of
from vlrouterbench.demo.components import in_plain_words
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.page_asking import AskTab
from vlrouterbench.demo.serving import serve
from vlrouterbench.measuring.endpoints import endpoint as endpoint_module
from vlrouterbench.measuring.endpoints.read import read_endpoints

SETTINGS = ("Trade-off", 50, None, None, [])
KEY, TOKEN = "key-of-this-machine", "token-of-a-visitor"
ROOMY = {"prompt_tokens": 1_000, "completion_tokens": 500}


@pytest.fixture(autouse=True)
def no_space(monkeypatch):
    for name in ("SPACE_ID", "SYSTEM", "OAUTH_CLIENT_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def names(workspace):
    return workspace.router.config.candidate_names


def asking(path, names, *entries):
    return asking_of(read_endpoints(write_endpoints(path / "endpoints.yaml", *entries)), names)


def every(names, url, **fields):
    return [endpoint_entry(name, url, **fields) for name in names]


def on_the_hub(given, **changes):
    return replace(given, on_hub=True, signs_in=True, **changes)


class TestWhatIsAsked:
    def test_the_chosen_candidate_gets_question_and_image_and_its_answer_stands_beside_the_estimate(
        self, workspace, names, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("MY_KEY", KEY)
        (tmp_path / "a.png").write_bytes(image_bytes(size=(40, 30)))
        with OpenAIStandIn(lambda *_: Scripted(f"<b>five</b> {KEY}", usage=ROOMY)) as upstream:
            given = asking(tmp_path, names, *every(names, upstream.base_url, api_key_env="MY_KEY"))
            card = AskTab(workspace, given).ask_it(None, str(tmp_path / "a.png"), "How many?", *SETTINGS)
        (sent,) = upstream.asked
        assert sent.text == "How many?" and sent.image_urls[0].startswith("data:image/png;base64,")
        assert sent.body["max_tokens"] == ANSWER_TOKENS and sent.headers["authorization"] == f"Bearer {KEY}"
        assert "&lt;b&gt;five&lt;/b&gt;" in card and KEY not in card
        # 1,000 tokens at $1 and 500 at $2 per million.
        assert "&#36;0.002 for this answer (1,000 + 500 tokens by the endpoint&#x27;s usage)" in card
        assert "<td>20</td>" in card and "est. p(correct)" in card and re.search(r"<td>\d+\.\d\d</td>", card)
        assert "simulated data" in card and "prices" in card

    def test_all_that_are_allowed_are_asked_and_a_failure_stands_in_its_own_row(self, workspace, names, tmp_path):
        def script(asked, _):
            return Scripted("no room", status=503) if asked.body["model"].endswith(names[0]) else Scripted("fine")

        with OpenAIStandIn(script) as upstream:
            given = asking(tmp_path, names, *every(names[:3], upstream.base_url, max_output_tokens=7))
            card = AskTab(workspace, given).ask_all(None, None, "Why?", *SETTINGS[:-1], [names[2]])
        assert sorted(one.body["model"] for one in upstream.asked) == sorted(f"org/{name}" for name in names[:2])
        assert {one.body["max_tokens"] for one in upstream.asked} == {7}
        assert (
            "No answer: server error: HTTP 503: no room" in card and "fine" in card and "may have been charged" in card
        )

    def test_without_usage_the_cost_is_unknown_and_a_text_model_gets_no_image(self, workspace, names, tmp_path):
        (tmp_path / "a.png").write_bytes(image_bytes())
        with OpenAIStandIn(lambda *_: Scripted("short", usage=None, finish_reason="length")) as upstream:
            blind = endpoint_entry(names[1], upstream.base_url, max_images=0)
            given = asking(tmp_path, names, endpoint_entry(names[0], upstream.base_url), blind)
            card = AskTab(workspace, given).ask_all(None, str(tmp_path / "a.png"), "Why?", *SETTINGS)
        assert len(upstream.asked) == 1 and "takes no images" in card
        assert "cost unknown" in card and "cut at the cap" in card


class TestWhatIsLacking:
    def test_each_lack_is_said_and_nobody_is_asked(self, workspace, names, tmp_path):
        card = AskTab(workspace, Asking()).ask_it(None, None, "Why?", *SETTINGS)
        assert "vlrouterbench demo --endpoints FILE" in card
        some = Asking((unasked(names[0]),), "endpoints.yaml")
        for given, said in (
            (on_the_hub(Asking()), "needs endpoints.yaml"),
            (replace(on_the_hub(some), signs_in=False), "hf_oauth: true"),
            (on_the_hub(some), "Sign in with Hugging Face"),
        ):
            assert said in AskTab(workspace, given).ask_all(None, None, "Why?", *SETTINGS)

    def test_a_choice_without_an_endpoint_is_named_with_those_that_have_one(self, workspace, names, tmp_path):
        given = Asking((unasked(names[0]),), "endpoints.yaml")
        with pytest.raises(DemoError, match=f"endpoints.yaml has no endpoint for .*choose among {re.escape(names[0])}"):
            AskTab(workspace, given).ask_it(None, None, "Why?", "Trade-off", 50, None, None, [names[0]])
        with pytest.raises(DemoError, match="is excluded"):
            AskTab(workspace, given).ask_all(None, None, "Why?", "Trade-off", 50, None, None, [names[0]])

    def test_a_file_of_other_candidates_is_refused_and_some_others_are_told(self, names, tmp_path):
        with pytest.raises(DemoError, match="expected endpoints of the router's candidates"):
            asking(tmp_path, names, endpoint_entry("stranger", "http://127.0.0.1:9/v1"))
        given = asking(tmp_path, names, *every([names[0], "stranger"], "http://127.0.0.1:9/v1"))
        assert [one.name for one in given.endpoints] == [names[0]] and "stranger" in given.notes[-1]

    def test_a_missing_key_is_named_by_its_variable(self, workspace, names, tmp_path, monkeypatch):
        monkeypatch.delenv("MY_KEY", raising=False)
        given = asking(tmp_path, names, *every(names, "http://127.0.0.1:9/v1", api_key_env="MY_KEY"))
        assert "export MY_KEY" in AskTab(workspace, given).ask_it(None, None, "Why?", *SETTINGS)


class TestOnTheHub:
    def test_only_providers_are_asked_with_the_visitors_token_and_no_key_of_the_owner(
        self, workspace, names, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("SPACE_ID", "owner/space")
        monkeypatch.setenv("OWNER_KEY", KEY)
        own = endpoint_entry(names[0], "http://127.0.0.1:9/v1", api_key_env="OWNER_KEY")
        provided = endpoint_entry(names[1], None, provider="auto", api_key_env="OWNER_KEY")
        del provided["base_url"]
        given = asking(tmp_path, names, own, provided)
        assert given.on_hub and not given.signs_in and [one.name for one in given.endpoints] == [names[1]]
        token = gr.OAuthToken(token=TOKEN, scope="inference-api", expires_at=2**40)
        with OpenAIStandIn(lambda *_: Scripted(f"not for {TOKEN}", status=401)) as upstream:
            monkeypatch.setattr(endpoint_module, "PROVIDER_URL", upstream.base_url)
            card = AskTab(workspace, on_the_hub(given)).ask_all(token, None, "Why?", *SETTINGS)
        assert [one.headers["authorization"] for one in upstream.asked] == [f"Bearer {TOKEN}"]
        assert "key refused: HTTP 401: not for [your token]" in card and TOKEN not in card

    def test_the_pages_library_hands_over_the_token_of_a_signed_in_visitor_alone(self, workspace):
        work = in_plain_words(AskTab(workspace, Asking()).ask_it, ())
        info = {"access_token": TOKEN, "scope": "inference-api", "expires_at": 2**40}
        for session, expected in (({"oauth_info": info}, TOKEN), ({}, None)):
            request = SimpleNamespace(request=SimpleNamespace(scope={"session": session}))
            given = special_args(work, [None, "Why?", *SETTINGS], request)[0]
            assert getattr(given[0], "token", None) == expected and given[1:] == [None, "Why?", *SETTINGS]


def test_a_bad_endpoints_file_ends_the_command_before_anything_is_made(tmp_path, capsys):
    path = write_endpoints(tmp_path / "endpoints.yaml", endpoint_entry("small", "http://127.0.0.1:9/v1", api_key=KEY))
    assert main(["demo", "--folder", str(tmp_path / "app"), "--endpoints", str(path)]) == 1
    said = capsys.readouterr().err
    assert "expected no key" in said and KEY not in said and not (tmp_path / "app").exists()


def unasked(name):
    return endpoint_module.Endpoint(name, "org/model", 1, 2, base_url="http://127.0.0.1:9/v1")


@pytest.mark.browser
def test_a_visitor_asks_one_and_all_and_reads_of_a_failing_upstream(workspace, names, tmp_path, monkeypatch, browser):
    """The page in a browser against local upstreams, one of which fails."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    failing = []

    def script(asked, _):
        return Scripted("down", status=500) if asked.body["model"] in failing else Scripted("It is blue.", usage=ROOMY)

    with OpenAIStandIn(script) as upstream:
        served = serve(workspace, block=False, asking=asking(tmp_path, names, *every(names, upstream.base_url)))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        try:
            page.goto(served.local_url)
            chosen = page.locator("#choice .vrb-ask strong").inner_text()
            page.locator("#ask-it").click()
            page.get_by_text("It is blue.").wait_for()
            row = page.locator("#asked tbody tr").first.inner_text()
            assert chosen in row and "\t20\t" in row and "simulated data" in page.locator("#asked").inner_text()
            assert [one.body["model"] for one in upstream.asked] == [f"org/{chosen}"] and upstream.asked[0].image_urls
            page.locator("#question textarea, #question input").press_sequentially("?")
            page.locator("#asked .vrb-card").wait_for(state="detached")
            failing.append(f"org/{chosen}")
            page.locator("#ask-all").click()
            page.get_by_text("No answer: server error: HTTP 500: down").wait_for()
            assert page.locator("#asked .vrb-answer").count() == len(names)
            assert page.get_by_text("It is blue.").count() == len(names) - 1
        finally:
            page.close()
            served.close()
