"""`--plugin`, `--trust-remote-code`, `--allow-encoder-download`: what of other people a command may run or fetch.

Decisions
- They are understood anywhere on the line and by every command, so no command has to know them.
- A plugin registers what it offers. Routers, encoders and sources that it defines and does not register are registered
  by their own names: a file that holds one class needs no further line.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

PLUGIN = "--plugin"
loaded_plugins: ContextVar[tuple[str, ...]] = ContextVar("loaded_plugins", default=())
"""What a command was started with, for processes that it starts."""


def split_plugins(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Arguments without `--plugin`, and the plugins that it named; one that names none is left for typer to refuse."""
    rest, plugins, pending = list[str](), list[str](), list(argv)
    while pending:
        argument = pending.pop(0)
        if argument == PLUGIN and pending:
            plugins.append(pending.pop(0))
        elif argument.startswith(f"{PLUGIN}="):
            plugins.append(argument.removeprefix(f"{PLUGIN}="))
        else:
            rest.append(argument)
    return rest, plugins


def load_plugins(names: Sequence[str]) -> None:
    """Import plugins, and register what they define and do not register.

    Raises:
        PluginError: one cannot be imported.
        RouterError, SourceError: one offers what cannot be registered.
    """
    from vlrouterbench.core.plugins import import_plugin

    for name in names:
        _register_own(import_plugin(name))
    loaded_plugins.set(tuple(names))


@contextmanager
def allowing(*, code: bool, downloads: bool) -> Iterator[None]:
    """While this lasts, routers of unknown families may run their own code, and routers may fetch their encoders."""
    if not code and not downloads:
        yield
        return
    from vlrouterbench.routers.auto import fetches_encoders, trusts_code

    tokens = trusts_code.set(code), fetches_encoders.set(downloads)
    try:
        yield
    finally:
        trusts_code.reset(tokens[0])
        fetches_encoders.reset(tokens[1])


def _register_own(module: ModuleType) -> None:
    from vlrouterbench.data.sources.registry import register_source
    from vlrouterbench.data.sources.source import Source
    from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
    from vlrouterbench.routers.encoder_registration import register_encoder
    from vlrouterbench.routers.encoders.block import FeatureBlock
    from vlrouterbench.routers.registration import find_family

    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__]
    bases = {base for value in own for base in value.__mro__[1:]}
    for value in own:
        if value in bases or inspect.isabstract(value):
            continue
        if issubclass(value, PreTrainedRouter):
            find_family(value)
        elif issubclass(value, FeatureBlock):
            register_encoder(value)
        elif issubclass(value, Source):
            register_source(value)
