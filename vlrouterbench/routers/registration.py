"""Families and functions from outside this package, by name.

Decisions
- What is registered stands in the registry like a family of the package: nothing else knows the difference.
- Names of the package's families stay theirs. A class may take the place of an earlier version of itself (a cell of a
  notebook that is run again), and of nothing else.
- An installed package's family is imported when its name is asked for and is not known otherwise.
- A plain function has decisions alone: it can be evaluated, and there is nothing of it to train or to save.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vlrouterbench.core.errors import RouterError, UnknownNameError, unknown_name
from vlrouterbench.core.plugins import ROUTERS as GROUP
from vlrouterbench.core.plugins import load_offered, offered
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.learning import Recipe
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import END_TO_END, FAMILIES, ROUTERS

RouterFunction = Callable[[list[dict[str, Any]]], list[str]]
"""Samples (sample_id, dataset, question, options, hint, image, images) -> names of candidates."""

BUILT_IN = frozenset(FAMILIES)
"""Names of the package's own families."""
POLICY_NAMES = frozenset({"oracle", "strongest", "cheapest", "strongest-per-dataset", "random", "mixture"})
"""Names of policies, which no router may have."""
FUNCTIONS: dict[str, RouterFunction] = {}
"""Functions that were registered, by name."""


def register_router(name: str, router: type[PreTrainedRouter] | RouterFunction) -> None:
    """Make a family, or a function that decides, known by a name.

    Args:
        name: as commands and `train_router` take it.
        router: a subclass of `PreTrainedRouter` with `score` (of `EstimatingRouter` with `estimate`), or a function
            of samples.

    Raises:
        RouterError: a name that is taken or cannot be one, or what is neither a router's class nor a function.
    """
    _check_name(name)
    if not isinstance(router, type):
        if not callable(router):
            raise RouterError(_neither(name, router))
        if name in FAMILIES:
            raise RouterError(_taken(name, FAMILIES[name]))
        FUNCTIONS[name] = router
        return
    family = _checked_class(name, router)
    kind = family.config_class.model_type
    for other_name, other in FAMILIES.items():
        if other_name != name and other is not family and other.config_class.model_type == kind:
            raise RouterError(
                f'the model type "{kind}" of the router "{name}" is that of "{other_name}": saved routers of the two '
                f"could not be told apart. Give {family.__name__} a config_class with a model_type of its own."
            )
    if name in FUNCTIONS or (name in FAMILIES and not _same(FAMILIES[name], family)):
        raise RouterError(_taken(name, FUNCTIONS.get(name) or FAMILIES[name]))
    for families in (ROUTERS, END_TO_END):
        families.pop(name, None)
    (END_TO_END if family.end_to_end else ROUTERS)[name] = family


def find_family(router: str | type[PreTrainedRouter]) -> str:
    """The name under which a family is registered.

    Args:
        router: a name, also one that an installed package offers, or a class, which is registered by its own name
            where it has none yet.

    Raises:
        UnknownNameError: no such family.
        RouterError: a class that cannot be registered, or a function, which cannot be trained.
    """
    if isinstance(router, type):
        known = [name for name, family in FAMILIES.items() if family is router]
        if not known:
            register_router(own_name(router), router)
        return known[0] if known else own_name(router)
    if not isinstance(router, str):
        raise RouterError(
            f"expected the name of a family or a subclass of PreTrainedRouter to train, found {router!r}. A function "
            "needs no training: give it to `evaluate_routers`."
        )
    if not is_family(router):
        if router in FUNCTIONS:
            raise RouterError(f'"{router}" is a function, which needs no training: give it to `evaluate` or `study`.')
        raise unknown_family(router)
    return router


def is_family(name: str) -> bool:
    """Whether a name is a family's; one that an installed package offers is imported first."""
    if name not in FAMILIES and name not in FUNCTIONS and (point := offered(GROUP).get(name)) is not None:
        register_router(name, load_offered(point))
    return name in FAMILIES


def find_offered() -> None:
    """Import every family that installed packages offer: a saved router says what it is by other names than theirs."""
    for name in offered(GROUP):
        is_family(name)


def unknown_family(name: str, *others: str) -> UnknownNameError:
    """An error for a name that is no family's, nor one of others that would do as well."""
    return unknown_name("router", name, dict.fromkeys((*others, *FAMILIES, *FUNCTIONS, *offered(GROUP))))


def own_name(router: type[PreTrainedRouter]) -> str:
    """The name that a class gives itself: its configuration's model type, or else its own name, without our part."""
    kind = getattr(router, "config_class", None)
    if isinstance(kind, type) and (model_type := vars(kind).get("model_type")) not in (None, RouterConfig.model_type):
        return str(model_type).removeprefix("vlrouter-")
    return router.__name__.removesuffix("Router").lower() or router.__name__.lower()


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name or any(mark in name for mark in "/:\\ ") or name.startswith("."):
        raise RouterError(f'expected a name of letters, digits, "-", "_" and "." for a router, found {name!r}.')
    if name in BUILT_IN or name in POLICY_NAMES:
        kind = "family of this package" if name in BUILT_IN else "policy"
        raise RouterError(f'the name "{name}" is taken by a {kind}. Register the router by another name.')


def _checked_class(name: str, router: type) -> type[PreTrainedRouter]:
    """The class itself, if it is one of a router that can score."""
    if not issubclass(router, PreTrainedRouter):
        raise RouterError(_neither(name, router))
    estimates = issubclass(router, EstimatingRouter)
    base, methods = (EstimatingRouter, ("estimate", "score")) if estimates else (PreTrainedRouter, ("score",))
    if all(getattr(router, method) is getattr(base, method) for method in methods):
        needed = " or ".join(f"`{method}(features)`" for method in methods)
        raise RouterError(
            f'expected the class {router.__name__} of the router "{name}" to define {needed}, found none. It turns '
            "features (num_samples, dim) into scores (num_samples, num_candidates)."
        )
    kind, recipes = router.config_class, router.recipes
    if not (isinstance(kind, type) and issubclass(kind, RouterConfig)) or kind.model_type == RouterConfig.model_type:
        raise RouterError(
            f"expected a config_class with a model_type of its own for the class {router.__name__} of the router "
            f'"{name}", found {getattr(kind, "__name__", kind)}. Write a subclass of '
            f"{base.config_class.__name__} with a model_type, which is how a saved router is told from others."
        )
    if not isinstance(recipes, Mapping) or not isinstance(recipes.get("default"), Recipe):
        raise RouterError(
            f'expected recipes of the class {router.__name__} of the router "{name}" that have "default", a Recipe; '
            f"found {recipes!r}. Leave recipes out where there is nothing to choose."
        )
    return router


def _same(earlier: type, router: type) -> bool:
    """Whether a class is an earlier one of the same module and name, or the very same."""
    return (earlier.__module__, earlier.__qualname__) == (router.__module__, router.__qualname__)


def _taken(name: str, other: object) -> str:
    whose = f"{getattr(other, '__module__', '?')}.{getattr(other, '__qualname__', other)}"
    return f'the name "{name}" is taken by {whose}. Register the router by another name.'


def _neither(name: str, router: object) -> str:
    return (
        f'expected a subclass of PreTrainedRouter or a function of samples for the router "{name}", found {router!r}.'
    )
