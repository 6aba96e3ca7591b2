"""Temporary copy of the `data_root` fixture: delete once tests/conftest.py has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def data_root() -> Path:
    root = Path(os.environ.get("VLROUTERBENCH_TEST_DATA", Path(__file__).parents[3] / "../shared/data"))
    if not root.is_dir():
        pytest.skip(f"no test data at {root}")
    return root
