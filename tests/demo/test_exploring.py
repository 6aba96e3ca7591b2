"""Explore: filters are what they say, a sample's words follow from its outcomes, and nothing in it becomes markup."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from vlrouterbench.demo.exploring import ALL, NONE_RIGHT, RIGHT, TOO_EXPENSIVE, WRONG, Explorer, Filter


@pytest.fixture(scope="module")
def explorer(workspace):
    return Explorer(workspace.test, workspace.explored, workspace.decisions[workspace.explored])


def by_hand(workspace, quality, cost, decisions):
    """The first samples of the test split with three candidates' outcomes set by hand, the others wrong."""
    table = workspace.test.take(np.arange(len(quality)))
    full = np.zeros((len(quality), len(table.pool)))
    full[:, :3] = quality
    costs = np.full(full.shape, 1.0)
    costs[:, :3] = cost
    return Explorer(
        replace(table, matrices=table.matrices | {"quality": full, "cost": costs}), "r", np.array(decisions)
    )


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
    text = Explorer(replace(table, samples=samples), "r", np.array([0])).sample_html(0)
    assert "<script" not in text and "{{" not in text and "&lt;script&gt;" in text
