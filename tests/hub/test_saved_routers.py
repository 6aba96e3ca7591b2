"""The card of a saved router follows its configuration and facts, whoever saves it, and a push goes with all checks."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from PIL import Image

from tests.families import ENCODER, small_router
from tests.interpreters import WITHOUT
from tests.routers.test_write_code import ABSENT
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.hub.card_figures import trade_off_of
from vlrouterbench.hub.saved_routers import update_router_card
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.card import FIGURE, NOTES_MARK, candidates_section
from vlrouterbench.routers.base.saved_router import CARD, CARD_FACTS
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.fit import save_staged

BENCHMARK = {"name": "own-tables", "sha256": "ab" * 32, "simulated": True}
SINGLES = [("small", 0.5, 0.0001), ("large", 0.8, 0.002)]
TRAINING = {"benchmark": BENCHMARK, "num_train": 1200, "num_validation": 150, "seed": 3, "version": "0.1.0"}
TRIALS = [{"setting": {"num_neighbors": k}, "validation_rank_score": score} for k, score in ((5, 61.5), (9, 64.25))]
CANDIDATES = [
    {"name": "small", "input_price": 0.1, "output_price": 0.4, "mean_cost_usd": 0.0001},
    {"name": "large", "input_price": 2.0, "output_price": 8.0, "mean_cost_usd": 0.002},
]
RECORD = {
    "router": "mine",
    "split": "test",
    "num_samples": 310,
    "accuracy": 0.75,
    "average_cost_usd": 0.0003,
    "rank_score": 66.125,
    "ci95": {"rank_score": [64.0, 68.0], "accuracy": [0.7, 0.8], "average_cost_usd": [0.0002, 0.0004]},
    "vs_mixture": {"rank_score": 1.5, "ci95": [0.2, 2.8]},
    "benchmark": BENCHMARK,
    "seed": 0,
    "version": "0.1.0",
    "training_overlap": 0,
    "router_config": {"kind": "router", "rechosen": False},
}
ELSEWHERE = (
    WITHOUT
    + """
import json, sys
given = json.load(sys.stdin)
sys.meta_path[:] = [Without(finder, [*given["absent"], "jinja2"]) for finder in sys.meta_path]
from transformers import AutoModel
router = AutoModel.from_pretrained(given["changed"], trust_remote_code=True)
router.remove_candidate("brand-new")
router.set_prices({given["dearer"]: (3.0, 4.25)})
router.save_pretrained("changed")
AutoModel.from_pretrained(given["evaluated"], trust_remote_code=True).save_pretrained("evaluated")
assert "vlrouterbench" not in sys.modules
"""
)


@pytest.fixture(scope="module")
def saved_elsewhere(changed, evaluated, tmp_path_factory):
    """Folder of what an interpreter without this package and without a template library saved, in an empty folder."""
    where = tmp_path_factory.mktemp("elsewhere")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    given = {"absent": ABSENT, "changed": str(changed[0]), "dearer": changed[2], "evaluated": str(evaluated)}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps(given),
        cwd=where,
        env=environment | {"HF_HOME": str(where / "huggingface"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return where


def figures(card):
    results = ModelCard(card).data.eval_results or []
    return {(one.dataset_split, one.metric_type): one.metric_value for one in results}


def trained_router():
    """A router with all that training records of it."""
    config = ROUTERS["prototype"].config_class(candidates=CANDIDATES, encoder=ENCODER, training=TRAINING)
    made = ROUTERS["prototype"](config).eval()
    made.card_facts = {"pool": [["small", 0.1, 0.4], ["large", 2.0, 8.0]], "trials": TRIALS}
    return made


@pytest.fixture
def router():
    return trained_router()


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Folder of a router with an evaluation and a note in its card."""
    folder = tmp_path_factory.mktemp("evaluated") / "router"
    trained_router().save_pretrained(folder)
    update_router_card(folder, RECORD)
    (folder / CARD).write_text((folder / CARD).read_text() + "A note of mine.\n")
    return folder


@pytest.fixture
def folder(router, tmp_path):
    router.save_pretrained(tmp_path / "router")
    return tmp_path / "router"


@pytest.fixture(scope="module")
def changed(trained_folders, tmp_path_factory):
    """A flagship whose pool was changed in Python and saved, with the names of who left and who is dearer."""
    router = AutoRouter.from_pretrained(trained_folders["flagship"])
    left, dearer = router.config.candidate_names[:2]
    router.remove_candidate(left)
    router.set_prices({dearer: (7.0, 11.5)})
    rows = torch.randn(40, router.feature_dim, generator=torch.Generator().manual_seed(0))
    outcomes = {name: torch.full((40,), value) for name, value in (("quality", 1.0), ("input_tokens", 90.0))}
    outcomes["output_tokens"] = torch.full((40,), 10.0)
    router.add_candidate({"name": "brand-new", "input_price": 0.25, "output_price": 0.5}, rows, outcomes)
    folder = tmp_path_factory.mktemp("changed") / "router"
    router.save_pretrained(folder)
    return folder, left, dearer


def test_saving_writes_a_card_into_a_new_folder(folder):
    card = (folder / CARD).read_text(encoding="utf-8")
    assert "router over 2 vision-language models (trained on simulated data)" in card
    assert "2 settings were tried" in card and "| num_neighbors 9 | 64.25 |\n| num_neighbors 5 | 61.50 |" in card
    assert "| large | 2.00 | 8.00 | 20.000 |" in card
    assert figures(card) == {("validation", "rank_score"): 64.25}
    assert json.loads((folder / CARD_FACTS).read_text())["trials"] == TRIALS


@pytest.mark.parametrize("family", ROUTERS)
def test_a_router_of_any_family_made_by_hand_has_a_card(family, tmp_path):
    small_router(family).save_pretrained(tmp_path)
    card = (tmp_path / CARD).read_text(encoding="utf-8")
    assert "What this one was trained on is not recorded." in card and "| a | not known | not known | 10.000 |" in card
    assert not (tmp_path / CARD_FACTS).exists()


def test_a_card_that_stood_there_is_another_routers_and_goes(folder, tmp_path):
    small_router("knn").save_pretrained(folder)
    assert "num_neighbors" not in (folder / CARD).read_text() and not (folder / CARD_FACTS).exists()


def test_loaded_and_saved_again_the_card_is_the_same(folder, tmp_path):
    AutoRouter.from_pretrained(folder).save_pretrained(tmp_path / "again")
    for name in (CARD, CARD_FACTS):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_what_a_person_wrote_below_the_line_stays_and_what_stands_above_is_rendered(folder, tmp_path):
    card = folder / CARD
    card.write_text(card.read_text().replace("small", "tampered") + "A note of mine.\n\nAnd more.\n")
    AutoRouter.from_pretrained(folder).save_pretrained(tmp_path / "again")
    text = (tmp_path / "again" / CARD).read_text()
    assert text.endswith(f"{NOTES_MARK}\nA note of mine.\n\nAnd more.\n") and "tampered" not in text
    assert "notes" not in json.loads((tmp_path / "again" / CARD_FACTS).read_text())


def test_changes_of_the_pool_in_python_stand_in_the_card(changed):
    folder, left, dearer = changed
    card = (folder / CARD).read_text(encoding="utf-8")
    table = card.split("## Candidates")[1].split("\n\n")[1]
    assert (
        f"| {left} |" not in table
        and f"| {dearer} | 7.00 | 11.50 |" in table
        and "| brand-new | 0.25 | 0.50 |" in table
    )
    assert f"- {left} left.\n- {dearer} has new prices" in card and "estimated from 40 anchor samples" in card
    assert "model-index" not in card and "settings were tried" in card


def test_facts_that_cannot_be_read_are_one_message(folder):
    (folder / CARD_FACTS).write_text("[]")
    with pytest.raises(
        VLRouterBenchError, match=r"cannot be loaded: expected a JSON object in .*card.json, found a list"
    ):
        AutoRouter.from_pretrained(folder)


def test_a_folder_without_facts_loads_and_its_card_says_that_they_are_not_recorded(folder, tmp_path):
    (folder / CARD_FACTS).unlink()
    (folder / CARD).unlink()
    loaded = AutoRouter.from_pretrained(folder)
    assert loaded.card_facts is None
    loaded.save_pretrained(tmp_path / "again")
    assert "What was tried on validation is not recorded" in (tmp_path / "again" / CARD).read_text()


def test_without_the_package_the_card_keeps_its_facts_and_has_the_pool_as_it_is(changed, saved_elsewhere):
    folder, left, name = changed
    saved = saved_elsewhere / "changed"
    card = (saved / CARD).read_text(encoding="utf-8")
    assert "brand-new |" not in card and f"| {name} | 3.00 | 4.25 |" in card
    assert "- brand-new left.\n" in card and f"- {left} left." in card and "in $/1M 7 -> 3" in card
    assert "settings were tried; chosen:" in card and "(trained on simulated data)" in card
    assert (saved / CARD_FACTS).read_bytes() == (folder / CARD_FACTS).read_bytes()
    # With the package the whole card is rendered again, from the same facts.
    again = AutoRouter.from_pretrained(saved)
    assert candidates_section(again.config.to_dict()) in card
    assert "## Chosen on validation" in again.card_files()[CARD].decode() and "## Chosen on validation" not in card


def test_without_the_package_evaluations_and_notes_stay(evaluated, saved_elsewhere):
    card = (saved_elsewhere / "evaluated" / CARD).read_text(encoding="utf-8")
    assert figures(card) == figures((evaluated / CARD).read_text())
    assert (
        "On the test split of `own-tables` (simulated data), 310 samples: Rank Score 66.12 (95 % 64.0 to 68.0)" in card
    )
    assert card.endswith("A note of mine.\n")
    yaml.safe_load(card.split("---\n")[1])


@pytest.mark.parametrize("save", [lambda router, folder: router.save_pretrained(folder), save_staged])
def test_a_router_saved_over_another_keeps_the_notes_of_the_folder(folder, router, tmp_path, save):
    shutil.copytree(folder, tmp_path / "noted")
    for place, note in ((folder, "A note there.\n"), (tmp_path / "noted", "A note of the other.\n")):
        with (place / CARD).open("a", encoding="utf-8") as card:
            card.write(note)
    for one in (router, AutoRouter.from_pretrained(tmp_path / "noted")):
        save(one, folder)
        text = (folder / CARD).read_text(encoding="utf-8")
        assert text.endswith(f"{NOTES_MARK}\nA note there.\n") and "of the other" not in text
    save(AutoRouter.from_pretrained(tmp_path / "noted"), tmp_path / "new")
    assert (tmp_path / "new" / CARD).read_text(encoding="utf-8").endswith(f"{NOTES_MARK}\nA note of the other.\n")


def test_an_evaluation_stands_in_the_card_and_a_later_one_in_its_place(folder):
    before = (folder / CARD).read_text()
    card = update_router_card(folder, RECORD).read_text()
    assert "## On the test split (simulated data)" in card and "| Rank Score | 66.1 | 64.0 to 68.0 |" in card
    assert "| versus the best static mixture | +1.5 | +0.2 to +2.8 |" in card
    assert figures(card) == figures(before) | {
        ("test", "rank_score"): 66.12,
        ("test", "accuracy"): 0.75,
        ("test", "average_cost_usd"): 0.0003,
    }
    assert update_router_card(folder, RECORD).read_text() == card
    other = update_router_card(folder, RECORD | {"rank_score": 1.25, "training_overlap": 12}).read_text()
    assert figures(other)["test", "rank_score"] == 1.25 and other.count("## On the test split") == 1
    assert "**Not held out:** the router was trained on 12 of these samples." in other
    both = update_router_card(folder, RECORD | {"split": "train"}).read_text()
    assert both.index("## On the test split") < both.index("## On the train split")


def test_an_evaluation_of_another_pool_is_kept_and_not_shown(folder, tmp_path):
    update_router_card(folder, RECORD, SINGLES)
    router = AutoRouter.from_pretrained(folder)
    router.config.candidates = [{**CANDIDATES[0], "input_price": 0.2}, CANDIDATES[1]]
    router.save_pretrained(tmp_path / "dearer")
    card = (tmp_path / "dearer" / CARD).read_text()
    assert "## On the test split" not in card and figures(card) == {} and "| small | 0.20 | 0.40 |" in card
    assert FIGURE not in card and not (tmp_path / "dearer" / FIGURE).exists()
    again = AutoRouter.from_pretrained(tmp_path / "dearer")
    again.config.candidates = CANDIDATES
    again.save_pretrained(tmp_path / "as-before")
    for name in (CARD, FIGURE):
        assert (tmp_path / "as-before" / name).read_bytes() == (folder / name).read_bytes()


def test_the_figure_of_an_evaluation_lies_beside_the_card_and_says_that_data_are_simulated(folder):
    text = update_router_card(folder, RECORD, SINGLES).read_text()
    assert f"![Accuracy against cost of this router and of every single candidate (simulated data)]({FIGURE})" in text
    assert text.index(FIGURE) < text.index("## On the test split")
    with Image.open(folder / FIGURE) as image:
        assert image.format == "PNG" and image.width > 800
    drawn = trade_off_of("Prototype", json.loads((folder / CARD_FACTS).read_text())["evaluations"][0])
    assert drawn.title.endswith("of own-tables, simulated data")
    assert [(mark.name, mark.accuracy, mark.cost_usd) for mark in drawn.marks] == [
        *SINGLES,
        ("Prototype", 0.75, 0.0003),
    ]
    # Evaluated without them, an older figure would be another evaluation's.
    assert FIGURE not in update_router_card(folder, RECORD).read_text() and not (folder / FIGURE).exists()


def test_another_benchmark_and_what_is_no_router_are_refused(folder, tmp_path):
    with pytest.raises(VLRouterBenchError, match="trained on, found an evaluation on own-tables"):
        update_router_card(folder, RECORD | {"benchmark": BENCHMARK | {"sha256": "f" * 64}})
    with pytest.raises(VLRouterBenchError, match="found none at"):
        update_router_card(tmp_path / "nowhere", RECORD)


def test_the_record_of_a_real_evaluation_is_taken(trained_folders, simulated_folder, tmp_path):
    shutil.copytree(trained_folders["linear"], tmp_path / "linear")
    options = EvaluationOptions(time_routers=False)
    record = evaluate_routers(simulated_folder, [str(tmp_path / "linear")], tmp_path / "out", options)[0]
    card = update_router_card(tmp_path / "linear", record).read_text()
    assert f"| Rank Score | {record['rank_score']:.1f} |" in card
    assert figures(card)["test", "accuracy"] == pytest.approx(record["accuracy"], rel=1e-3)


PUSH = """
    from vlrouterbench import AutoRouter
    router = AutoRouter.from_pretrained({folder!r})
    answer = router.push_to_hub("owner/python")
    router.save_pretrained({local!r}, push_to_hub=True, repo_id="owner/saved", private=True)
"""


def test_push_to_hub_uploads_what_the_command_does_and_saving_with_it_goes_the_same_way(
    fake_hub, client, folder, tmp_path
):
    address = client(fake_hub.endpoint, PUSH.format(folder=str(folder), local=str(tmp_path / "local")))
    done = client(fake_hub.endpoint, ("push", "router", folder, "owner/command"))
    assert address == f"{fake_hub.endpoint}/owner/python" and done.returncode == 0, done.stderr
    ours, theirs = (fake_hub.files("model", f"owner/{name}") for name in ("python", "command"))
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {CARD}
    assert ours[CARD].decode().replace("owner/python", "owner/command") == theirs[CARD].decode()
    assert b"owner/python" in ours[CARD] and b"2 settings were tried" in ours[CARD]
    assert fake_hub.repositories["model", "owner/saved"].private
    assert b"2 settings were tried" in fake_hub.files("model", "owner/saved")[CARD]
    assert b"PATH_OR_REPO_ID" in (tmp_path / "local" / CARD).read_bytes()


@pytest.mark.parametrize(
    ("repo_id", "options", "said"),
    [
        ("no-owner", {}, "a repository id of the form owner/name .* found .no-owner."),
        ("owner/router", {"tags": ["mine"]}, "found .owner/router., tags"),
    ],
)
def test_what_cannot_be_pushed_is_refused_before_anything_is_written(router, repo_id, options, said):
    with pytest.raises(ValueError, match=said):
        router.push_to_hub(repo_id, **options)


def test_a_router_with_an_encoder_of_this_machine_is_refused(router):
    router.config.encoder = {**ENCODER, "text": {"id": "/somewhere/encoder", "sha256": "0" * 64, "revision": None}}
    with pytest.raises(ValueError, match=r"the text encoder of the router is a local folder \(/somewhere/encoder\)"):
        router.push_to_hub("owner/router")


def test_without_a_network_a_push_says_so(client, closed_endpoint, folder):
    code = f"""
        from vlrouterbench import AutoRouter
        router = AutoRouter.from_pretrained({str(folder)!r})
        try:
            router.push_to_hub("owner/router")
        except Exception as error:
            answer = [type(error).__name__, str(error)]
    """
    kind, message = client(closed_endpoint, code)
    assert kind == "HubError" and "cannot be reached" in message


def test_without_the_package_a_push_has_the_card_and_all_files(fake_hub, client, folder):
    code = f"""
        import sys
        sys.modules["vlrouterbench"] = None
        from transformers import AutoModel
        router = AutoModel.from_pretrained({str(folder)!r}, trust_remote_code=True)
        answer = router.push_to_hub("owner/elsewhere", commit_message="From elsewhere")
    """
    fake_hub.add("model", "owner/elsewhere", {"old_code.py": b"old", CARD: b"old", "LICENSE": b"kept"})
    assert client(fake_hub.endpoint, code) == f"{fake_hub.endpoint}/owner/elsewhere"
    files = fake_hub.files("model", "owner/elsewhere")
    expected = {path.name for path in folder.iterdir()} | {"LICENSE"}
    assert {name for name in files if name != ".gitattributes"} == expected
    card = files[CARD].decode()
    assert "owner/elsewhere" in card and "2 settings were tried; chosen: num_neighbors 9" in card
