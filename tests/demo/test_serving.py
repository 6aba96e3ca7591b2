"""Before anything is served: the library is there, and everything that writes points into the app's folder."""

import os
import tempfile

import pytest

from vlrouterbench.demo import serving
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.serving import require_library, settle


def test_a_missing_library_is_told_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(serving.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DemoError, match=r"pip install 'vlrouterbench\[demo\]'"):
        require_library()


def test_uploads_of_an_earlier_run_go_and_what_was_made_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "MPLCONFIGDIR", "TMPDIR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    (tmp_path / "uploads" / "old").mkdir(parents=True)
    (tmp_path / "made.json").write_text("{}")
    settle(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "uploads"] == ["made.json"]
    assert not list((tmp_path / "uploads").iterdir())
    assert tempfile.gettempdir() == os.environ["GRADIO_TEMP_DIR"] == str(tmp_path / "uploads")
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
