"""The published archive of the benchmark: fetched once with huggingface_hub, built, and registered.

Decisions
- The download is huggingface_hub's: it resumes, verifies and caches.
- Whether the Hub can be reached is asked first.
"""

from __future__ import annotations

from pathlib import Path

from vlrouterbench.core.constants import BENCHMARK_NAME, HOME_VARIABLE, REPO_VARIABLE
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.reach import hub_reachable
from vlrouterbench.data.build import build_benchmark, registered_benchmark

ARCHIVE_REPO = "KinghtH/VL-RouterBench"
ARCHIVE_FILE = "vlm_router_data.tar.gz"


def fetch_and_build() -> Path:
    """Fetch the published archive, build it where `build` registers benchmarks, and return the folder.

    Raises:
        BenchmarkError: the Hub cannot be reached, or does not give the archive.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    target = registered_benchmark()
    offline = not hub_reachable()
    try:
        archive = hf_hub_download(ARCHIVE_REPO, ARCHIVE_FILE, repo_type="dataset", local_files_only=offline)
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        why = "the Hub cannot be reached" if offline else f"the Hub answered: {str(error).splitlines()[0]}"
        raise BenchmarkError(
            f'load_dataset("{BENCHMARK_NAME}") looked for a folder ./{BENCHMARK_NAME}, a build at {target} '
            f"({HOME_VARIABLE}), a repository in {REPO_VARIABLE}, and {ARCHIVE_FILE} of {ARCHIVE_REPO}; found none: "
            f"{why}. Build one from logs with `vlrouterbench build SOURCE`, or load the simulated one: "
            f'load_dataset("{BENCHMARK_NAME}", "simulated").'
        ) from error
    build_benchmark(archive, target)
    return target
