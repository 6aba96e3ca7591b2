"""Explore: filters are what they say, a sample's words follow from its outcomes, and nothing in it becomes markup."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from vlrouterbench.data import table as table_module
from vlrouterbench.demo.exploring import ALL, NONE_RIGHT, RIGHT, TEST, TOO_EXPENSIVE, WRONG, Filter, explorer_of
from vlrouterbench.demo.exploring import Explorer as Shown
from vlrouterbench.demo.gallery import TILES, count_html, gallery_html, page_of
from vlrouterbench.demo.page_explore import ExploreTab
from vlrouterbench.routers.base.familiarity import SAID_FROM


@pytest.fixture(scope="module")
def explorer(workspace):
    return explorer_of(workspace)


def by_hand(workspace, quality, cost, decisions):
    """The first samples of the test split with three candidates' outcomes set by hand, the others wrong."""
    table = workspace.test.take(np.arange(len(quality)))
    full = np.zeros((len(quality), len(table.pool)))
    full[:, :3] = quality
    costs = np.full(full.shape, 1.0)
    costs[:, :3] = cost
    return Shown(replace(table, matrices=table.matrices | {"quality": full, "cost": costs}), "r", np.array(decisions))


def test_outcomes_tell_four_cases_apart(workspace):
    quality = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0]]
    explorer = by_hand(workspace, quality, [[0.1, 0.2, 0.3]] * 4, [0, 1, 1, 0])
    found = {
        outcome: explorer.rows(Filter(outcome=outcome)).tolist()
        for outcome in (ALL, NONE_RIGHT, WRONG, RIGHT, TOO_EXPENSIVE)
    }
    assert found == {ALL: [0, 1, 2, 3], NONE_RIGHT: [0], WRONG: [1], RIGHT: [2, 3], TOO_EXPENSIVE: [2]}
    words = [explorer.verdict(place) for place in range(4)]
    assert "no candidate is right" in words[0] and ": wrong. 1 of 17" in words[1]
    assert "would have done" in words[2] and "at the lowest price" in words[3]


def test_filters_combine_and_an_unknown_value_passes_nothing(explorer):
    dataset = explorer.values_of("dataset")[1]
    rows = explorer.rows(Filter(dataset=dataset, outcome=RIGHT))
    both = set(explorer.rows(Filter(dataset=dataset))) & set(explorer.rows(Filter(outcome=RIGHT)))
    assert set(rows) == both and 0 < len(explorer.rows(Filter(dataset=dataset))) < len(explorer.table)
    assert {explorer.table.column("dataset")[row] for row in rows} <= {dataset}
    assert explorer.rows(Filter(dataset="nowhere")).size == explorer.rows(Filter(outcome="?")).size == 0


def test_the_right_candidates_stand_first_from_cheap_to_dear(workspace):
    explorer = by_hand(workspace, [[1, 0, 1]], [[0.3, 0.1, 0.2]], [1])
    names = explorer.table.pool.names
    text = explorer.candidates_html(0)
    order = sorted(names[:3], key=text.index)
    assert order == [names[2], names[0], names[1]]
    assert text.count("vrb-row-chosen") == 1


def test_the_image_is_the_samples_own_and_lies_in_the_page(explorer):
    shown = {explorer.image_html(place) for place in range(3)}
    assert len(shown) == 3
    assert all('src="data:image/jpeg;base64,' in image for image in shown)


def test_markup_in_a_question_is_shown_as_text(workspace):
    table = workspace.test.take(np.array([0]))
    question = "<script>alert(1)</script>{{constructor}}"
    place = table.samples.schema.get_field_index("question")
    samples = table.samples.set_column(place, "question", pa.array([question]))
    text = Shown(replace(table, samples=samples), "r", np.array([0])).sample_html(0)
    assert "<script" not in text and "{{" not in text and "&lt;script&gt;" in text


def test_every_split_is_shown_and_the_scored_decisions_are_the_evaluations(workspace, explorer):
    assert explorer.splits == ["train", "validation", "test"] and len(explorer.table) == len(workspace.table)
    rows = explorer.rows(Filter(split=TEST))
    assert explorer.decisions[rows].tolist() == list(workspace.decisions[workspace.explored])
    # The router's own decisions are the same: what Explore shows of the other splits is made alike.
    assert workspace.estimates.decisions[rows].tolist() == explorer.decisions[rows].tolist()


def test_a_split_that_the_router_learnt_from_is_said_to_be_one(workspace, explorer):
    notes = {split: explorer.notes(int(explorer.rows(Filter(split=split))[0])) for split in explorer.splits}
    assert "learnt from this sample" in notes["train"][0] and "chosen on this split" in notes["validation"][0]
    elsewhere = replace(explorer, learnt_here=False)
    assert not [note for row in range(3) for note in elsewhere.notes(row) if "learnt" in note]


def test_the_estimates_beside_the_outcomes_are_the_routers_own(workspace, explorer):
    row = int(explorer.rows(Filter(split=TEST))[3])
    sample = explorer.table.samples.slice(row, 1).to_pylist()[0]
    image = next(explorer.table.take(np.array([row])).iter_images())
    asked = workspace.router.route(sample["question"], image, options=sample["options"], hint=sample["hint"])
    text, name = explorer.candidates_html(row), asked.candidate
    assert explorer.table.pool.names[explorer.decisions[row]] == name
    assert f"{100 * asked.estimated_accuracy[name]:.1f} %" in text.split("vrb-row-chosen")[1].split("</tr>")[0]


def test_a_text_is_found_in_questions_and_ids_in_any_case(explorer):
    question = explorer.table.column("question")[5]
    word = max(question.split(), key=len)
    found = set(explorer.rows(Filter(text=word.upper())))
    assert found == {row for row, text in enumerate(explorer.table.column("question")) if word.lower() in text.lower()}
    name = explorer.table.column("sample_id")[5]
    assert 5 in explorer.rows(Filter(text=name)) and not explorer.rows(Filter(text="(no such words)")).size


def test_only_unfamiliar_samples_pass_where_that_is_asked(explorer):
    rows = explorer.rows(Filter(unfamiliar=True))
    assert rows.tolist() == np.flatnonzero(explorer.estimates.unfamiliar.numpy() >= SAID_FROM).tolist()
    assert not replace(explorer, estimates=None).rows(Filter(unfamiliar=True)).size


def test_a_page_of_the_gallery_holds_so_many_tiles_and_the_last_the_rest(explorer):
    every = explorer.rows(Filter())
    pages = [page_of(explorer, Filter(), number) for number in range(1, 2 + len(every) // TILES)]
    assert np.concatenate([page.rows for page in pages]).tolist() == every.tolist()
    assert {page.rows.size for page in pages[:-1]} == {TILES} and pages[-1].count == len(pages)
    assert page_of(explorer, Filter(), 99).number == pages[-1].count and page_of(explorer, Filter(), 0).number == 1
    assert gallery_html(explorer, pages[-1]).count("data-row=") == pages[-1].rows.size


def test_a_page_reads_the_images_of_its_own_tiles_alone(explorer, monkeypatch):
    read, asked = table_module.images_of_rows, []
    monkeypatch.setattr(table_module, "images_of_rows", lambda folder, rows: asked.append(rows) or read(folder, rows))
    page = page_of(explorer, Filter(), 2)
    gallery_html(explorer, page)
    assert [rows.tolist() for rows in asked] == [explorer.table.rows[page.rows].tolist()] and len(page.rows) == TILES


def test_tiles_tell_the_outcomes_apart(workspace):
    explorer = by_hand(workspace, [[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0.1, 0.2, 0.3]] * 3, [0, 1, 1])
    text = gallery_html(explorer, page_of(explorer, Filter(), 1))
    assert [text.count(sign) for sign in ("∅", "✗", "✓")] == [1, 1, 1] and text.count("data:image/jpeg") == 3


def test_filters_that_nothing_passes_leave_an_empty_page(explorer):
    number, count, gallery, *sample = ExploreTab(explorer).filtered(ALL, "nowhere", ALL, ALL, None, False)
    assert number == 1 and "0 of" in count and "No sample passes" in gallery and sample == ["", "", ""]
    assert "0 of" in count_html(explorer, page_of(explorer, Filter(dataset="nowhere"), 1))
