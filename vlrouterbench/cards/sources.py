"""Where the 14 datasets come from: homepage, paper and licence of each, and the page on which the licence was read.

Decisions
- A licence stands here only as the dataset's own authors state it, on the page that is named. A licence that others
  gave to a copy is none of theirs: it says `NOT_STATED`.
- It covers what the authors made. Several datasets gather images and questions of others, whose rights stay theirs;
  where the authors say so, `note` does.
- The named pages are what counts, and they can change: nothing here is legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NOT_STATED = "not stated by its authors"
_HUB = "https://huggingface.co/datasets"


@dataclass(frozen=True)
class SourceDataset:
    """One of the 14 datasets.

    Attributes:
        title: its authors' name for it.
        homepage: project page, repository or Hub repository of its authors.
        arxiv: number of its paper.
        licence: as its authors state it, `NOT_STATED` where the pages read do not.
        read_at: page on which the licence was read, or looked for.
        note: what a user should know beside it.
    """

    title: str
    homepage: str
    arxiv: str
    licence: str
    read_at: str
    note: str = ""


SOURCES: dict[str, SourceDataset] = {
    "MMBench_DEV_EN_V11": SourceDataset(
        "MMBench", "https://github.com/open-compass/MMBench", "2307.06281", "CC BY 4.0", f"{_HUB}/opencompass/MMBench"
    ),
    "MMStar": SourceDataset(
        "MMStar",
        "https://mmstar-benchmark.github.io",
        "2403.20330",
        NOT_STATED,
        f"{_HUB}/Lin-Chen/MMStar",
        "selected from other benchmarks",
    ),
    "MMMU_DEV_VAL": SourceDataset(
        "MMMU", "https://mmmu-benchmark.github.io", "2311.16502", "Apache-2.0", f"{_HUB}/MMMU/MMMU"
    ),
    "RealWorldQA": SourceDataset(
        "RealWorldQA",
        f"{_HUB}/xai-org/RealworldQA",
        "",
        "CC BY-ND 4.0",
        f"{_HUB}/xai-org/RealworldQA",
        "no derivatives may be shared",
    ),
    "InfoVQA_VAL": SourceDataset(
        "InfographicVQA",
        "https://www.docvqa.org",
        "2104.12756",
        NOT_STATED,
        "https://arxiv.org/abs/2104.12756",
        "its homepage was not read; copies on the Hub name licences of their own",
    ),
    "HallusionBench": SourceDataset(
        "HallusionBench",
        "https://github.com/tianyi-lab/HallusionBench",
        "2310.14566",
        "BSD-3-Clause",
        "https://github.com/tianyi-lab/HallusionBench",
    ),
    "MathVista_MINI": SourceDataset(
        "MathVista",
        "https://mathvista.github.io",
        "2310.02255",
        "CC BY-SA 4.0",
        f"{_HUB}/AI4Math/MathVista",
        "for its new contributions; images and questions belong to their original authors",
    ),
    "MathVision_MINI": SourceDataset(
        "MATH-Vision", "https://mathvision-cuhk.github.io", "2402.14804", "MIT", f"{_HUB}/MathLLMs/MathVision"
    ),
    "MathVerse_MINI": SourceDataset(
        "MathVerse", "https://mathverse.github.io", "2403.14624", "MIT", f"{_HUB}/AI4Math/MathVerse"
    ),
    "AI2D_TEST": SourceDataset(
        "AI2D",
        "https://prior.allenai.org/projects/diagram-understanding",
        "1603.07396",
        NOT_STATED,
        f"{_HUB}/lmms-lab/ai2d",
        "a copy, whose card names none; its homepage was not read",
    ),
    "ChartQA_TEST": SourceDataset(
        "ChartQA", "https://github.com/vis-nlp/ChartQA", "2203.10244", "GPL-3.0", f"{_HUB}/ahmed-masry/ChartQA"
    ),
    "DocVQA_VAL": SourceDataset(
        "DocVQA",
        "https://www.docvqa.org",
        "2007.00398",
        NOT_STATED,
        "https://arxiv.org/abs/2007.00398",
        "its homepage was not read; copies on the Hub name licences of their own; images of a public library (UCSF)",
    ),
    "TextVQA_VAL": SourceDataset(
        "TextVQA",
        "https://textvqa.org",
        "1904.08920",
        "CC BY 4.0",
        f"{_HUB}/facebook/textvqa",
        "images are from OpenImages",
    ),
    "OCRBench": SourceDataset(
        "OCRBench",
        "https://github.com/Yuliang-Liu/MultimodalOCR",
        "2305.07895",
        NOT_STATED,
        f"{_HUB}/echo840/OCRBench",
        "gathered from many datasets",
    ),
}
"""VLMEvalKit's name -> its source, as copies of the named pages state it."""


def sources_of(datasets: Iterable[str]) -> dict[str, SourceDataset]:
    """The listed sources among the datasets of a benchmark, in the paper's order."""
    present = set(datasets)
    return {name: source for name, source in SOURCES.items() if name in present}
