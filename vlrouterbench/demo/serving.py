"""Serving the page: the environment is set before the page's library is imported, and the library gets every limit.

Decisions
- Uploads and temporary files are in the app's folder; files of an earlier run are removed at the start.
- No analytics, no telemetry, no check for versions: the app makes no requests to the network but those of "Ask it".
- A queue of fixed length: a visitor who finds it full is told so, and no visitor waits forever.
- Errors that no visitor can do anything about stay in the server's log.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from vlrouterbench.core.files import make_folder
from vlrouterbench.demo.asking import Asking, asking_of
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.workspace import AppFolder, Workspace, prepare, router_from_environment
from vlrouterbench.measuring.endpoints.read import read_endpoints
from vlrouterbench.routing.limits import LIMITS

QUEUE_LENGTH = 256
_SESSIONS = 500
"""Number of visitors whose last question is kept."""


def require_library() -> None:
    """Check that the page's library is installed.

    Raises:
        DemoError: it is not; the message says how to install it.
    """
    if importlib.util.find_spec("gradio") is None:
        raise DemoError("the demo needs gradio, which is not installed: pip install 'vlrouterbench[demo]'.")


def settle(folder: Path) -> None:
    """Make everything write into the app's own folder, switch network requests off, and remove old uploads."""
    app = AppFolder(Path(folder).absolute())
    shutil.rmtree(app.uploads, ignore_errors=True)
    make_folder(app.uploads)
    os.environ.update(
        GRADIO_TEMP_DIR=str(app.uploads),
        GRADIO_ANALYTICS_ENABLED="False",
        HF_HUB_DISABLE_TELEMETRY="1",
        MPLCONFIGDIR=str(app.root / "matplotlib"),
        TMPDIR=str(app.uploads),
    )
    tempfile.tempdir = str(app.uploads)


def run_app(folder: Path, *, port: int | None = None, endpoints: Path | None = None) -> None:
    """Prepare and serve until stopped, as a Space does; the router is the environment's, else the app's own.

    Args:
        folder: the app's folder.
        port: as for `serve`.
        endpoints: an endpoints file of candidates that visitors may ask; where there is no such file, none are asked.
    """
    require_library()
    settle(folder)
    file = None if endpoints is None or not endpoints.is_file() else read_endpoints(endpoints)
    workspace = prepare(folder, router_from_environment())
    serve(workspace, port=port, asking=asking_of(file, workspace.router.config.candidate_names))


def serve(workspace: Workspace, *, port: int | None = None, block: bool = True, asking: Asking | None = None) -> Any:
    """Serve the page; with `block` until the process is stopped.

    Args:
        workspace: what the tabs work on.
        port: the port to listen on; None takes the first free one from 7860 on.
        block: wait; else return an object whose `close()` stops serving.
        asking: whom visitors may ask; None for nobody.
    """
    import torch

    from vlrouterbench.demo.page import STYLE, build_page, head, theme

    # Two decisions run at once: one thread for each is faster than all threads for both.
    torch.set_num_threads(1)
    page = build_page(workspace, asking)
    page.queue(max_size=QUEUE_LENGTH, default_concurrency_limit=2)
    page.launch(
        server_port=port,
        share=False,
        prevent_thread_lock=not block,
        show_error=False,
        quiet=not block,
        allowed_paths=[str(workspace.folder.examples)],
        max_file_size=LIMITS.upload_bytes,
        state_session_capacity=_SESSIONS,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        footer_links=["api"],
        theme=theme(),
        css=STYLE.read_text(encoding="utf-8"),
        head=head(workspace),
    )
    return page
