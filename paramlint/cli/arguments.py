"""The command line: what can be asked. Nothing heavy is imported before it is known what was."""

from __future__ import annotations

import argparse
from pathlib import Path

import paramlint
from paramlint.engine.settings import OUTPUT_FORMATS

_EXIT_CODES = """\
exit codes:
  0  nothing found
  1  findings
  2  wrong usage, a missing path, or something that could not be analysed (the rest is still linted)
"""

_AUDIT_EXIT_CODES = """\
exit codes:
  0  nothing found
  1  findings
  2  wrong usage, or the model could not be made or examined
"""
_RUN_EXIT_CODES = """\
exit codes:
  the script's own, unless that is 0; then
  0  nothing found
  1  findings (0 with --exit-zero)
  and 2 where there is nothing to run; an exception in the script is 1, as with Python
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser; the namespace it makes has ``run``, a function of the namespace that returns an exit code."""
    result = argparse.ArgumentParser(
        prog="paramlint",
        description="A linter for PyTorch modules: registration, initialisation, construction and device of parameters "
        "and buffers. It reads source and runs nothing, unless --confirm asks for proof.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="version", version=f"paramlint {paramlint.__version__}")
    commands = result.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_check(commands)
    _add_audit(commands)
    _add_run(commands)
    _add_rule(commands)
    _add_rules(commands)
    return result


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser(
        "check",
        help="lint files and folders",
        description="Lint files and folders. Only source is read; nothing is imported, unless --confirm is given.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.set_defaults(run=_run_check)
    check.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .); - is standard input")
    check.add_argument("--stdin-filename", metavar="FILE", help="the name of what comes from standard input")
    _add_selection(check.add_argument_group("rules (by code, prefix, name, or ALL; separated by commas)"))
    _add_files(check.add_argument_group("files"))
    _add_fixes(check.add_argument_group("fixes"))
    _add_proof(check.add_argument_group("proof"))
    output = check.add_argument_group("output")
    output.add_argument("--output-format", choices=OUTPUT_FORMATS, help="default: text")
    output.add_argument("--statistics", action="store_true", help="count the findings of each rule")
    output.add_argument("--exit-zero", action="store_true", help="exit with 0 even where something is found")
    run = check.add_argument_group("configuration")
    run.add_argument("--config", type=Path, metavar="FILE", help="use this file's [tool.paramlint] for all files")
    run.add_argument("--isolated", action="store_true", help="read no configuration file")
    run.add_argument("--cache-dir", type=Path, metavar="DIR", help="where results are kept between runs")
    run.add_argument("--no-cache", dest="uses_cache", action="store_false", help="neither use nor keep results")
    run.add_argument("--jobs", type=_count, metavar="N", help="processes to divide the work between (default: cores)")
    run.add_argument(
        "--no-fast-path",
        dest="fast_path",
        action="store_false",
        help="read every file with libcst, where Python's own parser would do first (slower, the same result)",
    )


def _add_selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--select", type=_names, action="append", metavar="RULES", help="report these only")
    group.add_argument("--extend-select", type=_names, action="append", metavar="RULES", help="report these too")
    group.add_argument("--ignore", type=_names, action="append", metavar="RULES", help="do not report these")


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--exclude", type=_names, action="append", metavar="PATTERNS", help="leave these out (as in .gitignore)"
    )
    group.add_argument("--extend-exclude", type=_names, action="append", metavar="PATTERNS", help="leave these out too")
    group.add_argument(
        "--force-exclude",
        action="store_true",
        default=None,
        help="leave out excluded files even where they are named, as pre-commit does",
    )
    group.add_argument(
        "--no-respect-gitignore",
        dest="respect_gitignore",
        action="store_false",
        default=None,
        help="lint ignored files",
    )


def _add_fixes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--fix",
        action="store_true",
        help="apply safe fixes: behaviour and checkpoint keys stay, but for the fault. With --confirm, the models are "
        "built before and after, and a file is restored where more than the fault has changed",
    )
    group.add_argument(
        "--unsafe-fixes", action="store_true", help="apply those too that change checkpoint keys or training"
    )
    group.add_argument("--diff", action="store_true", help="show what fixes would change, and write nothing")
    group.add_argument(
        "--exit-non-zero-on-fix",
        action="store_true",
        help="exit with 1 where something was fixed, even if nothing is left",
    )


def _add_proof(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--confirm",
        action="store_true",
        help="build the models to prove each finding. THIS IMPORTS AND RUNS THE CODE that is linted, in a process of "
        "its own with limits on time, memory and network; use it on code that you would run yourself",
    )
    group.add_argument("--python", metavar="PATH", help="the interpreter that has torch and the packages of the code")
    group.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="limit for each model")
    group.add_argument("--memory-limit", type=_size, metavar="SIZE", help='limit for each model, such as "4GB"')
    group.add_argument("--allow-network", action="store_true", default=None, help="let the models use the network")
    group.add_argument(
        "--device",
        metavar="NAME",
        help='move models to this device of the machine ("cuda", "mps"); without it, to one that is simulated',
    )


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = commands.add_parser(
        "audit",
        help="build a model and examine it",
        description="Build a model by a function of yours and examine it: findings, every tensor, init coverage. THIS "
        "IMPORTS AND RUNS YOUR CODE, in a process of its own with limits on time, memory and network.",
        epilog=_AUDIT_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    audit.set_defaults(run=_run_audit)
    audit.add_argument("factory", metavar="MODULE:NAME", help="a function or class that makes the model, or the model")
    audit.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="EXPRESSION",
        help="an argument of the model's call, as a Python expression in the module's own names, torch added "
        '("torch.randn(1, 3, 224, 224)", "mask=None"); may be given again. Without any, one is looked for',
    )
    audit.add_argument("--no-forward", action="store_true", help="do not call the model")
    audit.add_argument("--init-coverage", action="store_true", help="show how each parameter came by its values")
    audit.add_argument("--select", metavar="CODES", help="report these codes only, separated by commas, or ALL")
    audit.add_argument("--output-format", choices=OUTPUT_FORMATS, default="text", help="default: text")
    audit.add_argument("--exit-zero", action="store_true", help="exit with 0 even where something is found")
    limits = audit.add_argument_group("how it is run")
    limits.add_argument("--python", metavar="PATH", help="the interpreter that has torch and your packages")
    limits.add_argument("--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="default: 60, imports apart")
    limits.add_argument("--memory-limit", type=_size, metavar="SIZE", help='such as "4GB"')
    limits.add_argument("--allow-network", action="store_true", help="let the code use the network")


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run",
        help="run a script and audit what it builds and trains",
        description="Run a script, or with -m a module, as Python would, and audit what it builds and trains: "
        "parameters that no optimiser holds or that never get a gradient, values that no checkpoint contains, and what "
        "audit finds. The report goes to standard error.",
        epilog=_RUN_EXIT_CODES,
        usage="paramlint run [options] (SCRIPT | -m MODULE) [ARGUMENT ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.set_defaults(run=_run_run)
    run.add_argument("-m", dest="module", action="store_true", help="run a module, as python -m does")
    run.add_argument("--package", action="append", default=[], metavar="NAME", help="audit this installed package too")
    run.add_argument(
        "--steps",
        type=_count,
        default=3,
        metavar="N",
        help="speak of missing gradients after at least N steps of the optimiser (default: 3)",
    )
    run.add_argument("--select", metavar="CODES", help="report these codes only, separated by commas, or ALL")
    run.add_argument("--output", metavar="FILE", help="write the report to a file")
    run.add_argument("--output-format", choices=OUTPUT_FORMATS, default="text", help="default: text")
    run.add_argument("--exit-zero", action="store_true", help="findings leave the script's exit code as it is")
    run.add_argument("target", metavar="SCRIPT", help="the script, or with -m the module")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="the script's own arguments")


def _add_rule(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rule = commands.add_parser("rule", help="explain a rule", description="Explain a rule.")
    rule.set_defaults(run=_run_rule)
    rule.add_argument("rule", metavar="RULE", help="a code (PRM103) or a name (detached-parameter)")


def _add_rules(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rules = commands.add_parser("rules", help="list all rules", description="List all rules.")
    rules.set_defaults(run=_run_rules)
    rules.add_argument("--output-format", choices=("text", "json"), default="text")


def _run_check(arguments: argparse.Namespace) -> int:
    from paramlint.cli.check import run

    return run(arguments)


def _run_audit(arguments: argparse.Namespace) -> int:
    from paramlint.cli.audit import run

    return run(arguments)


def _run_run(arguments: argparse.Namespace) -> int:
    from paramlint.cli.run import run

    return run(arguments)


def _run_rule(arguments: argparse.Namespace) -> int:
    from paramlint.cli.rules import explain

    return explain(arguments)


def _run_rules(arguments: argparse.Namespace) -> int:
    from paramlint.cli.rules import list_all

    return list_all(arguments)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("names nothing")
    return names


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above zero")
    return seconds


def _size(text: str) -> int:
    from paramlint.engine.configuration import memory_size

    try:
        return memory_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from error
