"""Damaging a folder of own tables, one change at a time."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq

MISREAD_WORDS = ("None", "NA", "nan", "null", "1.0", "007")
"""Texts that a reader could take for no value, or for a number."""


def rows_of(folder, stem):
    return pq.read_table(folder / f"{stem}.parquet").to_pylist()


def write_rows(folder, stem, rows, extension="parquet"):
    """Replace a table, in one of the three formats."""
    for old in folder.glob(f"{stem}.*"):
        old.unlink()
    path = folder / f"{stem}.{extension}"
    if extension == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif extension == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        flat = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
        with path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, flat[0])
            writer.writeheader()
            writer.writerows(flat)
    return path


def edit(folder, stem, change, extension="parquet"):
    rows = rows_of(folder, stem)
    change(rows)
    return write_rows(folder, stem, rows, extension)
