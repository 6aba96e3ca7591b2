"""The program `vlrouterbench`: its commands, and how it ends.

Decisions
- 0 done, 1 failed with one clear message on stderr, 2 wrong usage. A traceback appears only with `--debug`.
- Every command understands `--debug`, `--json`, `--plugin`, `--trust-remote-code` and `--allow-encoder-download`,
  anywhere on the line.
- Heavy libraries are imported when a command runs: `--help` answers at once.
- The million objects of those libraries stay until the program ends: it searches them for garbage neither while they
  are imported, nor before every training (as accelerate would), nor at its end. That is a third of a short command.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

import typer

from vlrouterbench.cli.ablate import ablate
from vlrouterbench.cli.bench import bench
from vlrouterbench.cli.build import build
from vlrouterbench.cli.candidates import candidates
from vlrouterbench.cli.compare import compare
from vlrouterbench.cli.console import wants_json
from vlrouterbench.cli.demo import demo
from vlrouterbench.cli.encode import encode
from vlrouterbench.cli.endpoints import endpoints
from vlrouterbench.cli.evaluate import evaluate
from vlrouterbench.cli.help import GroupedCommand
from vlrouterbench.cli.inspect import inspect
from vlrouterbench.cli.leaderboard import leaderboard
from vlrouterbench.cli.logs import logs
from vlrouterbench.cli.measure import measure
from vlrouterbench.cli.plugins import PLUGIN, allowing, load_plugins, split_plugins
from vlrouterbench.cli.push import push
from vlrouterbench.cli.regrade import regrade
from vlrouterbench.cli.route import route
from vlrouterbench.cli.run import run
from vlrouterbench.cli.serve import serve
from vlrouterbench.cli.sign import sign
from vlrouterbench.cli.simulate import simulate
from vlrouterbench.cli.study import study
from vlrouterbench.cli.sweep import sweep
from vlrouterbench.cli.train import train
from vlrouterbench.core.errors import VLRouterBenchError, said
from vlrouterbench.core.output_text import terminal_text
from vlrouterbench.hub.import_hook import when_imported
from vlrouterbench.version import __version__

COMMANDS = (
    run,
    measure,
    regrade,
    build,
    inspect,
    encode,
    train,
    sweep,
    evaluate,
    study,
    compare,
    leaderboard,
    sign,
    route,
    ablate,
    simulate,
    serve,
    demo,
    push,
    bench,
)
GROUPS = {"candidates": candidates, "endpoints": endpoints, "logs": logs}
"""Commands with subcommands, by name."""
DEBUG, JSON, TRUST, FETCH = "--debug", "--json", "--trust-remote-code", "--allow-encoder-download"
_STOPPED = "stopped; nothing half-written is left behind."
_INTERRUPTED = 130
"""The exit status that typer gives to an interrupt."""
_NEW_OBJECTS = 10_000
"""More than were freed, after which garbage is searched for; Python's 700 are reached 1,500 times by imports alone."""

app = typer.Typer(
    name="vlrouterbench",
    help="Choose among vision-language models: benchmark, routers and tools.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in COMMANDS:
    app.command(cls=GroupedCommand)(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vlrouterbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, DEBUG, help="Show the traceback of a failure; anywhere on the line."),
    json: bool = typer.Option(False, JSON, help="Print a machine-readable summary; anywhere on the line."),
    trust_remote_code: bool = typer.Option(
        False, TRUST, help="Run the code that routers bring whose family is not known here; anywhere on the line."
    ),
    allow_encoder_download: bool = typer.Option(
        False, FETCH, help="Let routers fetch the pretrained encoder they were trained with; anywhere on the line."
    ),
    plugin: list[str] = typer.Option(
        [],
        PLUGIN,
        metavar="MODULE_OR_FILE",
        help="Code with routers, encoders or sources to import first; anywhere on the line, repeat for several.",
    ),
) -> None:
    """Choose among vision-language models: benchmark, routers and tools."""


def main(argv: Sequence[str]) -> int:
    """Run a command line and return its exit status."""
    debug = DEBUG in argv
    arguments, plugins = split_plugins([argument for argument in argv if argument not in (DEBUG, JSON, TRUST, FETCH)])
    token = wants_json.set(JSON in argv)
    try:
        load_plugins(plugins)
        with allowing(code=TRUST in argv, downloads=FETCH in argv):
            app(args=arguments, prog_name="vlrouterbench")
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            return _failed(_STOPPED, None, debug=False)
        return int(end.code or 0)
    except KeyboardInterrupt:
        return _failed(_STOPPED, None, debug=False)
    except VLRouterBenchError as error:
        return _failed(str(error), error, debug)
    except OSError as error:
        return _failed(f"{said(error)}. Check the path, its permissions and the free space.", error, debug)
    except MemoryError as error:
        message = "expected memory for all of it, found no more. Leave out what is not needed, or divide it into files."
        return _failed(message, error, debug)
    except Exception as error:
        message = (
            f"unexpected {type(error).__name__}: {said(error)}. Run again with {DEBUG} to see where, and report it."
        )
        return _failed(message, error, debug)
    finally:
        wants_json.reset(token)
    return 0


def run_and_exit() -> None:
    """Entry point of the console script."""
    gc.set_threshold(_NEW_OBJECTS)
    when_imported({"transformers.trainer": lambda _: gc.freeze()})
    status = main(sys.argv[1:])
    if "torch.distributed" in sys.modules and sys.modules["torch.distributed"].is_initialized():
        # One of several processes on CPUs: a thread of gloo may abort a finished run while the interpreter exits.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    gc.freeze()
    sys.exit(status)


def _failed(message: str, error: Exception | None, debug: bool) -> int:
    if debug and error is not None:
        raise error
    sys.stderr.write(f"error: {terminal_text(message)}\n")
    return 1
