"""What the app stands on: made once, read again, made anew where its inputs changed; and what it says of its data."""

import json
import shutil

import pytest

from tests.families import small_router
from vlrouterbench.core.errors import RouterError
from vlrouterbench.demo import workspace as module
from vlrouterbench.demo.html import escaped
from vlrouterbench.demo.page import build_page
from vlrouterbench.demo.ranking import ranked_records, unscored_html
from vlrouterbench.demo.workspace import MADE_FILE, prepare, training_note, weights_digest
from vlrouterbench.routers.auto import AutoRouter


@pytest.fixture
def copied(workspace, tmp_path):
    """A copy of the app's folder."""
    return shutil.copytree(workspace.folder.root, tmp_path / "app")


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_second_start_makes_nothing_again(workspace, copied):
    before = stamps(copied)
    again = prepare(copied, num_samples=len(workspace.table))
    assert stamps(copied) == before
    assert again.explored == workspace.explored and weights_digest(again.router) == weights_digest(workspace.router)


def test_what_was_made_by_another_version_is_made_again(workspace, copied, monkeypatch):
    made = json.loads((copied / MADE_FILE).read_text())
    (copied / MADE_FILE).write_text(json.dumps(made | {"version": "0.0.0"}))
    asked = []
    monkeypatch.setattr(module, "_make", lambda *given: asked.append(given))
    prepare(copied, num_samples=len(workspace.table))
    assert len(asked) == 1 and json.loads((copied / MADE_FILE).read_text()) == made


def test_a_router_of_the_same_candidates_is_evaluated_like_the_apps_own(workspace, copied, tmp_path):
    given = shutil.copytree(copied / "routers" / "flagship", tmp_path / "given")
    found = prepare(copied, str(given), num_samples=len(workspace.table))
    assert found.explored == "given" and "given" in found.decisions
    assert found.data_note == workspace.data_note
    assert found.unscored == "" and "given" in [record["router"] for record in ranked_records(found)]


def test_a_router_of_other_candidates_decides_and_policies_stand_for_it(workspace, copied, tmp_path):
    small_router("linear").save_pretrained(tmp_path / "other")
    found = prepare(copied, str(tmp_path / "other"), num_samples=len(workspace.table))
    assert found.explored == "mixture" and found.router.config.candidate_names == ["a", "b", "c"]
    assert "data that its configuration does not name" in found.data_note
    assert "not scored here: this benchmark has 17 candidates, and it chooses among a, b, c, which" in found.unscored
    assert found.unscored in unscored_html(found)
    page = str(build_page(found).get_config_file())
    assert 'class="vrb-note" id="data-note"' in page  # the benchmark is simulated
    assert page.count("not scored here") >= 2 and "Outcome (policy: mixture)" in page


def test_simulated_outcomes_are_called_so_whatever_the_router_was_trained_on(workspace, copied, tmp_path):
    router = AutoRouter.from_pretrained(copied / "routers" / "flagship")
    router.config.training["benchmark"] |= {"name": "mine", "simulated": False}
    router.save_pretrained(tmp_path / "measured")
    found = prepare(copied, str(tmp_path / "measured"), num_samples=len(workspace.table))
    assert found.data_note.startswith("This router was trained on mine")
    assert "Explore and Leaderboard show simulated data under the names of real models" in found.notice
    assert found.unscored == "" and "measured" in [record["router"] for record in ranked_records(found)]
    assert escaped(found.notice) in str(build_page(found).get_config_file())
    assert workspace.notice == workspace.data_note


def test_a_router_that_is_not_there_stops_the_start_and_spares_what_was_made(workspace, copied):
    before = stamps(copied)
    with pytest.raises(RouterError, match="nowhere"):
        prepare(copied, "nowhere", num_samples=len(workspace.table))
    assert stamps(copied) == before


def test_the_page_says_that_the_router_knows_simulated_data(workspace):
    assert "trained on simulated data (vl-routerbench-simulated" in workspace.data_note
    assert "nothing here says anything about a real model" in workspace.data_note


def test_a_router_of_real_data_is_not_called_simulated():
    router = small_router("linear")
    router.config.training = {"benchmark": {"name": "mine", "simulated": False}, "num_train": 1234}
    assert training_note(router) == "This router was trained on mine, 1,234 samples."
