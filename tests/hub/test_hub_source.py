"""A source on the Hub: pinned, fetched in part and once, named in the report; offline an immediate error."""

import json

import pytest

from tests.data.sources.published import pool, records
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.hub_source import fetch, is_on_hub

SOURCE = "hf://datasets/owner/records"


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_source_is_pinned_and_fetched_once_without_other_models_and_pickles(
    tmp_path, fake_hub, client, trained_folders
):
    files = files_of(records(tmp_path / "records"))
    fake_hub.add("dataset", "owner/records", files | {"mmeval/ModelA/ModelA_MMStar.pkl": b"\x80", "README.md": b"# x"})
    first = fake_hub.repositories["dataset", "owner/records"].commits[0][0]
    fake_hub.repositories["dataset", "owner/records"].commit({"README.md": b"all is gone"})
    questions = {f"data/{name}": f"question\n{name}\n".encode() for name in ("q-0.csv", "q-1.csv", "other.csv")}
    fake_hub.add("dataset", "owner/questions", questions)
    code = f"""
    import json
    from pathlib import Path
    from vlrouterbench.cli.main import main
    from vlrouterbench.routing.parts.shards import find_shards

    questions = "hf://datasets/owner/questions/data/q-*.csv"
    shards = find_shards(Path(questions))
    route = ["route", "--router", {str(trained_folders["linear"])!r}, "--questions", questions, "--out", "decisions"]
    routed = [main([*route, "--parts", "2", "--actors", "1"]), main(route)]
    build = ["build", {f"{SOURCE}@{first}"!r}, "--models", "ModelA,ModelB", "--prices", {str(pool(tmp_path))!r}]
    folder = ["build", {f"{SOURCE}@{first}/mmeval"!r}, "--candidates", {str(pool(tmp_path))!r}]
    answer = [main([*build, "--out", "one"]), main([*build, "--out", "two"]), main([*folder, "--out", "three"])]
    answer += [json.loads(Path(n, "build_report.json").read_text()) for n in ("one", "two", "three")]
    answer += [main(["build", {SOURCE!r}, "--out", "four"]), Path("one/README.md").read_text()]
    answer += [shards.names, shards.origin, [(shards.root / name).read_text() for name in shards.names]]
    answer += [routed, json.loads(Path("decisions/manifest.json").read_text())]
    """
    *statuses, one, two, three, newest, card, names, origin, texts, routed, manifest = client(fake_hub.endpoint, code)
    commit = fake_hub.repositories["dataset", "owner/questions"].commits[0][0]
    assert (names, texts) == (["q-0.csv", "q-1.csv"], ["question\nq-0.csv\n", "question\nq-1.csv\n"])
    assert origin == {"repo_id": "owner/questions", "revision": commit, "folder": "data"}
    assert routed == [0, 0] and manifest["input"]["origin"] == origin and manifest["done"] == [0, 1]
    assert statuses == [0, 0, 0] and newest == 1
    assert one == two and one["source_origin"] == {"repo_id": "owner/records", "revision": first, "folder": "."}
    assert (one["name"], one["samples"], one["candidates"], one["pairs_kept"]) == ("records", 24, 2, 48)
    assert (three["candidates"], three["source_origin"]["folder"]) == (3, "mmeval")
    assert f"at commit `{first}`" in card
    paths = [path for method, path in fake_hub.requests if method == "GET"]
    asked = sorted({path.rpartition("/")[2] for path in paths if "/owner/questions/resolve/" in path})
    assert asked == ["q-0.csv", "q-1.csv"]
    got = [path.partition("/resolve/")[2].partition("/")[2] for path in paths if "/owner/questions/" not in path]
    fetched = [path for path in got if path]
    assert sorted(fetched) == sorted(path for path in files if path.startswith("mmeval/"))  # each once, over all builds


def test_offline_the_command_ends_at_once_and_says_what_to_do(tmp_path, monkeypatch, closed_endpoint):
    with pytest.raises(SourceError, match=r"the Hub cannot be reached .* `hf download owner/records --repo-type"):
        build_benchmark(SOURCE, tmp_path / "out", BuildOptions())
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", closed_endpoint)
    with pytest.raises(SourceError, match="the Hub cannot be reached"):
        fetch(SOURCE)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("source", ["hf://models/owner/name", "hf://datasets/name", "hf://datasets/o/n/../x", "hf:/x"])
def test_another_form_of_address_is_refused_with_the_right_one(source):
    assert is_on_hub(source)
    with pytest.raises(SourceError, match=r"expected (hf://datasets/OWNER/NAME|a folder inside the repository)"):
        fetch(source)


def test_a_folder_of_this_machine_is_none_on_the_hub(tmp_path):
    assert not is_on_hub(tmp_path / "hf") and json.dumps(is_on_hub("hf/x")) == "false"
