"""The README keeps its word: its example runs, its tree is the tree, its numbers say that they are simulated."""

import re
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def readme(project_root):
    return (project_root / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs_as_printed(readme, own_tables, tmp_path):
    """On own tables of 12 samples no split is sure to be filled, so each side is stated."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    samples = pq.read_table(own_tables / "samples.parquet")
    sides = (["train"] * 6 + ["validation"] * 3 + ["test"] * 3)[: samples.num_rows]
    pq.write_table(samples.append_column("split", pa.array(sides)), own_tables / "samples.parquet")
    own_tables.rename(tmp_path / "my_tables")
    (tmp_path / "receipt.png").write_bytes((tmp_path / "my_tables" / "images" / "3.png").read_bytes())
    code = re.search(r"```python\n(.*?)```", readme, re.DOTALL).group(1)
    assert len(code.strip().splitlines()) <= 13
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "oracle" in done.stdout
    assert (tmp_path / "my_router" / "model.safetensors").is_file()


def test_the_tree_names_every_room_and_module_and_no_other(readme, project_root):
    tree = re.search(r"## What lies where\n\n```\n(.*?)```", readme, re.DOTALL).group(1)
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
    assert all((project_root / name).exists() for name in listed)


def test_numbers_of_the_simulated_run_are_called_simulated(readme):
    block = re.search(r"```\n(vl-routerbench[^`]*)```", readme).group(1)
    assert "(simulated data)" in block.splitlines()[0]
    assert "**simulated data**" in readme.split(block)[0].rsplit("\n\n", 2)[1]
