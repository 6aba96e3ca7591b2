"""Decisions of what is no model: policies, cascades, functions of samples and decisions from a file."""

from __future__ import annotations

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.asked import FUNCTION, AskedRouter
from vlrouterbench.evaluation.cascades.cascade import decide_cascade
from vlrouterbench.evaluation.cascades.names import steps_of
from vlrouterbench.evaluation.evaluation_options import EvaluationOptions
from vlrouterbench.evaluation.functions import decide_by_function
from vlrouterbench.evaluation.paired import RoutedSplit
from vlrouterbench.evaluation.policies import decide_policy
from vlrouterbench.evaluation.pool_changes import cannot_follow
from vlrouterbench.features.encode import encode_benchmark


def decided_without_model(
    asked: AskedRouter, table: RoutingTable, whole: RoutingTable, options: EvaluationOptions
) -> RoutedSplit | None:
    """Decisions of a policy, a cascade, a function or from a file; None for a router.

    Args:
        asked: what is evaluated.
        table: the scored samples.
        whole: the benchmark.
        options: of the evaluation.

    Raises:
        EvaluationError: it fails, or cannot follow changed prices, or has no score of unfamiliar samples.
    """
    if options.when_unfamiliar.acts and (asked.function is not None or asked.decisions is not None):
        kind = "a function of samples" if asked.decisions is None else "decisions of a file"
        raise EvaluationError(
            f'when unfamiliar: "{asked.name}" is {kind}, which does not say how unlike its training samples a sample '
            f"is. Leave it out, or leave {options.when_unfamiliar} out."
        )
    if options.changes.of_prices and (asked.function is not None or asked.decisions is not None):
        kind = "a function of samples" if asked.decisions is None else "decisions of a file"
        raise cannot_follow(asked.name, f"{kind}, which are the same at all prices. Leave it out")
    if asked.policy is not None:
        policy = decide_policy(asked.policy, table, whole.split("train"), seed=options.seed)
        config = {"kind": "policy", "name": asked.policy, **policy.config}
        return RoutedSplit(asked.name, policy.decisions, config, policy.shares)
    if asked.cascade is not None:
        features = encode_benchmark(whole, None, options.work)
        steps = steps_of(asked.cascade, table.pool.names)
        cascade = decide_cascade(steps, table, whole, features, seed=options.seed)
        config = {"kind": "policy", "name": asked.cascade, **cascade.config}
        return RoutedSplit(asked.name, cascade.decisions, config, asked_before=cascade.asked_before)
    if asked.function is not None:
        decisions = decide_by_function(asked.name, asked.function, table)
        return RoutedSplit(asked.name, decisions, {"kind": "router", "family": FUNCTION})
    if asked.decisions is not None:
        config = dict(asked.config or {})
        return RoutedSplit(asked.name, asked.decisions, config, asked_before=asked.asked_before)
    return None
