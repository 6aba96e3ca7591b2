"""Where samples come from: own tables in their forms, a benchmark folder with answers, several images."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.cli.conftest import run_program
from tests.measuring.made import KEY, KEY_VARIABLE, measured
from tests.standins.openai_server import OpenAIStandIn, Scripted, endpoint_entry
from vlrouterbench.core.errors import SourceError
from vlrouterbench.measuring.sample_sources import read_samples


def encoded(colour, size=(20, 16)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_images_in_the_table_and_several_of_them_are_asked_and_kept_inside(tmp_path):
    one, two = encoded("red"), encoded("blue", (30, 30))
    rows = [
        {"sample_id": "a", "question": "Which?", "answer": ["x", "y"], "images": [{"bytes": one, "path": None}]},
        {"sample_id": "b", "question": "Which of two?", "answer": ["y"], "images": [{"bytes": one}, {"bytes": two}]},
    ]
    kind = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    texts = {name: [row[name] for row in rows] for name in ("sample_id", "question", "answer")}
    table = pa.table(texts | {"images": pa.array([row["images"] for row in rows], kind)})
    (tmp_path / "own").mkdir()
    pq.write_table(table, tmp_path / "own" / "samples.parquet")
    with OpenAIStandIn(lambda asked, number: Scripted("y")) as server:
        entries = [endpoint_entry("many", server.base_url, max_images=4), endpoint_entry("one", server.base_url)]
        ended, out = measured(tmp_path, entries, samples=tmp_path / "own" / "samples.parquet")
    assert ended.status == 0, ended.err
    assert sorted(len(asked.image_urls) for asked in server.asked if asked.body["model"] == "org/many") == [1, 2]
    found = {(row["sample_id"], row["candidate"]): row for row in pq.read_table(out / "outcomes.parquet").to_pylist()}
    assert found["b", "one"]["error"] == "image: 2 images, where the endpoint takes 1"
    assert found["a", "one"]["quality"] == found["b", "many"]["quality"] == 1
    kept = pq.read_table(out / "samples.parquet").to_pylist()
    assert [len(row["images"]) for row in kept] == [1, 2] and json.loads(kept[0]["answer"]) == ["x", "y"]
    assert {(out / name).read_bytes() for row in kept for name in row["images"]} == {one, two}
    assert run_program("build", out, "--out", tmp_path / "benchmark").status == 0


def test_a_benchmark_folder_is_asked_with_answers_of_a_table(tmp_path, own_tables, monkeypatch):
    """The server answers with the key that it was sent, half a character behind it."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert run_program("build", own_tables, "--out", tmp_path / "benchmark").status == 0
    answers = tmp_path / "answers.csv"
    rows = "".join(f"s{n:02d},007,exact\n" for n in range(12))
    answers.write_text(f"sample_id,answer,grading\n{rows}", encoding="utf-8")

    def script(asked, number):
        text = json.dumps(f"{asked.headers['authorization']} \ud800")
        return Scripted(
            raw=b'{"choices": [{"message": {"content": %s}}]}' % text.encode() if number % 2 else Scripted("007").body()
        )

    with OpenAIStandIn(script) as server:
        entries = [endpoint_entry("a", server.base_url, api_key_env=KEY_VARIABLE)]
        lacking, _ = measured(tmp_path, entries, samples=tmp_path / "benchmark")
        assert lacking.status == 1 and "expected a table with sample_id and answer in --answers" in lacking.errors[0]
        ended, out = measured(tmp_path, entries, "--answers", answers, samples=tmp_path / "benchmark")
    assert ended.status == 0, ended.err
    found = pq.read_table(out / "outcomes.parquet").to_pylist()
    assert sorted(row["quality"] for row in found) == [0] * 6 + [1] * 6
    assert {row["prediction"] for row in found} == {"007", f"Bearer [{KEY_VARIABLE}] ?"}
    assert len(list((out / "images").iterdir())) == 12 and all(asked.image_urls for asked in server.asked)
    assert KEY not in "".join(str(path.read_bytes()) for path in out.rglob("*") if path.is_file()) + ended.out
    kept = pq.read_table(out / "samples.parquet").to_pylist()
    assert {row["dataset"] for row in kept} == {"animals", "plants"} and all(row["group_id"] for row in kept)


def test_a_source_that_is_none_is_named(tmp_path):
    with pytest.raises(SourceError, match="expected a table of samples"):
        read_samples(tmp_path, None)
    (tmp_path / "samples.csv").write_text("id,text\n1,a\n")
    with pytest.raises(SourceError, match="Missing: sample_id, question"):
        list(read_samples(tmp_path, None))
