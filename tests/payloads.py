"""Texts that act where they are not escaped, and readers of the outputs that they are put into."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from tests.pages import without_scripts

PAYLOADS = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m\x85\x7f",
    "</title><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "a|b` **bold** _it_ [x](javascript:alert(1)) ![i](http://x/y.png)",
    "$\\frac{1}{2$ \\alpha $$",
    '=HYPERLINK("http://x")',
    "\\input{secret}%&_#~^{",
    "line\nbreak\r\n\r\n| fake | row |\n---\n# head",
    "\u202eright\u2066left\u2028",
    "--> ]]> &lt;b&gt; {{7*7}} {% raw %} <!-- \x0b",
)
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
"""Characters that a terminal acts on, or that turn the direction of writing."""


def rendered_markdown(text):
    """Markdown as HTML, as the Hub renders it: tables and HTML are understood."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the links they name."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def check_page(text):
    """A page has no element and no handler that a payload brought, and its figures are XML."""
    text = without_scripts(text)
    assert not ACTING.search(text)
    parser = Elements()
    parser.feed(text)
    for tag, attributes in parser.found:
        assert tag != "script" and tag not in ("img", "iframe", "b") or "alert" not in str(attributes)
        assert not (tag == "img" and attributes.get("src") == "x")
        assert not any(name.startswith("on") and "alert" in str(value) for name, value in attributes.items())
        assert "javascript:" not in str(attributes.get("href"))
    assert "<script>alert" not in text
    for figure in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(figure.replace("xlink:href", "href"))


def check_markdown(text):
    """A card has no element that a payload brought, and every table has rows of one length."""
    assert not ACTING.search(text)
    # Our own figure is the one image of a card; its alternative text may hold names.
    html = re.sub(r'<img src="(accuracy_cost|candidates)\.png" alt="[^"<>]*" ?/?>', "", rendered_markdown(text))
    for element in ("<script", "<img", 'href="javascript:', "<strong>bold", "<em>it", "<h1>head"):
        assert element not in html
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        counts = {len(re.findall(r"<t[hd]", row)) for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)}
        assert len(counts) == 1
    assert "fake | row" not in re.sub(r"<t[hd].*?</t[hd]>", "", html, flags=re.DOTALL) or "\\| fake" in text
