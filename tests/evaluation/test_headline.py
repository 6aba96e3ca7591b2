"""The sentence of every router: shares of the best single candidate, by hand, paired, and where they do not exist."""

import numpy as np
import pytest

from tests.tables import hand_table
from vlrouterbench.evaluation.headline import headlines, objective_notes, reference_notes
from vlrouterbench.evaluation.paired import RoutedSplit, ScoringContext
from vlrouterbench.evaluation.results import score_routers


def scored(quality, cost, *decisions):
    table = hand_table(quality, cost)
    routed = [RoutedSplit(f"r{n}", np.array(chosen), {"kind": "router"}) for n, chosen in enumerate(decisions)]
    policy = RoutedSplit("mixture", np.zeros(len(table), int), {"kind": "policy", "name": "mixture"})
    zeros = np.zeros(len(table), int)
    return score_routers([*routed, policy], ScoringContext(table, "test", 0, {"mixture": zeros, "oracle": zeros}))


def test_shares_by_hand_are_of_the_best_single_candidate_on_the_same_samples(golden_matrices):
    # Right: c0 on 2 of 5, c1 on 2, c2 on 4; costs 0.001, 0.002, 0.008. The choice is right on 4 for 0.0028 on average.
    first, last, _ = scored(*golden_matrices, [0, 1, 2, 0, 2], [2, 2, 2, 2, 2])
    assert first["accuracy_share"] == pytest.approx(1.0)
    assert first["cost_share"] == pytest.approx((0.001 + 0.002 + 0.008 + 0.001 + 0.008) / 5 / 0.008)
    assert first["headline"].startswith("r0 keeps 100.0 % of c2's accuracy at 50.0 % of its cost (95 % ")
    assert (last["accuracy_share"], last["cost_share"]) == (1, 1)
    # A router against itself has no spread: shares are paired.
    assert last["share_ci95"] == {"accuracy_share": [1, 1], "cost_share": [1, 1]}


def test_where_the_best_candidate_is_free_the_sentence_says_what_the_router_costs():
    quality = [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
    record, _ = scored(quality, [[0.0, 0.01]] * 3, [1, 1, 1])
    assert record["cost_share"] is None and record["share_ci95"]["cost_share"] is None
    assert "at 100 USD per 10,000 samples, where c0 is free" in record["headline"]


def test_where_nothing_is_ever_right_there_is_no_share():
    record, _ = scored([[0.0, 0.0]] * 3, [[0.001, 0.01]] * 3, [1, 1, 1])
    assert record["accuracy_share"] is None and "cannot be held against" in record["headline"]


def test_the_sentences_shown_are_those_of_routers(golden_matrices):
    records = scored(*golden_matrices, [0, 1, 2, 0, 2])
    assert headlines(records) == [records[0]["headline"]]
    assert records[1]["headline"].startswith("mixture keeps")


def test_how_the_reference_is_picked_is_said_once_and_only_where_there_is_a_sentence(golden_matrices):
    records = scored(*golden_matrices, [0, 1, 2, 0, 2], [2, 2, 2, 2, 2])
    (said,) = reference_notes(records)
    assert "on the scored samples" in said and 'policy "strongest"' in said and "`" not in said and "on train" in said
    assert reference_notes([record for record in records if record["router"] == "mixture"]) == []


def test_a_record_says_what_it_was_judged_by(golden_matrices):
    record, _ = scored(*golden_matrices, [0, 1, 2, 0, 2])
    assert record["objective"] == "rank-score" and record["objective_value"] == record["rank_score"]
    assert record["candidates"] == ["c0", "c1", "c2"]


def test_a_router_trained_for_another_objective_than_it_is_judged_by_is_named(golden_matrices):
    record, *_ = scored(*golden_matrices, [0, 1, 2, 0, 2])
    assert objective_notes([record]) == []
    record["router_config"] = {"kind": "router", "objective": "accuracy"}
    (said,) = objective_notes([record])
    assert said.startswith("r0 decides as it was trained, for accuracy, and is judged by rank-score")
