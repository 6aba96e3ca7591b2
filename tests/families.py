"""Training arguments for tests over all families."""

from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.arguments import RouterTrainingArguments


def has_cost_weight(family, variant="default"):
    """Whether a family's targets have a cost weight."""
    return ROUTERS[family].recipes[variant].cost_weights != ()


def arguments_for(family, **given):
    """Arguments as given, less what a family without a cost weight refuses."""
    if not has_cost_weight(family, given.get("variant", "default")):
        given = {name: value for name, value in given.items() if name not in ("cost_weights", "unsolved")}
    return RouterTrainingArguments(**given)
