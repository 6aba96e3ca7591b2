"""Loading a router of any family by what its config.json says it is.

Decisions
- A family that is known here (of this package, registered, or of an installed package) is loaded by its own class: code
  from the folder or the Hub is not run. Any other is loaded by the folder's code, and only where that was allowed, by
  `trust_remote_code` or, for a command as a whole, by `trusts_code`.
- Code that differs from what was saved with the weights is not run, whatever is allowed: its digests stand in
  config.json. Folders of 0.x have none and are read as they are.
- A folder that is not a router is named as such, with what was found.
- A router whose parts do not belong together is not loaded (`base/binding.py`).
- Where the Hub does not answer, what lies in its cache is all there is: whether it does is asked once, since its client
  tries again for half a minute, for each file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard, TypeVar

from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled
from safetensors import SafetensorError
from transformers.utils import cached_file

from vlrouterbench.core.errors import RouterError, UnknownNameError, nearest_name, unknown_name
from vlrouterbench.core.foreign_code import foreign_code
from vlrouterbench.core.staging import bring_back_killed
from vlrouterbench.routers.base.binding import SavedRouterError
from vlrouterbench.routers.base.configuration_router import LONGEST_NAME
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoder_registration import find_encoders
from vlrouterbench.routers.encoders.block import BLOCKS, MODALITIES
from vlrouterbench.routers.encoders.hub.folder import hub_answers
from vlrouterbench.routers.registration import find_offered
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.routers.write_code import LOADED, changed_code, flat_name

T = TypeVar("T")
trusts_code: ContextVar[bool] = ContextVar("trusts_code", default=False)
"""Whether routers of unknown families are loaded by their own code where a call does not say; set for one command."""
fetches_encoders: ContextVar[bool] = ContextVar("fetches_encoders", default=False)
"""Whether routers may fetch the pretrained encoder that they were trained with; set for one command."""
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_OPTIONS = ("revision", "token", "cache_dir", "local_files_only")
MAX_CONFIG_BYTES = 64 * 2**20
"""Of a config.json: that of a router over thousands of candidates has a few MB."""
MAX_NAMES = 4
"""Most code files that a message names."""


class AutoRouter:
    """Loads a router without naming its family."""

    @staticmethod
    def from_pretrained(
        name_or_path: str | Path, *, trust_remote_code: bool | None = None, **kwargs: Any
    ) -> PreTrainedRouter:
        """Load a router from a folder or a Hub id.

        Args:
            name_or_path: folder that `save_pretrained` wrote, or `owner/name` on the Hub.
            trust_remote_code: run the code that lies beside the weights where the family or an encoder is not known
                here; None: as `trusts_code` says, which is no.
            kwargs: as for `PreTrainedModel.from_pretrained` (revision, token, ...); `allow_encoder_download=True` lets
                a pretrained encoder that is not on this machine be fetched, of the commit it was trained with.

        Raises:
            RouterError: nothing there, not a router, its weights cannot be read, or its code is not what was saved.
            UnknownNameError: a family or an encoder that is not known here, and its code may not be run.
        """
        source = str(name_or_path)
        bring_back_killed(Path(source))
        kwargs = _within_reach(source, kwargs)
        config = _read_config(source, kwargs)
        if isinstance(encoder := config.get("encoder"), dict):
            find_encoders(encoder)
        trusted = trusts_code.get() if trust_remote_code is None else trust_remote_code
        known = _known_class(source, config)
        family = known if isinstance(known, type) else _own_class(source, config, known, kwargs if trusted else None)
        if fetches_encoders.get():
            kwargs.setdefault("allow_encoder_download", True)
        try:
            router, loading = family.from_pretrained(name_or_path, output_loading_info=True, **kwargs)
        except SavedRouterError as error:
            raise RouterError(f"the router at {name_or_path} cannot be loaded: {error}") from error
        except (OSError, LookupError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0].rstrip(".") or type(error).__name__
            raise RouterError(
                f"the router at {name_or_path} cannot be loaded: {reason}. Save it or fetch it again."
            ) from error
        if loading["missing_keys"]:  # by code of an earlier release, which lets transformers fill them
            raise RouterError(
                f"expected all weights of the router at {name_or_path}, found none for "
                f"{', '.join(sorted(loading['missing_keys']))}. Save it or fetch it again."
            )
        if not isinstance(router, PreTrainedRouter):  # by its own code, which knows nothing of this package
            router.services = PreTrainedRouter.services
        return router.eval()


def check_code(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a folder whose code files are not those that were saved with the weights.

    Raises:
        RouterError: a file is other than it was, or is missing.
    """
    if changed := changed_code(folder, config):
        raise RouterError(
            f"expected the code of the router at {folder} as it was saved, found {', '.join(changed[:MAX_NAMES])} "
            f"changed{' and more' if len(changed) > MAX_NAMES else ''}. Restore the files, or save the router again "
            "with the code that you want."
        )


def is_kind(value: object, kind: type[T]) -> TypeGuard[T]:
    """Whether a value is of a class of this package, be it as the code has it that a router was loaded by."""
    own = (one for one in type(value).__mro__ if one.__module__.startswith(f"{LOADED}."))
    names = {(one.__module__.rpartition(".")[2], one.__name__) for one in own}
    return isinstance(value, kind) or (flat_name(kind.__module__), kind.__name__) in names


def _known_family(config: Mapping[str, Any]) -> type[PreTrainedRouter] | None:
    """The class of a router that is known here: of its model type, and of its own name where it states one."""
    stated = config.get("architectures")
    names = stated if isinstance(stated, list) else []
    for look_further in (find_offered, None):
        same = [family for family in FAMILIES.values() if family.config_class.model_type == config.get("model_type")]
        named = [family for family in same if family.__name__ in names or not names]
        if named or look_further is None:
            return named[0] if named else None
        look_further()
    return None


class _Unknown(NamedTuple):
    """What of a router is not known here: its family or an encoder, its name, and the names that are known."""

    kind: str
    name: str
    known: Collection[str]


def _known_class(source: str, config: Mapping[str, Any]) -> type[PreTrainedRouter] | _Unknown:
    """The class that loads a router here, or what of it is not known: its family, or an encoder by name."""
    family, encoder = _known_family(config), config.get("encoder")
    if family is None:
        known = dict.fromkeys(family.config_class.model_type for family in FAMILIES.values())
        return _Unknown(f"router family in {source}", str(config.get("model_type"))[:LONGEST_NAME], known)
    for modality in MODALITIES if isinstance(encoder, dict) else ():
        name = encoder.get(modality) if isinstance(encoder, dict) else None
        if isinstance(name, str) and name not in BLOCKS[modality]:
            return _Unknown(f"{modality} encoder in {source}", name[:LONGEST_NAME], BLOCKS[modality])
    return family


def _own_class(
    source: str, config: Mapping[str, Any], unknown: _Unknown, trusted: dict[str, Any] | None
) -> type[PreTrainedRouter]:
    """The class that lies beside the weights; `trusted` are the options of the Hub, None where it may not be run."""
    auto_map = config.get("auto_map")
    reference = auto_map.get("AutoModel") if isinstance(auto_map, dict) else None
    if not isinstance(reference, str):
        raise unknown_name(*unknown)
    if trusted is None:
        raise UnknownNameError(
            f'unknown {unknown.kind} "{unknown.name}": the router brings code of its own '
            f"({reference.partition('.')[0]}.py), which is not run unasked. Read it, then load it with "
            "trust_remote_code=True (--trust-remote-code), or register its class (--plugin)."
        )
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    options = {key: trusted[key] for key in _HUB_OPTIONS if key in trusted}
    recorded = config.get("code_sha256")
    try:
        files = [cached_file(source, name, **options) for name in recorded] if isinstance(recorded, dict) else []
    except OSError as error:
        raise RouterError(
            f"a code file of the router at {source} is missing: {str(error).splitlines()[0]} Save or fetch it again."
        ) from error
    if files:
        check_code(Path(str(files[0])).parent, config)
    with foreign_code(
        lambda failure: RouterError(
            f"the code of the router at {source} cannot be loaded: {failure}. Install what it needs, or ask who wrote "
            "it."
        )
    ):
        return get_class_from_dynamic_module(reference, source, **options)


def _within_reach(source: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options of loading, for the Hub's cache alone where the Hub does not answer."""
    if "local_files_only" in options or not _HUB_ID.fullmatch(source) or Path(source).exists() or hub_answers():
        return options
    return options | {"local_files_only": True}


def _found_neither(source: str, error: Exception) -> str:
    """What is said where a name is neither a folder nor a router on the Hub, with the folder that may be meant."""
    folder = Path(source)
    routers = [path.parent.name for path in folder.parent.glob("*/config.json")] if folder.parent.is_dir() else []
    nearest = nearest_name(folder.name, routers)
    hint = f' Did you mean "{folder.parent / nearest}"?' if nearest else ""
    unreachable = isinstance(error.__cause__, LocalEntryNotFoundError | OfflineModeIsEnabled)
    where = ", and the Hub does not answer or may not be asked" if unreachable else ""
    return (
        f'expected a router folder or Hub id, found neither at "{source}"{where}.{hint} '
        "Give a folder that `vlrouterbench train` wrote, or owner/name with the Hub in reach."
    )


def _read_config(name_or_path: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    options = {key: kwargs[key] for key in _HUB_OPTIONS if key in kwargs}
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
            raise RouterError(_found_neither(name_or_path, error)) from error
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise RouterError(f"expected at most {MAX_CONFIG_BYTES:,} bytes in {path}, found {path.stat().st_size:,}.")
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RouterError(f"{path} is not readable as JSON: {error}.") from error
    except RecursionError as error:
        raise RouterError(
            f"{path} is not readable as JSON: lists or objects lie too deep within each other."
        ) from error
    if not isinstance(config, dict):
        raise RouterError(f"expected a JSON object in {path}, found a {type(config).__name__}.")
    return config
