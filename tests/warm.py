"""Second interpreters that begin with the large libraries imported: a start costs one second instead of five.

A server of this test process imports what no test asks about, and forks for every command. A forked process is as one
that was started: it has its own environment, folder, arguments and streams, and has imported neither this package nor
anything that reads the environment (transformers, huggingface_hub, datasets). Tests of what a start imports or of one
that is killed, and tests where large libraries are absent, begin a whole interpreter instead.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import subprocess
import sys
import tempfile
import types
from pathlib import Path

LARGE = (
    "torch",
    "torch._dynamo",
    "torch.distributed.fsdp",
    "torch.distributed.tensor",
    "scipy.optimize",
    "scipy.stats",
    "pandas",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "PIL.Image",
)
FRESH = {"vlrouterbench", "tests", "transformers", "huggingface_hub", "datasets", "evaluate", "accelerate"}
"""What every forked process imports itself."""
_servers = []


def run_python(*arguments, cwd=None, env=None, timeout=400):
    """As `subprocess.run([sys.executable, *arguments])` with captured text, for `-c CODE ...` and `-m MODULE ...`."""
    server = _server()
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        asked = {
            "arguments": [str(argument) for argument in arguments],
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "out": str(out),
            "err": str(err),
        }
        server.stdin.write(f"{json.dumps(asked)}\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], timeout)[0]:
            server.kill()
            raise subprocess.TimeoutExpired(asked["arguments"], timeout)
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(asked["arguments"], status, out.read_text(), err.read_text())


def run_whole_python(*arguments, cwd=None, env=None):
    """The same by an interpreter that begins with nothing, for tests of what a start imports."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def _server():
    """The server of this process, which ends when this process does."""
    if not _servers or _servers[-1].poll() is not None:
        command = [sys.executable, __file__]
        _servers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    return _servers[-1]


def _serve():
    """Fork for every line of stdin; returns in the forked processes, and says on stdout how each of them ended."""
    gc.set_threshold(10_000)
    for name in LARGE:
        importlib.import_module(name)
    loaded = FRESH.intersection(name.partition(".")[0] for name in sys.modules)
    assert not loaded, f"imported before the fork: {sorted(loaded)}"
    gc.freeze()
    for line in sys.stdin:
        asked, child = json.loads(line), os.fork()
        if not child:
            return asked
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
    sys.exit(0)


def _become(asked):
    """Take over the streams, folder, environment and arguments of a command, and run it."""
    # An interpreter that ends searches all its objects for garbage: a second for those of the libraries.
    atexit.register(gc.freeze)
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, asked["out"], os.O_WRONLY | os.O_CREAT),
        (2, asked["err"], os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    kind, what, *rest = asked["arguments"]
    paths = [path for path in asked["env"].get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = ["" if kind == "-c" else asked["cwd"], *paths]
    importlib.invalidate_caches()
    if kind == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *rest]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), main.__dict__)


if __name__ == "__main__":
    # As in an interpreter that was told nothing: neither this folder nor what this one was told to search.
    told = {str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    sys.path[:] = [path for path in sys.path if path not in told]
    _become(_serve())
