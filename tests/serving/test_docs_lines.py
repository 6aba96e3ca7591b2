"""The first lines of the gateway's page run as printed: a demo in a process of its own, and two requests to it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.serving.conftest import free_port


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_demo_starts_and_answers_the_requests_as_printed(project_root, tmp_path):
    page = (project_root / "docs" / "serve.md").read_text(encoding="utf-8")
    blocks = [block.strip().splitlines() for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL)]
    (serve,), requests = blocks[:2]
    assert serve == "vlrouterbench serve --demo" and len(requests) == 2
    port = free_port()
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(project_root),
        "VLROUTERBENCH_HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
    }
    with subprocess.Popen(
        [*serve.split(), "--port", str(port)], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            ready, deadline = 0, time.monotonic() + 120
            while ready != 200:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
                try:
                    ready = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code
                except httpx.HTTPError:
                    continue
            said = []
            for line in requests:
                line = line.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
                done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60)
                said.append(json.loads(done.stdout))
        finally:
            process.send_signal(signal.SIGINT)
        told = process.stdout.read()
    assert said[0]["model"] in said[1]["order"] and said[1]["candidate"] == said[1]["order"][0]
    assert "nobody was asked" in said[0]["choices"][0]["message"]["content"]
    assert "Simulated data" in told and f"127.0.0.1:{port}/v1" in told
