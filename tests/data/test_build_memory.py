"""The memory of a build does not grow with the bytes of its images."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.data.sources.vlmevalkit.log_trees import write_choice_logs, write_images

COUNT, SIDE = 500, 370

# The first build loads every library, so that the second's growth is its own.
PROGRAM = """
import resource, sys
from vlrouterbench.data import write
from vlrouterbench.data.build import build_benchmark
write.IMAGE_BYTES_PER_GROUP = 2**21
peaks = []
for name in ("small", "large"):
    report = build_benchmark(f"{sys.argv[1]}/{name}", f"{sys.argv[1]}/out-{name}")
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(report["images"]["ok"], peaks[1] - peaks[0])
"""


def write_noise(source, dataset):
    """A table of distinct pictures of noise, which no format makes smaller; gives the bytes of all of them."""
    rng, total = np.random.default_rng(0), 0
    path = source / "TSV_images" / f"{dataset}.tsv"
    path.parent.mkdir(parents=True)
    with path.open("wb") as handle:
        handle.write(b"index\timage\tquestion\tA\tB\n")
        for index in range(1, COUNT + 1):
            buffer = io.BytesIO()
            noise = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(noise).save(buffer, "PNG", compress_level=0)
            total += buffer.tell()
            handle.write(b"%d\t%b\tQuestion?\tyes\tno\n" % (index, base64.b64encode(buffer.getvalue())))
    return total


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is known for Linux")
def test_a_build_grows_by_less_than_half_of_its_images(tmp_path, project_root):
    write_images(tmp_path / "small", "MMStar", 3)
    write_choice_logs(tmp_path / "small" / "one", "one", "MMStar", [1, 0, 1])
    total = write_noise(tmp_path / "large", "MMStar")
    write_choice_logs(tmp_path / "large" / "one", "one", "MMStar", [1, 0] * (COUNT // 2))
    for name in ("small", "large"):
        (tmp_path / name / "candidates.csv").write_text("name,input_price,output_price\none,1,1\n")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    said = subprocess.run(command, cwd=project_root, capture_output=True, text=True, check=True).stdout
    readable, growth = map(int, said.split())
    assert readable == COUNT
    assert total > 200_000_000
    assert growth < total / 2, f"grew by {growth:,} bytes for {total:,} bytes of images"
