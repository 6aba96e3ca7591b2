"""One evaluation of all policies and all trained routers, which several files look at."""

import pytest

from tests.once import built_once
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation import throughput
from vlrouterbench.evaluation.evaluate import evaluate_routers
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.records import read_records
from vlrouterbench.evaluation.report import write_report


@pytest.fixture(scope="session")
def evaluated(simulated_folder, trained_folders, tmp_path_factory):
    """The folder of that evaluation, timed, with its report."""

    def build(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(throughput, "MAX_TIMED", 10)  # of each of ten families, 64 take as long as all the rest
            evaluate_routers(simulated_folder, [*POLICIES, *map(str, trained_folders.values())], folder)
        write_report(read_records(folder / "results.json"), load_table(simulated_folder).split("test"), folder)

    return built_once(tmp_path_factory, "evaluated/evaluation", build)
