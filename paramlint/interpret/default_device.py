"""Whether what is made on the default device is where the model is: a package or each script sets it, or others are hidden."""

from __future__ import annotations

from paramlint.interpret.holders import speaks_of_devices
from paramlint.interpret.instances import TooManyFiles, modules_with
from paramlint.interpret.programs import is_script_part, programs_importing
from paramlint.interpret.scan import nodes
from paramlint.model import code
from paramlint.project.definitions import SourceModule
from paramlint.project.names import last_word
from paramlint.project.project import Project

_SETTERS = frozenset({"set_default_device", "set_default_tensor_type"})


def is_where_model_is(project: Project, module: SourceModule) -> bool:
    """Whether a file hides the accelerators, another of its package says where all is made when it is imported, or each program does.

    Programs are those that import the file and speak of devices: one that does not leaves the model on the host.
    """
    if project.scanned(_hides_accelerators, module):
        return True
    package = module.name.partition(".")[0]
    try:
        speaking = {other.path: other for word in sorted(_SETTERS) for other in modules_with(project, module, word)}
    except TooManyFiles:
        return False
    if any(
        other.name.partition(".")[0] == package and project.scanned(_sets_default, other) for other in speaking.values()
    ):
        return True
    return any(project.scanned(_speaks_of_default, other) for other in speaking.values()) and _do_all_programs_set_it(
        project, module
    )


def _do_all_programs_set_it(project: Project, module: SourceModule) -> bool:
    """Whether there are programs that may put what a module defines on a device, and all of them set the default one."""
    try:
        programs = programs_importing(project, module)
    except TooManyFiles:
        return False
    own = [item for item in module.facts.body if not isinstance(item, code.Class)]  # classes move what they are given
    placing = [
        program for program in programs if speaks_of_devices(tuple(own) if program is module else program.facts.body)
    ]
    return bool(placing) and all(project.scanned(_speaks_of_default, program) for program in placing)


def _speaks_of_default(module: SourceModule) -> bool:
    """Whether a file sets the default device, wherever it does."""
    return any(map(_sets_accelerator, nodes(module.facts.body)))


def _hides_accelerators(module: SourceModule) -> bool:
    """Whether a file says that there are none: ``os.environ["CUDA_VISIBLE_DEVICES"] = "-1"``."""
    return any(
        isinstance(node.value, code.Constant) and node.value.value in ("", "-1")
        for node in nodes(module.facts.body)
        if isinstance(node, code.Assign)
        for target in node.targets
        if isinstance(target, code.Subscript)
        and isinstance(target.index, code.Constant)
        and target.index.value == "CUDA_VISIBLE_DEVICES"
    )


def _sets_default(module: SourceModule) -> bool:
    """Whether to import a file sets the default device; what only a script does at its end does not count."""
    return any(
        _sets_accelerator(node)
        for statement in module.facts.body
        if not isinstance(statement, (code.Function, code.Class)) and not is_script_part(statement)
        for node in nodes((statement,))
    )


def _sets_accelerator(node: object) -> bool:
    return isinstance(node, code.Call) and last_word(node.function) in _SETTERS and _names_accelerator(node)


def _names_accelerator(call: code.Call) -> bool:
    """Whether what is set may be another device than the CPU; a type of tensors says so by its name."""
    given = [node for item in call.arguments for node in nodes((item.value,))]
    if last_word(call.function) == "set_default_device":
        return not any(isinstance(node, code.Constant) and node.value == "cpu" for node in given)
    return any(
        (isinstance(node, code.Attribute) and node.name == "cuda")
        or (isinstance(node, code.Constant) and isinstance(node.value, str) and ".cuda." in node.value)
        for node in given
    )
