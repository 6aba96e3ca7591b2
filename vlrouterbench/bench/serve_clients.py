"""The clients of `bench serve`: one that asks several addresses in turn, and many that ask one at once.

Decisions
- In turn, the order of each round is drawn anew and a pause stands before each request: programs still work when an
  answer has gone out (logs, threads that wait for more), and who is asked next on the same cores would be charged for
  it. In a fixed order that was the same one in every round.
"""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import NotRequired, TypedDict

import numpy as np

from vlrouterbench.bench.comparison import spread
from vlrouterbench.bench.measure import picture

_TIMEOUT_S = 60.0
_NUM_PICTURES = 50
_PAUSE_S = 0.02


@dataclass(frozen=True)
class Target:
    """What is asked where.

    Attributes:
        port: of this machine.
        model: the name that is asked for.
        image: whether each question has one.
    """

    port: int
    model: str
    image: bool = False


class Load(TypedDict):
    """Answers to many clients at once; percentiles where there were any, and the first errors."""

    clients: int
    seconds: float
    requests: int
    errors: int
    requests_per_second: float
    p50_ms: NotRequired[float]
    p95_ms: NotRequired[float]
    p99_ms: NotRequired[float]
    first_errors: list[str]


class Questions:
    """Bodies of requests: the question always another one, the image one of some that differ."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        pictures = [base64.b64encode(picture(rng)).decode("ascii") for _ in range(_NUM_PICTURES)]
        self._images = [{"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{p}"}} for p in pictures]

    def body(self, target: Target, number: int) -> bytes:
        """The request of a number."""
        text = f"Which of the {number} bars is the tallest, and by how much?"
        parts = [{"type": "text", "text": text}, self._images[number % _NUM_PICTURES]]
        content = parts if target.image else text
        return json.dumps({"model": target.model, "messages": [{"role": "user", "content": content}]}).encode()


class Client:
    """Asks one port over a connection that stays open."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)

    def ask(self, body: bytes) -> float:
        """Milliseconds of an answer.

        Raises:
            OSError, HTTPException: there is none, or it is no 200.
        """
        headers = {"content-type": "application/json", "authorization": "Bearer none"}
        start = time.perf_counter()
        try:
            self._connection.request("POST", "/v1/chat/completions", body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException):
            self.close()
            raise
        if answer.status != 200:
            raise HTTPException(f"HTTP {answer.status}: {content[:200].decode(errors='replace')}")
        return 1000 * (time.perf_counter() - start)

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._connection.close()


def in_turn(
    targets: Mapping[str, Target], questions: Questions, *, rounds: int, warm_up: int
) -> dict[str, list[float]]:
    """Milliseconds by target of one client that asks all of them once in each round, in an order drawn for it.

    Raises:
        OSError, HTTPException: one does not answer.
    """
    clients = {name: Client(target.port) for name, target in targets.items()}
    rng, took = random.Random(0), {name: list[float]() for name in targets}
    for number in range(warm_up + rounds):
        for name in rng.sample(list(targets), len(targets)):
            body = questions.body(targets[name], number)
            time.sleep(_PAUSE_S)
            milliseconds = clients[name].ask(body)
            if number >= warm_up:
                took[name].append(milliseconds)
    for client in clients.values():
        client.close()
    return took


def at_once(targets: Sequence[Target], questions: Questions, *, clients: int, requests: int) -> Load:
    """Answers to so many requests by so many clients, each asking again as soon as it was answered."""
    took: list[float] = []
    errors: list[str] = []
    numbers, lock = iter(range(requests)), threading.Lock()

    def work() -> None:
        own: dict[int, Client] = {}
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            target = targets[number % len(targets)]
            try:
                took.append(own.setdefault(target.port, Client(target.port)).ask(questions.body(target, number)))
            except (OSError, HTTPException) as error:
                errors.append(f"{type(error).__name__}: {error}")
        for client in own.values():
            client.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    figures: Load = {
        "clients": clients,
        "seconds": seconds,
        "requests": len(took),
        "errors": len(errors),
        "requests_per_second": len(took) / seconds,
        "first_errors": errors[:3],
    }
    return {**figures, **spread(took)} if took else figures
