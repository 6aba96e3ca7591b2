"""Loading a router of any family by what its config.json says it is.

Decisions
- Code from the folder or the Hub is never run: the family must be one of this package's.
- A folder that is not a router is named as such, with what was found.
- Weights that are missing are an error: transformers would fill them with random ones and a warning.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers.utils import cached_file

from vlrouterbench.core.errors import RouterError, unknown_name
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import FAMILIES


class AutoRouter:
    """Loads a router without naming its family."""

    @staticmethod
    def from_pretrained(name_or_path: str | Path, **kwargs: Any) -> PreTrainedRouter:
        """Load a router from a folder or a Hub id.

        Args:
            name_or_path: folder that `save_pretrained` wrote, or `owner/name` on the Hub.
            kwargs: as for `PreTrainedModel.from_pretrained` (revision, token, ...).

        Raises:
            RouterError: nothing there, not a router, or its weights cannot be read.
        """
        config = _read_config(str(name_or_path), kwargs)
        families = {family.config_class.model_type: family for family in FAMILIES.values()}
        model_type = str(config.get("model_type"))
        if model_type not in families:
            raise unknown_name(f"router family in {name_or_path}", model_type, families)
        try:
            router, loading = families[model_type].from_pretrained(name_or_path, output_loading_info=True, **kwargs)
        except (OSError, LookupError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0].rstrip(".") or type(error).__name__
            raise RouterError(
                f"the router at {name_or_path} cannot be loaded: {reason}. Save it or fetch it again."
            ) from error
        if loading["missing_keys"]:
            raise RouterError(
                f"expected all weights of the router at {name_or_path}, found none for "
                f"{', '.join(sorted(loading['missing_keys']))}. Save it or fetch it again."
            )
        return router.eval()


def _read_config(name_or_path: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    options = {key: kwargs[key] for key in ("revision", "token", "cache_dir", "local_files_only") if key in kwargs}
    folder = Path(name_or_path)
    if folder.exists():
        path = folder / "config.json"
        if not path.is_file():
            raise RouterError(
                f"expected a router folder with config.json, found none in {folder}. "
                "Train one with `vlrouterbench train`."
            )
    else:
        try:
            path = Path(cached_file(name_or_path, "config.json", **options) or "")
        except (OSError, ValueError) as error:
            raise RouterError(
                f'expected a router folder or Hub id, found neither at "{name_or_path}". '
                "Give a folder that `vlrouterbench train` wrote, or owner/name with the Hub in reach."
            ) from error
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RouterError(f"{path} is not readable as JSON: {error}.") from error
    if not isinstance(config, dict):
        raise RouterError(f"expected a JSON object in {path}, found a {type(config).__name__}.")
    return config
