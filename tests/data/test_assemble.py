"""Joining, pricing and splitting a source; cost bounds by hand."""

import shutil

import numpy as np
import pytest

from tests.data.sources.editing import edit
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.assemble import assemble
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.costs import cost_bounds
from vlrouterbench.data.prices.read import read_pool
from vlrouterbench.data.sources.own_tables.read import read_own_tables
from vlrouterbench.data.splits import SplitBy, reference_split

POOL = CandidatePool(tuple(CandidateModel(name, 1.0, 1.0) for name in ("a", "b", "c")), "a test")


def read(folder):
    return read_own_tables(folder, pool=read_pool(folder / "candidates.csv"))


def test_bounds_by_hand_drop_zero_costs_and_what_was_not_measured():
    cost = np.array([[0.0, 4.0, np.nan], [2.0, 6.0, 30.0], [4.0, 0.0, np.nan]])
    bounds = cost_bounds(cost, POOL)
    # a: (2 + 4) / 2, b: (4 + 6) / 2, c: 30. With zeros counted a would be 2, with NaN counted c would be none.
    assert bounds.pair == (3.0, 30.0)
    assert (bounds.cmin_candidate, bounds.cmax_candidate) == ("a", "c")


def test_a_candidate_that_cost_nothing_gives_no_bound():
    bounds = cost_bounds(np.array([[0.0, 4.0, 8.0], [np.nan, 4.0, 8.0]]), POOL)
    assert (bounds.pair, bounds.cmin_candidate) == ((4.0, 8.0), "b")


@pytest.mark.parametrize("cost", [np.zeros((2, 3)), np.full((2, 3), np.nan)])
def test_no_cost_at_all_is_an_error(cost):
    with pytest.raises(SourceError, match="at least one pair with a cost above 0"):
        cost_bounds(cost, POOL)


def test_bounds_do_not_depend_on_the_order_of_rows():
    cost = np.random.default_rng(0).lognormal(-8, 3, (1000, 3))
    assert cost_bounds(cost, POOL) == cost_bounds(cost[::-1], POOL)


def test_costs_follow_from_tokens_and_prices_by_hand(own_tables):
    benchmark = assemble(read(own_tables))
    # s02: 102 tokens in. small .1/.1 and 10 out, middle .5/1 and 20 out, large 2/8 and 30 out, per million.
    assert benchmark.matrices["cost"][2] == pytest.approx([11.2e-6, 71e-6, 444e-6], rel=1e-12)
    assert benchmark.matrices["quality"][4].tolist() == [0.0, 1.0, 1.0]
    assert benchmark.cost_bounds.cmin_candidate == "small"
    # large: mean of (100 + n) over n = 0..11 is 105.5; 105.5 * 2 + 30 * 8 = 451.
    assert benchmark.cost_bounds.cmax == pytest.approx(451e-6, rel=1e-12)


def test_a_given_cost_stands_as_it_is_and_the_others_are_computed(own_tables):
    def change(rows):
        for row in rows:
            row["cost_usd"] = None
        rows[0]["cost_usd"], rows[1]["cost_usd"] = 0.25, 0.0

    edit(own_tables, "outcomes", change)
    cost = assemble(read(own_tables)).matrices["cost"]
    assert cost[0].tolist() == [0.25, 0.0, pytest.approx(440e-6)]
    assert np.isfinite(cost).all()


def test_outcomes_are_joined_by_name_not_by_position(own_tables):
    before = assemble(read(own_tables)).matrices
    edit(own_tables, "outcomes", lambda rows: rows.reverse())
    after = assemble(read(own_tables)).matrices
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_quality_stays_graded_unless_told_otherwise(own_tables):
    def change(rows):
        for row, value in zip(rows, (0.3, 0.5, 0.49, None, 1.0, 0.9), strict=False):
            row["quality"] = value

    edit(own_tables, "outcomes", change)
    graded, binary = assemble(read(own_tables)), assemble(read(own_tables), graded=False)
    assert graded.matrices["quality"][:2].ravel() == pytest.approx([0.3, 0.5, 0.49, np.nan, 1, 0.9], nan_ok=True)
    assert binary.matrices["quality"][:2].ravel() == pytest.approx([0, 1, 0, np.nan, 1, 1], nan_ok=True)
    assert binary.outcomes["quality"].to_pylist()[:3] == [0.0, 1.0, 0.0]
    assert np.isnan(binary.outcomes["quality"].to_numpy()[3])


def test_a_partial_row_stays_with_its_gaps_and_an_unmeasured_one_goes(own_tables):
    def change(rows):
        del rows[3:6]  # s01: nobody
        del rows[1]  # s00 on middle

    edit(own_tables, "outcomes", change)
    benchmark = assemble(read(own_tables))
    assert benchmark.samples["sample_id"].to_pylist() == [f"s{n:02d}" for n in range(12) if n != 1]
    for name, matrix in benchmark.matrices.items():
        assert np.isnan(matrix[0]).tolist() == [False, True, False], name
        assert not np.isnan(matrix[1:]).any(), name


def test_tokens_that_were_not_measured_leave_quality_but_no_cost(own_tables):
    edit(own_tables, "outcomes", lambda rows: rows[0].update(output_tokens=None))
    matrices = assemble(read(own_tables)).matrices
    assert matrices["quality"][0, 0] == 1.0
    assert np.isnan(matrices["cost"][0]).tolist() == [True, False, False]


def test_samples_with_one_picture_stand_on_one_side(own_tables):
    image = (own_tables / "images" / "0.png").read_bytes()
    for number in range(1, 12):
        (own_tables / "images" / f"{number}.png").write_bytes(image)
    samples = assemble(read(own_tables)).samples
    assert set(samples["group_id"].to_pylist()) == {"s00"}
    assert len(set(samples["split"].to_pylist())) == 1


def test_samples_without_a_picture_are_not_one_group(own_tables):
    edit(own_tables, "samples", lambda rows: [row.update(image=None) for row in rows])
    benchmark = assemble(read(own_tables))
    assert benchmark.samples["group_id"].to_pylist() == benchmark.samples["sample_id"].to_pylist()
    assert benchmark.image_ok.all()
    assert benchmark.left_out == []


def test_text_only_samples_with_one_text_stand_on_one_side(own_tables):
    """A sample whose image cannot be read may differ from another one with its text: it is not linked."""

    def change(rows):
        for row in rows:
            row |= {"question": "the same", "options": []}
            row["image"] = None if row["sample_id"] < "s06" else row["image"]

    edit(own_tables, "samples", change)
    for number in (6, 7):
        (own_tables / "images" / f"{number}.png").unlink()
        (own_tables / "images" / f"{number + 2}.png").write_bytes(b"rubbish")
    samples = assemble(read(own_tables)).samples
    assert samples["group_id"].to_pylist() == ["s00"] * 6 + [f"s{number:02d}" for number in range(6, 12)]
    assert len(set(samples["split"].to_pylist()[:6])) == 1


def test_without_a_dataset_neither_the_folder_nor_ids_nor_order_decide_the_split(own_tables, tmp_path):
    edit(own_tables, "samples", lambda rows: [row.pop("dataset") for row in rows])
    first = assemble(read(own_tables)).samples
    copy = shutil.copytree(own_tables, tmp_path / "tables-2026-09-01")
    for name in ("samples", "outcomes"):
        edit(copy, name, lambda rows: [row.update(sample_id=f"z{90 - int(row['sample_id'][1:])}") for row in rows])
        edit(copy, name, lambda rows: rows.reverse())
    second = assemble(read(copy)).samples
    sides = [dict(zip(t["question"].to_pylist(), t["split"].to_pylist(), strict=True)) for t in (first, second)]
    assert sides[0] == sides[1]
    assert len(set(sides[0].values())) > 1, "one side for all shows nothing"
    assert set(second["dataset"].to_pylist()) == {"tables-2026-09-01"}


def test_bad_pictures_are_flagged_but_link_nothing(own_tables):
    for number in (3, 4):
        (own_tables / "images" / f"{number}.png").write_bytes(b"the same rubbish")
    benchmark = assemble(read(own_tables))
    groups = benchmark.samples["group_id"].to_pylist()
    assert groups[3] != groups[4]
    assert np.flatnonzero(~benchmark.image_ok).tolist() == [3, 4]
    assert [benchmark.images[row] for row in (3, 4)] == [None, None]
    assert [(e.file, str(e.reason), e.sample_id) for e in benchmark.left_out] == [
        ("images/3.png", "image", "s03"),
        ("images/4.png", "image", "s04"),
    ]


def test_the_reference_split_is_available(own_tables):
    samples = assemble(read(own_tables), split_by=SplitBy.REFERENCE).samples
    assert samples["split"].to_pylist() == reference_split(samples["sample_id"].to_pylist())


def test_a_given_split_reaches_the_benchmark(own_tables):
    sides = ["train", "test", "validation"] * 4
    edit(own_tables, "samples", lambda rows: [row.update(split=s) for row, s in zip(rows, sides, strict=True)])
    assert assemble(read(own_tables)).samples["split"].to_pylist() == sides
