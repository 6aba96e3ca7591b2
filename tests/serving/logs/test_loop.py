"""The loop of `docs/loop.md`: requests through a gateway end in a better router that is swapped in, and out again."""

import importlib.util
import json

import numpy as np
import pytest

import vlrouterbench as vrb
from tests.cli.conftest import run_program
from tests.serving.conftest import NAMES, free_port, served
from tests.tables import write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.serving.server import app_of
from vlrouterbench.serving.starting import Start


@pytest.fixture
def users(project_root):
    """The example that plays users and upstream."""
    path = project_root / "docs" / "examples" / "simulated_users.py"
    spec = importlib.util.spec_from_file_location("simulated_users", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def true_value(router, traffic, places):
    """Mean quality and cost (USD) of a router's own choices, by outcomes that only the test knows."""
    chosen = [NAMES.index(router.route(messages=traffic.messages[place]).candidate) for place in places]
    return np.array([(traffic.quality[p, c], traffic.table.cost[p, c]) for p, c in zip(places, chosen, strict=True)])


def test_logged_requests_end_in_a_better_router_that_is_swapped_in_and_out(router_folder, users, tmp_path):
    build_benchmark(write_own_tables(tmp_path / "own", num_samples=560, images=False, seed=5), tmp_path / "traffic")
    traffic = users.Traffic(tmp_path / "traffic", {"middle": 0.9})
    ports = free_port(), free_port()
    users.write_endpoints(traffic, tmp_path / "endpoints.yaml", ports[0])
    (tmp_path / "serve.yaml").write_text(json.dumps({"explore": 1.0}))
    start = Start(
        *(str(path) for path in (router_folder, *(tmp_path / n for n in ("endpoints.yaml", "serve.yaml", "log"))))
    )
    url, log, retrained = f"http://127.0.0.1:{ports[1]}", tmp_path / "log", tmp_path / "retrained"

    def done(*arguments):
        finished = run_program(*arguments, "--json")
        assert finished.status == 0, finished.err
        return json.loads(finished.out)

    with users.Upstream(traffic, ports[0]), served(app_of(start), ports[1]):
        users.ask_and_rate(traffic, url, range(300))
        assert done("logs", "export", "--log", log, "--out", tmp_path / "tables")["rows"] == 300
        done("build", tmp_path / "tables", "--out", tmp_path / "benchmark")
        done("train", tmp_path / "benchmark", "--router", "flagship", "--out", retrained)
        users.ask_and_rate(traffic, url, range(300, 500))  # while the old one serves on
        routers = ("--router", router_folder, "--router", retrained)
        told = done("logs", "evaluate", "--log", log, *routers, "--benchmark", tmp_path / "benchmark")

        new = range(300, 560)
        reload = lambda content: users_post(url, content)  # noqa: E731
        assert reload({"router": str(retrained)})["before"] == str(router_folder)
        assert reload({"back": True})["router"] == str(router_folder)
        assert reload({"router": str(retrained)})["router"] == str(retrained)

    old, better = (vrb.AutoRouter.from_pretrained(folder) for folder in (router_folder, retrained))
    before, after = (true_value(router, traffic, new).mean(axis=0) for router in (old, better))
    bounds = traffic.table.cost_bounds
    scores = [float(vrb.rank_score(*averages, cost_bounds=bounds)) for averages in (before, after)]
    assert scores[1] > scores[0] and after[0] > before[0], (before, after, scores)
    first, second = told["routers"]
    for router, record in ((old, first), (better, second)):
        truth = true_value(router, traffic, range(300, 500)).mean(axis=0)
        estimate = record["estimates"]["doubly-robust"]
        for kind, value in zip(("accuracy", "cost_usd"), truth, strict=True):
            # Draws differ from run to run: twice the width of 95 % is left by chance once in ten thousand times.
            assert abs(estimate[kind]["value"] - value) <= estimate[kind]["high"] - estimate[kind]["low"]
    assert second["difference"]["accuracy"]["low"] > 0


def users_post(url, content):
    """A swap by the gateway's own address."""
    import urllib.request

    request = urllib.request.Request(f"{url}/admin/reload", json.dumps(content).encode(), method="POST")
    request.add_header("content-type", "application/json")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.loads(answer.read())
