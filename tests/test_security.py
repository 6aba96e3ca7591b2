"""Every promise of SECURITY.md names tests, and every test that it names exists."""

import ast
import re

PROMISE = re.compile(r"^\| (?!promise|---)(.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::((?:Test\w+::)?test_\w+)`")


def names_in(path):
    """Tests of a file, those of a class behind its name."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        names = [one.name for one in inner if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
        found |= {f"{node.name}::{name}" if isinstance(node, ast.ClassDef) else name for name in names}
    return found


def test_every_promise_names_tests_that_exist(project_root):
    promises = PROMISE.findall((project_root / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(promises) > 20
    for promise, held_by in promises:
        named = NAMED.findall(held_by)
        assert named and NAMED.sub("", held_by).strip(", ") == "", promise
        for path, test in named:
            assert (project_root / path).is_file() and test in names_in(project_root / path), f"{path}::{test}"


def test_every_kind_of_stranger_has_promises(project_root):
    text = (project_root / "SECURITY.md").read_text(encoding="utf-8")
    for kind in ("Logs", "Routers", "Submissions", "requests", "Files"):
        (section,) = [part for part in text.split("\n## ")[1:] if kind in part.splitlines()[0]]
        assert len(PROMISE.findall(section)) >= 3, kind
