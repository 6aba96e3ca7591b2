"""`docs/learning_curves.md`: its commands run as printed, and give the sentence and the fields that it names."""

import json
import re
import shlex

from tests.cli.conftest import run_program
from tests.tables import write_own_tables


def test_the_commands_of_the_page_run_and_answer(project_root, tmp_path, monkeypatch):
    page = (project_root / "docs" / "learning_curves.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    write_own_tables(tmp_path / "my_tables", images=False)
    for line in re.search(r"```bash\n(.*?)```", page, re.DOTALL).group(1).strip().splitlines():
        ended = run_program(*shlex.split(line)[1:])
        assert ended.status == 0, ended.err
    curves = json.loads((tmp_path / "my_curves" / "study.json").read_text())["learning_curves"]["curves"]
    assert [curve["router"] for curve in curves] == ["flagship", "mixture"]
    said = re.search(r"a list with (.*)\.", page).group(1)
    assert set(re.findall(r"`(\w+)`", said)) == set(curves[0])
    assert curves[0]["answer"].split(":")[0] == "flagship" and "how many are needed" in " ".join(ended.out.split())
