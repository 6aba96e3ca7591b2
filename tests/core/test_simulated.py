"""The mark of simulated data: one wording, written in one file."""

import re
from pathlib import Path

import vlrouterbench
from vlrouterbench.core.simulated import SIMULATED_DATA, marked

PACKAGE = Path(vlrouterbench.__file__).parent
COPIES = re.compile(rf"\({SIMULATED_DATA}\)|, {SIMULATED_DATA}[\"']|{SIMULATED_DATA.capitalize()}[.:]")


def test_a_title_is_marked_where_its_data_are_simulated_and_left_as_it_is_elsewhere():
    assert marked("mine", simulated=True) == "mine (simulated data)"
    assert marked("mine", simulated=False) == "mine"


def test_no_other_file_of_the_package_writes_the_mark_itself():
    files = [path for kind in ("py", "md", "html") for path in PACKAGE.rglob(f"*.{kind}")]
    copies = [path.relative_to(PACKAGE).as_posix() for path in files if COPIES.search(path.read_text(encoding="utf-8"))]
    assert copies == ["core/simulated.py"]
