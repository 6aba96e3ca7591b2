"""Which format a folder holds, and what a format of one's own has to offer."""

import pyarrow as pa
import pytest

from tests.data.sources.published import embed_llm as write_embed_llm
from vlrouterbench.core.errors import SourceError, UnknownNameError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.sources import registry
from vlrouterbench.data.sources.source import Match, Source, few_names
from vlrouterbench.data.sources.source_logs import OUTCOME_SCHEMA, SAMPLE_SCHEMA, SourceLogs
from vlrouterbench.data.table import load_table


class Scores(Source):
    """A format of one's own: a line per sample with the score of every candidate, which the first line names."""

    name = "score lines"
    expected = "scores.txt"

    def matches(self, folder):
        return Match((folder / "scores.txt").is_file(), "no scores.txt")

    def default_pool(self, folder):
        names = (folder / "scores.txt").read_text().splitlines()[0].split()
        return CandidatePool(tuple(CandidateModel(name, 1.0, 2.0) for name in names), "scores.txt")

    def read(self, folder, options):
        self.options = options
        names, *lines = [line.split() for line in (folder / "scores.txt").read_text().splitlines()]
        samples = [
            {"sample_id": f"s{n}", "dataset": "d", "task_group": "Other", "question": f"{n}?"}
            for n in range(len(lines))
        ]
        outcomes = [
            {"sample_id": f"s{n}", "candidate": name, "quality": float(score), "input_tokens": 10, "output_tokens": 10}
            for n, line in enumerate(lines)
            for name, score in zip(names, line, strict=True)
        ]
        return SourceLogs(
            samples=pa.Table.from_pylist(samples, schema=SAMPLE_SCHEMA),
            outcomes=pa.Table.from_pylist(outcomes, schema=OUTCOME_SCHEMA),
            images=[None] * len(samples),
            pool=options.pool,
            name=folder.name,
            source_sha256="0" * 64,
            pairs_read=len(outcomes),
            protocol="ten each",
        )


@pytest.fixture
def scores(monkeypatch):
    """The format, after those of the package."""
    source = Scores()
    monkeypatch.setattr(registry, "SOURCES", (*registry.SOURCES, source))
    return source


@pytest.fixture
def score_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "scores.txt").write_text("a b\n" + "1 0.5\n0 1\n" * 20)
    return tmp_path / "mine"


def test_a_format_of_ones_own_becomes_a_benchmark(scores, score_folder, tmp_path):
    report = build_benchmark(score_folder, tmp_path / "out", BuildOptions(protocol=Protocol.MEASURED, num_proc=3))
    table = load_table(tmp_path / "out", verify=True)
    assert (report["name"], report["samples"], report["pairs_kept"]) == ("mine", 40, 80)
    assert table.pool.names == ("a", "b")
    assert "Tokens `ten each`: as its source counts them." in (tmp_path / "out" / "README.md").read_text()
    assert table.mean_quality.tolist() == [0.5, 0.75]
    assert (scores.options.protocol, scores.options.num_proc) == (Protocol.MEASURED, 3)


def test_prices_apply_to_the_default_pool_of_a_format(scores, score_folder, tmp_path):
    sheet = tmp_path / "prices.csv"
    sheet.write_text("name,input_price,output_price\nb,3,5\n")
    build_benchmark(score_folder, tmp_path / "out", BuildOptions(prices=sheet))
    assert load_table(tmp_path / "out").mean_cost.tolist() == pytest.approx([30e-6, 80e-6])
    sheet.write_text("name,input_price,output_price\nc,3,5\n")
    with pytest.raises(UnknownNameError, match="Known: a, b"):
        build_benchmark(score_folder, tmp_path / "out", BuildOptions(prices=sheet))


def test_where_two_formats_match_the_first_is_read(scores, own_tables):
    (own_tables / "scores.txt").write_text("a b\n1 1\n")
    assert registry.find_source(own_tables).name == "own tables"


def test_the_refusal_says_of_every_format_what_was_expected_and_found(scores, tmp_path):
    (tmp_path / "outcome.csv").write_text("sample_id\n")
    for name in "edcba":
        (tmp_path / name).mkdir()
    with pytest.raises(SourceError) as error:
        registry.find_source(tmp_path)
    assert str(error.value) == (
        "expected own tables (samples and outcomes as .parquet, .csv, .jsonl, .tsv, .json or .xlsx) or VLMEvalKit logs "
        "(<model>/<model>_<dataset>.xlsx) or score lines (scores.txt) or MMR-Bench V2 or MMR-Bench V1 or RouterBench "
        "tables or EmbedLLM tables or LLMRouterBench results or RouterArena results or lmms-eval samples or "
        f"OpenVLMRecords in {tmp_path}, found none of these. own tables: found outcome.csv (outcome.csv has the "
        "columns sample_id). VLMEvalKit logs: found no file that begins with its folder's name in a, b, c and 2 more. "
        "score lines: found no scores.txt. Correct SOURCE."
    )


def test_what_a_folder_could_also_be_read_as_is_told_in_the_order_of_trial(scores, own_tables, tmp_path):
    (own_tables / "scores.txt").write_text("a b\n1 1\n")
    write_embed_llm(own_tables / "deeper")
    (own_tables / "deeper" / "train.csv").rename(own_tables / "others.csv")
    report = build_benchmark(own_tables, tmp_path / "out")
    assert report["source_notes"] == [
        f"{own_tables.name} was read as own tables, which come first in the order of formats; it also holds what could "
        "be read as EmbedLLM tables, score lines."
    ]
    assert f"- {report['source_notes'][0]}" in (tmp_path / "out" / "README.md").read_text()


def test_an_empty_folder_holds_nothing_of_any_format(tmp_path):
    with pytest.raises(SourceError, match=r"found no table\. .* found no folder of a model"):
        registry.find_source(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        "vlm_router_data/VLMEvalKit_evaluation/m/m_MMStar.xlsx",
        "VLMEvalKit_inference/m/m_MMStar.xlsx",
        "m/m_MMStar.xlsx",
        "m/T20250101_G1234/m_MMStar.xlsx",
        "m[1]/m[1]_MMStar.xlsx",
    ],
)
def test_logs_are_known_by_their_names(tmp_path, path):
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(b"")
    assert registry.find_source(tmp_path).name == "VLMEvalKit logs"


def test_logs_behind_a_linked_run_folder_are_found_and_those_outside_are_not(tmp_path):
    source, outside = tmp_path / "source", tmp_path / "outside"
    for folder in (source / "m", source / "runs" / "one", outside / "n"):
        folder.mkdir(parents=True)
    (source / "runs" / "one" / "m_MMStar.xlsx").write_bytes(b"")
    (outside / "n" / "n_MMStar.xlsx").write_bytes(b"")
    (source / "n").symlink_to(outside / "n")
    with pytest.raises(SourceError, match="found none of these"):
        registry.find_source(source)
    (source / "m" / "T20250101_G1234").symlink_to(source / "runs" / "one")
    assert registry.find_source(source).name == "VLMEvalKit logs"


def test_a_message_lists_a_few_names_and_counts_the_rest():
    assert few_names(["a", "b", "c"]) == "a, b, c"
    assert few_names(["a", "b", "c", "d"]) == "a, b, c and 1 more"
