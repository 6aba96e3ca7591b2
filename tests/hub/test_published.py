"""The published archive: fetched and built once where the Hub has it, and a clear error at once where it does not."""

import io
import tarfile
import time

import pytest

from vlrouterbench.core import reach
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.table import load_table
from vlrouterbench.hub.published import ARCHIVE_FILE, ARCHIVE_REPO, fetch_and_build

LOAD = """
    import vlrouterbench
    from datasets import load_dataset

    answer = {split: rows["sample_id"][:] for split, rows in load_dataset("vl-routerbench").items()}
"""


@pytest.fixture(scope="module")
def archive(data_root):
    """The example logs as the archive that is published."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        tar.add(data_root / "vlmevalkit_example" / "vlm_router_data", "vlm_router_data")
    return content.getvalue()


def test_the_archive_is_fetched_built_and_registered_once(fake_hub, client, archive, tmp_path):
    fake_hub.add("dataset", ARCHIVE_REPO, {ARCHIVE_FILE: archive})
    ids = client(fake_hub.endpoint, LOAD)
    table = load_table(tmp_path / "home" / "vl-routerbench", verify=True)
    assert not table.simulated
    assert ids == {split: table.split(split).column("sample_id") for split in ids}
    assert sum(map(len, ids.values())) == len(table) > 0
    asked = len(fake_hub.requests)
    assert client(fake_hub.endpoint, LOAD) == ids
    assert len(fake_hub.requests) == asked, "the second load asked the Hub again"


def test_without_a_network_the_error_names_everything_looked_for_at_once(client, closed_endpoint, tmp_path):
    start = time.monotonic()
    said = client(
        closed_endpoint,
        """
        from vlrouterbench.core.errors import BenchmarkError
        from vlrouterbench.hub.published import fetch_and_build

        try:
            fetch_and_build()
        except BenchmarkError as error:
            answer = str(error)
        """,
    )
    assert time.monotonic() - start < 20
    home = str(tmp_path / "home" / "vl-routerbench")
    for part in ("./vl-routerbench", home, "VLROUTERBENCH_REPO_ID", "VLROUTERBENCH_HOME", ARCHIVE_FILE, ARCHIVE_REPO):
        assert part in said
    for part in ("the Hub cannot be reached", "vlrouterbench build SOURCE", '"simulated"'):
        assert part in said


def test_a_hub_without_the_archive_is_quoted(fake_hub, client):
    said = client(
        fake_hub.endpoint,
        """
        from vlrouterbench.core.errors import BenchmarkError
        from vlrouterbench.hub.published import fetch_and_build

        try:
            fetch_and_build()
        except BenchmarkError as error:
            answer = str(error)
        """,
    )
    assert "found none: the Hub answered: " in said and "404" in said


def test_switched_off_it_asks_nothing_and_uses_what_was_fetched_before(monkeypatch, tmp_path):
    """The suite runs with HF_HUB_OFFLINE: no connection may be tried."""
    monkeypatch.setattr(reach.socket, "create_connection", lambda *_, **__: pytest.fail("a connection was tried"))
    monkeypatch.setenv("VLROUTERBENCH_HOME", str(tmp_path))
    with pytest.raises(BenchmarkError, match="the Hub cannot be reached"):
        fetch_and_build()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, False), ({"HTTP_PROXY": "http://proxy:1"}, True), ({"ALL_PROXY": "http://proxy:1"}, True)],
    ids=["no proxy", "proxy", "proxy for all"],
)
def test_a_proxy_is_trusted_to_reach_the_hub_unless_it_is_bypassed(monkeypatch, closed_endpoint, variables, expected):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", closed_endpoint)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert reach.hub_reachable() is expected
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert reach.hub_reachable() is False
