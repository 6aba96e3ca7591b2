"""Names are one line of visible characters, and names that look alike are named."""

import pytest

from vlrouterbench.core.names import describe_look_alikes, look_alikes, name_fault


@pytest.mark.parametrize(
    "name", ["GPT-4o", "通义千问", "a b", "é", "e\u0301", "🦙", "a" * 200, "x/y:free", "<b>", "=1"]
)
def test_visible_text_is_a_name(name):
    assert name_fault(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " a",
        "a ",
        "a\n",
        "a\tb",
        "a\x00",
        "a\x1b[0m",
        "a\x9b",
        "a\u2028b",
        "a\u202e",
        "a\ufeff",
        "a\u200d",
        "a" * 201,
    ]
    + ["a\ud800", "a\ue000", "\x7f", "a\u2066b", "a\u00adb"],
)
def test_what_a_reader_cannot_see_is_none(name):
    fault = name_fault(name)
    assert fault and fault.isprintable() and len(fault) < 1500


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GPT-4o", "GPT-4\u043e"),
        ("GPT-4o", "gpt-4o"),
        ("GPT-4O", "GPT-40"),
        ("gemini-1", "gemini-l"),
        ("llama", "lIama"),
    ]
    + [
        ("Qwen-7B", "Qwen\u20137B"),
        ("Qwen-7B", "\uff31wen-7B"),
        ("\u0440\u0430\u0443\u0440\u0430l", "paypal"),
        ("rnodel", "model"),
    ],
)
def test_names_that_look_alike_are_a_pair_whichever_comes_first(one, other):
    assert look_alikes([one, other]) == [(one, other)]
    assert look_alikes([other, "else", one]) == [(other, one)]
    assert one in describe_look_alikes([one, other])[0]


@pytest.mark.parametrize(
    "names", [("GPT-4o", "GPT-4.1"), ("a", "b"), ("Qwen-7B", "Qwen-72B"), ("x",), ("same", "same")]
)
def test_names_that_differ_visibly_are_none(names):
    assert look_alikes(names) == []
