"""The fake Hub, and processes that are its clients."""

import json
import os
import socket
import textwrap

import pytest

from tests.hub.fake_hub import TOKEN, FakeHub
from tests.warm import run_python

_UNSET = (
    "HF_HUB_OFFLINE",
    "HF_EVALUATE_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "VLROUTERBENCH_REPO_ID",
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def client_environment(endpoint, folder, **variables):
    """Environment of a process whose Hub is `endpoint`, with caches of its own under `folder`; None unsets."""
    ours = {
        "HF_ENDPOINT": endpoint,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(folder / "huggingface"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "VLROUTERBENCH_HOME": str(folder / "home"),
    }
    unset = {*_UNSET, *_PROXIES, *(name.lower() for name in _PROXIES)}
    unset |= {name for name, value in variables.items() if value is None}
    given = {name: value for name, value in variables.items() if value is not None}
    return {name: value for name, value in (os.environ | ours).items() if name not in unset} | given


@pytest.fixture
def fake_hub():
    """An empty Hub on 127.0.0.1 where "owner" may write."""
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def closed_endpoint():
    """An address of this machine at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        # Bound and not listening: refused at once, and no one else can take the port meanwhile.
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def client(tmp_path, project_root):
    """Runs code, or the program with arguments, as a client of a Hub with caches of its own, in an empty folder.

    Code gives what it leaves in `answer`; the program gives the finished process.
    """
    work = tmp_path / "work"
    work.mkdir()

    def run(endpoint, command, **variables):
        environment = client_environment(endpoint, tmp_path, **{"PYTHONPATH": str(project_root)} | variables)
        code = f"answer = None\n{textwrap.dedent(command)}" if isinstance(command, str) else None
        last = "\nimport json as _json\nprint('answer', _json.dumps(answer))"
        asked = ["-c", code + last] if code else ["-m", "vlrouterbench", *map(str, command)]
        done = run_python(*asked, cwd=work, env=environment, timeout=120)
        if not code:
            return done
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1].removeprefix("answer "))

    return run
