"""`docs/budgets.md`: its commands run as printed, and its Python after them."""

import re
import shlex

import pytest
from PIL import Image

from tests.cli.conftest import run_program
from tests.tables import write_own_tables


@pytest.fixture(scope="module")
def page(project_root):
    return (project_root / "docs" / "budgets.md").read_text(encoding="utf-8")


def test_the_commands_and_the_python_of_the_page_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_own_tables(tmp_path / "my_tables")
    Image.new("RGB", (40, 30)).save("receipt.png")
    for line in re.search(r"```bash\n(.*?)```", page, re.DOTALL).group(1).strip().splitlines():
        ended = run_program(*shlex.split(line)[1:])
        assert ended.status == 0, ended.err
    assert "streams under a budget" in ended.out
    exec(compile(re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1), "budgets.md", "exec"), {})
    candidate, within, reserved = capsys.readouterr().out.split()[-3:]
    prices = {"small": (0.1, 0.1), "middle": (0.5, 1.0), "large": (2.0, 8.0)}[candidate]
    assert within == "True" and float(reserved) == pytest.approx((412 * prices[0] + 300 * prices[1]) / 1e6)
    assert (tmp_path / "stream.json").is_file()
