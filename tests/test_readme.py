"""README and docs keep their word: the example runs, the tree is the tree, links lead somewhere."""

import re

import pytest

from tests.warm import run_python


@pytest.fixture(scope="module")
def readme(project_root):
    return (project_root / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs_as_printed(project_root, own_tables, tmp_path):
    """`docs/python.md`. On own tables of 12 samples no split is sure to be filled, so each side is stated."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    samples = pq.read_table(own_tables / "samples.parquet")
    sides = (["train"] * 6 + ["validation"] * 3 + ["test"] * 3)[: samples.num_rows]
    pq.write_table(samples.append_column("split", pa.array(sides)), own_tables / "samples.parquet")
    own_tables.rename(tmp_path / "my_tables")
    (tmp_path / "receipt.png").write_bytes((tmp_path / "my_tables" / "images" / "3.png").read_bytes())
    page = (project_root / "docs" / "python.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    assert len(code.strip().splitlines()) <= 13
    done = run_python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "oracle" in done.stdout
    assert (tmp_path / "my_router" / "model.safetensors").is_file()


def test_the_tree_names_every_room_and_module_and_no_other(project_root):
    page = (project_root / "docs" / "structure.md").read_text(encoding="utf-8")
    tree = re.search(r"# What lies where\n\n```\n(.*?)```", page, re.DOTALL).group(1)
    listed, stack = set(), []
    for line in tree.splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        stack = [*stack[:depth], name.rstrip("/")]
        listed.add("/".join(stack))
    package = project_root / "vlrouterbench"
    rooms = {p.parent for p in package.rglob("__init__.py")} - {package, package / "metrics" / "rank_score"}
    modules = set(package.glob("*.py"))
    present = {p.relative_to(project_root).as_posix() for p in rooms | modules | {package}}
    assert present == {name for name in listed if name.startswith("vlrouterbench")}
    assert {"hub_cards", "spaces", "tests"} <= listed
    assert {f"docs/{path.name}" for path in (project_root / "docs").iterdir()} == {
        n for n in listed if n[:5] == "docs/"
    }
    assert all((project_root / name).exists() for name in listed)


def test_numbers_of_the_simulated_run_are_called_simulated(readme):
    block = re.search(r"```\n(vl-routerbench[^`]*)```", readme).group(1)
    assert "(simulated data)" in block.splitlines()[0]
    assert "**simulated data**" in readme.split(block)[0].rsplit("\n\n", 2)[1]


def test_the_readme_is_one_page_and_shows_a_picture_first(readme):
    assert len(readme.split()) <= 900
    assert len(readme.splitlines()) <= 120
    assert readme.index("![") < readme.index("## ")


def test_the_two_requests_to_the_gateway_are_those_that_the_page_on_serving_runs(readme, project_root):
    """`tests/serving/test_docs_lines.py` sends them as printed to `serve --demo`."""
    section = readme.split("`vlrouterbench serve --demo`")[1]
    page = (project_root / "docs" / "serve.md").read_text(encoding="utf-8").split("vlrouterbench serve --demo\n```")[1]
    lines, run = (re.search(r"```bash\n(.*?)```", text, re.DOTALL).group(1) for text in (section, page))
    assert lines == run and lines.count("curl ") == 2


def _pages(root):
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def _anchors(text):
    """The names under which GitHub links to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_relative_link_of_the_pages_leads_to_a_file_and_a_heading(project_root):
    wrong, seen = [], 0
    for page in _pages(project_root):
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", re.sub(r"\[`[^`\n]*`\]", "[code]", text), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", prose, re.MULTILINE):
            target = "".join(link)
            if re.match(r"https?://|mailto:", target):
                continue
            seen += 1
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            if not file.exists() or (anchor and anchor not in _anchors(file.read_text(encoding="utf-8"))):
                wrong.append(f"{page.relative_to(project_root)}: {target}")
    assert wrong == []
    assert seen > 50


def test_every_page_of_docs_is_linked_from_the_readme(readme, project_root):
    pages = {path.relative_to(project_root).as_posix() for path in (project_root / "docs").glob("*.md")}
    assert {page for page in pages if f"({page}" not in readme} == set()
