"""Loading a pretrained model for encoding: its own weights, all of them, and no code of its own.

Decisions
- Code from a folder is never run. A model whose config.json brings its own code is refused even where transformers has
  a class of that name: the two may compute different vectors.
- Weights that are missing are an error: transformers would fill them with random ones and a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, ModelFiles, ModelFolder, find_folder, first_line
from vlrouterbench.routers.encoders.sample_input import RouterInput

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class HubDescription(ModelFiles, total=False):
    """All that the vectors of a pretrained encoder depend on; how images are brought to size is for image encoders."""

    dtype: str
    family: str
    pooling: str
    prefix: str
    normalise: bool
    max_length: int
    resize: str
    canvas: list[int] | None
    version: int
    dim: int
    size_bytes: int


class HubEncoder:
    """What encoders of texts and of images share: where the model lies, and where and in what type it computes.

    Args:
        source: `owner/name` on the Hub, or a local folder.
        revision: commit, branch or tag on the Hub.
        device: where to compute.
        dtype: "float32", or on a GPU "bfloat16" or "float16"; None for float32.

    Attributes:
        dim: length of a vector.

    Raises:
        HubEncoderError: not found, needing code of its own, or unusable.
    """

    def __init__(
        self,
        source: str | Path,
        revision: str | None = None,
        device: str | torch.device = "cpu",
        *,
        dtype: torch.dtype | str | None = None,
    ) -> None:
        self.device = torch.device(device)
        self._dtype = checked_dtype(dtype, self.device)
        self._folder = find_folder(source, revision)
        self._config = load_config(self._folder)
        self.dim = self._load()

    @property
    def size_bytes(self) -> int:
        """Of its files, as they were fetched or saved."""
        return self._folder.size_bytes

    def _load(self) -> int:
        """Load what the encoder needs and give the length of its vectors."""
        raise TypeError(f"{type(self).__name__} reads nothing: take HubTextEncoder or HubImageEncoder.")

    def encode(self, inputs: Sequence[RouterInput]) -> torch.Tensor:
        """Vectors of samples, (num_samples, dim) float32 on the encoder's device, in one batch."""
        raise TypeError(f"{type(self).__name__} reads nothing: take HubTextEncoder or HubImageEncoder.")

    def input_length(self, sample: RouterInput) -> int:
        """How long a sample is to the encoder; 0 where all have one length."""
        return 0

    def describe(self) -> HubDescription:
        """What the vectors depend on, ready for JSON."""
        return HubDescription(
            id=self._folder.source,
            revision=self._folder.revision,
            sha256=self._folder.sha256,
            dtype=str(self._dtype).removeprefix("torch."),
        )


def load_config(folder: ModelFolder) -> Any:
    """The model's configuration.

    Raises:
        HubEncoderError: the model needs code of its own, or transformers does not know it.
    """
    from transformers import AutoConfig

    content = folder.read_json("config.json")
    if isinstance(content, dict) and content.get("auto_map"):
        raise HubEncoderError(
            f"{folder.source} needs code of its own (auto_map in config.json), which is never run here. Choose a model "
            "of transformers' own classes; where transformers has the same class, save the model with it into a folder "
            "and give that."
        )
    try:
        return AutoConfig.from_pretrained(folder.path, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HubEncoderError(
            f"the config.json of {folder.source} is not one that transformers knows: {first_line(error)}."
        ) from error


def load_model(
    model_class: Any, folder: ModelFolder, *, dtype: torch.dtype, unused: Sequence[str] = (), **kwargs: Any
) -> PreTrainedModel:
    """A pretrained model, in evaluation mode on the CPU.

    Args:
        model_class: a transformers model class or auto class.
        folder: its files.
        dtype: type of the weights.
        unused: names of modules whose weights may be missing, since their output is not used.
        kwargs: handed to `from_pretrained`.

    Raises:
        HubEncoderError: weights are missing or damaged.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    # Its report lists every weight of a part that is not used; what is missing is reported below.
    logging.set_verbosity_error()
    try:
        model, loading = model_class.from_pretrained(
            folder.path, dtype=dtype, output_loading_info=True, trust_remote_code=False, **kwargs
        )
    except (OSError, LookupError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
        raise HubEncoderError(
            f"the model of {folder.source} cannot be loaded: {first_line(error)}. Fetch or save it again."
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    missing = sorted(key for key in loading["missing_keys"] if not set(key.split(".")) & set(unused))
    if missing:
        raise HubEncoderError(
            f"expected all weights of {type(model).__name__} in {folder.source}, found none for "
            f"{', '.join(missing[:5])}{' and more' if len(missing) > 5 else ''}. Give a folder with the whole model."
        )
    return model.eval().requires_grad_(False)


def checked_dtype(dtype: torch.dtype | str | None, device: torch.device) -> torch.dtype:
    """Type to compute in: float32 unless another is given; half precision is for a GPU.

    Raises:
        HubEncoderError: another type, or half precision on the CPU.
    """
    name = str(dtype or "float32").removeprefix("torch.")
    if name not in _DTYPES:
        raise HubEncoderError(f"expected one of the types {', '.join(_DTYPES)}, found {name}.")
    if name != "float32" and device.type == "cpu":
        raise HubEncoderError(f"{name} is for a GPU: give device='cuda', or leave dtype out on the CPU.")
    return _DTYPES[name]


def reads_images(config: Any) -> bool | None:
    """Whether a model of this configuration takes pixels; None where transformers has no plain model of it."""
    from transformers import MODEL_MAPPING

    if hasattr(config, "vision_config"):
        return True
    if type(config) not in MODEL_MAPPING:
        return None
    classes = MODEL_MAPPING[type(config)]
    model_class = classes[0] if isinstance(classes, tuple | list) else classes
    return model_class is not None and model_class.main_input_name == "pixel_values"
