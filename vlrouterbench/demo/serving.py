"""Serving the page: everything is settled before the library is imported, and every limit is given to it.

Decisions
- Uploads and temporary files lie in the app's folder; what an earlier run left there is removed at the start.
- No analytics, no telemetry, no check for versions: the app asks for nothing on the network.
- A queue with a fixed length: who comes too late is told so, and nobody waits for ever.
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
from vlrouterbench.demo.workspace import Ground, Place, prepare, router_from_environment
from vlrouterbench.routing.limits import LIMITS, DemoError

QUEUE_LENGTH = 256
_SESSIONS = 500
"""Visitors whose last question is kept."""


def require_library() -> None:
    """Say how to get the page's library where it is missing.

    Raises:
        DemoError: it is.
    """
    if importlib.util.find_spec("gradio") is None:
        raise DemoError("the demo needs gradio, which is not installed: pip install 'vlrouterbench[demo]'.")


def settle(folder: Path) -> None:
    """Point everything that writes or phones at the app's own folder, and empty what visitors left there."""
    place = Place(Path(folder).absolute())
    shutil.rmtree(place.uploads, ignore_errors=True)
    make_folder(place.uploads)
    os.environ.update(
        GRADIO_TEMP_DIR=str(place.uploads),
        GRADIO_ANALYTICS_ENABLED="False",
        HF_HUB_DISABLE_TELEMETRY="1",
        MPLCONFIGDIR=str(place.folder / "matplotlib"),
        TMPDIR=str(place.uploads),
    )
    tempfile.tempdir = str(place.uploads)


def run_app(folder: Path, *, port: int | None = None) -> None:
    """Make ready and serve until stopped: the whole of a Space; the router is the environment's, else the app's own.

    Args:
        folder: the app's own.
        port: as for `serve`.
    """
    require_library()
    settle(folder)
    serve(prepare(folder, router_from_environment()), port=port)


def serve(ground: Ground, *, port: int | None = None, block: bool = True) -> Any:
    """Serve the page; with `block` until the process is stopped.

    Args:
        ground: what the app stands on.
        port: to listen on; None takes the first free one from 7860 on.
        block: wait; else return what `close()` stops.
    """
    import torch

    from vlrouterbench.demo.page import STYLE, build_page, head, theme

    # Two decisions run at once: each on one thread is faster than both on all.
    torch.set_num_threads(1)
    page = build_page(ground)
    page.queue(max_size=QUEUE_LENGTH, default_concurrency_limit=2)
    page.launch(
        server_port=port,
        share=False,
        prevent_thread_lock=not block,
        show_error=False,
        quiet=not block,
        allowed_paths=[str(ground.place.examples)],
        max_file_size=LIMITS.upload_bytes,
        state_session_capacity=_SESSIONS,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        footer_links=["api"],
        theme=theme(),
        css=STYLE.read_text(encoding="utf-8"),
        head=head(ground),
    )
    return page
