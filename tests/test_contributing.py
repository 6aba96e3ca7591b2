"""The guide's example of a new family works as it stands: one modelling file, one line in the registry."""

import re

import torch

from tests.families import small_router, training_set
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router


def test_the_family_in_the_guide_trains_and_decides(project_root, simulated_problem, monkeypatch):
    text = (project_root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names = {"__name__": "modeling_share"}
    exec(compile(code, "modeling_share.py", "exec"), names)
    monkeypatch.setitem(ROUTERS, "share", names["ShareRouter"])
    trained = train_router("share", simulated_problem, RouterTrainingArguments(cost_weights=(10.0,)))
    assert [trial.setting["floor"] for trial in trained.trials] == [0.0, 0.1]
    router = small_router("share")
    router.fit(training_set(torch.zeros(2, router.feature_dim), [[1, 0, 1], [0, 0, 1]], [[0.1, 0.2, 0.3]] * 2))
    assert router.score(torch.zeros(1, router.feature_dim)).tolist() == [[0.25, 0.0, 0.75]]
