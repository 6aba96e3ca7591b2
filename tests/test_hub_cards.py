"""The rendered cards that are kept are the ones the code renders today."""

import json
import re

from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.hub.saved_routers import whole_card
from vlrouterbench.routers.base.card import pool_of


def test_the_card_of_the_default_simulated_benchmark_is_a_fresh_rendering(project_root, tmp_path):
    """Digests are left out of the comparison: they cover image bytes, which depend on the JPEG library's build."""
    build_from_logs(simulate_logs(num_proc=2), tmp_path / "benchmark")
    fresh, kept = (
        re.sub(r"[0-9a-f]{64}", "DIGEST", path.read_text(encoding="utf-8"))
        for path in (tmp_path / "benchmark" / "README.md", project_root / "hub_cards" / "vl-routerbench-simulated.md")
    )
    assert fresh == kept


def test_the_card_of_a_router_is_a_fresh_rendering(project_root):
    """From figures that are kept beside it: training gives other last digits on another machine."""
    kept = project_root / "hub_cards"
    facts = json.loads((kept / "router-mlp-simulated.json").read_text(encoding="utf-8"))
    given = {"family": "mlp", "title": "MLP", "calibrated": False, "trials": facts["trials"]}
    evaluation = facts["record"] | {"pool": pool_of(facts["config"])}
    card = whole_card(facts["config"], given | {"evaluations": [evaluation]})
    fresh = re.sub(r"vlrouterbench [\d.]+\d", "vlrouterbench VERSION", card)
    assert fresh == (kept / "router-mlp-simulated.md").read_text(encoding="utf-8")
