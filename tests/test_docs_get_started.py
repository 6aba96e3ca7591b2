"""`docs/get_started.md`: every block runs as printed, from tables to a decision that a gateway serves."""

import json
import re
import shlex

import httpx
import yaml

from tests.cli.conftest import run_program
from tests.serving.conftest import free_port, served
from vlrouterbench.serving.server import app_of
from vlrouterbench.serving.starting import Start


def test_the_blocks_of_the_page_run_from_tables_to_a_served_decision(project_root, tmp_path, monkeypatch):
    page = (project_root / "docs" / "get_started.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL)
    assert [language for language, _ in blocks] == ["python", "bash", "bash", "yaml", "bash", "bash"]
    (_, tables), (_, making), (_, deciding), (_, endpoints), (_, serving), (_, asking) = blocks
    exec(compile(tables, "get_started.md", "exec"), {"__name__": "get_started"})
    chosen = []
    for line in f"{making}{deciding}".strip().splitlines():
        ended = run_program(*shlex.split(line)[1:])
        assert ended.status == 0, ended.err
        chosen += re.findall(r"^ask: (\w+)$", ended.out, re.MULTILINE)
    # What the tables were drawn by: proofs alone are worth the dearest model.
    assert chosen[0] == "large" and chosen[1] in ("small", "middle")
    record = json.loads((tmp_path / "my_evaluation" / "results.json").read_text())[0]
    assert record["headline"].startswith("my_router keeps ") and "large's accuracy at" in record["headline"]
    assert {one["name"] for one in yaml.safe_load(endpoints)["candidates"]} == {"small", "middle", "large"}
    (tmp_path / "endpoints.yaml").write_text(endpoints)
    assert serving.strip() == "vlrouterbench serve --router my_router --endpoints endpoints.yaml"
    program, _, address, _, header, _, body = shlex.split(asking)
    assert (program, header) == ("curl", "content-type: application/json")
    with served(app_of(Start("my_router", "endpoints.yaml", "", "")), port := free_port()):
        address = address.replace(":8000", f":{port}")
        answer = httpx.post(address, content=body, headers={"content-type": "application/json"}, trust_env=False)
    assert answer.status_code == 200 and answer.json()["candidate"] == "large"
