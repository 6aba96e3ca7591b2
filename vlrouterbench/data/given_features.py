"""The file of features that a source brings with it, as `build` knows it: its name, and what counts as a table.

Decisions
- `build` copies the file as it is, and what it holds is read where features are (`features/given.py`).
"""

from __future__ import annotations

from pathlib import Path

from vlrouterbench.data.sources.inside import refuse_outside

GIVEN_FEATURES = "features.safetensors"
"""In a folder of own tables, and in a benchmark folder."""


def given_features(folder: Path) -> Path | None:
    """The file of a source; None where it brings none. SourceError for a link that leads outside."""
    path = folder / GIVEN_FEATURES
    if not path.is_file():
        return None
    refuse_outside(path, folder)
    return path


def digested_files(folder: Path) -> list[Path]:
    """The files of a benchmark folder that its digest covers."""
    return [*folder.rglob("*.parquet"), *filter(Path.is_file, [folder / GIVEN_FEATURES])]
