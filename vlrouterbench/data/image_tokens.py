"""How many tokens an image costs each candidate, from its size: the `measured` protocol.

Decisions
- One rule per image processor, with its source; several candidates share one. Rules give the tokens that the published
  processor settings put in front of the language model, its separators included.
- A candidate outside the published pool names its rule in the candidates file (column `image_rule`); a candidate
  without a rule is an error, since a guessed number of tokens would be a guessed price.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from vlrouterbench.core.errors import SourceError, unknown_name

ImageRule = Callable[[int, int], int]
"""(width, height) in pixels -> number of tokens."""


def openai_tiles(width: int, height: int) -> int:
    """GPT-4o, high detail: fit into 2048 x 2048, shorter side to 768, 170 per tile of 512 and 85 once.

    Source: OpenAI's guide "Images and vision", section on calculating costs.
    """
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    return 85 + 170 * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)


def gemini_tiles(width: int, height: int) -> int:
    """Gemini 2.x: 258 up to 384 px a side, else 258 per tile, tiles being two thirds of the shorter side.

    Source: Google's Gemini API guide "Image understanding", section on token calculation (960 x 540 gives 6 tiles).
    """
    if max(width, height) <= 384:
        return 258
    unit = min(768, max(256, math.floor(min(width, height) / 1.5)))
    return 258 * math.ceil(width / unit) * math.ceil(height / unit)


def qwen_patches(width: int, height: int, *, most: int = 16384) -> int:
    """Qwen2.5-VL and models on its encoder: sides to multiples of 28 within 4 to `most` patches, plus two separators.

    Source: transformers `models/qwen2_vl/image_processing_qwen2_vl.py` (`smart_resize`) with the published
    preprocessor_config (max_pixels 12,845,056).
    """
    factor, area = 28, 28 * 28
    rows, columns = round(height / factor), round(width / factor)
    if rows * columns > most:
        shrink = math.sqrt(height * width / (most * area))
        rows, columns = (max(1, math.floor(side / shrink / factor)) for side in (height, width))
    elif rows * columns < 4:
        grow = math.sqrt(4 * area / (height * width))
        rows, columns = (math.ceil(side * grow / factor) for side in (height, width))
    return rows * columns + 2


def internvl_tiles(width: int, height: int) -> int:
    """InternVL2.5 and models on its processor: 1 to 12 tiles of 448 px in the nearest shape, 256 each, a thumbnail.

    Source: transformers `models/got_ocr2/image_processing_got_ocr2.py` (`get_optimal_tiled_canvas`, used by InternVL);
    the two image tags are counted.
    """
    columns, rows = _nearest_grid(width, height, tile=448, most=12)
    tiles = columns * rows
    return 256 * (tiles + (tiles > 1)) + 2


def deepseek_tiles(width: int, height: int) -> int:
    """DeepSeek-VL2: up to 9 tiles of 384 px with the least padding, 14 x 14 tokens a tile, row ends, a global view.

    Source: DeepSeek-VL2 repository, `processing_deepseek_vl_v2.py` (arXiv 2412.10302, section on dynamic tiling).
    """
    grids = [(m, n) for m in range(1, 10) for n in range(1, 10) if m * n <= 9]
    columns, rows = max(grids, key=lambda grid: _fit(width, height, (384 * grid[0], 384 * grid[1])))
    return 14 * (14 + 1) + 1 + (rows * 14) * (columns * 14 + 1)


def llava_next_tiles(width: int, height: int) -> int:
    """LLaVA-NeXT: 576 for the whole image at 336 px, and the unpadded part of the best of five larger grids.

    Source: transformers `models/llava_next/processing_llava_next.py` (`_get_number_of_features`).
    """
    grids = ((672, 336), (336, 672), (672, 672), (336, 1008), (1008, 336))
    grid = max(grids, key=lambda size: _fit(width, height, size))
    columns, rows = (24 * side // 336 for side in grid)
    if width / height > columns / rows:
        kept = round(height * (columns / width), 7)
        rows -= 2 * ((rows - int(kept)) // 2)
    else:
        kept = round(width * (rows / height), 7)
        columns -= 2 * ((columns - int(kept)) // 2)
    return rows * columns + rows + 576


def phi_crops(width: int, height: int) -> int:
    """Phi-3.5-vision: up to 16 crops of 336 px for a single image, 144 each, row ends, and a global view.

    Source: the model's `processing_phi3_v.py` (`calc_num_image_tokens_from_image_size`), num_crops 16 as the model card
    advises for a single image.
    """
    long_side, short_side = max(width, height), min(width, height)
    ratio = long_side / short_side
    scale = 1
    while scale * math.ceil(scale / ratio) <= 16:
        scale += 1
    scale -= 1
    columns = scale
    rows = math.ceil(scale * 336 / ratio / 336)
    if width < height:
        columns, rows = rows, columns
    return (rows * columns + 1) * 144 + 1 + (rows + 1) * 12


def pixtral_patches(width: int, height: int) -> int:
    """Pixtral: longer side to at most 1024, patches of 16 px, one separator a row.

    Source: transformers `models/pixtral/image_processing_pixtral.py`; the last row's separator is the image's end.
    """
    ratio = max(width / 1024, height / 1024)
    if ratio > 1:
        width, height = math.floor(width / ratio), math.floor(height / ratio)
    columns, rows = math.ceil(width / 16), math.ceil(height / 16)
    return rows * columns + rows


def smolvlm_tiles(width: int, height: int) -> int:
    """SmolVLM2 2.2B: longer side to 1536, tiles of 384 px and a global view, 81 tokens each with their tags.

    Source: transformers `models/smolvlm/image_processing_smolvlm.py` and `processing_smolvlm.py` with the published
    preprocessor_config (longest edge 1536, tiles 384, 81 tokens).
    """
    scale = 1536 / max(width, height)
    columns, rows = (max(1, math.ceil(round(side * scale) / 384)) for side in (width, height))
    if columns == rows == 1:
        return 81 + 3
    # Each tile is fenced and carries its position; a line ends each row and the grid.
    return (81 + 2) * columns * rows + rows + 1 + 81 + 3


def kimi_patches(width: int, height: int) -> int:
    """Kimi-VL 2506 (MoonViT): patches of 28 px after merging, at most 4,096 of them (3.2 million pixels).

    Source: Kimi-VL-A3B-Thinking-2506 model card and its `image_processing_kimi_vl.py`.
    """
    most = 4096
    shrink = min(1.0, math.sqrt(most * 28 * 28 / (width * height)))
    rows, columns = (math.ceil(side * shrink / 28) for side in (height, width))
    return min(rows * columns, most)


def fixed_256(width: int, height: int) -> int:
    """Gemma 3: every image becomes 896 x 896 and 256 tokens, between two tags.

    Source: Gemma 3 technical report (arXiv 2503.19786), section on the vision encoder.
    """
    return 256 + 2


def fixed_576(width: int, height: int) -> int:
    """Janus-Pro: every image becomes 384 x 384 and 576 tokens, between two tags.

    Source: Janus-Pro (arXiv 2501.17811) and transformers `models/janus/processing_janus.py`.
    """
    return 576 + 2


IMAGE_RULES: dict[str, ImageRule] = {
    "openai_tiles": openai_tiles,
    "gemini_tiles": gemini_tiles,
    "qwen_patches": qwen_patches,
    "internvl_tiles": internvl_tiles,
    "deepseek_tiles": deepseek_tiles,
    "llava_next_tiles": llava_next_tiles,
    "phi_crops": phi_crops,
    "pixtral_patches": pixtral_patches,
    "smolvlm_tiles": smolvlm_tiles,
    "kimi_patches": kimi_patches,
    "fixed_256": fixed_256,
    "fixed_576": fixed_576,
}

PUBLISHED_RULES: dict[str, str] = {
    "Janus-Pro-1B": "fixed_576",
    "DeepSeek-VL2-Tiny": "deepseek_tiles",
    "SmolVLM2": "smolvlm_tiles",
    "Kimi-VL-A3B-Thinking-2506": "kimi_patches",
    "Phi-3.5-Vision": "phi_crops",
    "DeepSeek-VL2": "deepseek_tiles",
    "Janus-Pro-7B": "fixed_576",
    "MiMo-VL-7B-RL": "qwen_patches",
    "LLaVA-Next-Vicuna-7B": "llava_next_tiles",
    "Qianfan-VL-8B": "internvl_tiles",
    "Pixtral-12B": "pixtral_patches",
    "Gemma3-27B": "fixed_256",
    "Qwen2.5-VL-32B-Instruct": "qwen_patches",
    "Qwen2.5-VL-72B-Instruct": "qwen_patches",
    "InternVL2.5-78B": "internvl_tiles",
    "Gemini-Flash-2.5": "gemini_tiles",
    "GPT-4o": "openai_tiles",
}
"""Published candidate -> its rule."""


def image_rule(candidate: str, rule: str = "") -> ImageRule:
    """The rule of a candidate: the one its pool file names, else the published one.

    Raises:
        SourceError: no rule is known for it.
        UnknownNameError: the pool file names a rule that does not exist.
    """
    name = rule or PUBLISHED_RULES.get(candidate, "")
    if not name:
        raise SourceError(
            f'candidate "{candidate}": the measured protocol needs its image rule, found none. Give a column '
            f'"image_rule" in the candidates file with one of {", ".join(IMAGE_RULES)}, or use --protocol reference.'
        )
    if name not in IMAGE_RULES:
        raise unknown_name(f'image rule of candidate "{candidate}"', name, IMAGE_RULES)
    return IMAGE_RULES[name]


def _nearest_grid(width: int, height: int, *, tile: int, most: int) -> tuple[int, int]:
    """(columns, rows) nearest in shape to the image; of equals the larger, where the image fills half of it."""
    grids = [(c, r) for c in range(1, most + 1) for r in range(1, most + 1) if c * r <= most]
    grids.sort(key=lambda grid: grid[0] * grid[1])
    best, smallest = (1, 1), math.inf
    for columns, rows in grids:
        distance = abs(width / height - columns / rows)
        if distance < smallest:
            best, smallest = (columns, rows), distance
        elif distance == smallest and width * height > 0.5 * tile * tile * columns * rows:
            best = (columns, rows)
    return best


def _fit(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    """How well an image fills a canvas of `size`: (pixels kept, minus pixels wasted), larger is better."""
    scale = min(size[0] / width, size[1] / height)
    kept = min(int(width * scale) * int(height * scale), width * height)
    return kept, kept - size[0] * size[1]
