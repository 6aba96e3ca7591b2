"""The notebooks of `docs/notebooks/` with the outputs of a run; `python -m tests.notebooks` writes them anew.

Decisions
- One kernel runs all of them, each in an empty namespace and folder: what costs most is to import the libraries.
- Texts that are printed are kept; times, progress and digests are not.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "notebooks"
_CLEAR = "%reset -f"


def run_all(folder: Path, places: Path) -> dict[str, nbformat.NotebookNode]:
    """File name -> the notebook with the outputs of a run in a folder of its own below `places`."""
    done, kernel = {}, {}
    paths = sorted(folder.glob("*.ipynb"))
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        place = places / path.stem
        place.mkdir()
        enter = nbformat.v4.new_code_cell(f"{_CLEAR}\nimport os\nos.chdir({str(place)!r})\ndel os")
        notebook.cells.insert(0, enter)
        client = NotebookClient(notebook, timeout=300, kernel_name="python3", km=kernel.get("km"))
        if kernel:
            client.kc = kernel["kc"]
        client.execute(cleanup_kc=path == paths[-1])
        kernel = {"km": client.km, "kc": client.kc}
        notebook.cells.pop(0)
        done[path.name] = _kept(notebook)
    return done


def _kept(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Without what differs from run to run."""
    notebook.metadata = {"kernelspec": notebook.metadata.get("kernelspec", {}), "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
            for one in cell.outputs:
                one.pop("execution_count", None)
                if one.output_type == "execute_result":
                    one["execution_count"] = None
    return notebook


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as places:
        for name, notebook in run_all(FOLDER, Path(places)).items():
            nbformat.write(notebook, FOLDER / name)
            sys.stdout.write(f"{name}\n")
