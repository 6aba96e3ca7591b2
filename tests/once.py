"""What costs much to make is made once per run: by the first worker that asks, and every worker has a copy of its own.

A copy, so that no test finds what a test beside it in another process is writing.
"""

import os
import shutil

from filelock import FileLock


def built_once(tmp_path_factory, name, build):
    """A folder of this process with what `build(folder)` writes, whichever process of the run called it.

    `name` is the folder's path below the temporary folder; its last part is what `build` sees as well.
    """
    own = tmp_path_factory.getbasetemp() / name
    own.parent.mkdir(parents=True, exist_ok=True)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        build(own)
        return own
    common = tmp_path_factory.getbasetemp().parent / "built-once" / name
    common.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{common}.lock"):
        if not common.exists():
            part = common.parent / "part" / common.name
            shutil.rmtree(part.parent, ignore_errors=True)
            part.parent.mkdir()
            build(part)
            part.rename(common)
    shutil.copytree(common, own)
    return own
