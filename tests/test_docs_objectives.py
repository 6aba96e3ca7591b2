"""`docs/objectives.md`: its commands run as printed, and the sentence stands where the page says."""

import json
import re
import shlex

import pytest

from tests.cli.conftest import run_program
from tests.tables import write_own_tables


@pytest.fixture(scope="module")
def page(project_root):
    return (project_root / "docs" / "objectives.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_run_and_each_answers_with_the_sentence(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_own_tables(tmp_path / "my_tables", images=False)
    lines = re.search(r"```bash\n(.*?)```", page, re.DOTALL).group(1).strip().splitlines()
    assert len(lines) == 13
    for line in lines:
        words = shlex.split(line)[1:]
        ended = run_program(*words)
        assert ended.status == 0, f"{line}: {ended.err}"
        if words[0] != "evaluate":
            continue
        out, router = tmp_path / words[words.index("--out") + 1], words[words.index("--router") + 1]
        record = json.loads((out / "results.json").read_text())[0]
        sentence = record["headline"]
        assert sentence.startswith(f"{router} keeps ") and "'s accuracy at " in sentence and "(95 % " in sentence
        assert " ".join(ended.out.split()).startswith(sentence)
        text = (out / "report.html").read_text()
        assert text.index(sentence.replace("'", "&#39;")) < text.index(f"Routers by {record['objective']}</h2>")
        assert record["objective"] in line and 0 < record["accuracy_share"] and 0 < record["cost_share"]
        if "--update-card" in words:
            card = (tmp_path / router / "README.md").read_text().replace("\\", "")
            assert f"**{sentence}.** The best single candidate is the most accurate one on the scored samples" in card
            assert "Judged by the objective `accuracy-share=0.95`" in card
            assert "`vlrouterbench route --objective accuracy-share=0.95` decides so" in card
        judged = f"Judged by the objective {record['objective']}: it orders the rows"
        assert judged in " ".join(ended.out.split()) and judged in text
        assert "Ranks and ties are by" in text
    read = {path.parent.name: json.loads(path.read_text())[0] for path in tmp_path.glob("*/results.json")}
    for name in ("without_middle", "shared", "dropped_middle"):
        assert read[name]["candidates"] == ["small", "large"], name
    # One command and two come to the same.
    one, two = (read[name] for name in ("large_at_half", "at_half_price"))
    assert one["candidate_shares"] == two["candidate_shares"]
    assert one["average_cost_usd"] == pytest.approx(two["average_cost_usd"])


def test_every_objective_of_the_page_is_one(page):
    from vlrouterbench.metrics.objectives import Objective

    named = re.findall(r"^\| `([a-z][a-z-]+(?:=[\d.]+)?)`", page.split("## Questions")[0], flags=re.MULTILINE)
    assert [Objective.parse(text).kind for text in named] == [
        "rank-score",
        "accuracy-share",
        "budget",
        "usd-weight",
        "accuracy",
    ]
