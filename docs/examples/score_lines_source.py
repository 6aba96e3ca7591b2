"""A source of one's own: a text file with a line of scores for every question.

    vlrouterbench build my_scores --plugin docs/examples/score_lines_source.py --out my_benchmark

The first line of `scores.txt` names the candidates; every other one has their scores and then the question.
"""

from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from vlrouterbench import register_source
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.sources.source import Match, ReadOptions, Source
from vlrouterbench.data.sources.source_logs import OUTCOME_SCHEMA, SAMPLE_SCHEMA, SourceLogs

FILE = "scores.txt"


class ScoreLines(Source):
    """Scores and questions in one file."""

    name = "score lines"
    expected = FILE

    def matches(self, folder: Path) -> Match:
        """By the name of the file."""
        return Match((folder / FILE).is_file(), f"no {FILE}")

    def default_pool(self, folder: Path) -> CandidatePool:
        """The candidates of the first line, at prices in USD per million tokens that grow from one to the next."""
        names = (folder / FILE).read_text(encoding="utf-8").splitlines()[0].split()
        return CandidatePool(tuple(CandidateModel(name, 0.1 * 3**n, 0.4 * 3**n) for n, name in enumerate(names)), FILE)

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Samples and outcomes; what is measured but not here (tokens) is stated, and never made up from nothing."""
        content = (folder / FILE).read_bytes()
        header, *lines = content.decode("utf-8").splitlines()
        names = header.split()
        samples, outcomes = [], []
        for number, line in enumerate(lines):
            *scores, question = line.split(maxsplit=len(names))
            sample_id = f"line-{number + 2}"
            samples.append(
                {"sample_id": sample_id, "dataset": folder.name, "task_group": "Other", "question": question}
            )
            outcomes += [
                {
                    "sample_id": sample_id,
                    "candidate": name,
                    "quality": float(score),
                    "input_tokens": 100,
                    "output_tokens": 10,
                }
                for name, score in zip(names, scores, strict=True)
            ]
        return SourceLogs(
            samples=pa.Table.from_pylist(samples, schema=SAMPLE_SCHEMA),
            outcomes=pa.Table.from_pylist(outcomes, schema=OUTCOME_SCHEMA),
            images=[None] * len(samples),
            pool=options.pool,
            name=folder.name,
            source_sha256=sha256(content).hexdigest(),
            pairs_read=len(outcomes),
            protocol="100 tokens in and 10 out for every answer",
        )


register_source(ScoreLines)
