"""Submissions in a dataset repository on the Hub: found there, limited in size, and refused in words."""

import json
from pathlib import Path

import pytest

from vlrouterbench.evaluation.leaderboard.hub_folder import MOST_FILE_BYTES, HubFolder, SubmissionError


@pytest.fixture
def repository(fake_hub, submit):
    """owner/entries: two submissions in a folder, one beside it, and files that no leaderboard reads."""
    choices = {"2026/small": "small", "2026/large": "large", "old": "middle"}
    files = {"README.md": b"# Entries", "2026/small/weights.bin": b"0" * 100}
    for place, candidate in choices.items():
        file = submit(place, lambda _, candidate=candidate: candidate, router=place.replace("/", "-"))
        files[f"{place}/decisions.parquet"] = file.read_bytes()
    fake_hub.add("dataset", "owner/entries", files)
    return fake_hub


FIND = """
from pathlib import Path
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.evaluation.leaderboard.submissions import find_submissions
def look(address):
    try:
        return {{s.name: s.path.stat().st_size for s in find_submissions([address])}}
    except VLRouterBenchError as error:
        return str(error)
answer = [look(address) for address in {addresses!r}]
"""
"""Name and size of every submission that is found at each address, or what is said instead."""


def fetched(hub):
    return [path for _, path in hub.requests if "/resolve/" in path]


def test_a_folder_of_a_repository_is_ranked_and_nothing_else_of_it_is_fetched(client, repository, benchmark):
    asked = ("leaderboard", "hf://datasets/owner/entries/2026", "--benchmark", benchmark, "--json")
    done = client(repository.endpoint, asked)
    assert done.returncode == 0, done.stderr
    found = {e["router"]: e["submission"] for e in json.loads(done.stdout)["entries"] if e["kind"] == "submission"}
    assert found == {"2026-small": "small", "2026-large": "large"}
    asked = fetched(repository)
    assert asked and not [path for path in asked if "weights" in path or "old" in path or "README" in path]


def test_submissions_have_the_names_of_their_folders_and_serve_without_a_network(client, repository, closed_endpoint):
    addresses = ["owner/entries", "hf://datasets/owner/entries/2026", "hf://datasets/owner/entries@main/old/"]
    answers = client(repository.endpoint, FIND.format(addresses=addresses))
    assert [set(answer) for answer in answers] == [{"small", "large", "old"}, {"small", "large"}, {"old"}]
    files = repository.files("dataset", "owner/entries")
    assert answers[2]["old"] == len(files["old/decisions.parquet"])
    assert client(closed_endpoint, FIND.format(addresses=addresses)) == answers


def test_without_a_network_it_fails_at_once_in_one_message(client, benchmark, closed_endpoint):
    done = client(closed_endpoint, ("leaderboard", "hf://datasets/owner/entries", "--benchmark", benchmark))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "expected submissions at owner/entries" in done.stderr and "the Hub cannot be reached" in done.stderr


def test_what_is_not_there_or_too_large_is_said_and_not_fetched(client, repository):
    repository.add("dataset", "owner/empty", {"README.md": b""})
    repository.add("dataset", "owner/huge", {"a/decisions.parquet": bytes(MOST_FILE_BYTES + 1)})
    said = {
        "hf://datasets/owner/nobody": "the Hub answered: ",
        "hf://datasets/owner/entries/2031": "the Hub answered: ",
        "hf://datasets/owner/entries@v9": "the Hub answered: ",
        "hf://datasets/owner/empty": "expected a decisions.parquet at owner/empty, found none",
        "owner/huge": "the largest a/decisions.parquet with 64.0 MiB. Nothing was fetched",
    }
    answers = client(repository.endpoint, FIND.format(addresses=list(said)))
    for words, answer in zip(said.values(), answers, strict=True):
        assert words in answer
    assert not fetched(repository)


@pytest.mark.parametrize(
    "address",
    ["hf://owner/entries", "hf://models/owner/entries", "hf://datasets/owner", "hf://datasets/owner/entries/../x"],
)
def test_another_address_is_refused_with_the_form(address):
    with pytest.raises(SubmissionError, match=r"expected hf://datasets/OWNER/NAME"):
        HubFolder.parse(address)


def test_a_path_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs/one").mkdir(parents=True)
    for text in ("runs/one", "./a", "/a", "~/a", "a/b/c", "decisions.parquet"):
        assert HubFolder.parse(text) is None
    assert HubFolder.parse("owner/name") == HubFolder("owner/name")
