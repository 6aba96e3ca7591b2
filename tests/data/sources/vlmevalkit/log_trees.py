"""Small trees of logs, written by tests: xlsx, tsv and json files, as VLMEvalKit writes them."""

import base64
import csv
import io

import openpyxl
from PIL import Image


def picture(colour=(200, 30, 30), size=(24, 16)):
    """A PNG as base64 text."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def write_tsv(path, rows):
    """Write records as a tsv file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, rows[0], delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_xlsx(path, rows):
    """Write lists of cells as an xlsx file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def choice_rows(hits, predictions=None, first=1):
    """Evaluation rows of a multiple-choice dataset."""
    predictions = predictions or ["A"] * len(hits)
    return [
        {"index": first + n, "question": f"Question {first + n}?", "A": "yes", "B": "no", "prediction": p, "hit": h}
        for n, (h, p) in enumerate(zip(hits, predictions, strict=True))
    ]


def write_choice_logs(folder, model, dataset, hits, predictions=None):
    """A prediction file and its evaluation file in one model folder or run folder."""
    rows = choice_rows(hits, predictions)
    write_tsv(folder / f"{model}_{dataset}_openai_result.tsv", rows)
    write_tsv(folder / f"{model}_{dataset}.tsv", [{k: v for k, v in row.items() if k != "hit"} for row in rows])


def write_images(source, dataset, count, first=1):
    """The table of questions and images of a dataset."""
    rows = [
        {
            "index": first + n,
            "image": picture((10 * n, 90, 90)),
            "question": f"Question {first + n}?",
            "A": "yes",
            "B": "no",
        }
        for n in range(count)
    ]
    return write_tsv(source / "TSV_images" / f"{dataset}.tsv", rows)
