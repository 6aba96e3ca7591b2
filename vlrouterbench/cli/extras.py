"""Extras that a command line needs: looked for first, so that a missing one is said before heavy imports.

Decisions
- Finding a library takes a look into folders; importing torch to say that another library is missing takes seconds.
- Whoever uses the package from Python is told by the place that needs the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from vlrouterbench.core.errors import VLRouterBenchError


def require_extra(extra: str, library: str, what: str) -> None:
    """Stop where a library is not installed.

    Args:
        extra: that installs it, as "demo".
        library: its module.
        what: needs it.

    Raises:
        VLRouterBenchError: it is not installed.
    """
    if find_spec(library) is None:
        raise VLRouterBenchError(
            f"{what} needs {library}, which is not installed: pip install 'vlrouterbench[{extra}]'."
        )


def require_extras_of(options: Mapping[str, Any]) -> None:
    """Stop where the options of a command ask for an extra that is not installed; errors as for `require_extra`.

    Args:
        options: values by the names of the command's parameters.
    """
    if str(options.get("image") or "").endswith("+ocr"):
        require_extra("ocr", "rapidocr", f"--image {options['image']}")
    if options.get("backbone_training") == "lora":
        require_extra("peft", "peft", "--backbone-training lora")
    if "tensorboard" in (options.get("log_to") or ()):
        require_extra("tensorboard", "tensorboard", "--log-to tensorboard")
