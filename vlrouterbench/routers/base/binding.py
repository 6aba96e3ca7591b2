"""What makes a saved router one thing: fields of their declared types, and digests of all that decides.

Decisions
- A configuration's fields are the parameters of its `__init__`; their annotations, or else their defaults, say their
  types. A field that is not declared, or is of another type, is an error: transformers would take it in silently.
- config.json records digests (`bound`): of every declared field, of candidates and prices apart, and of every file that
  a decision may depend on. They tell a change by hand from one that was saved, and name it. They are no signature:
  whoever can write the folder can write them, too.
- Weights are read here and handed over as tensors, from `model.safetensors` alone, where that lies in the folder or in
  the Hub's cache of the same repository. What transformers would look for besides (other formats, parts, adapters,
  links that lead elsewhere) is never looked for.
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.utils import cached_file, logging

WEIGHTS, BOUND = "model.safetensors", "bound"
SIDE_FILES = ("held_out.safetensors", "training_samples.safetensors")
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_BOUND_FILES = (
    WEIGHTS,
    *SIDE_FILES,
    "processor_config.json",
    *_TOKENIZER,
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
)
_WHERE = ("revision", "token", "cache_dir", "local_files_only", "subfolder", "force_download")
"""Options of `from_pretrained` that say where a file is."""
_SHOWN, _LARGEST = 200, sys.float_info.max
logger = logging.get_logger(__name__)
_REMEDIES = {
    "candidates": "change the pool with `vlrouterbench candidates add` and `remove`",
    "prices": "change prices with `vlrouterbench candidates price`, or `router.set_prices(...)`",
}


class SavedRouterError(ValueError):
    """A saved router that is not what it states, or not what was saved; the message is a whole one."""


def shown(value: Any) -> str:
    """A value for a message: not all of a long one."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def declared_fields(config_class: type, base: type) -> dict[str, Any]:
    """Name -> type of the parameters of every `__init__` from a class down to its base; Any where nothing says it."""
    fields: dict[str, Any] = {}
    for kind in reversed(config_class.__mro__):
        if not issubclass(kind, base) or "__init__" not in vars(kind):
            continue
        begin = vars(kind)["__init__"]
        try:
            hints = get_type_hints(begin)
        except NameError:  # a name that is imported for type checkers alone
            hints = {}
        for name, parameter in list(inspect.signature(begin).parameters.items())[1:]:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            default = parameter.default
            by_default = Any if default in (None, parameter.empty) else type(default)
            fields[name] = hints.get(name, by_default)
    return fields


def mismatch(value: Any, hint: Any) -> str | None:
    """What a value of JSON should be where it is something else; None where it fits. Numbers must be finite."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        wrong = [mismatch(value, option) for option in arguments]
        own = [text for option, text in zip(arguments, wrong, strict=True) if text and option is not NoneType]
        null = " or null" if NoneType in arguments else ""
        return None if None in wrong else " or ".join(dict.fromkeys(own)) + null
    if is_typeddict(hint):
        return _mismatch_of_entries(value, hint)
    if origin in (list, Sequence) or hint is list:
        item = arguments[0] if arguments else Any
        wrong = [mismatch(one, item) for one in value] if isinstance(value, list) else [mismatch(item, item) or "any"]
        return next((f"a list, each item {text}" for text in wrong if text), None)
    if origin in (dict, Mapping) or hint is dict:
        item = arguments[1] if arguments else Any
        values = value.values() if isinstance(value, dict) else ()
        wrong = [mismatch(one, item) for one in values] if isinstance(value, dict) else [mismatch(item, item) or "any"]
        return next((f"an object, each value {text}" for text in wrong if text), None)
    if origin is Literal:
        return None if value in arguments else f"one of {', '.join(map(str, arguments))}"
    words = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text", NoneType: "null"}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint in (int, float):
        fits = is_number and -_LARGEST <= value <= _LARGEST and (hint is float or isinstance(value, int))
    elif hint in words:
        fits = isinstance(value, hint)
    else:  # of no type that is known here: any JSON of finite numbers
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        wrong = [mismatch(part, Any) for part in parts]
        fits = not any(wrong) and (not is_number or -_LARGEST <= value <= _LARGEST)
        return None if fits else next(filter(None, wrong), "a finite number")
    return None if fits else words[hint]


def _mismatch_of_entries(value: Any, hint: Any) -> str | None:
    """As `mismatch`, of an object whose entries are declared."""
    if not isinstance(value, dict):
        return "an object"
    hints = get_type_hints(hint, include_extras=True)
    optional = {name for name, kind in hints.items() if get_origin(kind) is NotRequired} if hint.__total__ else {*hints}
    unknown, missing = sorted({*value} - {*hints}), sorted({*hints} - optional - {*value})
    if unknown or missing:
        return f"an object with {', '.join(hints)}" + (f" (not {unknown[0][:_SHOWN]})" if unknown else "")
    kinds = {name: get_args(kind)[0] if get_origin(kind) is NotRequired else kind for name, kind in hints.items()}
    wrong = ((name, mismatch(one, kinds[name])) for name, one in value.items())
    return next((f"an object whose {name} is {text}" for name, text in wrong if text), None)


def out_of_range(value: Any, low: float, high: float) -> bool:
    """Whether a number, or one within a list, lies outside a range."""
    if isinstance(value, list | tuple):
        return any(out_of_range(one, low, high) for one in value)
    return isinstance(value, int | float) and not low <= value <= high


def unknown_field(name: str, known: Sequence[str]) -> SavedRouterError:
    """An error for a field that no class declares."""
    near = difflib.get_close_matches(name[:_SHOWN], known, 1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return SavedRouterError(
        f'its config.json has a field "{name[:_SHOWN]}", which the router\'s configuration does not declare.{hint} '
        "Take it out, or make it a parameter of the configuration's `__init__`."
    )


def field_digests(content: Mapping[str, Any], declared: Sequence[str]) -> dict[str, str]:
    """Name -> digest of the declared fields that a config.json has; candidates' names, in order, and prices apart."""
    parts = {name: content[name] for name in declared if name in content}
    if isinstance(entries := parts.get("candidates"), list):
        parts["candidates"] = [entry.get("name") for entry in entries]
        parts["prices"] = [{name: value for name, value in entry.items() if name != "name"} for entry in entries]
    digests = {}
    for name, part in sorted(parts.items()):
        text = json.dumps(part, sort_keys=True, allow_nan=False)
        digests[name] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return digests


def check_fields_bound(content: Mapping[str, Any], declared: Sequence[str]) -> None:
    """Raise SavedRouterError for a config.json whose fields are not as saved; one that records no digests passes."""
    bound = content.get(BOUND)
    if bound is None:
        return
    recorded = bound.get("fields") if isinstance(bound, dict) else None
    if not isinstance(recorded, dict):
        raise SavedRouterError(f"{BOUND}: expected the digests of a saved router, found {shown(bound)}.")
    found = field_digests(content, declared)
    if changed := sorted(name for name in {*recorded, *found} if recorded.get(name) != found.get(name)):
        remedies = dict.fromkeys(_REMEDIES[name] for name in changed if name in _REMEDIES)
        if len(remedies) < len(changed):
            remedies["set it on the loaded router and `save_pretrained`"] = None
        raise SavedRouterError(
            f"its config.json was changed by hand since it was saved: {', '.join(changed)[:_SHOWN]}. Restore it, and "
            f"{'; '.join(remedies)}: that keeps all of a router together."
        )


def bind(folder: Path, declared: Sequence[str]) -> None:
    """Record digests in the config.json of a folder, just written; SavedRouterError where weights are not finite."""
    read_weights(folder / WEIGHTS)
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    files = {name: file_digest(folder / name) for name in _BOUND_FILES if (folder / name).is_file()}
    content[BOUND] = {"fields": field_digests(content, declared), "files": files}
    beside = folder / ".config.json.new"
    beside.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(path)


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def check_files_bound(folder: Path, recorded: Any) -> None:
    """Refuse a folder, or snapshot of the Hub, whose files are not those that were saved.

    Args:
        folder: where config.json lies; what was recorded lies there, too.
        recorded: name -> sha256.

    Raises:
        SavedRouterError: a file changed, is missing, was added, or leads outside.
    """
    if not isinstance(recorded, dict) or WEIGHTS not in recorded or not {*recorded} <= {*_BOUND_FILES}:
        raise SavedRouterError(f"{BOUND}: expected digests of the router's files, found {shown(recorded)}.")
    for name in _BOUND_FILES:
        path = folder / name
        found = file_digest(inside(path)) if path.is_file() else None
        if found == recorded.get(name):
            continue
        problem = "missing" if found is None else "changed" if name in recorded else "added"
        raise SavedRouterError(
            f"{name} was {problem} since the router was saved: its parts no longer belong together. Restore or fetch "
            "the whole folder, or load what you mean to keep and `save_pretrained` it."
        )


def inside(path: Path) -> Path:
    """A file where it lies: in its folder or its repository's blobs in the Hub's cache; else SavedRouterError."""
    real, folder = path.resolve(), path.parent.resolve()
    repository = next((up.parent.parent for up in (folder, *folder.parents) if up.parent.name == "snapshots"), None)
    if real.parent != folder and (repository is None or real.parent != repository / "blobs"):
        raise SavedRouterError(
            f"{path.name} is a link that leads out of the router's folder, to {shown(str(real))}: it is not followed. "
            "Put the file itself there."
        )
    return real


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weights file by name.

    Raises:
        SavedRouterError: it cannot be read, or holds a number that is not finite.
    """
    try:
        tensors = load_file(inside(path))
    except SavedRouterError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise SavedRouterError(
            f"{path.name} cannot be read as safetensors ({str(error)[:_SHOWN]}). Save or fetch the router again."
        ) from error
    check_finite(tensors)
    return tensors


def check_finite(tensors: Mapping[str, torch.Tensor]) -> None:
    """Raise SavedRouterError for weights with a number that is not finite: it would decide by where it stands."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            if tensor.element_size() < 2:
                raise SavedRouterError(f"its tensor {shown(name)} is of {tensor.dtype}, where float32 belongs.")
            # A sum is finite only where every number is, and quick; numpy's starts no threads as torch's does.
            with np.errstate(all="ignore"):
                total = tensor.float().numpy().sum()
            if not np.isfinite(total) and not bool(tensor.isfinite().all()):
                raise SavedRouterError(
                    f"its tensor {shown(name)} has numbers that are not finite (NaN or infinite): nothing can be "
                    "decided by them. Train the router again, or fetch it again."
                )


def read_checked(source: str | Path, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What a router's config.json holds, and its weights; SavedRouterError where they are not as saved."""
    path = beside(source, "config.json", options)
    weights = None if path is None else beside(source, WEIGHTS, options)
    if path is None or weights is None:
        raise SavedRouterError(
            f"expected config.json and {WEIGHTS} at {source}, found one of them missing; other files of weights, or an "
            "index of several, are not read. Save it with `save_pretrained`, or fetch it again."
        )
    config = json.loads(inside(Path(path)).read_text(encoding="utf-8"))
    bound = config.get(BOUND)
    if bound is None:
        logger.warning(
            f"the router at {source} was saved before routers were bound: nothing says whether its names, prices and "
            "weights belong together. Load it and save it again with `save_pretrained` to bind what it is now."
        )
    else:
        for name in bound["files"] if isinstance(bound, dict) and isinstance(bound.get("files"), dict) else ():
            beside(source, name, options)  # from the Hub each is fetched when it is asked for
        check_files_bound(Path(path).parent, bound.get("files") if isinstance(bound, dict) else None)
    return config, read_weights(Path(weights))


def beside(source: str | Path, name: str, options: Mapping[str, Any]) -> str | None:
    """Path of a file beside a router's weights, in a folder or fetched from the Hub; None where there is none."""
    where = {name: options[name] for name in _WHERE if name in options}
    quiet = dict.fromkeys(("_raise_exceptions_for_missing_entries", "_raise_exceptions_for_connection_errors"), False)
    return cached_file(str(source), name, **quiet, **where)
