"""The metric's Space: paste decisions and outcomes as JSON, read the figures.

Decisions
- Copied into the Space as it stands; nothing of ours is imported, and gradio only where the page is built.
- A page of our own: `evaluate`'s helper for metric Spaces asks for a gradio of before version 4.
- The example has a row per line: a matrix reads as one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("rank_score.py")
EXAMPLE = {
    "predictions": [0, 1, 2],
    "quality": [[1, 1, 1], [0, 1, 1], [0, 0, 1]],
    "cost": [[0.001, 0.002, 0.008], [0.001, 0.002, 0.008], [0.001, 0.002, 0.008]],
    "groups": ["charts", "charts", "maths"],
    "cost_bounds": [0.001, 0.008],
}


def example_text() -> str:
    """The example as JSON, every row of a matrix on a line."""
    rows = [f" {json.dumps(name)}: {json.dumps(values)}" for name, values in EXAMPLE.items()]
    return "{\n" + ",\n".join(rows).replace("], [", "],\n  [").replace("[[", "[\n  [") + "\n}"


def figures(text: str) -> dict[str, Any]:
    """What the metric computes from a JSON object of its inputs; `{"error": ...}` where it cannot."""
    import evaluate

    try:
        inputs = json.loads(text)
        if not isinstance(inputs, dict):
            return {"error": f"expected a JSON object with predictions, quality, cost, cost_bounds, found {inputs!r}."}
        return evaluate.load(str(SCRIPT)).compute(**inputs)
    except Exception as error:
        return {"error": str(error)}


def build() -> Any:
    """The page."""
    import gradio

    return gradio.Interface(
        figures,
        gradio.Code(example_text(), language="json", label="Decisions and outcomes"),
        gradio.JSON(label="Figures"),
        title="Rank Score",
        description="Accuracy against cost of a model router (VL-RouterBench, arXiv 2512.23562): the chosen candidate "
        "per sample, quality and cost (USD) of every candidate, and the benchmark's cost bounds.",
        flagging_mode="never",
    )


if __name__ == "__main__":
    build().launch()
