"""A router on disk: what stands beside its weights, how they are loaded, and how all of it goes to the Hub.

Decisions
- The code is saved beside the weights, so that a router loads where this package is not installed.
- So do digests of what it was trained on, so that nobody scores it on that unawares; the facts that its card is
  rendered from; and, of a router that estimates, what it estimated of held-out samples, so that another trade-off can
  be chosen later. They last through every saving. A router that was saved without them loads as well.
- A loaded router decides as the saved one did, to the last bit. So it is loaded in float32 whatever `dtype` is asked
  for: features are fitted and compared, costs weighed and neighbours searched in it, and in 16 bits close candidates
  would change places. Another type is said not to be taken; it is never an error in `route`.
- What is saved is one thing (`binding.py`): config.json records digests of its fields and of the files beside it, and
  what differs from them is not loaded. A router of an earlier release records none, and loads with a warning.
- Weights are read here, checked, and handed to transformers as tensors with no name of a folder to look for more in.
- Where this package is imported it gives its own `services`: this file is also read where it is not installed.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel
from transformers.utils import logging

from vlrouterbench.routers.base.binding import (
    BOUND,
    SIDE_FILES,
    WEIGHTS,
    SavedRouterError,
    beside,
    bind,
    inside,
    read_checked,
)
from vlrouterbench.routers.base.card import FIGURE, NOTES_MARK, CardFacts, short_card, with_notes
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.write_code import code_digests, write_code

CARD, CARD_FACTS = "README.md", "card.json"
HELD_OUT_FILE, DIGESTS_FILE = SIDE_FILES
STALE = ("*.json", "*.safetensors", "*.py", FIGURE)
"""Files of an earlier push that are deleted on the Hub where the new one lacks them."""
logger = logging.get_logger(__name__)
_TAKEN = (None, "auto", "float32", torch.float32)
"""What `dtype` may be without a word."""
_ELSEWHERE = ("state_dict", "variant", "gguf_file", "quantization_config", "key_mapping")
"""Options of transformers' by which other weights than the folder's would be loaded."""
_given: ContextVar[Mapping[str, torch.Tensor]] = ContextVar("_given")
"""The tensors that a router is about to be made for."""


class Services(NamedTuple):
    """What a router cannot do alike everywhere."""

    render_card: Callable[[Mapping[str, Any], CardFacts], str]
    """Configuration as a dict, and facts -> the text of a card."""
    draw_figures: Callable[[Mapping[str, Any], CardFacts], Mapping[str, bytes]]
    """As above -> file name and content of what the card shows: FIGURE or nothing."""
    upload: Callable[..., str]
    """Router, its folder, repository id and options of `push_to_hub` -> the repository's address."""


class SavedRouter(PreTrainedModel):
    """The base of `PreTrainedRouter`: saving, loading and pushing."""

    config: RouterConfig
    encoder: Any
    """A `FeatureEncoder`, or what an end-to-end family has in its place: with `dim`, `image` and `encode`."""
    config_class: type[RouterConfig] = RouterConfig
    base_model_prefix = ""
    title = ""
    """The family's name in print."""
    calibrated = False
    """Whether the family estimates calibrated probabilities of a correct answer."""
    training_digests: torch.Tensor | None = None
    """Digests of the content of the samples it was trained on, (num_samples,) int64, sorted; None where not known."""
    held_out: Mapping[str, torch.Tensor] | None = None
    """Estimates and outcomes of samples that it did not learn from, by name; None where it keeps none."""
    card_facts: CardFacts | None = None
    """What its card says beside the configuration; None where nothing is known."""
    _untrained: Sequence[str] = ()
    """Names of its parameters that are not trained, as it was made."""
    services: ClassVar[Services]
    """What renders its card and uploads it; the package sets its own."""

    def save_pretrained(self, save_directory: str | os.PathLike[Any], *arguments: Any, **options: Any) -> Any:
        """As transformers', with card and code files; with `push_to_hub=True` pushed by `push_to_hub`, to `repo_id`."""
        pushed = options.pop("push_to_hub", False)
        # Before anything is written: what could not be loaded is not saved.
        type(self.config).check_fields(json.loads(self.config.to_json_string()))
        taken = {name: options.pop(name) for name in ("repo_id", *_PUSH_OPTIONS) if name in options and pushed}
        if options.get("is_main_process", True):
            folder = Path(save_directory)
            folder.mkdir(parents=True, exist_ok=True)
            blocks = getattr(self.encoder, "block_classes", {})
            self.config.auto_map = write_code(folder, self.auto_classes(), blocks)
            if "AutoProcessor" in self.config.auto_map:
                self.save_processor(folder)
            self.config.code_sha256 = code_digests(folder, self.config.auto_map)
            digests = self.training_digests
            _write_tensors(None if digests is None else {"digests": digests}, folder / DIGESTS_FILE)
            _write_tensors(self.held_out, folder / HELD_OUT_FILE)
            # What a person wrote into the folder stays there, whatever router is written over it.
            files = self.card_files(notes=_read_notes(folder / CARD))
            for name in {CARD_FACTS, FIGURE} - {*files}:
                (folder / name).unlink(missing_ok=True)
            for name, content in files.items():
                (folder / name).write_bytes(content)
        # In one file, whatever its size: no index says where else to look.
        saved = super().save_pretrained(save_directory, *arguments, **{"max_shard_size": "100TB", **options})
        if options.get("is_main_process", True):
            bind(folder, list(type(self.config).declared()))
            if pushed:
                self.push_to_hub(**{"repo_id": folder.name, **taken})
        return saved

    def card_files(self, notes: str = "") -> dict[str, bytes]:
        """File name -> content of the card with a person's `notes`, of its facts and its figure where there are any."""
        family = self.config.model_type.removeprefix("vlrouter-")
        known: CardFacts = {"family": family, "title": self.title, "calibrated": self.calibrated}
        known |= {**(self.card_facts or {}), **({"notes": notes} if notes else {})}
        config = self.config.to_dict()
        texts = {CARD: with_notes(self.services.render_card(config, known), known)}
        if facts := {name: fact for name, fact in (self.card_facts or {}).items() if name != "notes"}:
            texts[CARD_FACTS] = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        return {name: text.encode() for name, text in texts.items()} | dict(self.services.draw_figures(config, known))

    def push_to_hub(self, repo_id: str, **options: Any) -> Any:  # type: ignore[override]
        """Save the router and upload it as a model repository, with its card; as `vlrouterbench push router` does.

        Args:
            repo_id: `owner/name`; created where it does not exist.
            options: `private`, `token`, `commit_message`, `commit_description`, `revision` and `create_pr`, as for
                transformers' own.

        Returns:
            The address; ValueError for no such id, another option, or an encoder that is a folder of this machine.
        """
        others = sorted({*options} - {*_PUSH_OPTIONS})
        if others or repo_id.count("/") != 1:
            raise ValueError(
                f"expected a repository id of the form owner/name and of options {', '.join(_PUSH_OPTIONS)}; found "
                f'"{repo_id}"{"".join(f", {name}" for name in others)}.'
            )
        self.check_shareable()
        with tempfile.TemporaryDirectory(prefix="router-") as temporary:
            folder = Path(temporary) / "router"
            self.save_pretrained(folder)
            return self.services.upload(self, folder, repo_id, **options)

    def check_shareable(self) -> None:
        """Raise ValueError for a router that nobody else could use."""

    def save_processor(self, folder: Path) -> None:
        """Write the processor's settings beside the weights."""

    def auto_classes(self) -> dict[str, type]:
        """Name of an Auto class of transformers -> the class that it loads from a saved router."""
        return {"AutoConfig": type(self.config), "AutoModel": type(self)}

    def post_init(self) -> None:
        """As transformers', which a model ends its `__init__` with; notes what is not trained.

        Raises:
            SavedRouterError: its shapes are not those of the tensors that it is made for.
        """
        given = _given.get({})
        for name, tensor in self.state_dict().items() if given else ():
            if name in given and given[name].shape != tensor.shape:
                # Here, before transformers makes what config.json asks for, however large.
                found, expected = tuple(given[name].shape), tuple(tensor.shape)
                raise SavedRouterError(f"{WEIGHTS}: expected {name} of shape {expected}, found {found}.")
        super().post_init()
        self._untrained = [name for name, parameter in self.named_parameters() if not parameter.requires_grad]

    @classmethod
    def from_pretrained(cls, *arguments: Any, **options: Any) -> Any:
        """As transformers', in float32, of one folder whose parts belong together, with weights at their own addresses.

        Tensors mapped from a file lie at any address, and kernels round by alignment: without the copy a loaded router
        would differ from the saved one in the last bit.

        Args:
            arguments: folder or id.
            options: as for transformers', less what names other weights; `allow_encoder_download` lets a pretrained
                encoder be fetched when it is first needed.

        Raises:
            SavedRouterError: its parts do not belong together, weights are missing or not finite, or such an option.
        """
        source = arguments[0] if arguments else options.pop("pretrained_model_name_or_path", None)
        if source is None:  # made from tensors that the caller has
            return super().from_pretrained(None, *arguments[1:], **options)
        if other := sorted(name for name in _ELSEWHERE if options.pop(name, None) is not None):
            raise SavedRouterError(f"{', '.join(other)}: not taken, since a router's weights are its {WEIGHTS}.")
        asked = [options.pop(name) for name in ("dtype", "torch_dtype") if name in options]
        if others := [str(dtype).removeprefix("torch.") for dtype in asked if dtype not in _TAKEN]:
            logger.warning(
                f"dtype={others[0]} is not taken: {cls.__name__} computes in float32, so that it decides as saved."
            )
        allowed, with_info = (options.pop(name, False) for name in ("allow_encoder_download", "output_loading_info"))
        for name in ("use_safetensors", "ignore_mismatched_sizes", "weights_only", "adapter_kwargs"):
            options.pop(name, None)
        config, weights = read_checked(source, options)
        router, loading = cls._made_of(weights, *arguments[1:], **{"config": str(source), **options})
        router.config.name_or_path = router.name_or_path = str(source)
        for tensor in (*router.parameters(), *router.buffers()):
            tensor.data = tensor.data.clone()
        for name in router._untrained:  # transformers loads every parameter as one that is trained
            router.get_parameter(name).requires_grad_(False)
        for block in getattr(router.encoder, "blocks", {}).values():
            block.allow_fetching(by_caller=bool(allowed), is_bound=BOUND in config)
        router._read_side_files(source, options, config.get(BOUND))
        return (router, loading) if with_info else router

    @classmethod
    def _made_of(cls, weights: Mapping[str, torch.Tensor], *arguments: Any, **options: Any) -> tuple[Any, Any]:
        """A router of exactly these tensors, and transformers' account of them."""
        before, verbosity = _given.set(weights), logging.get_verbosity()
        # Its report of names that do not match is a page; the first are named below.
        logging.set_verbosity_error()
        try:
            taken = {"state_dict": weights, "dtype": torch.float32, "output_loading_info": True}
            load: Any = super().from_pretrained
            router, loading = load(None, *arguments, **taken, **options)
        finally:
            _given.reset(before)
            logging.set_verbosity(verbosity)
        for kind, found in (("missing_keys", "lacks"), ("unexpected_keys", "has what no such router has,")):
            if names := sorted(loading[kind]):
                raise SavedRouterError(f"{WEIGHTS} {found} {', '.join(names[:4])}. Save or fetch the router again.")
        return router, loading

    def _read_side_files(self, source: str | Path, options: Mapping[str, Any], bound: Mapping[str, Any] | None) -> None:
        """Take what lies beside the weights; of a bound router what it records, and nothing is looked for in vain."""
        found = {
            name: inside(Path(path))
            for name in SIDE_FILES
            if (bound is None or name in bound["files"]) and (path := beside(source, name, options)) is not None
        }
        digests, held_out = found.get(DIGESTS_FILE), found.get(HELD_OUT_FILE)
        self.training_digests = None if digests is None else load_file(digests)["digests"]
        self.held_out = None if held_out is None else load_file(held_out)
        self.card_facts = _read_facts(source, options)


_PUSH_OPTIONS = ("private", "token", "commit_message", "commit_description", "revision", "create_pr")


def _write_tensors(tensors: Mapping[str, torch.Tensor] | None, path: Path) -> None:
    """Write tensors beside the weights; None removes an older file, which would be another router's."""
    if tensors is None:
        path.unlink(missing_ok=True)
    else:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def _read_facts(source: str | Path, options: Mapping[str, Any]) -> CardFacts | None:
    """The facts of a card from a folder or the Hub, with what a person wrote; None where there is neither."""
    facts: Any = {}
    if (path := beside(source, CARD_FACTS, options)) is not None:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(facts, dict):
            raise ValueError(f"expected a JSON object in {path}, found a {type(facts).__name__}.")
    if (path := beside(source, CARD, options)) is not None:
        notes = _read_notes(Path(path))
        facts |= {"notes": notes} if notes else {}
    return facts or None


def _read_notes(card: Path) -> str:
    """What a person wrote into a card; "" where nothing, or where there is no card."""
    return card.read_text(encoding="utf-8").partition(f"{NOTES_MARK}\n")[2] if card.is_file() else ""


def _upload(
    _: SavedRouter, folder: Path, repo_id: str, *, private: bool | None = None, token: Any = None, **commit: Any
) -> str:
    """Make the repository where there is none, and upload a router's folder."""
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    card = (folder / CARD).read_text(encoding="utf-8").replace("PATH_OR_REPO_ID", repo_id)
    (folder / CARD).write_text(card, encoding="utf-8")
    address = api.create_repo(repo_id, private=private, exist_ok=True)
    if private and not api.repo_info(repo_id).private:
        raise ValueError(f"{repo_id} exists and is public: nothing was pushed. Make it private first.")
    api.upload_folder(repo_id=repo_id, folder_path=folder, delete_patterns=list(STALE), **commit)
    return str(address)


SavedRouter.services = Services(short_card, lambda *_: {}, _upload)
