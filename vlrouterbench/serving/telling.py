"""What a gateway tells whoever runs it, on stderr: in one line, and never at the cost of an answer."""

from __future__ import annotations

import contextlib
import sys

from vlrouterbench.core.output_text import one_line


def tell(kind: str, message: str) -> None:
    """Write "kind: message"; where stderr cannot be written either (a full disk, a closed pipe), answers go on."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{kind}: {one_line(message)}\n")
