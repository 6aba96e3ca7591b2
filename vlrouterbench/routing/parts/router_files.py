"""What of a router can be told without loading it: its name, and a digest of the files that it is loaded from.

Decisions
- Where these files are the same bytes, it is the same router: a job of which nothing is missing is seen to be one in
  the time that its input and these files take to read. Where they are not, or lie on the Hub, the router is loaded and
  told by what it decides by (`router_source.py`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from vlrouterbench.core.files import sha256_of_files


def router_name(router: str) -> str:
    """What a router is called in files of decisions."""
    return Path(router).resolve().name if Path(router).exists() else router.split("/")[-1]


def router_files_sha256(router: str, *encoders: str | None) -> str | None:
    """Digest of a router's files and of encoders that were given; None where one of them lies in no folder."""
    folders = [Path(router), *(Path(encoder) for encoder in encoders if encoder is not None)]
    if not all(folder.is_dir() for folder in folders):
        return None
    given = [encoder is not None for encoder in encoders]
    digests = [sha256_of_files([path for path in one.rglob("*") if path.is_file()], one) for one in folders]
    return hashlib.sha256(f"{given} {digests}".encode()).hexdigest()
