"""Every figure of `results.json` from the decisions beside it and the benchmark folder: numpy and pyarrow alone.

Nothing of ours is imported: this is what a reader who trusts no figure would write.
usage: python recompute.py EVALUATION BENCHMARK
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

RESAMPLES, BLOCK, BETA = 10_000, 250, 0.1
ENDS = ("mixture", "oracle")


def recompute(evaluation, benchmark, split):
    """Router -> the figures of its record; what only a clock or a model can tell is left out."""
    report = json.loads((benchmark / "build_report.json").read_text())
    bounds = report["cost_bounds_usd"]["cmin"], report["cost_bounds_usd"]["cmax"]
    records = {r["router"]: r for r in json.loads((evaluation / "results.json").read_text())}
    seed = next(iter(records.values()))["seed"]
    truth = read_truth(benchmark, split)
    decided = read_decisions(evaluation / "decisions.parquet")
    controls = read_decisions(evaluation / "controls.parquet")
    ids = list(next(iter(decided.values())))
    names = list(truth[ids[0]]["quality"])
    matrices = [np.array([[truth[i][m][n] for n in names] for i in ids], float) for m in ("quality", "cost")]
    groups = np.array([truth[i]["group_id"] for i in ids])
    place = {name: column for column, name in enumerate(names)}

    def picked(chosen):
        columns = [place[chosen[i]] for i in ids]
        return [matrix[np.arange(len(ids)), columns] for matrix in matrices]

    def expected(shares):
        return [matrix @ np.array([shares.get(name, 0.0) for name in names]) for matrix in matrices]

    values = {router: picked(chosen) for router, chosen in decided.items()}
    references = {name: picked(chosen) for name, chosen in controls.items()}
    shares = {router: shares_of(chosen, ids) for router, chosen in decided.items()}
    draws = {router: drawn(pair, groups, seed, bounds) for router, pair in values.items()}
    reference_draws = {name: drawn(pair, groups, seed, bounds) for name, pair in references.items()}
    found = {}
    for router, pair in values.items():
        own, mine = figures(pair, bounds), draws[router]

        def against(other, theirs, own=own, mine=mine):
            reached = figures(other, bounds)
            difference = own["rank_score"] - reached["rank_score"]
            spread = middle(mine["rank_score"] - theirs["rank_score"])
            spans = {name: middle(d) for name, d in theirs.items()}
            return {**reached, "own_ci95": spans, "difference": difference, "ci95": spread}

        same = expected(shares[router])
        controls_of = {n: against(pair, reference_draws[n]) for n, pair in references.items()}
        mixture = controls_of["mixture"]
        low, high = (figures(references[n], bounds)["rank_score"] for n in ENDS)
        found[router] = {
            "num_samples": len(ids),
            **own,
            "objective_value": own["rank_score"],
            **shares_of_best(pair, matrices, groups, seed),
            "cost_bounds_usd": list(bounds),
            "ci95": {name: middle(d) for name, d in mine.items()},
            "vs_mixture": {"rank_score": mixture["difference"], "ci95": mixture["ci95"]},
            "same_shares": against(same, drawn(same, groups, seed, bounds)),
            "controls": {n: control for n, control in controls_of.items() if "/" not in n},
            "oracle_gap_closed": (own["rank_score"] - low) / (high - low) if high > low else None,
            "oracle_gap_ci95": gap_interval(mine, *(reference_draws[n] for n in ENDS)),
            **upper_bound_gap(own, mine, references, reference_draws, bounds),
            "candidate_shares": shares[router],
            "differences": {
                other: {
                    "rank_score": own["rank_score"] - figures(values[other], bounds)["rank_score"],
                    "ci95": middle(mine["rank_score"] - draws[other]["rank_score"]),
                }
                for other in values
                if other != router
            },
            "rank": rank_of(router, {name: d["rank_score"] for name, d in draws.items()}),
        }
        if f"shuffled-labels/{router}" in references:
            found[router]["shuffled_labels"] = controls_of[f"shuffled-labels/{router}"]
        config = records[router]["router_config"]
        if config["kind"] == "policy" and config["name"] in ("random", "mixture"):
            chances = config.get("shares") or dict.fromkeys(names, 1 / len(names))
            found[router]["expected"] = figures(expected(chances), bounds)
        for key, column in (("per_dataset", "dataset"), ("per_group", "task_group")):
            labels = np.array([truth[i][column] for i in ids])
            found[router][key] = {}
            for name in set(labels.tolist()):
                part = [value[labels == name] for value in pair]
                spread = drawn(part, groups[labels == name], seed, bounds)
                found[router][key][name] = {
                    "num_samples": len(part[0]),
                    **figures(part, bounds),
                    "ci95": {n: middle(d) for n, d in spread.items()},
                }
        estimates = read_estimates(evaluation, router)
        if estimates:
            found[router]["calibration"] = calibration(estimates, decided[router], truth, ids, groups, seed)
        if records[router]["frontier"]:
            singles = [matrix.mean(axis=0) for matrix in matrices]
            found[router]["frontier_measures"] = measures(records[router]["frontier"], singles, bounds)
    return found


def shares_of_best(pair, matrices, groups, seed):
    """Shares of the accuracy and cost of the best single candidate on the scored samples, paired with it."""
    means = [matrix.mean(axis=0) for matrix in matrices]
    best = min(range(len(means[0])), key=lambda place: (-means[0][place], means[1][place]))
    whole = [matrix[:, best] for matrix in matrices]
    own, other = (drawn(columns, groups, seed, (1e-9, 1.0)) for columns in (pair, whole))
    names = {"accuracy_share": "accuracy", "cost_share": "average_cost_usd"}
    return {
        **{n: pair[s].mean() / whole[s].mean() for s, n in enumerate(names)},
        "share_ci95": {n: middle(own[figure] / other[figure]) for n, figure in names.items()},
    }


def fixed_policies(benchmark, ids, split, seed):
    """Decisions of strongest, cheapest, oracle and mixture by their rules: what train showed, and the truth."""
    report = json.loads((benchmark / "build_report.json").read_text())
    bounds = report["cost_bounds_usd"]["cmin"], report["cost_bounds_usd"]["cmax"]
    train, truth = read_truth(benchmark, "train"), read_truth(benchmark, split)
    names = list(truth[ids[0]]["quality"])
    quality, cost = (np.nanmean([[row[m][n] for n in names] for row in train.values()], 0) for m in ("quality", "cost"))
    chosen = {
        "strongest": {i: names[int(np.argmax(quality))] for i in ids},
        "cheapest": {i: names[int(np.argmin(cost))] for i in ids},
        "oracle": {},
        "mixture": {},
    }
    best = (-1.0,)
    for part in range(101):
        for a in range(len(names)):
            for b in range(len(names)):
                mixed = [part / 100 * v[a] + (1 - part / 100) * v[b] for v in (quality, cost)]
                best = max(best, (float(score(*mixed, bounds)), part / 100, a, b), key=lambda t: round(t[0], 9))
    _, part, a, b = best
    shares = np.zeros(len(names))
    shares[a] += part
    shares[b] += 1 - part
    for i in ids:
        row = truth[i]
        right = [n for n in names if row["quality"][n] >= 0.5] or names
        chosen["oracle"][i] = min(right, key=lambda n, row=row: row["cost"][n])
        digest = hashlib.sha256(f"{seed}\0{i}".encode()).digest()
        position = int.from_bytes(digest[:8], "big") / 2**64
        chosen["mixture"][i] = names[int(np.searchsorted(np.cumsum(shares), position, side="right"))]
    return chosen


def read_truth(benchmark, split):
    truth = {}
    columns = ["sample_id", "dataset", "task_group", "group_id", "quality", "cost"]
    for path in sorted((benchmark / "data").glob(f"{split}-*.parquet")):
        truth |= {row["sample_id"]: row for row in pq.read_table(path, columns=columns).to_pylist()}
    return truth


def read_decisions(path):
    chosen = {}
    for row in pq.read_table(path).to_pylist():
        chosen.setdefault(row["router"], {})[row["sample_id"]] = row["candidate"]
    return chosen


def read_estimates(evaluation, router):
    """What a router expected: of its decisions and, by candidate, of all samples; None where it has no estimates."""
    of_chosen = {
        row["sample_id"]: (row["estimated_accuracy"], row["estimated_cost_usd"])
        for row in pq.read_table(evaluation / "decisions.parquet").to_pylist()
        if row["router"] == router and row.get("estimated_accuracy") is not None
    }
    if not of_chosen:
        return None
    of_all = {}
    for row in pq.read_table(evaluation / "estimates.parquet").to_pylist():
        if row["router"] == router:
            of_all.setdefault(row["candidate"], {})[row["sample_id"]] = row["estimated_accuracy"]
    return of_chosen, of_all


def calibration(estimates, chosen, truth, ids, groups, seed):
    of_chosen, of_all = estimates
    expected = np.array([of_chosen[i][0] for i in ids])
    quality = np.array([truth[i]["quality"][chosen[i]] for i in ids])
    squared = (expected - quality) ** 2
    # By definition, sample by sample: what is kept at each coverage, equals by their mean.
    level = {value: float(np.mean(quality[expected == value])) for value in set(expected.tolist())}
    kept = np.cumsum([level[value] for value in sorted(expected.tolist(), reverse=True)])
    risk = [1 - right / (place + 1) for place, right in enumerate(kept)]
    coverages = sorted({int(np.ceil(len(ids) * step / 20)) for step in range(1, 21)})
    return {
        "estimated_accuracy": float(expected.mean()),
        "estimated_cost_usd": float(np.mean([of_chosen[i][1] for i in ids])),
        **reliability(expected, quality),
        "ece_null": null_error(expected, quality, groups, seed),
        "brier_ci95": middle(drawn((squared, squared), groups, seed, (0.1, 0.2))["accuracy"]),
        "aurc": float(np.mean(risk)),
        "risk_coverage": [[count / len(ids), risk[count - 1]] for count in coverages],
        "per_dataset": {
            name: reliability(*(v[[truth[i]["dataset"] == name for i in ids]] for v in (expected, quality)))
            for name in {truth[i]["dataset"] for i in ids}
        },
        "per_candidate": {
            name: reliability(
                np.array([values[i] for i in ids]), np.array([truth[i]["quality"][name] for i in ids], float)
            )
            for name, values in of_all.items()
        },
    }


def reliability(expected, quality):
    """Fifteen bins, closed on the right; 0 falls into the first."""
    edges, bins = np.linspace(0, 1, 16), []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (expected > low) & (expected <= high) | ((expected == 0) & (low == 0))
        if inside.any():
            bins.append([int(inside.sum()), float(expected[inside].mean()), float(quality[inside].mean())])
    return {
        "num_samples": len(expected),
        "ece": sum(count * abs(reached - said) for count, said, reached in bins) / len(expected),
        "brier": float(np.mean((expected - quality) ** 2)),
        "bins": bins,
    }


def null_error(expected, quality, groups, seed):
    """The error over bins with one drawn sign per group on what estimates missed, by the recipe that is stated."""
    names, place = np.unique(groups, return_inverse=True)
    bins = np.maximum(np.ceil(expected * 15), 1)
    rng, errors = np.random.default_rng(seed), []
    for _ in range(1000 // BLOCK):
        for drawn_signs in rng.integers(2, size=(BLOCK, len(names))):
            missed = np.where(drawn_signs == 1, 1, -1)[place] * (quality - expected)
            errors.append(sum(abs(missed[bins == b].sum()) for b in np.unique(bins)) / len(expected))
    return {"mean": float(np.mean(errors)), "p95": float(np.percentile(errors, 95))}


def score(accuracy, cost, bounds):
    low, high = bounds
    cheap = (np.log2(high) - np.log2(np.clip(cost, low, high))) / (np.log2(high) - np.log2(low))
    both = BETA * accuracy + cheap
    return np.where(both > 0, 100 * (1 + BETA) * accuracy * cheap / np.where(both > 0, both, 1), 0.0)


def figures(pair, bounds):
    accuracy, cost = (float(np.mean(value)) for value in pair)
    return {"accuracy": accuracy, "average_cost_usd": cost, "rank_score": float(score(accuracy, cost, bounds))}


def drawn(pair, groups, seed, bounds):
    """Resampled figures: whole groups, in sorted order, drawn by the recipe that the package states."""
    names, place = np.unique(groups, return_inverse=True)
    sums = np.array([np.bincount(place, weights=w) for w in (*pair, np.ones(len(groups)))]).T
    rng, totals = np.random.default_rng(seed), []
    for _ in range(RESAMPLES // BLOCK):
        for picked in rng.integers(len(names), size=(BLOCK, len(names))):
            totals.append(sums[picked].sum(axis=0))
    quality, cost, count = np.array(totals).T
    accuracy, average = quality / count, cost / count
    scores = score(np.clip(accuracy, 0, 1), average, bounds)
    return {"accuracy": accuracy, "average_cost_usd": average, "rank_score": scores}


def gap_interval(mine, mixture, oracle):
    low, high = mixture["rank_score"], oracle["rank_score"]
    return middle((mine["rank_score"] - low) / (high - low)) if (high > low).all() else None


def upper_bound_gap(own, mine, references, draws, bounds):
    """Share of the way from the mixture to the upper-bound estimate; nothing where the two may be the same."""
    mixture, ceiling = (draws[name]["rank_score"] for name in ("mixture", "upper-bound"))
    share = span = None
    if middle(ceiling - mixture)[0] > 0:
        low, high = (figures(references[name], bounds)["rank_score"] for name in ("mixture", "upper-bound"))
        share = (own["rank_score"] - low) / (high - low)
        span = gap_interval(mine, draws["mixture"], draws["upper-bound"])
    return {"upper_bound_gap_closed": share, "upper_bound_gap_ci95": span}


def middle(draws):
    return [float(v) for v in np.percentile(draws, [2.5, 97.5])]


def shares_of(chosen, ids):
    counted = [chosen[i] for i in ids]
    return {name: counted.count(name) / len(ids) for name in set(counted)}


def rank_of(router, draws):
    leads = {n: np.where(np.abs(d - draws[router]) < 1e-9, 0.0, d - draws[router]) for n, d in draws.items()}
    spans = {name: middle(lead) for name, lead in leads.items() if name != router}
    better = [name for name, (low, _) in spans.items() if low > 0]
    tied = [name for name, (low, high) in spans.items() if low <= 0 <= high]
    ahead = np.array([lead > 0 for lead in leads.values()]).sum(axis=0) + 1
    level = np.array([lead >= 0 for lead in leads.values()]).sum(axis=0)
    rank, ordered = 1 + len(better), [np.sort(ahead), np.sort(level)]
    low, high = (int(o[int(np.ceil(p * len(o))) - 1]) for o, p in zip(ordered, (0.025, 0.975), strict=True))
    return {"rank": rank, "range": [min(rank, low), max(rank, high)], "tied_with": tied}


def measures(frontier, singles, bounds):
    """Areas by adding up 200,000 thin strips: another way than the package's."""
    cost, accuracy, _ = np.array(frontier).T
    grid = bounds[0] + (np.arange(200_000) + 0.5) / 200_000 * (bounds[1] - bounds[0])
    best = np.full(len(grid), 0.0)
    for c, a in zip(cost, accuracy, strict=True):
        best[grid >= c] = np.maximum(best[grid >= c], a)
        for d, b in zip(cost, accuracy, strict=True):
            inside = (grid >= c) & (grid <= d) if d > c else np.zeros(len(grid), bool)
            best[inside] = np.maximum(best[inside], a + (b - a) * (grid[inside] - c) / (d - c) if d > c else a)
    front = [
        (c, a)
        for c, a in sorted(zip(cost, accuracy, strict=True))
        if not any((d <= c and b > a) or (d < c and b >= a) for d, b in zip(cost, accuracy, strict=True))
    ]
    x, y = np.array(front).T
    line = np.where(grid < x[0], 0.0, np.interp(grid, x, y))
    cheap = np.clip(np.log2(bounds[1] / np.clip(cost, *bounds)) / np.log2(bounds[1] / bounds[0]), 0, 1)
    steps = (np.arange(200_000) + 0.5) / 200_000
    volume = np.max([np.where(steps <= c, a, 0.0) for c, a in zip(cheap, accuracy, strict=True)], axis=0)
    quality, single_cost = singles
    top = min((single_cost[j], j) for j in range(len(quality)) if quality[j] == quality.max())[1]
    reaching = cost[accuracy >= quality[top]]
    return {
        "aiq": float(best.mean()),
        "nauc": float(line.mean()),
        "qnc": float(reaching.min() / single_cost[top]) if reaching.size else None,
        "hypervolume": float(volume.mean()),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(recompute(Path(sys.argv[1]), Path(sys.argv[2]), "test"), indent=2) + "\n")
