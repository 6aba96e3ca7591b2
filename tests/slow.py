"""Tests that `make test-fast` leaves out, by file or folder: those that take more than a few seconds each.

Measured with `pytest --durations=150`; a new slow test file gets a line here.
"""

SLOW = (
    "bench/",
    "cards/test_router_card.py",
    "cli/",
    "data/inspection/",
    "data/simulation/",
    "data/sources/vlmevalkit/test_damage.py",
    "data/sources/vlmevalkit/test_read_properties.py",
    "data/test_bombs.py",
    "data/test_build_killed.py",
    "data/test_build_memory.py",
    "demo/",
    "evaluation/ablation/",
    "evaluation/leaderboard/test_hub_folder.py",
    "evaluation/leaderboard/test_page.py",
    "evaluation/study/",
    "evaluation/test_report.py",
    "evaluation/test_results.py",
    "evaluation/test_shuffled.py",
    "features/test_backbones.py",
    "features/test_pretrained_features.py",
    "hub/",
    "routers/backbones/",
    "routers/families/test_shared_batch.py",
    "spaces/",
    "test_boosted_trees.py",
    "test_docs_budgets.py",
    "test_hub_cards.py",
    "test_packaging.py",
    "test_quickstart.py",
    "test_readme.py",
    "training/",
)
"""Paths below `tests/`, as they begin."""
