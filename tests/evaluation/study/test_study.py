"""A study: parts by name, in one order everywhere, checked before any of them is run."""

import re
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from tests.pages import assert_fetches_nothing, without_scripts
from vlrouterbench.core.errors import BenchmarkError, RouterError, UnknownNameError
from vlrouterbench.evaluation.study.context import StudyContext
from vlrouterbench.evaluation.study.parts.new_candidates import NewCandidatesPart
from vlrouterbench.evaluation.study.study import DEFAULT_PARTS, PARTS, part_of, study
from vlrouterbench.routers.registry import FAMILIES


@pytest.fixture
def untrained(simulated_problem):
    """A context in which nothing may be trained."""

    @contextmanager
    def stage(title):
        raise AssertionError(title)
        yield

    return StudyContext(simulated_problem.table, simulated_problem.features, (0,), stage)


def test_names_and_keys_of_parts_are_unlike_each_other():
    names = [name for part in PARTS for name in (part.name, *part.former_names)]
    assert len(set(names)) == len(names) and len({part.key for part in PARTS}) == len(PARTS)
    assert all(part_of(name) in PARTS for name in (*names, *DEFAULT_PARTS))


def test_the_former_name_of_a_part_is_the_same_part():
    assert part_of("newcomers") is part_of("new-candidates") and isinstance(part_of("newcomers"), NewCandidatesPart)


def test_a_wrong_name_is_answered_with_the_present_ones(untrained):
    with pytest.raises(UnknownNameError, match='Did you mean "frontiers".*new-candidates') as caught:
        study(untrained, ("mixture",), ("routers", "frontier-s"))
    assert "newcomers" not in str(caught.value)


def test_every_part_is_checked_before_any_is_run(untrained):
    for part, router in (("calibration", "mlp"), ("new-candidates", "knn")):
        with pytest.raises(RouterError, match=f"found {router}"):
            study(untrained, (router,), ("routers", part))
    with pytest.raises(RouterError, match="once and at least one"):
        study(untrained, (), ("routers",))
    (dataset, *_), table = untrained.table.column("dataset"), untrained.table
    alone = StudyContext(
        table.take(table.samples["dataset"].to_numpy(zero_copy_only=False) == dataset),
        untrained.features,
        (0,),
        untrained.stage,
    )
    with pytest.raises(BenchmarkError, match="at least two datasets"):
        study(alone, ("mixture",), ("routers", "left-out"))


def test_parts_are_shown_in_the_order_of_the_list_whatever_the_order_of_the_request(simulated_problem):
    context = StudyContext(simulated_problem.table, simulated_problem.features, (0,))
    result = study(context, ("mixture", "strongest"), ("frontiers", "routers", "frontiers"))
    assert list(result.records) == ["frontiers", "routers"]
    headings = [line.columns[1] for line in result.tables() if not isinstance(line, str)]
    assert headings == ["acc. %", "AIQ"]
    page = result.page()
    assert_fetches_nothing(page)
    page = without_scripts(page)
    assert page.index("<h2>Routers</h2>") < page.index("<h2>Frontiers</h2>") and page.count("<svg") == 2


def test_every_variant_that_texts_name_exists(project_root):
    """`FAMILY:VARIANT` in backticks or after --router, in docstrings, help, README, docs and the flagship's log."""
    texts = [*(project_root / "vlrouterbench").rglob("*.py"), *(project_root / "vlrouterbench").rglob("*.md")]
    pattern = r"(?:`|--router )([a-z0-9-]+):([a-z][a-z-]+)(?![\w-])"
    named = [
        found
        for path in (
            *texts,
            *(project_root / "docs").rglob("*.md"),
            project_root / "README.md",
            project_root / "CONTRIBUTING.md",
        )
        for found in re.findall(pattern, path.read_text(encoding="utf-8"))
        if found[0] in FAMILIES
    ]
    assert ("flagship", "without-kernel") in named
    assert [pair for pair in named if pair[1] not in FAMILIES[pair[0]].recipes] == []


@pytest.mark.parametrize("part", ["learning-curves", "left-out", "measuring", "rewordings"])
def test_a_split_without_samples_on_a_side_is_refused_before_anything_is_trained(part, untrained):
    kept = np.flatnonzero(np.array(untrained.table.column("split")) != "validation")
    without = replace(untrained, table=untrained.table.take(kept))
    with pytest.raises(BenchmarkError, match="found none in validation of the one of seed 0. Build from more samples"):
        study(without, ("ridge-mf",), (part,))
