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


def test_a_family_of_the_package_is_known_to_its_modelling_file_and_the_registry_alone(project_root):
    text = (project_root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "Three files: a modelling file, a line in the registry and a test." in text
    package = project_root / "vlrouterbench"
    sources = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    registry = package / "routers" / "registry.py"
    families = sorted((package / "routers" / "families").glob("modeling_*.py"))
    assert families
    for family in families:
        known = {path for path, source in sources.items() if f"families.{family.stem} import" in source}
        # Families may be made from one another, and speed comparisons are of one.
        others = {path for path in known if path.parent not in (family.parent, package / "bench")}
        assert others - {package / "routers" / "flagship" / "base_learners.py"} == {registry}, family.stem
        assert len(re.findall(rf"\b{family.stem}\b", sources[registry])) == 1
