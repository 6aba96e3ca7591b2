"""Splits: grouped, in shares, the same in every order; given splits respected."""

from collections import Counter, defaultdict

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.core.constants import SPLITS
from vlrouterbench.core.errors import SourceError, UnknownNameError
from vlrouterbench.data.splits import SHARES, SplitBy, assign_splits, hash_split, link_groups, reference_split

PINNED_SIDES = ["test", "train", "train", "train", "test", "train", "test", "train"]
PINNED_WITHOUT_A_DATASET = ["train", "test", "test", "train"]
PINNED_REFERENCE = ["test", "test", "train", "train", "validation", "train", "train", "train", "train", "train"]
KEY = st.none() | st.sampled_from("abcdefgh")
ROWS = st.dictionaries(st.text("xyz019", min_size=1, max_size=4), st.tuples(KEY, KEY), min_size=1, max_size=25)


def split_of(rows, datasets=None, given_splits=None, split_by=SplitBy.HASH):
    """Sample id -> (group, side) for {sample id: keys}."""
    ids = list(rows)
    groups = link_groups(ids, [[rows[i][kind] for i in ids] for kind in range(2)])
    sides = assign_splits(
        ids,
        groups,
        datasets=datasets or ["one"] * len(ids),
        source_splits=given_splits or [None] * len(ids),
        split_by=split_by,
    )
    return dict(zip(ids, zip(groups, sides, strict=True), strict=True))


@given(ROWS)
@examples(60)
def test_samples_that_share_a_key_never_stand_on_two_sides(rows):
    result = split_of(rows)
    for kind in range(2):
        sides = defaultdict(set)
        for sample_id, keys in rows.items():
            if keys[kind] is not None:
                sides[keys[kind]].add(result[sample_id])
        assert all(len(found) == 1 for found in sides.values())


@given(ROWS)
@examples(60)
def test_samples_that_share_no_key_are_not_linked(rows):
    """Groups are exactly the connected components, found here by spreading until nothing changes."""
    expected = {sample_id: sample_id for sample_id in rows}
    changed = True
    while changed:
        changed = False
        for one in rows:
            for other in rows:
                linked = any(a is not None and a == b for a, b in zip(rows[one], rows[other], strict=True))
                if linked and expected[other] < expected[one]:
                    expected[one] = expected[other]
                    changed = True
    assert {sample_id: group for sample_id, (group, _) in split_of(rows).items()} == expected


@given(ROWS, st.randoms(use_true_random=False))
@examples(60)
def test_the_order_of_rows_does_not_matter(rows, random):
    order = list(rows)
    random.shuffle(order)
    assert split_of({sample_id: rows[sample_id] for sample_id in order}) == split_of(rows)


@given(ROWS, st.text("xyz019", min_size=1, max_size=4), st.tuples(KEY, KEY))
@examples(60)
def test_an_added_sample_moves_nothing_but_a_group_that_it_links(rows, new, keys):
    rows = {sample_id: value for sample_id, value in rows.items() if sample_id != new}
    assume(rows)
    before, after = split_of(rows), split_of(rows | {new: keys})
    for sample_id in rows:
        if after[sample_id][0] != after[new][0]:
            assert after[sample_id] == before[sample_id]


def test_a_chain_of_links_is_one_group_named_by_its_smallest_id():
    groups = link_groups(["d", "c", "b", "a", "e"], [["1", "1", None, None, None], [None, "2", "2", "3", None]])
    assert groups == ["b", "b", "b", "a", "e"]


def test_a_group_over_two_datasets_stands_on_one_side():
    for number in range(50):
        result = split_of({f"a{number}": ("k", None), f"b{number}": ("k", None)}, datasets=["one", f"another{number}"])
        assert result[f"a{number}"] == result[f"b{number}"]


def test_shares_of_5000_groups_are_70_10_20_within_sampling_error():
    counts = Counter(hash_split("some dataset", f"group {number}") for number in range(5_000))
    for side, share in zip(SPLITS, SHARES, strict=True):
        error = (share * (1 - share) / 5_000) ** 0.5
        assert abs(counts[side] / 5_000 - share) < 4 * error


def test_sides_are_fixed_for_all_time():
    """sha256 of "MMStar\\0MMStar/<i>": a change here moves every published split."""
    assert [hash_split("MMStar", f"MMStar/{number}") for number in range(8)] == PINNED_SIDES


def test_the_same_group_name_in_another_dataset_is_hashed_anew():
    sides = [(hash_split("a", str(number)), hash_split("b", str(number))) for number in range(200)]
    assert any(one != other for one, other in sides)


def test_without_a_dataset_the_smallest_content_of_the_group_is_hashed():
    """sha256 of "\\0<content>": first 8 bytes over 2**64, below 0.7 train, below 0.8 validation, else test."""
    contents = ["6", "2", "0", "1"]
    for ids in (["a", "b", "c", "d"], ["z", "y", "x", "w"]):
        groups = [ids[0], ids[1], ids[1], ids[3]]
        sides = assign_splits(ids, groups, datasets=[None] * 4, source_splits=[None] * 4, contents=contents)
        expected = [hash_split("", content) for content in ("6", "0", "0", "1")]
        assert sides == expected == PINNED_WITHOUT_A_DATASET


def test_a_given_dataset_is_hashed_with_the_group_id_whatever_the_content_is():
    ids = [f"MMStar/{number}" for number in range(8)]
    for contents in (None, list("abcdefgh")):
        sides = assign_splits(ids, ids, datasets=["MMStar"] * 8, source_splits=[None] * 8, contents=contents)
        assert sides == PINNED_SIDES


def test_a_given_split_is_kept_even_against_the_hash():
    sides = ["test", "train", "validation", "test"]
    rows = {name: (None, None) for name in "abcd"}
    assert [side for _, side in split_of(rows, given_splits=sides).values()] == sides
    assert [s for _, s in split_of(rows, given_splits=sides, split_by=SplitBy.REFERENCE).values()] == sides


def test_a_split_given_for_some_samples_only_is_an_error_that_names_one_without():
    with pytest.raises(SourceError, match=r'given for 2 of 3 samples; none for "b".*Give all or none'):
        split_of({name: (None, None) for name in "abc"}, given_splits=["train", None, "test"])


def test_a_wrong_split_name_is_answered_with_the_right_one():
    with pytest.raises(UnknownNameError, match='unknown split "valid". Did you mean "validation"'):
        split_of({"a": (None, None)}, given_splits=["valid"])


def test_reference_shares_by_hand():
    counts = Counter(reference_split([str(number) for number in range(30_540)]))
    assert counts == {"train": 21_378, "validation": 3_054, "test": 6_108}  # the paper's own counts
    assert Counter(reference_split([str(number) for number in range(10)])) == {"train": 7, "validation": 1, "test": 2}


def test_the_reference_split_does_not_depend_on_order_and_is_pinned():
    ids = [f"s{number}" for number in range(10)]
    sides = dict(zip(ids, reference_split(ids), strict=True))
    assert dict(zip(ids[::-1], reference_split(ids[::-1]), strict=True)) == sides
    assert [sides[name] for name in ids] == PINNED_REFERENCE


def test_the_reference_split_is_taken_when_asked_for():
    rows = {f"s{number}": (None, None) for number in range(10)}
    assert [side for _, side in split_of(rows, split_by=SplitBy.REFERENCE).values()] == PINNED_REFERENCE
