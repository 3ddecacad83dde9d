"""Which device a value names, and where operands on different devices clash."""

from __future__ import annotations

import re

from paramlint.interpret import default_device, evaluate
from paramlint.interpret.events import Clash, HardCodedDevice
from paramlint.interpret.machine import Frame, Machine
from paramlint.interpret.scan import (
    ACCELERATORS,
    accelerator_flags,
    mentions_device,
    nodes,
    self_attribute,
    words_of,
)
from paramlint.interpret.slots import Phase, TensorSummary
from paramlint.interpret.summaries import summarise_tensor
from paramlint.interpret.values import (
    UNKNOWN,
    Device,
    External,
    Instance,
    Known,
    Placement,
    Symbol,
    Tensor,
    Value,
)
from paramlint.model import code
from paramlint.model.code import Span

_HOST = ("cpu", "meta")
# What torch takes for a device (c10/core/Device.cpp, ``parse_type``), and names that others have given to theirs.
_TYPES = frozenset(
    {
        *("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla"),
        *("lazy", "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone", "npu", "tpu", "mlu", "musa", "gcu"),
    }
)
# Products that refuse a tensor of no dimensions (einsum takes one for an empty subscript, which nobody writes).
_TAKING_NO_NUMBER = frozenset({"@", "matmul", "mm", "bmm", "mv", "linear", "einsum"})
_NAME = re.compile(r"(cuda|cpu|mps|xpu)(:\d+)?")
# What ``.type()`` takes tells where the result is: torch.LongTensor is a type of the host's.
_TENSOR_TYPE = re.compile(r"torch\.(cuda\.)?(Float|Double|Half|BFloat16|Byte|Char|Short|Int|Long|Bool)Tensor")


def device_of(value: Value) -> Device | None:
    """The device that an argument names; None where it names none (a dtype, None, a flag)."""
    match value:
        case Device():
            return value
        case Tensor():
            return of_tensor(value)
        case Known(value=str() as name) | External(name=name) if typed := _TENSOR_TYPE.fullmatch(name):
            return Device(Placement.LITERAL, "cuda" if typed[1] else "cpu")
        case Known(value=str() as name):
            return Device(Placement.LITERAL, name)
        case Known(value=bool() | None) | Symbol(is_dtype=True):
            return None
        case Known(value=int() as index):
            return Device(Placement.LITERAL, f"cuda:{index}")
        case Symbol(argument=argument, default=default, is_configuration=True):
            named = default.value if default is not None and isinstance(default.value, str) else ""
            return Device(Placement.GIVEN, named if _is_device(named) else None, argument)
        case External(name=name) if name.startswith("torch."):
            return None
        case Instance():
            return Device(Placement.MODEL) if value.is_module else Device(Placement.UNKNOWN)
    return Device(Placement.UNKNOWN)


def _is_device(name: str) -> bool:
    """Whether the text that an argument defaults to names a device: "auto" is a word of the project's own."""
    return name.partition(":")[0] in _TYPES


def spelled(node: code.FormattedString, text: str) -> Value:
    """What a text with its parts filled in stands for: a device with a computed number is nobody's fixed choice."""
    match = _NAME.fullmatch(text)
    is_numbered = match is not None and match[2] is not None and not isinstance(node.parts[-1], str)
    return UNKNOWN if is_numbered else Known(text)


def of_tensor(tensor: Tensor) -> Device:
    """The device of a tensor: ``x.device``. A registered one moves later, and the device that was asked for stays."""
    source = tensor.origin or tensor
    return Device(tensor.placement, source=source if tensor.placement.is_pinned and not source.is_registered else None)


def literal_of(given: Value | None) -> str:
    """The device that ``.cuda(given)`` names."""
    return f"cuda:{given.value}" if isinstance(given, Known) and isinstance(given.value, int) else "cuda"


def is_accelerator(name: str) -> bool:
    """Whether a device's name means something that is not the host."""
    return name.split(":")[0] not in _HOST


def asks(machine: Machine, frame: Frame, test: code.Expression) -> bool:
    """Whether a condition, which has turned out, asks where something is, or whether an accelerator is wanted.

    A flag that the defaults put on is no question: whoever gives nothing gets the accelerator.
    """
    if machine.project.scanned(mentions_device, test):
        return True
    flags = machine.project.scanned(accelerator_flags, test)
    values = [evaluate.evaluate(machine, frame, flag) for flag in flags]
    by_default = any(isinstance(value, Symbol) and value.default is not None for value in values)
    return bool(flags) and not (by_default and machine.decider.is_default)


def _flags(machine: Machine, frame: Frame, test: code.Expression) -> list[tuple[Value, set[str]]]:
    """What a condition asks that by its words, or by those of the setting that it stands for, is about accelerators."""
    named = machine.project.scanned(accelerator_flags, test)
    found = [(evaluate.evaluate(machine, frame, flag), words_of(flag)) for flag in named]
    for node in () if found else nodes(test):
        if self_attribute(node) is not None and isinstance(node, code.Attribute):
            value = evaluate.evaluate(machine, frame, node)
            words = {*re.split(r"[\W_]+", value.key.lower())} if isinstance(value, Symbol) else set()
            if words & ACCELERATORS:
                found.append((value, words))
    return found


def names_accelerator(test: code.Expression) -> bool:
    """Whether an assertion wants an accelerator: ``x.is_cuda``, ``x.device.type == "cuda"``."""
    return any(
        (isinstance(node, code.Attribute) and node.name == "is_cuda")
        or (isinstance(node, code.Constant) and isinstance(node.value, str) and node.value.startswith("cuda"))
        for node in nodes(test)
    ) and not any(isinstance(node, code.Constant) and node.value == "cpu" for node in nodes(test))


def refuses(machine: Machine, frame: Frame, test: code.Expression) -> bool:
    """Whether a condition has asked a flag that, on this path, says that no accelerator is wanted."""
    if machine.phase is not Phase.FORWARD:
        return False
    for value, words in _flags(machine, frame, test):
        is_on = evaluate.truth(machine, value)
        if is_on is not None and is_on is ("cpu" in words):
            return True
    return False


def chosen(machine: Machine, value: Value) -> Value:
    """What a name is bound to: what names a device only after asking what there is, is nobody's fixed choice."""
    if not machine.device_tests or machine.below_none:
        return value
    if isinstance(value, Known) and isinstance(value.value, str) and _NAME.fullmatch(value.value):
        return Device(Placement.UNKNOWN)
    if _is_tensor_type(value):
        return UNKNOWN
    return Device(Placement.UNKNOWN) if isinstance(value, Device) and value.literal is not None else value


def leave_open(machine: Machine, frame: Frame, statement: code.If) -> None:
    """After a condition has not turned out: the host that a name stands for is no fixed choice, if that asks where to be.

    ``device = torch.device("cpu")`` and ``if cuda: device = torch.device("cuda")`` choose between the two.
    """
    if not _asks_where(machine, statement.test):
        return
    for inner in statement.body:
        for target in inner.targets if isinstance(inner, code.Assign) else ():
            name = self_attribute(target)
            if isinstance(target, code.Name) and _is_host(frame.names.get(target.identifier)):
                frame.names[target.identifier] = Device(Placement.UNKNOWN)
            elif name is not None and isinstance(frame.receiver, Instance):
                binding = frame.receiver.bindings.get(name)
                if binding is not None and _is_host(binding.value):
                    binding.value = Device(Placement.UNKNOWN)


def open_choice(machine: Machine, test: code.Expression, value: Value) -> Value:
    """What a conditional expression stands for, whose condition may ask where to be.

    The host is no fixed choice then, nor is a type of tensors, behind a question: an accelerator that is named for whoever
    gives no device is one.
    """
    if machine.device_tests and _is_tensor_type(value):
        return UNKNOWN  # ``torch.cuda.FloatTensor if cuda else torch.FloatTensor``
    return Device(Placement.UNKNOWN) if _is_host(value) and _asks_where(machine, test) else value


def _is_tensor_type(value: Value) -> bool:
    return isinstance(value, External) and _TENSOR_TYPE.fullmatch(value.name) is not None


def _asks_where(machine: Machine, test: code.Expression) -> bool:
    project = machine.project
    return bool(project.scanned(mentions_device, test) or project.scanned(accelerator_flags, test))


def _is_host(value: Value | None) -> bool:
    if isinstance(value, Known):
        return isinstance(value.value, str) and value.value in _HOST
    return isinstance(value, Device) and value.literal is not None and not is_accelerator(value.literal)


def note_literal(
    machine: Machine, frame: Frame, device: Device | None, method: str, attribute: str | None, span: Span
) -> None:
    """Record that the source sends something to a device that it names itself; to the host, that a constructor does."""
    if device is None or device.literal is None:
        return
    if machine.phase is Phase.FORWARD and not is_accelerator(device.literal):
        return
    if machine.on_meta or (machine.phase is Phase.CONSTRUCTOR and (machine.device_tests or machine.guarded)):
        return
    if attribute is None and machine.phase is Phase.CONSTRUCTOR:
        attribute = machine.assigned
    if machine.device_tests and _is_made_in_each_call(machine, attribute):
        return
    machine.emit(
        HardCodedDevice(
            frame.place(span),
            machine.phase,
            device.literal,
            method,
            attribute,
            device.argument,
            machine.statement,
            bool(machine.device_tests),
        )
    )


def _is_made_in_each_call(machine: Machine, name: str | None) -> bool:
    """Whether forward has bound a name of self before, whatever came: no copy outlives the call that asks where it is."""
    if machine.phase is not Phase.FORWARD or machine.root is None or name not in machine.rewritten:
        return False
    binding = machine.root.bindings.get(name)
    return binding is not None and binding.is_certain and name not in machine.made_once


def check(
    machine: Machine,
    frame: Frame,
    operation: str,
    operands: list[Tensor],
    span: Span,
    written: Tensor | None = None,
) -> None:
    """Record a clash where a pinned operand with dimensions meets one that moves, or where ``written`` is pinned.

    Torch takes a number on the CPU beside tensors of another device, but writes nothing of another device into it
    (aten/src/ATen/TensorIterator.cpp, ``compute_types``: scalars of the CPU are let pass unless they are an output).
    """
    if machine.phase is not Phase.FORWARD or machine.device_tests:
        return
    moving = next((operand for operand in operands if operand.placement.is_moving and operand.is_certain), None)
    if moving is None:
        return
    if any(operand.placement is Placement.HOST and operand.rank != 0 for operand in operands):
        machine.device_tests += 1  # it raises on an accelerator: from here on, the path is meant for the CPU
        return
    for operand in operands:
        has_dimensions = operand.dimensions > 0 or (operand.rank is None and operation in _TAKING_NO_NUMBER)
        counts = has_dimensions or (operand is written and operand.rank == 0)
        if operand.placement.is_pinned and counts and not operand.is_empty:
            if operand.placement is Placement.DEFAULT and default_device.is_where_model_is(
                machine.project, frame.module
            ):
                continue
            machine.emit(
                Clash(
                    frame.place(span),
                    operation,
                    _summary(operand),
                    _home(operand),
                    "the model" if moving.placement is Placement.MODEL else "the input",
                    (operand.origin or operand).reached,
                )
            )


def _summary(operand: Tensor) -> TensorSummary:
    """What is said of a pinned operand: it was made where the tensor was that it is computed from."""
    summary, origin = summarise_tensor(operand), operand.origin
    if origin is None or _home(operand) is not None:
        return summary
    return summary._replace(
        made=origin.made, factory=origin.factory, phase=origin.phase, placement=origin.placement.value
    )


def _home(operand: Tensor) -> str | None:
    """The attribute that an operand comes from, by its values or by its device."""
    return operand.home if operand.home is not None or operand.origin is None else operand.origin.home


def combined(operands: list[Tensor]) -> Placement:
    """Where the result of an operation lives; a 0-dim operand decides nothing beside others."""
    deciding = [operand for operand in operands if operand.rank != 0] or operands
    if not deciding:
        return Placement.UNKNOWN
    placements = {operand.placement for operand in deciding}
    for placement in (Placement.INPUT, Placement.MODEL):
        if placement in placements:
            return placement
    if any(operand.rank is None for operand in deciding) and len(placements) > 1:
        return Placement.UNKNOWN
    if len(placements) == 1:
        return placements.pop()
    if placements == {Placement.DEFAULT, Placement.LITERAL}:
        return Placement.DEFAULT
    return Placement.UNKNOWN
