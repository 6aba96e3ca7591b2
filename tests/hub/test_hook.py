"""`load_dataset("vl-routerbench")`: answered without a Hub call, in whatever order things are imported.

Each case is a process of its own with caches of its own, since imports and the library's caches are what is tested.
"""

import importlib
import os
import sys
import textwrap

import pytest

from tests.tables import write_own_tables
from tests.warm import run_python, run_whole_python
from vlrouterbench.data.build import build_benchmark

SIMULATED = 'load_dataset("vl-routerbench", "simulated", num_samples=60)'
LOOK = """
assert sum(map(len, found.values())) == 60, found
features = next(iter(found.values())).features
assert len(features["quality"]) == len(features["cost"]) == 17, features
assert isinstance(features["image"], datasets.Image), features
row = next(iter(found.values()))[0]
assert row["image"].width > 0 and set(row["quality"]) == set(row["cost"])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A benchmark home that the processes of this module share, so that a simulated benchmark is drawn once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def python(tmp_path, home, project_root):
    """Runs code in a process with fresh caches, in an empty folder; gives its output."""

    def run(code, *, fails=False, cwd=None, start=run_python, **variables):
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        environment = os.environ | {
            "HF_HOME": str(tmp_path / "huggingface"),
            "VLROUTERBENCH_HOME": str(home),
            "PYTHONPATH": str(project_root),
        }
        environment.pop("VLROUTERBENCH_REPO_ID", None)
        done = start("-c", textwrap.dedent(code), cwd=cwd or work, env=environment | variables)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    return run


@pytest.fixture
def registered(tmp_path):
    """A home with a registered build of own tables, 30 samples."""
    home = tmp_path / "registered"
    build_benchmark(write_own_tables(tmp_path / "own", num_samples=30), home / "vl-routerbench")
    return home


@pytest.mark.parametrize(
    "imports",
    [
        "import vlrouterbench, datasets\nfrom datasets import load_dataset",
        "import datasets, vlrouterbench\nfrom datasets import load_dataset",
        "import datasets\nfrom datasets import load_dataset\nimport vlrouterbench",
    ],
    ids=["ours first", "datasets first", "load_dataset taken before"],
)
def test_the_simulated_benchmark_loads_whatever_is_imported_first(python, imports):
    python(f"{imports}\nfound = {SIMULATED}\n{LOOK}")


def test_importing_the_package_imports_neither_datasets_nor_torch(python):
    heavy = "{'datasets', 'torch', 'transformers', 'pandas', 'sklearn', 'matplotlib'}"
    code = f"import sys, vlrouterbench\nassert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    python(code, start=run_whole_python)


def test_the_simulated_benchmark_streams(python):
    python(
        """
        import vlrouterbench
        from datasets import load_dataset
        rows = load_dataset("vl-routerbench", "simulated", num_samples=60, split="train", streaming=True)
        row = next(iter(rows))
        assert row["image"].width > 0 and len(row["quality"]) == 17
        """
    )


def test_configs_are_listed(python):
    shown = python(
        """
        import vlrouterbench, datasets
        print(*datasets.get_dataset_config_names("vl-routerbench"))
        """
    )
    expected = {"default", "general", "stem", "charts-ocr", "outcomes", "candidates", "simulated", "simulated-outcomes"}
    assert expected <= set(shown.split())


def test_an_explicit_folder_in_the_working_folder_wins(python, registered, tmp_path):
    build_benchmark(write_own_tables(tmp_path / "other", num_samples=20, seed=5), tmp_path / "work" / "vl-routerbench")
    python(
        """
        import vlrouterbench
        from datasets import load_dataset
        found = load_dataset("./vl-routerbench")
        assert sum(map(len, found.values())) == 20
        assert sum(map(len, load_dataset("vl-routerbench").values())) == 20
        """,
        VLROUTERBENCH_HOME=str(registered),
    )


LOAD = """
import vlrouterbench
from datasets import load_dataset
found = load_dataset("vl-routerbench")
print(sum(map(len, found.values())), sorted({row["dataset"] for rows in found.values() for row in rows})[0])
"""


def test_the_registered_build_is_served_and_after_a_rebuild_its_new_rows(python, registered, tmp_path):
    home = {"VLROUTERBENCH_HOME": str(registered)}
    assert python(LOAD, **home).split() == ["30", "animals"]
    source = write_own_tables(tmp_path / "again", num_samples=30, datasets=("bridges", "towers"))
    build_benchmark(source, registered / "vl-routerbench")
    assert python(LOAD, **home).split() == ["30", "bridges"]


def test_two_homes_never_share_rows(python, registered, tmp_path):
    """The library's cache is one; what tells the builds apart is their content."""
    other = tmp_path / "other home"
    source = write_own_tables(tmp_path / "again", num_samples=30, datasets=("bridges", "towers"))
    build_benchmark(source, other / "vl-routerbench")
    assert python(LOAD, VLROUTERBENCH_HOME=str(registered)).split() == ["30", "animals"]
    assert python(LOAD, VLROUTERBENCH_HOME=str(other)).split() == ["30", "bridges"]


def test_where_there_is_nothing_the_error_says_what_was_looked_for(python, tmp_path):
    home = tmp_path / "empty home"
    said = python(LOAD, fails=True, VLROUTERBENCH_HOME=str(home))
    for part in ("./vl-routerbench", str(home / "vl-routerbench"), "VLROUTERBENCH_REPO_ID", '"simulated"'):
        assert part in said


def test_other_names_pass_untouched(python, tmp_path):
    folder = tmp_path / "work" / "others"
    folder.mkdir(parents=True)
    (folder / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    python(
        """
        import vlrouterbench
        from datasets import load_dataset
        assert load_dataset("others", split="train")["b"][:] == [2, 4]
        assert load_dataset("csv", data_files="others/rows.csv", split="train")["a"][:] == [1, 3]
        """
    )


def test_a_benchmark_folder_loads_where_the_package_is_not_installed(python, registered):
    folder = registered / "vl-routerbench"
    python(
        f"""
        import sys
        sys.modules["vlrouterbench"] = None
        import datasets
        assert sorted(datasets.get_dataset_config_names({str(folder)!r})) == [
            "candidates", "default", "other", "outcomes"
        ]
        found = datasets.load_dataset({str(folder)!r})
        assert sum(map(len, found.values())) == 30
        row = found["train"][0]
        assert row["image"].size == (20, 12) and set(row["quality"]) == {{"small", "middle", "large"}}
        assert len(datasets.load_dataset({str(folder)!r}, "outcomes", split="train")) == 90
        assert len(datasets.load_dataset({str(folder)!r}, "candidates", split="train")) == 3
        """
    )


def test_a_rebuilt_folder_is_not_served_from_a_stale_cache(python, registered, tmp_path):
    folder = registered / "vl-routerbench"
    code = f"import datasets; print(datasets.load_dataset({str(folder)!r}, split='train')[0]['dataset'])"
    assert python(code).strip() in ("animals", "plants")
    build_benchmark(write_own_tables(tmp_path / "again", num_samples=30, datasets=("bridges",)), folder)
    assert python(code).strip() == "bridges"


def test_outside_the_tried_versions_only_our_name_fails_and_says_so(monkeypatch):
    import datasets

    hook = importlib.import_module("vlrouterbench.hub.hook")
    monkeypatch.setattr(datasets, "__version__", "6.0.0")
    with pytest.raises(ImportError, match=r"tried with datasets 5.x, found 6.0.0"):
        hook._benchmark_module()


def test_installing_twice_wraps_once(monkeypatch):
    import datasets.load

    from vlrouterbench.hub.hook import install_dataset_name

    before, finders = datasets.load.dataset_module_factory, len(sys.meta_path)
    install_dataset_name()
    assert datasets.load.dataset_module_factory is before
    assert len(sys.meta_path) == finders
