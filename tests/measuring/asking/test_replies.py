"""What servers send: replies, failures and waits, read without trusting any of it."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlrouterbench.measuring.asking.client import retry_after
from vlrouterbench.measuring.asking.replies import Failure, Fault, Reply, fault_of_status, read_reply
from vlrouterbench.measuring.prompts import DEFAULT_TEMPLATE, Question, render_prompt


def body(message, **choice):
    return json.dumps({"choices": [{"message": message, **choice}], "usage": {"prompt_tokens": 3}}).encode()


def test_a_reply_is_read_in_each_of_its_forms():
    assert read_reply(body({"content": "A"}, finish_reason="stop")) == Reply("A", "stop", False, 3, None)
    parts = [{"type": "text", "text": "A"}, {"type": "image"}, {"type": "text", "text": "B"}]
    assert read_reply(body({"content": parts})).text == "AB"
    assert read_reply(body({"content": None})).text == ""
    assert read_reply(body({"content": None, "refusal": "no"})) == Reply("no", "", True, 3, None)
    assert read_reply(body({"content": ""}, finish_reason="content_filter")).refused


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{}", b'{"choices": [{}]}', b'{"choices": [', b"\xff", b"[" * 10_000]
)
def test_a_body_that_is_none_is_a_broken_answer(content):
    found = read_reply(content)
    assert isinstance(found, Failure) and found.fault is Fault.BROKEN and len(found.detail) < 400


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["choices", "message", "content", "usage", "prompt_tokens", "refusal", "text"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_no_json_stops_the_reader(content):
    assert isinstance(read_reply(json.dumps(content).encode()), Reply | Failure)


def test_statuses_that_may_pass_are_told_from_those_that_do_not():
    passing = {
        status
        for status in (400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 529)
        if Failure(fault_of_status(status), "").passes
    }
    assert passing == {408, 409, 425, 429, 500, 502, 503, 529}


def test_retry_after_is_a_number_or_a_date():
    assert retry_after("1.5") == 1.5 and retry_after("-3") == 0
    assert retry_after("") is None and retry_after("soon") is None and retry_after("nan") is None
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < retry_after(date) <= 60


def test_a_prompt_holds_what_the_question_has_and_no_empty_line():
    question = Question("s", "What {hint}?", ("x", "{question}"), "", (), "choice")
    expected = "What {hint}?\nOptions:\nA. x\nB. {question}\nAnswer with the letter of the correct option alone."
    assert render_prompt(DEFAULT_TEMPLATE, question) == expected
    assert render_prompt(DEFAULT_TEMPLATE, Question("s", "Q", (), "look left", (), "contains")) == "Hint: look left\nQ"
