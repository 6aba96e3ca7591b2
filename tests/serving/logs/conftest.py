"""Logs of requests that tests write themselves, and the gateways of `tests/serving`."""

import numpy as np

from vlrouterbench.serving.logs.entry import Entry
from vlrouterbench.serving.logs.writing import LogOptions, RequestLog


def write_log(folder, entries, ratings=(), **options):
    """A log of entries and of (id, quality) pairs."""
    log = RequestLog(folder, lambda lost: None, LogOptions(**options))
    for entry in entries:
        log.add(entry)
    for name, quality in ratings:
        assert log.rate(name, quality) is not None
    log.close()
    return folder


def entry(number, **fields):
    """A routed request that the candidate "small" answered."""
    values = {
        "id": f"vlr-{number}",
        "key": "-",
        "conversation": f"c{number}",
        "mode": "route",
        "model": "auto",
        "chosen": "small",
        "candidate": "small",
        "status": 200,
        "propensity": 1.0,
        "features": np.arange(4, dtype=np.float32) + number,
        "latency": {"upstream": 0.5},
        "cost_usd": 0.001,
    }
    return Entry(**values | fields)
