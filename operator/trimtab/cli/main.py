"""The `trimtab` command: which verbs there are, and what becomes of what they raise."""

import os
import sys
from collections.abc import Callable
from types import ModuleType

import typer

from trimtab.cli.errors import UserError
from trimtab.cli.render.show import console
from trimtab.cli.verbs import (
    approve,
    audit,
    data,
    doctor,
    explain,
    init,
    lineage,
    lint,
    models,
    pause,
    predict,
    prediction,
    promote,
    reject,
    replay,
    resume,
    rollout,
    run,
    runs,
    status,
    wait,
    watch,
    who_answered,
    why,
)

VERBS = (
    status, watch, why, explain, wait, run, pause, resume, approve, reject, promote, predict, replay, prediction, who_answered, lineage, audit, init, lint, doctor,
)  # fmt: skip
"""In the order of `--help`; a verb's function has its module's name."""

GROUPS = (rollout, models, runs, data)
"""Verbs with verbs of their own: each module has NAME, HELP, and an example for each of its functions in EXAMPLES."""

INTERRUPTED = 130
"""As a shell says it of a process that Ctrl-C ended."""


def build() -> typer.Typer:
    app = typer.Typer(
        help="Trimtab from a terminal: what models do, why, and what to do about it. Needs a kubeconfig and nothing else.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    )
    for module in VERBS:
        name = module.__name__.rpartition(".")[2]
        app.command(getattr(module, "NAME", name), epilog=epilog(module))(getattr(module, name))
    for module in GROUPS:
        app.add_typer(_group(module))
    return app


def _group(module: ModuleType) -> typer.Typer:
    group = typer.Typer(name=module.NAME, help=module.HELP, no_args_is_help=True, rich_markup_mode=None)
    for function, example in module.EXAMPLES.items():
        group.command(function, epilog=f"Example: {example}")(_function(module, function))
    return group


def _function(module: ModuleType, name: str) -> Callable[..., None]:
    """A verb whose name something else in its module bears ends with an underscore."""
    found: Callable[..., None] = getattr(module, f"{name}_", None) or getattr(module, name)
    return found


def epilog(module: ModuleType) -> str:
    return f"Example: {module.EXAMPLE}" + (f"\n\n{module.MORE}" if hasattr(module, "MORE") else "")


def name_of_program() -> str:
    """As a plugin of kubectl's it is called so in its own help."""
    return "kubectl trimtab" if os.path.basename(sys.argv[0]).startswith("kubectl-") else "trimtab"  # noqa: PTH119 - a name, not a file


def main() -> None:
    """A person's mistake is a sentence and an exit code; only a fault of ours leaves a trace."""
    try:
        build()(prog_name=name_of_program())
    except UserError as error:
        tell(error)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()


def tell(error: UserError) -> None:
    out = console(error=True)
    out.print(error.sentence, style="red")
    if error.hint:
        out.print(f"Next: {error.hint}", style="dim")
