"""Generated cells of logs, and writers that store every cell as text, as VLMEvalKit's predictions are."""

import json
import re

import openpyxl
from hypothesis import strategies as st

from tests.data.sources.editing import MISREAD_WORDS
from tests.data.sources.vlmevalkit.log_trees import write_tsv

WORDS = (
    "",
    *MISREAD_WORDS,
    "1e5",
    "TRUE",
    " ",
    " spaced ",
    "-",
    "'",
    '"',
    '""',
    "#N/A",
    "=1",
)
NOT_IN_XLSX = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
ANY_TEXT = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8")) | st.text("a\t\r\n\"',;=\\|_ ", max_size=12)
TEXT = ANY_TEXT.map(lambda text: NOT_IN_XLSX.sub("", text)).filter(lambda text: not text or text.strip())
"""What all three formats can hold."""


def write_text_xlsx(path, rows):
    """Write records as text cells, also where they begin with "=": no formula."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    for number, row in enumerate([list(rows[0]), *[list(row.values()) for row in rows]], start=1):
        for place, text in enumerate(row, start=1):
            if text:
                book.active.cell(number, place, text).data_type = "s"
    book.save(path)
    return path


def write_json(path, rows):
    """Write records as json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


WRITERS = {"xlsx": write_text_xlsx, "tsv": write_tsv, "json": write_json}
