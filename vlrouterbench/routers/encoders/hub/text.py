"""Text features from a pretrained encoder of the Hub or a local folder.

Decisions
- Pooling, prefix and normalisation are the model's own (`family.py`); a long prompt loses its hint first and
  its question last (`prompt.py`).
- Texts are padded on the right and pooled by their mask, so a text's vector does not depend on what it is batched with
  beyond the last bits of float32. Which texts share a batch, and sorting them by length, is the caller's.
- A text of no tokens at all has the zero vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from vlrouterbench.routers.encoders.hub.family import LONGEST, text_family
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, ModelFolder, first_line
from vlrouterbench.routers.encoders.hub.model import HubDescription, HubEncoder, load_model, reads_images
from vlrouterbench.routers.encoders.hub.pooling import pooled_tokens
from vlrouterbench.routers.encoders.hub.prompt import fixed_tokens, prompt_tokens
from vlrouterbench.routers.encoders.sample_input import RouterInput

HUB_TEXT_VERSION = 1
# Positions of these models count from behind the padding id, so that many of the table's rows are never used.
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer")
_NO_LIMIT = 10**9
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


class HubTextEncoder(HubEncoder):
    """A pretrained text encoder: arguments, attributes and errors of `HubEncoder`; an image model is an error too.

    Args:
        max_length: longest input in tokens, special ones counted; None for the model's own, at most LONGEST.
        family: row of TEXT_FAMILIES; None to tell it by the model's name.
    """

    def __init__(
        self, source: str | Path, *args: Any, max_length: int | None = None, family: str | None = None, **kwargs: Any
    ) -> None:
        self._arguments = max_length, family
        super().__init__(source, *args, **kwargs)

    def _load(self) -> int:
        from transformers import AutoModel

        max_length, family = self._arguments
        _require_text_model(self._config, self._folder)
        self.family = text_family(self._folder, family)
        self._tokenizer = load_tokenizer(self._folder)
        self.max_length = self._checked_length(self._config, max_length)
        # The pooler of a BERT is not among the outputs used, and many encoders are published without it.
        model: torch.nn.Module = load_model(AutoModel, self._folder, dtype=self._dtype, unused=("pooler",))
        self._model = model.to(self.device)
        return self._config.hidden_size

    def describe(self) -> HubDescription:
        """What the vectors depend on, ready for JSON."""
        default = " (default)" if self.family.pooling_source == "default" else ""
        return {
            **super().describe(),
            "family": self.family.name,
            "pooling": f"{self.family.pooling}{default}",
            "prefix": self.family.prefix,
            "normalise": self.family.normalise,
            "max_length": self.max_length,
            "version": HUB_TEXT_VERSION,
        }

    @torch.no_grad()
    def encode(self, inputs: Sequence[RouterInput]) -> torch.Tensor:
        """Vectors of the samples' texts, (num_samples, dim) float32 on the encoder's device, in one batch."""
        rows = [self.tokens(sample) for sample in inputs]
        vectors = torch.zeros(len(rows), self.dim, device=self.device)
        filled = [index for index, row in enumerate(rows) if row]
        if filled:
            vectors[filled] = self.pooled([rows[index] for index in filled])
        return torch.nn.functional.normalize(vectors, dim=1) if self.family.normalise else vectors

    def tokens(self, sample: RouterInput) -> list[int]:
        """Token ids that the encoder reads of a sample, at most `max_length`."""
        return prompt_tokens(
            sample,
            self._tokenizer,
            prefix=self.family.prefix,
            max_length=self.max_length,
            lower_case=self.family.lower_case,
        )

    def input_length(self, sample: RouterInput) -> int:
        """Tokens that the encoder reads of a sample."""
        return len(self.tokens(sample))

    @torch.no_grad()
    def pooled(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Pooled output for rows of token ids (none empty), (num_rows, dim) float32, not normalised."""
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
        padding = self._tokenizer.pad_token_id or 0
        ids = torch.full(mask.shape, padding)
        ids[mask.bool()] = torch.tensor([token for row in rows for token in row])
        ids, mask = ids.to(self.device), mask.to(self.device)
        hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        return pooled_tokens(hidden, mask, self.family.pooling)

    def _checked_length(self, config: Any, max_length: int | None) -> int:
        limit = position_limit(config)
        stated = self.family.max_length or min(self._tokenizer.model_max_length, _NO_LIMIT)
        own = min(limit, stated, LONGEST)
        if max_length is not None and max_length > limit:
            raise HubEncoderError(f"{self._folder.source} reads at most {limit} tokens, {max_length} were asked for.")
        chosen = own if max_length is None else max_length
        fixed = fixed_tokens(self._tokenizer, self.family.prefix)
        if chosen <= fixed:
            raise HubEncoderError(
                f"expected a max_length over {fixed}, which prefix and special tokens of {self._folder.source} take, "
                f"found {chosen}."
            )
        return chosen


def _require_text_model(config: Any, folder: ModelFolder) -> None:
    images = reads_images(config)
    if images:
        raise HubEncoderError(
            f"expected a text encoder, found an image model ({config.model_type}) at {folder.source}: "
            "give it as the image encoder."
        )
    if images is None or getattr(config, "is_encoder_decoder", False) or not hasattr(config, "hidden_size"):
        raise HubEncoderError(
            f"expected a text encoder such as BERT, XLM-RoBERTa, ModernBERT or Qwen3, found a {config.model_type} at "
            f"{folder.source}, which is not supported."
        )


def position_limit(config: Any) -> int:
    """Most tokens that a text model of this configuration has positions for."""
    positions = getattr(config, "max_position_embeddings", None) or _NO_LIMIT
    return positions - (config.pad_token_id + 1) if config.model_type in _OFFSET_POSITIONS else positions


def load_tokenizer(folder: ModelFolder) -> Any:
    """The fast tokenizer of a model's folder.

    Raises:
        HubEncoderError: none, none that loads, or a slow one.
    """
    from transformers import AutoTokenizer

    # Without its files transformers makes a tokenizer that knows no word.
    if not any(next(folder.path.glob(name), None) for name in _TOKENIZER_FILES):
        raise HubEncoderError(
            f"expected a tokenizer in {folder.path}, found none of {', '.join(_TOKENIZER_FILES)}. "
            "Save the model's tokenizer there too."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder.path, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
        raise HubEncoderError(f"the tokenizer in {folder.path} does not load: {first_line(error)}.") from error
    if not tokenizer.is_fast:
        raise HubEncoderError(
            f"expected a fast tokenizer (tokenizer.json) in {folder.path}, found a {type(tokenizer).__name__}: "
            "the position of each token in the text is needed to shorten long prompts."
        )
    return tokenizer
