"""Does the interpreter's answer for each name agree with what torch registers? Over the buildable classes of packages.

    python -m benchmarks.agreement --python VENV/bin/python
    python -m benchmarks.agreement --python VENV/bin/python --sample 100 timm kornia

``VENV`` is an environment that has torch and the packages. Each class is built by the worker of ``--confirm``; each
name under which the instance holds a tensor or a Module is compared with the registration that the interpreter claims:
*agreed* where a path of the interpreter says the same, *unknown* where it does not know or has not tried all paths,
else *disagreed*. A name that every path surely registers and the instance lacks is a disagreement too. Prints a line for each package and every
disagreement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.build_rates import folder_of, parser_for, requests_for
from paramlint.facts import lower_ast
from paramlint.facts.source import read_source
from paramlint.interpret.interpret import interpret
from paramlint.interpret.slots import Registration, Slot
from paramlint.interpret.trace import ClassTrace, Run
from paramlint.model.observation import Observation
from paramlint.project.environment import find_environment
from paramlint.project.project import Project
from paramlint.runtime import parent
from paramlint.runtime.settings import RuntimeSettings

PACKAGES = ("vit_pytorch", "x_transformers", "kornia", "torch_geometric.nn", "timm")
_REGISTERED = (Registration.PARAMETER, Registration.BUFFER, Registration.SUBMODULE)


class Verdict(NamedTuple):
    """What is said of one name: ``outcome`` is "agreed", "unknown" or "disagreed"."""

    name: str
    outcome: str
    claimed: str
    observed: str


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_for(str(__doc__), PACKAGES)
    parser.add_argument("--unknown", action="store_true", help="print the names that the interpreter does not know too")
    options = parser.parse_args(arguments)
    settings = RuntimeSettings(python=options.python, timeout=options.timeout, jobs=options.jobs, stages=("structure",))
    environment = find_environment(Path.cwd(), options.python, {})
    total: Counter[str] = Counter()
    for package in options.packages:
        requests = requests_for(package, environment, options.python, options.sample, options.seed)
        folder = folder_of(package, options.python)
        project = Project(folder, environment, lambda path: lower_ast.lower(read_source(str(path))))
        counts: Counter[str] = Counter()
        built = 0
        for observation in parent.observe(requests, settings):
            if observation.status != "built":
                continue
            built += 1
            for verdict in compare(trace_of(project, observation), observation):
                counts[verdict.outcome] += 1
                if verdict.outcome == "disagreed" or (options.unknown and verdict.outcome == "unknown"):
                    place = Path(observation.path).relative_to(folder)
                    print(
                        f"  {place} {observation.class_name}.{verdict.name}: claimed {verdict.claimed}, is "
                        f"{verdict.observed} ({observation.recipe})",
                        flush=True,
                    )
        print(line_of(f"{package}: {built} of {len(requests)} classes built", counts), flush=True)
        total.update(counts)
    print(line_of("all", total))
    return 0


def line_of(title: str, counts: Counter[str]) -> str:
    names = sum(counts.values())
    shares = ", ".join(f"{counts[key]} {key} ({100 * counts[key] / max(names, 1):.2f} %)" for key in _OUTCOMES)
    return f"{title}, {names} names: {shares}"


_OUTCOMES = ("agreed", "unknown", "disagreed")


def trace_of(project: Project, observation: Observation) -> ClassTrace:
    """Interpret the class of an observation."""
    module = project.module_at(Path(observation.path))
    (linked,) = [
        linked for linked in project.classes(module) if linked.definition.qualified_name == observation.class_name
    ][-1:]
    return interpret(project, linked, turns_all=True)


def compare(trace: ClassTrace, observation: Observation) -> Iterator[Verdict]:
    """Compare what each path claims of a class's names with what was seen of one instance."""
    observed = observed_names(observation)
    for name, seen in observed.items():
        claims = [claim(run, name) for run in trace.runs]
        if not claims or not trace.is_exhaustive:
            claims.append("unknown")
        outcome = "agreed" if seen in claims else "unknown" if "unknown" in claims else "disagreed"
        yield Verdict(name, outcome, " or ".join(dict.fromkeys(claims)), seen)
    sure = [
        {slot.name for slot in run.slots if slot.registration in _REGISTERED and slot.is_certain and not slot.is_none}
        if run.is_complete and not run.is_opaque
        else set[str]()
        for run in trace.runs
    ]
    for name in sorted(set.intersection(*sure) - set(observed) if sure and trace.is_exhaustive else ()):
        yield Verdict(name, "disagreed", claim(trace.runs[0], name), "absent")


def observed_names(observation: Observation) -> dict[str, str]:
    """What the instance itself holds under each name: a tensor or a Module, registered or not."""
    found: dict[str, str] = {}
    for module in observation.modules:
        if module.owner == "" and module.path == module.attribute:
            found[module.attribute] = "submodule" if module.is_registered else "plain module"
    for tensor in observation.tensors:
        if tensor.owner == "" and tensor.path == tensor.attribute:
            kind = tensor.registration.removeprefix("non-persistent ")
            found[tensor.attribute] = "plain tensor" if kind == "plain" else kind
    return found


def claim(run: Run, name: str) -> str:
    """What one path says of a name; "unknown" too where it may have been set without being seen."""
    slot = next((slot for slot in run.slots if slot.name == name), None)
    if slot is None:
        return "unset" if run.is_complete and not run.is_opaque else "unknown"
    return _words(slot)


def _words(slot: Slot) -> str:
    if slot.is_none:
        return "None" if slot.is_certain else "unknown"
    if slot.module is not None and slot.registration is Registration.OTHER:
        return "plain module"
    return slot.registration.value


if __name__ == "__main__":
    raise SystemExit(main())
