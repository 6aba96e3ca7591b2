"""The metric's card: front matter that the Hub reads, and the kept rendering."""

import yaml

from vlrouterbench.cards.metric_card import render_metric_card
from vlrouterbench.core.constants import RANK_SCORE_BETA


def test_the_kept_card_is_the_one_that_is_rendered_today(project_root):
    kept = (project_root / "hub_cards" / "metric_rank_score.md").read_text(encoding="utf-8")
    assert render_metric_card("OWNER/rank_score") == kept


def test_the_card_names_its_repository_and_its_wheel_where_there_is_one():
    without, with_wheel = render_metric_card("me/score"), render_metric_card("me/score", wheel="some-1.0.whl")
    assert 'evaluate.load("me/score"' in without and ".whl" not in without
    assert "https://huggingface.co/spaces/me/score/resolve/main/some-1.0.whl" in with_wheel
    assert f"beta = {RANK_SCORE_BETA}" in without


def test_the_front_matter_makes_a_metric_space():
    front = yaml.safe_load(render_metric_card("me/score").split("---")[1])
    assert {"title", "sdk", "sdk_version", "app_file", "tags", "license"} <= set(front)
    assert front["tags"][:2] == ["evaluate", "metric"]
