"""The site of docs/: built with warnings as errors, it asks for nothing from elsewhere; generated pages are fresh."""

import importlib.util
import re

import pytest

import vlrouterbench
from tests.warm import run_python
from vlrouterbench.cli.reference import page

ELSEWHERE = re.compile(
    r"""<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=["'](?:https?:)?//|url\(["']?(?:https?:)?//|@import"""
)


@pytest.mark.skipif(importlib.util.find_spec("sphinx") is None, reason="sphinx is not installed")
def test_the_site_builds_without_a_warning_and_asks_for_nothing_from_elsewhere(project_root, tmp_path):
    options = ["-W", "-q", "-b", "html", "docs", str(tmp_path)]
    # Nothing is left in docs/, whose files another test counts.
    quiet = "import sys; sys.dont_write_bytecode = True"
    build = f"{quiet}; from sphinx.cmd.build import main; raise SystemExit(main({options!r}))"
    done = run_python("-c", build, cwd=project_root)
    assert done.returncode == 0, done.stderr
    texts = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert {"get_started.html", "glossary.html", "api.html", "research_log.html"} <= {path.name for path in texts}
    wrong = {path.name for path in texts if ELSEWHERE.search(path.read_text(encoding="utf-8"))}
    assert wrong == set()
    assert (tmp_path / "searchindex.js").is_file() and not (project_root / "docs" / "__pycache__").exists()
    wide = (tmp_path / "rewordings.html").read_text(encoding="utf-8")
    assert '<div class="table-wrapper' in wide and "_static/wide_tables.css" in wide
    assert ".table-wrapper::-webkit-scrollbar" in (tmp_path / "_static" / "wide_tables.css").read_text(encoding="utf-8")
    front = (tmp_path / "index.html").read_text(encoding="utf-8")
    for caption in ("Get started", "How-to", "Explanation", "Reference", "Research log"):
        assert f'<span class="caption-text">{caption}</span>' in front


def test_the_page_of_commands_is_what_help_says_today(project_root):
    kept = (project_root / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page() == kept, "python -m vlrouterbench.cli.reference > docs/commands.md"
    assert max(map(len, re.findall(r"^(?:Usage| ).*$", kept, re.MULTILINE))) <= 80


def test_every_public_name_has_its_docstring_on_the_site(project_root):
    text = (project_root / "docs" / "api.rst").read_text(encoding="utf-8")
    shown = re.findall(r"^\.\. auto(?:class|function):: vlrouterbench\.(\w+)$", text, re.MULTILINE)
    assert sorted(shown) == sorted(vlrouterbench._HOMES)


def test_every_page_has_its_place_in_the_contents(project_root):
    docs = project_root / "docs"
    listed = re.findall(r"^   (\w+)$", (docs / "index.rst").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted({path.stem for kind in ("*.md", "*.rst") for path in docs.glob(kind)} - {"index"})
