"""What is to be known of MMR-Bench's costs wherever they show.

Source: LAMDA-Model-Reuse/ORBIT, utils/benchmark_adapters.py (`cost_scope` of its adapter of V2, after the data card of
gh0stHunter/MMR-Bench-V2): an estimate by recorded output, without tokens of input, image or unrecorded reasoning, of
whose 44 prices 29 are of low confidence.
"""

from __future__ import annotations

COST_NOTE = (
    "MMR-Bench's costs are estimates by the recorded output alone: they leave out the tokens of the question and of "
    "the image, and 29 of its 44 prices are stated to be of low confidence. --protocol with --candidates or --prices "
    "counts costs again."
)
