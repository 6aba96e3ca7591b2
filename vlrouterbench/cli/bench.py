"""`vlrouterbench bench`: a named speed comparison."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.cli.extras import require_extra
from vlrouterbench.cli.scale_lines import scale_lines, train_scale_lines
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError, unknown_name
from vlrouterbench.core.simulated import marked

NAMES = (
    "build",
    "own-tables",
    "sources",
    "encode",
    "encode-cache",
    "hub-encoders",
    "neighbours",
    "sweep",
    "decide",
    "bootstrap",
    "end-to-end",
    "demo",
    "measure",
    "serve",
    "gpu",
    "scale",
    "train-scale",
)
"""Each is a file of `vlrouterbench.bench` with a function `bench_NAME`."""
_OPTIONS = {
    "backbone": ("end-to-end", "gpu"),
    "processes": ("end-to-end",),
    "litellm": ("serve",),
    "requests": ("serve",),
    "only": ("scale",),
}
Figures = Mapping[str, Any]
"""A comparison of any name: which figures it has besides its times depends on the name."""


def bench(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(NAMES)}.")],
    scale: Annotated[float, typer.Option(min=0.0001, help="Share of the full size.")] = 1.0,
    backbone: Annotated[
        str | None,
        typer.Option(help="Of end-to-end: tiny-lxmert and other tiny-*, a folder or a Hub id. Of gpu: tiny."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Of end-to-end: time training with one and with this many processes.")
    ] = None,
    litellm: Annotated[
        Path | None,
        typer.Option(help="Of serve: Python interpreter of an environment with litellm[proxy], to compare with."),
    ] = None,
    requests: Annotated[
        int | None, typer.Option(min=1, help="Of serve: requests over which memory is watched (2,000).")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Of scale: texts, images, engines or processes (two against one) alone.")
    ] = None,
) -> None:
    """Compare our speed with a baseline's on the same work, in one run."""
    from vlrouterbench.cli import console

    if name not in NAMES:
        raise unknown_name("comparison", name, NAMES)
    given = {"backbone": backbone, "processes": processes, "litellm": litellm, "requests": requests, "only": only}
    own = {key: value for key, value in given.items() if value is not None}
    for key in own:
        if name not in _OPTIONS[key]:
            raise RouterError(f"--{key} is an option of `bench {_OPTIONS[key][0]}`, found with `bench {name}`.")
    if name == "serve":
        for library in ("starlette", "uvicorn", "prometheus_client"):
            require_extra("serve", library, "bench serve")
    console.quiet_libraries()
    module = name.replace("-", "_")
    with console.stage(f"bench {name}"):
        run = getattr(importlib.import_module(f"vlrouterbench.bench.{module}"), f"bench_{module}")
        result = run(scale=scale, **own)
    own_lines = {"serve": _serve_lines, "gpu": _gpu_lines, "scale": scale_lines, "train-scale": train_scale_lines}
    lines = own_lines.get(name, _lines)
    console.show(result, *lines(result))


def _lines(result: Figures) -> list[str]:
    """The comparison as text, then the further figures that a comparison has."""
    unit = result["unit"]
    ratio = f"{result['ratio']:.1f}" if result["ratio"] >= 1 else f"{result['ratio']:.2g}"
    lines = [f"baseline {result['baseline']:.2f} {unit}, ours {result['ours']:.2f} {unit}: ratio {ratio}"]
    if "reading" in result:
        lines.append(f"reading alone {result['reading']:.2f} {unit}: ratio {result['reading_ratio']:.1f}")
    for form, form_ratio in result.get("per_form", {}).items():
        lines.append(f"{form:<16}{result['pairs'][form]:>10,} pairs: ratio {form_ratio:.2g}")
    if "loading" in result:
        lines.append(f"{result['samples']:,} samples are loaded in {result['loading']:.2f} {unit}")
    if "requests_per_second" in result:
        lines.append(
            f"{result['requests']:,} requests, {result['at_once']} at once, each answered in "
            f"{result['answer_seconds']:g} s: {result['requests_per_second']:.0f} a second, {result['failed']} failed; "
            "the baseline is the time that they must take"
        )
    if "samples_per_second" in result:
        lines.append(f"{result['samples_per_second']:.0f} samples per second on one core")
    lines += [f"  {part.replace('_', ' ')} {share:.0%}" for part, share in result.get("shares", {}).items()]
    for kind, encoder in result.get("encoders", {}).items():
        shares = ", ".join(f"{part} {share:.0%}" for part, share in encoder["shares"].items())
        lines.append(f"{kind}: {encoder['samples_per_second']:.1f} samples per second on {result['device']} ({shares})")
    if "end_to_end" in result:
        return [*_end_to_end_lines(result), f"peak memory {result['peak_memory_gib']:.2f} GiB ({_origin(result)})"]
    lines += _demo_lines(result)
    if "refit" in result:
        lines.append(
            f"fitted again from stored vectors in {result['refit']:.2f} s; {result['stored_mib']:.0f} MiB stored"
        )
    if "peak_memory_gib" in result:
        lines.append(f"peak memory {result['peak_memory_gib']:.2f} GiB")
    if "single_ms" in result:
        lines.append(f"baseline in float64 {result['float64']:.2f} s: ratio {result['float64_ratio']:.1f}")
        lines.append(
            f"one query: baseline {result['baseline_single_ms']:.1f} ms, ours {result['single_ms']:.1f} ms: "
            f"ratio {result['single_ratio']:.1f}"
        )
        lines.append(f"the same neighbours as float64 for all {result['queries']:,} queries")
    if "rank_score_gap" in result:
        gap, loss = result["rank_score_gap"], result["largest_loss"]
        lines.append(marked(f"validation Rank Score: largest gap {gap:.2f}, largest loss {loss:.2f}", simulated=True))
    lines += [f"{name:<12}{milliseconds:8.3f} ms" for name, milliseconds in result.get("ms_per_decision", {}).items()]
    return lines


def _origin(result: Figures) -> str:
    """The conditions that are stated beside every figure of an end-to-end router."""
    return f"{result['weights']}; {result['data']}; {result['device']}"


def _end_to_end_lines(result: Figures) -> list[str]:
    origin, lines = _origin(result), []
    lines.append(
        f"routing, encoder counted: {result['feature_family']} {result['baseline']:.2f} ms a sample, "
        f"{result['family']} ({result['backbone']}) {result['ours']:.2f} ms: ratio {result['ratio']:.2g} ({origin})"
    )
    for name, key in ((result["family"], "end_to_end"), (result["feature_family"], "features")):
        figures = result[key]
        test = figures["test"]
        cost = SAMPLES_PER_COST_UNIT * test["average_cost_usd"]
        lines += [
            f"{name} training: {figures['trained_per_second']:.0f} samples/s after preparing "
            f"{figures['prepared_per_second']:.0f} samples/s once; an epoch of 21,378 samples, extrapolated, takes "
            f"{figures['epoch_seconds_extrapolated']:.1f} s, the first with preparing "
            f"{figures['first_epoch_seconds_extrapolated']:.1f} s ({origin})",
            f"{name} on test: accuracy {test['accuracy']:.1%}, {cost:.3f} $/10K, Rank Score {test['rank_score']:.2f} "
            f"({origin})",
        ]
    low, high = result["difference"]["ci95"]
    lines.append(
        f"{result['family']} less {result['feature_family']}: Rank Score {result['difference']['rank_score']:+.2f}, "
        f"95 % {low:+.2f} to {high:+.2f} ({origin})"
    )
    figures = result["end_to_end"]
    share = ", no GPU to take a share of"
    if figures["bf16_peak"] is not None:
        memory = f"{figures['peak_gpu_memory_gib']:.2f} GiB of its memory"
        share = f", {figures['share_of_bf16_peak']:.1%} of the GPU's measured bf16 peak, {memory}"
    lines.append(
        f"{figures['flops_per_sample'] / 1e9:.2f} GFLOP a training sample, {figures['flops_per_second'] / 1e9:.1f} "
        f"GFLOP/s{share} ({origin})"
    )
    if "scaling" in result:
        speeds = result["scaling"]["trained_per_second"]
        each = ", ".join(f"{count}: {speed:.0f} samples/s" for count, speed in speeds.items())
        lines.append(f"training by number of processes, {each}: {result['scaling']['speed_up']:.2f} times ({origin})")
    return lines


def _serve_lines(result: Figures) -> list[str]:
    """Figures of `bench serve`."""
    added, load, memory, batching = (result[name] for name in ("overhead_ms", "load", "memory", "batching"))
    direct, proxied = result["direct_load"], result["litellm"]
    lines = [
        f"added to the median answer: text {added['text']:.1f} ms, image {added['image']:.1f} ms, by name "
        f"{added['direct']:.1f} ms",
        *(
            f"  {kind}: " + ", ".join(f"{part} {milliseconds:.2f} ms" for part, milliseconds in parts.items())
            for kind, parts in result["parts_ms"].items()
        ),
        f"{load['clients']} clients, images: {load['requests_per_second']:.0f} requests/s, {load['errors']} errors, "
        f"p50 {load.get('p50_ms', math.nan):.0f} ms, p99 {load.get('p99_ms', math.nan):.0f} ms",
        f"{direct['clients']} clients, texts by name, one process: {direct['requests_per_second']:.0f} requests/s, "
        f"{direct['errors']} errors",
        f"encoded together {batching['together_per_second']:.0f} images/s, one by one "
        f"{batching['single_per_second']:.0f}: {batching['gain']:.2f} times",
        f"memory over {memory['requests']:,} requests: {memory['before_mib'] or math.nan:.0f} MiB, then "
        f"{memory['after_mib'] or math.nan:.0f} MiB",
        "ready in " + ", ".join(f"{seconds:.1f} s ({number})" for number, seconds in result["ready_s"].items()),
    ]
    if proxied is None:
        lines.append(f"no ratio: {result['ratio_reason']}")
    else:
        theirs = proxied["overhead_ms"]
        lines.append(
            f"LiteLLM {proxied['version']} adds {theirs['direct']:.1f} ms by name (ratio {result['ratio']:.1f}), and "
            f"{theirs['image']:.1f} ms with an image (ratio {result['image_ratio']:.1f}); "
            f"{proxied['load']['requests_per_second']:.0f} requests/s, {proxied['load']['errors']} errors"
        )
    return [*lines, f"load average {result['load_average']:.1f} on {result['cores']} cores when it began"]


def _gpu_lines(result: Figures) -> list[str]:
    """What `bench gpu` measured, each with its conditions."""
    origin, lines = _origin(result), []
    for kind, encoder in result["encoders"].items():
        lines.append(f"{kind} encoder: {encoder['samples_per_second']:.1f} samples/s ({origin})")
    for name, figures in result["training"].items():
        of_gpu = ""
        if figures["share_of_bf16_peak"] is not None:
            share, memory = figures["share_of_bf16_peak"], figures["peak_gpu_memory_gib"]
            of_gpu = f", {share:.0%} of the bf16 peak, {memory:.1f} GiB"
        lines.append(
            f"{name}, {figures['parameters'] / 1e6:,.1f} M parameters: {figures['trained_per_second']:.1f} samples/s "
            f"in training, {figures['flops_per_second'] / 1e12:.3g} TFLOP/s{of_gpu} ({origin})"
        )
    fsdp, curves = result["fsdp"], result["loss_curves"]
    if fsdp is None:
        lines.append("FSDP: not run, it needs a GPU")
    else:
        ended = "ended well" if fsdp["ended_well"] else f"failed: {fsdp['said']}"
        lines.append(f"FSDP on one device: {ended}, {fsdp['seconds']:.0f} s")
    verdict = "within" if curves["within_tolerance"] else "OUTSIDE"
    lines.append(
        f"loss curve on this device against the CPU's: largest difference {curves['largest_difference']:.2g}, "
        f"{verdict} what rounding explains"
    )
    return [*lines, f"peak memory {result['peak_memory_gib']:.2f} GiB"]


def _demo_lines(result: Figures) -> list[str]:
    """Further figures of `bench demo`."""
    if "clients" not in result:
        return []
    call, many, memory = result["route_call"], result["clients"], result["memory"]
    before, after = (memory[name] or float("nan") for name in ("after_warm_up_mib", "at_the_end_mib"))
    return [
        f"one route call over HTTP: p50 {call['p50_ms']:.1f} ms, p95 {call['p95_ms']:.1f} ms",
        f"{many['clients']} clients for {many['seconds']:.0f} s: {many['calls']:,} calls, {many['errors']} errors, "
        f"p50 {many.get('p50_ms', float('nan')):.0f} ms, p95 {many.get('p95_ms', float('nan')):.0f} ms",
        f"memory over {memory['calls']:,} calls: {before:.0f} MiB, then {after:.0f} MiB",
    ]
