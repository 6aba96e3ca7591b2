"""What happens to an input before a command reads it: to its bytes, its text, its rows, its tree of JSON, its files."""

import copy
import gzip
import io
import json
import shutil

import pandas as pd

from tests.payloads import PAYLOADS

ODD_TEXTS = (
    *PAYLOADS,
    *("", " ", "NaN", "nan", "inf", "-inf", "1e999", "-1", "0", "1", "0.5", "1,5", "1_000", "0x10", "1e-12", "٣", "½"),
    *("null", "None", "true", "false", "[]", "{}", "[[", '{"a":', "'", '"', ";", "\t", "\\", "\0", "\ufeff", "\u202e"),
    *(
        "../../etc/passwd",
        "/etc/passwd",
        "~",
        ".",
        "hf://datasets/a/b",
        "file:///etc/passwd",
        "data:image/png;base64,AA",
    ),
    *("x" * 300, "x" * 100_000, "$" * 2000, "é" * 255, "名", "\U0001f600", "a|b", "a\nb", "=1+1", "@x", "%s%n", "{0}"),
)
ODD_VALUES = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2**31,
        2**63,
        2**64,
        10**400,
        -(10**30),
        0.5,
        -0.5,
        1e308,
        float("nan"),
        float("inf"),
    ),
    *([], {}, [None], [[[]]], {"a": {"b": []}}, ["x"] * 1000, {"": ""}, {"path": "/etc/passwd", "bytes": None}),
)
ODD_BYTES = (b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b",", b'"', b"\x80", b"PK\x03\x04", b"PAR1")
_DEEP = 600


def odd_text(rng):
    """A text that was not expected."""
    return rng.choice(ODD_TEXTS) + (rng.choice(ODD_TEXTS) if rng.random() < 0.2 else "")


def odd_value(rng):
    """A value that was not expected."""
    if rng.random() < 0.1:
        value: object = "deep"
        for _ in range(_DEEP if rng.random() < 0.2 else 30):
            value = [value]
        return value
    return odd_text(rng) if rng.random() < 0.5 else copy.deepcopy(rng.choice(ODD_VALUES))


def mutated_bytes(content, rng):
    """Bytes that were cut, flipped, doubled, or put elsewhere."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        length = len(content)
        place, other = (rng.randrange(length + 1) for _ in range(2))
        low, high = min(place, other), min(max(place, other), min(place, other) + 4096)
        kind = rng.randrange(7)
        if kind == 0 and length:
            content[min(place, length - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del content[place:]
        elif kind == 2:
            del content[low:high]
        elif kind == 3:
            content[place:place] = content[low:high]
        elif kind == 4:
            content[place:place] = rng.choice(ODD_BYTES) * rng.choice((1, 1, 3, 1000))
        elif kind == 5:
            content[low : low + 8] = rng.randbytes(8)
        else:
            content[place:place] = odd_text(rng).encode("utf-8", "surrogatepass")
    return bytes(content)


def mutated_text(text, rng):
    """Text in which words or lines were replaced, dropped, doubled or put in another order, in some encoding."""
    lines = text.splitlines(keepends=True)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(lines)) if lines else 0
        kind = rng.randrange(6)
        if not lines or kind == 0:
            lines.insert(place, odd_text(rng) + "\n")
        elif kind == 1:
            del lines[place]
        elif kind == 2:
            lines.insert(place, lines[place])
        elif kind == 3:
            rng.shuffle(lines)
        else:
            words = lines[place].split(rng.choice(",: \t"))
            words[rng.randrange(len(words))] = odd_text(rng)
            lines[place] = rng.choice((",", ":", " ", ";")).join(words)
    changed = "".join(lines)
    encodings = ("utf-8",) * 12 + (
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-32",
        "latin-1",
        "gb18030",
        "euc-kr",
        "cp1252",
    )
    return changed.encode(rng.choice(encodings), "replace")


def mutated_tree(value, rng):
    """A tree of JSON of which some nodes are other ones, missing, doubled or exchanged."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 4))):
        nodes = list(_nodes(value))
        if not nodes:
            return odd_value(rng)
        holder, key = rng.choice(nodes)
        kind = rng.randrange(6)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif kind == 2 and isinstance(holder, dict):
            holder[odd_text(rng)] = holder.pop(key)
        elif kind == 3 and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = holder[key] * rng.choice((-1, 0, 2, 1e9, 1e-9, 0.5))
        elif kind == 4:
            other, name = rng.choice(nodes)
            if name in other if isinstance(other, dict) else name < len(other):
                holder[key] = copy.deepcopy(other[name])
        else:
            holder[key] = odd_value(rng)
    return value


def _nodes(value):
    pending = [value]
    while pending:
        one = pending.pop()
        pairs = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, child in list(pairs):
            yield one, key
            pending.append(child)


def mutated_rows(rows, rng):
    """Rows of a table of which cells, columns or rows are other ones."""
    rows = [dict(row) for row in rows]
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        names = list(rows[0]) if rows else []
        if not names:
            return rows
        name, kind = rng.choice(names), rng.randrange(9)
        if kind == 0:
            rows = [{key: value for key, value in row.items() if key != name} for row in rows]
        elif kind == 1:
            renamed = rng.choice((odd_text(rng)[:500], name.upper(), f" {name}", rng.choice(names)))
            rows = [{renamed if key == name else key: value for key, value in row.items()} for row in rows]
        elif kind == 2:
            value = odd_value(rng)
            rows = [{**row, name: value} for row in rows]
        elif kind == 3:
            rows = [{**row, odd_text(rng)[:500]: odd_text(rng)} for row in rows]
        elif kind == 4:
            rng.shuffle(rows)
        elif kind == 5:
            rows = rows[: rng.randrange(len(rows) + 1)]
        elif kind == 6:
            rows.append(dict(rng.choice(rows)))
        else:
            rng.choice(rows)[name] = odd_value(rng)
    return rows


def save_rows(rows, path, rng):
    """Write rows in some format; gives the path, whose ending says which, or says another one."""
    frame = pd.DataFrame(rows)
    kind = rng.choice(("csv", "csv", "tsv", "semicolon", "jsonl", "json", "parquet", "xlsx", "gz", "utf-16", "html"))
    ending = {"semicolon": "csv", "gz": "csv.gz", "utf-16": "csv", "html": rng.choice(("xlsx", "csv"))}.get(kind, kind)
    path = path.with_name(f"{path.name}.{ending}")
    plain = json.dumps(rows, default=str)
    if kind in ("json", "jsonl"):
        path.write_text(plain if kind == "json" else "\n".join(json.dumps(row, default=str) for row in rows))
        return path
    if kind == "html":
        path.write_text("<html><table><tr><td>sample_id</td></tr></table></html>")
        return path
    try:
        if kind == "parquet":
            frame.to_parquet(path, index=False)
        elif kind == "xlsx":
            frame.to_excel(path, index=False)
        else:
            text = frame.to_csv(index=False, sep={"tsv": "\t", "semicolon": ";"}.get(kind, ","))
            content = text.encode("utf-16" if kind == "utf-16" else "utf-8", "replace")
            path.write_bytes(gzip.compress(content) if kind == "gz" else content)
    except Exception:  # what a library cannot write: the rows as JSON under that name
        path.write_text(plain)
    return path


def mutated_file(path, rng):
    """Change a file in place, by what it is."""
    content, kind = path.read_bytes(), path.suffix.lower()
    if kind == ".json" and rng.random() < 0.7:
        try:
            changed = mutated_tree(json.loads(content), rng)
            path.write_text(json.dumps(changed, allow_nan=True), encoding="utf-8", errors="surrogatepass")
        except (ValueError, RecursionError):
            path.write_bytes(mutated_bytes(content, rng))
    elif kind in (".csv", ".tsv", ".yaml", ".jsonl", ".md", ".py", ".txt") and rng.random() < 0.7:
        path.write_bytes(mutated_text(content.decode("utf-8", "replace"), rng))
    elif kind == ".parquet" and rng.random() < 0.6:
        _mutate_parquet(path, content, rng)
    elif kind == ".safetensors" and rng.random() < 0.6:
        path.write_bytes(_mutated_weights(content, rng))
    else:
        path.write_bytes(mutated_bytes(content, rng))


def _mutate_parquet(path, content, rng):
    try:
        rows = pd.read_parquet(io.BytesIO(content)).to_dict("records")
        pd.DataFrame(mutated_rows(rows, rng)).to_parquet(path, index=False)
    except Exception:  # a file that is damaged already, or rows that parquet cannot hold
        path.write_bytes(mutated_bytes(content, rng))


def _mutated_weights(content, rng):
    """Weights with another header, or other numbers behind it."""
    length = int.from_bytes(content[:8], "little")
    head, rest = json.loads(content[8 : 8 + length]), content[8 + length :]
    if rng.random() < 0.5:
        head = mutated_tree(head, rng)
    else:
        place = rng.randrange(max(1, len(rest) - 4)) // 4 * 4
        rest = (
            rest[:place]
            + rng.choice((b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\x80\xff", b"\xff" * 4))
            + rest[place + 4 :]
        )
    written = json.dumps(head, default=str).encode()
    return len(written).to_bytes(8, "little") + written + rest


def mutated_folder(folder, rng, files=None):
    """Change a folder in place: mostly one of its files, sometimes which files there are."""
    there = sorted(path for path in folder.rglob("*") if path.is_file())
    paths = [path for path in there if files is None or path.name in files] or there
    if not paths:
        return
    path, kind = rng.choice(paths), rng.randrange(12)
    if kind == 0:
        path.unlink()
    elif kind == 1:
        path.write_bytes(b"")
    elif kind == 2:
        path.unlink()
        path.mkdir()
    elif kind == 3:
        path.unlink()
        path.symlink_to(rng.choice(("/etc/passwd", "/dev/zero", "nowhere", path.name, "..")))
    elif kind == 4:
        path.rename(path.with_name(rng.choice((f"{path.name}.bak", path.name.upper(), f"x{path.suffix}", "README.md"))))
    elif kind == 5:
        target = path.with_name(rng.choice(("pytorch_model.bin", "config.json", "extra.csv", f"2{path.suffix}")))
        if target != path:
            shutil.copy(path, target)
    else:
        mutated_file(path, rng)
