"""What `/metrics` says, in Prometheus' form; every name begins with `vlrouter_`.

Decisions
- Labels are names of the configuration alone, never what a request says, so that nobody can make new series.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_OVERHEAD = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)
_UPSTREAM = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Counters of one gateway process; several share a folder that the environment names."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "vlrouter_requests",
            "Chat completions by mode and answering candidate.",
            ["mode", "candidate", "status"],
            registry=registry,
        )
        self.failed_attempts = Counter(
            "vlrouter_failed_attempts", "Candidates that were asked and failed.", ["candidate"], registry=registry
        )
        self.broken_streams = Counter(
            "vlrouter_broken_streams", "Answers that broke after their first byte.", ["candidate"], registry=registry
        )
        self.tokens = Counter(
            "vlrouter_tokens", "Tokens by the upstreams' count.", ["candidate", "kind"], registry=registry
        )
        self.cost = Counter("vlrouter_cost_usd", "Cost by the upstreams' count.", ["candidate"], registry=registry)
        self.feedback = Counter("vlrouter_feedback", "Feedback that came.", ["candidate"], registry=registry)
        self.quality = Counter("vlrouter_feedback_quality", "Sum of its qualities.", ["candidate"], registry=registry)
        self.drift = Gauge(
            "vlrouter_drift_accuracy",
            "Accuracy by feedback less what the router expects, of late (with --adapt).",
            ["candidate"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.cost_ratio = Gauge(
            "vlrouter_drift_cost_ratio",
            "Cost over what the router expects, of late (with --adapt).",
            ["candidate"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.lost = Counter("vlrouter_log_lost", "Entries that could not be written to the log.", registry=registry)
        self.overhead = Histogram(
            "vlrouter_overhead_seconds",
            "Time until the upstream was asked.",
            ["mode"],
            buckets=_OVERHEAD,
            registry=registry,
        )
        self.upstream = Histogram(
            "vlrouter_upstream_seconds",
            "Time until the first byte.",
            ["candidate"],
            buckets=_UPSTREAM,
            registry=registry,
        )
        self.closed_off = Gauge(
            "vlrouter_closed_off",
            "1 where an endpoint is left alone after failures.",
            ["candidate"],
            multiprocess_mode="livemax",
            registry=registry,
        )

    def text(self) -> bytes:
        """All of them."""
        if MULTIPROCESS not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)
