"""`docs/latency.md`: its commands run as printed on tables whose answers were timed, and give the fields it names."""

import json
import re
import shlex

import pyarrow.parquet as pq

from tests.cli.conftest import run_program
from tests.tables import write_own_tables
from vlrouterbench.data.saved_tables.form import TableForm
from vlrouterbench.data.saved_tables.read import read_saved_table


def test_the_commands_of_the_page_run(project_root, tmp_path, monkeypatch):
    page = (project_root / "docs" / "latency.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    write_own_tables(tmp_path / "my_tables", images=False)
    path = next((tmp_path / "my_tables").glob("outcomes.*"))
    rows = read_saved_table(path, TableForm(("sample_id", "candidate"))).to_pylist()
    path.unlink()
    seconds = {"small": 0.5, "middle": 1.0, "large": 4.0}
    lines = [json.dumps(row | {"latency_s": seconds[row["candidate"]]}) for row in rows]
    (tmp_path / "my_tables" / "outcomes.jsonl").write_text("\n".join(lines))
    for line in re.search(r"```bash\n(.*?)```", page, re.DOTALL).group(1).strip().splitlines():
        ended = run_program(*shlex.split(line)[1:])
        assert ended.status == 0, ended.err
    assert "large" not in ended.out
    records = json.loads((tmp_path / "my_evaluation" / "results.json").read_text())
    assert all(set(record["latency"]) == {"num_timed", "p50_s", "p95_s", "router_p50_s"} for record in records)
    assert all(f"`{name}`" in page for name in records[0]["latency"])
    assert "latency_s" in pq.read_schema(next((tmp_path / "my_benchmark" / "outcomes").glob("*.parquet"))).names
    assert (tmp_path / "my_evaluation" / "figures" / "answer-time.svg").is_file()
