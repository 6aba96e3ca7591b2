"""What holds for every script of a page: it is the library's own or our starter, and no text of the data is in it."""

import base64
import hashlib
import json
import re

from vlrouterbench.plotting.interactive import scripts

_SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


def without_scripts(page):
    """The page without its scripts, after what holds for them."""
    found = _SCRIPT.findall(page)
    data = [text for kind, text in found if kind]
    assert {kind for kind, _ in found if kind} <= {' type="application/json"'}
    assert [text for kind, text in found if not kind] == (list(scripts().texts) if data else [])
    for text in data:
        assert "<" not in text and "&" not in text and set(json.loads(text)) == {"light", "dark"}
    policy = _POLICY.search(page)[1]
    assert page.index("Content-Security-Policy") < page.index("<title>"), "a policy holds for what comes after it"
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for kind, text in found if not kind]
    assert allowed == {
        "default-src": "'none'",
        "script-src": " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return _SCRIPT.sub("", page)


def assert_fetches_nothing(page):
    """No element or style asks for another file."""
    bare = without_scripts(page)
    assert not re.findall(r"<(?:script|iframe|object|embed|base|link(?! rel=\"icon\" href=\"data:))", bare)
    targets = re.findall(r'\s(?:src|href|xlink:href|data|srcset)="([^"]*)"', bare) + re.findall(r"url\(([^)]+)\)", bare)
    assert targets and all(target.startswith(("#", "data:")) for target in targets)
    assert "@import" not in bare
