"""The judge, rule by rule, on observations made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from paramlint.model.code import Span
from paramlint.model.diagnostic import Diagnostic, Related, Severity, Verdict
from paramlint.model.observation import (
    Assignment,
    Creation,
    Failure,
    ForwardObservation,
    MaterialisedObservation,
    ModuleObservation,
    Observation,
    Place,
    TensorObservation,
    Write,
)
from paramlint.runtime.judge import JUDGEMENTS, judge, stages
from paramlint.runtime.worker import inspection

# A busy machine is no failure of a pure function.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FILE = "/project/package/net.py"
LINE, RELATED_LINE = 10, 20
CLASH = "Expected all tensors to be on the same device, but found at least two devices, accel:0 and cpu!"


def place(line: int = LINE, function: str = "__init__", path: str = FILE) -> Place:
    return Place(path, line, function)


def failure(kind: str, message: str, *lines: int) -> Failure:
    return Failure(kind, message, tuple(place(line) for line in lines))


def diagnostic(code: str, attribute: str | None = "x", **changes: object) -> Diagnostic:
    made = Diagnostic(
        code,
        "slug",
        Severity.WARNING,
        FILE,
        Span(LINE, 9, LINE, 30),
        "Net",
        attribute,
        "message",
        (Related(FILE, Span(RELATED_LINE, 9, RELATED_LINE, 30), "here"),),
    )
    return made._replace(**changes)  # type: ignore[arg-type]


PLAIN = TensorObservation(
    path="x",
    owner="",
    owner_class="package.net.Net",
    attribute="x",
    registration="plain",
    is_parameter=False,
    requires_grad=False,
    is_leaf=True,
    shape=(4,),
    dtype="float32",
    device="cpu",
    elements=4,
    follows_device=False,
    place=place(),
)
PARAMETER = PLAIN._replace(
    registration="parameter", is_parameter=True, requires_grad=True, in_state_dict=True, follows_device=True
)
ELSEWHERE = PARAMETER._replace(place=Place(FILE, 3, "__init__"))
BUFFER = PLAIN._replace(registration="buffer", in_state_dict=True, follows_device=True)
HIDDEN = PLAIN._replace(path="x[0]", is_parameter=True, requires_grad=True)
MODULE = ModuleObservation("x[0]", "", "package.net.Net", "x", "torch.nn.Linear", False, True, 6)
META = MaterialisedObservation(True, initialisers=("layer.init_weights", "init_weights"))
NO_META = MaterialisedObservation(False, "not built on meta: TypeError: no")
RAN = ForwardObservation("ran", device_status="ran")
BOUND = Assignment("", "x", "setattr", "construction", place())


def built(*tensors: TensorObservation, **changes: object) -> Observation:
    made = Observation("0", FILE, "Net", "built", recipe="Net(3)", tensors=tensors)
    return made._replace(**changes)  # type: ignore[arg-type]


def broken(error: Failure, status: str = "not built") -> Observation:
    return Observation("0", FILE, "Net", status, error.message, constructor_failure=error)


class Case(NamedTuple):
    """``says`` is a part of the evidence, or of the reason where the verdict is unconfirmed."""

    name: str
    diagnostic: Diagnostic
    observation: Observation
    verdict: Verdict
    says: str


YES, NO, OPEN = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNCONFIRMED


def case(
    code: str,
    name: str,
    observation: Observation,
    verdict: Verdict,
    says: str,
    attribute: str | None = "x",
    **changes: object,
) -> Case:
    return Case(f"{code} {name}", diagnostic(code, attribute, **changes), observation, verdict, says)


def on_accelerator(line: int) -> ForwardObservation:
    return RAN._replace(device_status="clash", device_failure=failure("torch._Fake", CLASH, line))


def wrote(target: str, line: int = LINE, function: str = "__init__", is_default: bool = False) -> Write:
    return Write(target, "normal_", (place(line, function),), None, is_default)


READ_TOO_EARLY = "'x' is read before it exists: building the model raises AttributeError"

PLACEMENT = [
    case("PRM101", "clash on the related line", built(PLAIN, forward=on_accelerator(RELATED_LINE)), YES, "net.py:20"),
    case("PRM101", "clash elsewhere", built(PLAIN, forward=on_accelerator(99)), OPEN, "net.py:99"),
    case(
        "PRM101",
        "clash of this tensor alone",
        built(PLAIN._replace(clash=failure("RuntimeError", CLASH, 99)), forward=on_accelerator(98)),
        YES,
        "net.py:99",
    ),
    case(
        "PRM101",
        "an error that is not about devices",
        built(PLAIN, forward=RAN._replace(device_failure=failure("RuntimeError", "shape", RELATED_LINE))),
        OPEN,
        "shape",
    ),
    case(
        "PRM101", "left behind without a clash", built(PLAIN, forward=RAN), OPEN, "but forward ran on the accelerator"
    ),
    case("PRM101", "left behind, never run", built(PLAIN), OPEN, "forward was not tried"),
    case(
        "PRM101",
        "left behind, no input",
        built(PLAIN, forward=ForwardObservation("no input found")),
        OPEN,
        "no example input",
    ),
    case("PRM101", "None in this build", built(), OPEN, "held no tensor"),
    case(
        "PRM101",
        "made by the first forward",
        built(forward=on_accelerator(RELATED_LINE)._replace(written_attributes=("x",))),
        YES,
        "forward makes 'x'",
    ),
    case(
        "PRM101",
        "random and lost",
        built(
            PLAIN._replace(is_random=True, read_in_forward=True),
            forward=RAN._replace(differs_after_reload=True, differs_between_calls=False),
        ),
        YES,
        "not in state_dict()",
    ),
    case(
        "PRM101",
        "random, but every call differs",
        built(
            PLAIN._replace(is_random=True), forward=RAN._replace(differs_after_reload=True, differs_between_calls=True)
        ),
        OPEN,
        "forward ran",
    ),
    case("PRM101", "a buffer", built(BUFFER), NO, "moves with the model"),
    case("PRM101", "a buffer bound elsewhere", built(BUFFER._replace(place=place(77))), OPEN, "another statement"),
    case("PRM101", "moved by _apply", built(PLAIN._replace(follows_device=True, is_random=False)), NO, "moved"),
    case("PRM101", "shares storage", built(PLAIN._replace(same_as="weight")), OPEN, "shares the storage"),
    case(
        "PRM110",
        "one of two clashes",
        built(
            PLAIN._replace(path="x[0]", follows_device=True, is_random=False),
            PLAIN._replace(path="x[1]", clash=failure("RuntimeError", CLASH, 33)),
        ),
        YES,
        "'x[1]'",
    ),
    case("PRM110", "all move", built(PLAIN._replace(path="x[0]", follows_device=True, is_random=False)), NO, "moved"),
    case("PRM110", "empty", built(), OPEN, "held no tensor"),
    case("PRM112", "left behind", built(PLAIN._replace(same_as="weight")), YES, "still on cpu"),
    case(
        "PRM112", "computed", built(PLAIN._replace(requires_grad=True, is_leaf=False)), YES, "computed from parameters"
    ),
    case("PRM112", "moves", built(PLAIN._replace(same_as="weight", follows_device=True)), NO, "moved with the model"),
    case("PRM112", "no alias", built(PLAIN), OPEN, "shares registered storage"),
    case(
        "PRM501",
        "raised on the line",
        broken(failure("AssertionError", "Torch not compiled with CUDA enabled", 5, LINE)),
        YES,
        "not compiled",
    ),
    case(
        "PRM501",
        "raised on another line",
        broken(failure("AssertionError", "Torch not compiled with CUDA enabled", 55)),
        OPEN,
        "was not built",
    ),
    case("PRM501", "there already", built(PLAIN._replace(device="cuda:0")), YES, "cuda:0"),
    case("PRM501", "built on the CPU", built(PLAIN), OPEN, "did not raise"),
    case("PRM502", "clash", built(forward=on_accelerator(LINE)), YES, "net.py:10"),
    case("PRM502", "clash elsewhere", built(forward=on_accelerator(44)), OPEN, "net.py:44"),
    case("PRM502", "ran", built(forward=RAN), OPEN, "may not reach the line"),
    case("PRM502", "no forward", built(), OPEN, "not tried"),
    case("PRM503", "left behind", built(PLAIN), YES, "still on cpu", attribute=None),
    case("PRM503", "moved", built(PLAIN._replace(follows_device=True)), NO, "moved with the model"),
    case("PRM503", "nothing plain", built(PARAMETER), OPEN, "no plain tensor"),
]

REGISTRATION = [
    case("PRM102", "asks for gradients", built(PLAIN._replace(requires_grad=True)), YES, "neither parameters()"),
    case("PRM102", "read in forward", built(PLAIN._replace(read_in_forward=True)), YES, "forward reads 'x'"),
    case("PRM102", "neither", built(PLAIN), OPEN, "asks for no gradients"),
    case("PRM102", "a parameter", built(PARAMETER), NO, "in parameters()"),
    case("PRM102", "a parameter by another statement", built(PARAMETER._replace(place=place(3))), OPEN, "another"),
    case("PRM102", "a buffer", built(BUFFER), OPEN, "buffer"),
    case("PRM102", "absent", built(), OPEN, "held no tensor"),
    case("PRM103", "no leaf", built(PLAIN._replace(requires_grad=True, is_leaf=False)), YES, "non-leaf"),
    case("PRM103", "lost elsewhere", built(PARAMETER._replace(registration_elsewhere="plain")), YES, "really move"),
    case("PRM103", "absent elsewhere", built(PARAMETER._replace(registration_elsewhere="absent")), YES, "really move"),
    case("PRM103", "kept elsewhere", built(PARAMETER._replace(registration_elsewhere="parameter")), NO, "even where"),
    case("PRM103", "kept on a CPU", built(PARAMETER), OPEN, "may have changed nothing"),
    case(
        "PRM103",
        "in place on a leaf",
        broken(
            failure("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation.", LINE)
        ),
        YES,
        "in-place",
    ),
    case("PRM103", "another error", broken(failure("ValueError", "no", LINE)), OPEN, "was not built"),
    case("PRM104", "hidden", built(HIDDEN), YES, "'x[0]' is in neither"),
    case("PRM104", "registered too", built(HIDDEN._replace(same_as="weight0")), NO, "all 1 parameters"),
    case("PRM104", "half registered", built(HIDDEN._replace(same_as="a"), HIDDEN._replace(path="x[1]")), YES, "1 of 2"),
    case("PRM104", "empty", built(), OPEN, "held no parameter"),
    case("PRM105", "hidden", built(modules=(MODULE,)), YES, "Linear"),
    case("PRM105", "registered", built(modules=(MODULE._replace(is_registered=True),)), NO, "are in modules()"),
    case("PRM105", "without state", built(modules=(MODULE._replace(has_state=False, elements=0),)), OPEN, "no state"),
    case(
        "PRM105",
        "its parameters are registered elsewhere",
        built(HIDDEN._replace(path="x[0].weight", same_as="weight"), modules=(MODULE,)),
        OPEN,
        "no state of their own",
    ),
    case("PRM105", "empty", built(), OPEN, "held no module"),
    case("PRM106", "in buffers", built(BUFFER._replace(is_parameter=True)), YES, "in buffers()"),
    case("PRM106", "a true buffer", built(BUFFER), NO, "no Parameter"),
    case("PRM106", "absent", built(), OPEN, "held no tensor"),
    case(
        "PRM107",
        "refused in forward",
        built(PARAMETER, assignments=(BOUND._replace(when="forward", raised="cannot assign 'torch.FloatTensor' as"),)),
        YES,
        "cannot assign",
    ),
    case(
        "PRM107",
        "refused at construction",
        broken(failure("TypeError", "cannot assign 'torch.FloatTensor' object to parameter 'x'", LINE)),
        YES,
        "the constructor raised TypeError",
    ),
    case("PRM107", "accepted", built(PARAMETER, assignments=(BOUND,)), NO, "without an error"),
    case("PRM107", "not reached", built(PARAMETER), OPEN, "was not reached"),
    case(
        "PRM107",
        "no base constructor",
        broken(failure("AttributeError", "cannot assign parameters before Module.__init__() call", LINE)),
        OPEN,
        "was not built",
    ),
    case(
        "PRM108",
        "every pass",
        built(forward=RAN._replace(creations=(Creation("torch.nn.Parameter", place(), None, 2),))),
        YES,
        "in every pass",
    ),
    case(
        "PRM108",
        "another line",
        built(forward=RAN._replace(creations=(Creation("torch.nn.Parameter", place(70), None, 2),))),
        OPEN,
        "made nothing at the line",
    ),
    case(
        "PRM108",
        "zeros in a weight's place",
        built(forward=RAN._replace(written_attributes=("x",), left_zero=("x",))),
        YES,
        "nothing but zeros",
    ),
    case("PRM108", "another value", built(forward=RAN._replace(written_attributes=("x",))), OPEN, "stays at zero"),
    case("PRM108", "at construction", built(assignments=(BOUND,), forward=RAN), NO, "ran during construction"),
    case(
        "PRM108",
        "forward raised",
        built(forward=ForwardObservation("raised", failure=failure("ValueError", "too small", 40))),
        OPEN,
        "too small",
    ),
    case(
        "PRM109",
        "first pass only",
        built(forward=RAN._replace(creations=(Creation("torch.nn.Linear", place(), "layers[0]", 1),))),
        YES,
        "kept it as 'layers[0]'",
    ),
    case(
        "PRM109",
        "only a Parameter there",
        built(forward=RAN._replace(creations=(Creation("torch.nn.Parameter", place(), None, 2),))),
        OPEN,
        "made nothing",
        attribute=None,
    ),
    case("PRM111", "hidden parameter", built(HIDDEN._replace(path="x.table")), YES, "'x.table'"),
    case("PRM111", "hidden layer", built(modules=(MODULE._replace(path="x.layer"),)), YES, "x.layer"),
    case(
        "PRM111",
        "left behind",
        built(PLAIN._replace(path="x.table", clash=failure("RuntimeError", CLASH, 33)), forward=on_accelerator(33)),
        YES,
        "'x.table' is on cpu",
    ),
    case("PRM111", "nothing", built(), OPEN, "held no parameter or module"),
    case(
        "PRM113", "KeyError", broken(failure("KeyError", "attribute 'x' already exists", LINE)), YES, "already exists"
    ),
    case("PRM113", "no error", built(BUFFER), OPEN, "did not raise"),
    case("PRM113", "not built", broken(failure("ValueError", "no", LINE)), OPEN, "was not built"),
    case("PRM114", "two parameters", built(PARAMETER), YES, "a parameter of its own"),
    case("PRM114", "tied", built(PARAMETER._replace(same_as="y")), OPEN, "more than one name"),
    case(
        "PRM114", "tied to it", built(PARAMETER, PARAMETER._replace(path="y", same_as="x")), OPEN, "more than one name"
    ),
    case(
        "PRM114",
        "lost on meta",
        built(PARAMETER._replace(same_as="y"), materialised=META._replace(lost_ties=(("y", "x"),))),
        YES,
        "are two parameters",
    ),
    case(
        "PRM114",
        "a tie by data that is none any more",
        built(PARAMETER._replace(same_as="y"), materialised=META._replace(lost_ties=(("y", "x"),))),
        OPEN,
        "more than one name",
        related=(),
    ),
    case("PRM114", "absent", built(), OPEN, "held no parameter"),
    case("PRM505", "kept", built(forward=RAN._replace(graph_tensors=("x[0]",))), YES, "gradient function"),
    case(
        "PRM505",
        "kept, and not to be copied",
        built(
            forward=RAN._replace(graph_tensors=("x",)),
            deepcopy_failure=failure("RuntimeError", "Only Tensors created explicitly by the user"),
        ),
        YES,
        "copy.deepcopy raised RuntimeError",
    ),
    case("PRM505", "detached", built(forward=RAN._replace(written_attributes=("x",))), NO, "without a gradient"),
    case("PRM505", "not bound", built(forward=RAN), OPEN, "did not bind"),
    case("PRM505", "not run", built(), OPEN, "not tried"),
]

PARAMETERS = [
    case("PRM201", "trains", built(PARAMETER._replace(gradient="flows")), YES, "an optimiser changes it"),
    case("PRM201", "frozen", built(PARAMETER._replace(requires_grad=False)), NO, "asks for no gradient"),
    case("PRM201", "a buffer", built(BUFFER), NO, "not a parameter"),
    case("PRM201", "no backward", built(PARAMETER), OPEN, "not tried"),
    case("PRM202", "frozen", built(PARAMETER._replace(requires_grad=False)), YES, "requires_grad=False"),
    case("PRM202", "thawed", built(PARAMETER), NO, "asks for gradients"),
    case("PRM202", "absent", built(), OPEN, "held no parameter"),
    case(
        "PRM203",
        "raised",
        broken(failure("RuntimeError", "Only Tensors of floating point and complex dtype can require gradients", LINE)),
        YES,
        "floating point",
    ),
    case("PRM203", "made", built(PARAMETER._replace(dtype="int64")), NO, "without an error"),
    case("PRM203", "another error", broken(failure("ValueError", "no", LINE)), OPEN, "was not built"),
    case("PRM204", "none", built(PARAMETER._replace(gradient="none")), YES, "is None after backward"),
    case("PRM204", "flows", built(PARAMETER._replace(gradient="flows")), NO, "received a gradient"),
    case("PRM204", "zero", built(PARAMETER._replace(gradient="zero")), OPEN, "exactly zero"),
    case("PRM204", "a layer", built(PARAMETER._replace(path="x.weight", gradient="none")), YES, "'x.weight' is None"),
    case("PRM204", "frozen", built(PARAMETER._replace(requires_grad=False, gradient="none")), OPEN, "asks for no"),
    case("PRM205", "unread", built(PARAMETER._replace(read_in_forward=False), forward=RAN), YES, "reads 'x'"),
    case("PRM205", "read", built(PARAMETER._replace(read_in_forward=True), forward=RAN), NO, "reads 'x'"),
    case("PRM205", "not run", built(PARAMETER._replace(read_in_forward=False)), OPEN, "not tried"),
    case(
        "PRM206",
        "raised",
        broken(failure("AttributeError", "'float' object has no attribute 'detach'", LINE)),
        YES,
        "float",
    ),
    case("PRM206", "raised elsewhere", broken(failure("TypeError", "no", LINE, 50)), OPEN, "was not built"),
    case("PRM206", "made", built(PARAMETER), NO, "without an error"),
]

INITIALISATION = [
    case("PRM301", "never written", built(PARAMETER._replace(uninitialised=1.0)), YES, "100 % of 'x' (4 elements)"),
    case("PRM301", "half written", built(PARAMETER._replace(uninitialised=0.5)), YES, "50 %"),
    case("PRM301", "hardly missed", built(PARAMETER._replace(uninitialised=0.0001)), YES, "less than 1 %"),
    case("PRM301", "written", built(PARAMETER._replace(uninitialised=0.0)), NO, "every element"),
    case(
        "PRM301",
        "written, other circumstances",
        built(PARAMETER._replace(uninitialised=0.0)),
        OPEN,
        "not built with mode='low'",
        circumstances=(("mode", "low"),),
    ),
    case(
        "PRM301",
        "written in the circumstances",
        built(PARAMETER._replace(uninitialised=0.0), circumstances=(("mode", "low"), ("width", 3))),
        NO,
        "every element",
        circumstances=(("mode", "low"),),
    ),
    case(
        "PRM301",
        "written, other statement",
        built(PARAMETER._replace(uninitialised=0.0, place=place(2))),
        OPEN,
        "another",
    ),
    case("PRM301", "not observed", built(PARAMETER), OPEN, "not observed"),
    case("PRM301", "lazy", built(PARAMETER._replace(is_uninitialised_lazy=True)), OPEN, "lazy"),
    case(
        "PRM301",
        "written by the first forward",
        built(PARAMETER._replace(uninitialised=1.0, changed_by_forward=True)),
        OPEN,
        "first forward",
    ),
    case("PRM301", "absent", built(), OPEN, "held no parameter"),
    case("PRM302", "read", built(BUFFER._replace(uninitialised=1.0, read_in_forward=True)), YES, "100 %"),
    case("PRM302", "not read", built(BUFFER._replace(uninitialised=1.0), forward=RAN), OPEN, "did not read"),
    case("PRM302", "written", built(BUFFER._replace(uninitialised=0.0)), NO, "every element"),
    case("PRM303", "never", built(PARAMETER, writes=(wrote("x"),)), YES, "never went through _init", attribute="_init"),
    case(
        "PRM303",
        "written",
        built(PARAMETER, writes=(wrote("x", 30, "_init"),)),
        NO,
        "_init wrote 'x'",
        attribute="_init",
    ),
    case(
        "PRM303",
        "bound",
        built(PARAMETER, assignments=(BOUND._replace(place=place(30, "_init")),)),
        NO,
        "_init bound 'x'",
        attribute="_init",
    ),
    case("PRM303", "no parameters", built(), OPEN, "no parameters", attribute="_init"),
    case("PRM304", "wrote none", built(PARAMETER), YES, "none of the 1 parameters", attribute="_init"),
    case(
        "PRM304",
        "defaults are no writes of the scheme",
        built(PARAMETER, writes=(wrote("x", function="_init", is_default=True),)),
        YES,
        "wrote none",
        attribute="_init",
    ),
    case(
        "PRM304",
        "misses the late layer",
        built(
            PARAMETER,
            PARAMETER._replace(path="late.weight"),
            writes=(wrote("x", 30, "_init"),),
            assignments=(BOUND._replace(attribute="late", place=place(RELATED_LINE)),),
        ),
        YES,
        "'late.weight'",
        attribute="_init",
    ),
    case(
        "PRM304",
        "misses another",
        built(PARAMETER, PARAMETER._replace(path="y"), writes=(wrote("x", 30, "_init"),)),
        OPEN,
        "1 of 2",
        attribute="_init",
    ),
    case(
        "PRM304",
        "misses a part of the late layer",
        built(
            *(PARAMETER._replace(path=f"late.{name}", owner="late") for name in ("weight", "bias")),
            writes=(wrote("late.weight", 30, "_init"),),
            assignments=(BOUND._replace(attribute="late", place=place(RELATED_LINE)),),
        ),
        OPEN,
        "1 of 2",
        attribute="_init",
    ),
    case(
        "PRM304",
        "raised over what is read too early",
        broken(failure("AttributeError", "'Net' object has no attribute 'x'", LINE)),
        YES,
        "has no attribute 'x'",
        message=READ_TOO_EARLY,
    ),
    case(
        "PRM304",
        "raised over something else",
        broken(failure("AttributeError", "'Net' object has no attribute 'y'", LINE)),
        OPEN,
        "was not built",
        message=READ_TOO_EARLY,
    ),
    case("PRM304", "nothing was missing", built(PARAMETER), OPEN, "did not raise", message=READ_TOO_EARLY),
    case("PRM304", "wrote all", built(PARAMETER, writes=(wrote("x", 30, "_init"),)), NO, "all 1", attribute="_init"),
    case("PRM305", "missed", built(PARAMETER, writes=(wrote("y"),)), YES, "not 'x'"),
    case("PRM305", "reached", built(PARAMETER, writes=(wrote("x"),)), NO, "every layer"),
    case(
        "PRM305",
        "reached in part",
        built(
            PARAMETER._replace(path="x.weight", owner="x"),
            PARAMETER._replace(path="x.bias", owner="x"),
            writes=(wrote("x.weight"), wrote("y.weight")),
        ),
        NO,
        "every layer",
    ),
    case(
        "PRM305",
        "a part of it reached",
        built(
            PARAMETER._replace(path="x.0.weight", owner="x.0"),
            PARAMETER._replace(path="x.1.weight", owner="x.1"),
            writes=(wrote("x.0.weight"),),
        ),
        YES,
        "not 'x.1.weight'",
    ),
    case("PRM305", "no scheme", built(PARAMETER), OPEN, "no write of the scheme"),
    case(
        "PRM306",
        "raised",
        broken(failure("AttributeError", "'NoneType' object has no attribute 'data'", LINE)),
        YES,
        "NoneType",
    ),
    case("PRM306", "fine", built(PARAMETER), OPEN, "did not raise"),
    case("PRM307", "twice", built(PARAMETER, writes=(wrote("x"), wrote("x", 40))), YES, "net.py:40"),
    case("PRM307", "once", built(PARAMETER, writes=(wrote("x"),)), OPEN, "no second write"),
    case("PRM308", "raised", broken(failure("AttributeError", "no zero_", LINE)), YES, "no zero_"),
    case("PRM308", "no effect", built(ELSEWHERE, writes=(wrote("x", 3),)), YES, "credited to line 10"),
    case("PRM308", "effect", built(PARAMETER, writes=(wrote("x"),)), NO, "wrote 'x'"),
    case("PRM308", "nothing seen", built(ELSEWHERE), OPEN, "none can be missed"),
    case("PRM309", "unwritten", built(PARAMETER._replace(uninitialised=1.0)), YES, "line 10 wrote nothing"),
    case("PRM309", "no write from there", built(ELSEWHERE, writes=(wrote("x", 3),)), YES, "credited to line 10"),
    case(
        "PRM309",
        "of a submodule",
        built(PARAMETER._replace(path="conv.parametrizations.x.original0"), writes=(wrote("y", 3),)),
        YES,
        "conv.parametrizations",
    ),
    case("PRM309", "a write from there", built(PARAMETER, writes=(wrote("x"),)), NO, "wrote 'x'"),
    case("PRM309", "absent", built(), OPEN, "held no tensor"),
    case("PRM310", "dead", built(PARAMETER._replace(starts_dead=True, gradient="flows")), YES, "is zero after"),
    case("PRM310", "alive", built(PARAMETER._replace(starts_dead=False, gradient="flows")), NO, "received"),
    case("PRM310", "other values", built(PARAMETER._replace(gradient="zero")), OPEN, "not tried"),
    case("PRM310", "unknown", built(PARAMETER), OPEN, "not tried"),
]

BEFORE = "cannot assign module before Module.__init__() call"
CONSTRUCTION = [
    case("PRM401", "raised", broken(failure("AttributeError", BEFORE, 12)), YES, "before Module", attribute=None),
    case(
        "PRM401",
        "raised when moved",
        built(move_failure=failure("AttributeError", "'Net' object has no attribute '_modules'")),
        YES,
        "moving the model",
        attribute=None,
    ),
    case("PRM401", "fine", built(PARAMETER), NO, "state_dict()", attribute=None),
    case("PRM401", "another error", broken(failure("ValueError", "no", 12)), OPEN, "was not built", attribute=None),
    case("PRM402", "raised", broken(failure("AttributeError", BEFORE, LINE)), YES, "before Module"),
    case("PRM402", "raised elsewhere", broken(failure("AttributeError", BEFORE, 77)), OPEN, "was not built"),
    case("PRM402", "fine", built(PARAMETER), NO, "without an error"),
    case("PRM403", "lost", built(assignments=(BOUND,)), YES, "holds nothing there"),
    case("PRM403", "held", built(PARAMETER, assignments=(BOUND,)), NO, "holds 'x'"),
    case(
        "PRM403",
        "missed in forward",
        built(
            assignments=(BOUND,),
            forward=ForwardObservation(
                "raised", failure=failure("AttributeError", "'Net' object has no attribute 'x'", 50)
            ),
        ),
        YES,
        "'x' was bound",
        attribute=None,
    ),
    case("PRM403", "nothing lost", built(PARAMETER), OPEN, "nothing that was registered", attribute=None),
    case(
        "PRM404",
        "raised",
        broken(failure("AttributeError", "'Net' object has no attribute 'init_weights'", LINE)),
        YES,
        "init_weights",
        attribute="init_weights",
    ),
    case(
        "PRM404",
        "another name",
        broken(failure("AttributeError", "'Net' object has no attribute 'other'", LINE)),
        OPEN,
        "was not built",
        attribute="init_weights",
    ),
    case("PRM404", "fine", built(PARAMETER), OPEN, "may not have been reached", attribute="init_weights"),
    case(
        "PRM405",
        "raised",
        built(forward=ForwardObservation("raised", failure=failure("AttributeError", "no has no attribute 'x'", 50))),
        YES,
        "forward raised",
    ),
    case("PRM405", "bound", built(assignments=(BOUND,)), NO, "was bound"),
    case("PRM405", "not run", built(), OPEN, "not tried"),
]

OTHERS = [
    case("PRM504", "forward not tried", built(BUFFER), OPEN, "not tried"),
    case("PRM504", "loading not tried", built(BUFFER, forward=RAN), OPEN, "was not tried"),
    case(
        "PRM504",
        "not loaded",
        built(
            BUFFER,
            forward=RAN._replace(
                loading_failure=failure("RuntimeError", "Error(s) in loading state_dict for Net: size mismatch for x"),
                unloadable=("x",),
            ),
        ),
        YES,
        "size mismatch for x",
    ),
    case(
        "PRM504",
        "another is not loaded",
        built(
            BUFFER,
            forward=RAN._replace(
                loading_failure=failure("RuntimeError", "size mismatch for y"),
                unloadable=("y",),
                written_attributes=("x", "y"),
            ),
        ),
        OPEN,
        "not seen to change",
    ),
    case(
        "PRM504",
        "loaded",
        built(BUFFER, forward=RAN._replace(unloadable=(), written_attributes=("x",))),
        NO,
        "loads into a new model",
    ),
    case("PRM504", "untouched", built(BUFFER, forward=RAN._replace(unloadable=())), OPEN, "not seen to change"),
    case(
        "PRM504",
        "changed and not saved",
        built(PLAIN._replace(changed_by_forward=True, read_in_forward=True), forward=RAN),
        YES,
        "state_dict() does not hold it",
    ),
    case("PRM504", "not changed", built(PLAIN._replace(changed_by_forward=False), forward=RAN), OPEN, "not seen to"),
    case("PRM506", "not observed", built(BUFFER), OPEN, "not observed"),
    case("PRM506", "no meta build", built(BUFFER, materialised=NO_META), OPEN, "not built on meta"),
    case("PRM506", "a value is lost", built(BUFFER, materialised=META._replace(lost=("x",))), YES, "does not hold"),
    case(
        "PRM506",
        "a tie is lost",
        built(BUFFER, materialised=META._replace(lost_ties=(("y", "x"),))),
        YES,
        "'y' and 'x'",
    ),
    case(
        "PRM506", "recast", built(BUFFER, materialised=META._replace(recast=("x.bias",))), YES, "'x.bias' has another"
    ),
    case("PRM506", "another is lost", built(BUFFER, materialised=META._replace(lost=("y",))), NO, "init_weights()"),
    case("PRM506", "absent", built(materialised=META), OPEN, "held no tensor"),
]

CASES = [*PLACEMENT, *REGISTRATION, *PARAMETERS, *INITIALISATION, *CONSTRUCTION, *OTHERS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(case: Case) -> None:
    proof = judge(case.diagnostic, case.observation)
    said = proof.reason if case.verdict is OPEN else proof.evidence
    assert (proof.verdict, case.says in (said or "")) == (case.verdict, True), said
    assert proof.recipe == case.observation.recipe


# What each stage of the worker shows: of a tensor, of a forward pass, of the instance.
SHOWN: dict[str, tuple[dict[str, object], dict[str, object], dict[str, object]]] = {
    "forward": ({"changed_by_forward": None, "read_in_forward": None}, {}, {"forward": None}),
    "copying": ({}, {}, {"deepcopy_failure": None, "pickle_failure": None}),
    "loading": ({}, {"loading_failure": None, "unloadable": None}, {}),
    "gradients": ({"gradient": None}, {"without_gradient": None, "zero_gradient": ()}, {}),
    "first gradients": ({"starts_dead": None}, {}, {}),
    "reload": (
        {},
        {"differs_between_calls": None, "differs_after_reload": None, "lost_on_reload": ()},
        {},
    ),
    "materialise": ({}, {}, {"materialised": None}),
    "placement": (
        {"follows_device": None, "clash": None},
        {"device_status": None, "device_failure": None, "forward_made_clash": None, "clashes_in_eval": False},
        {"device_probe": None},
    ),
}


def without(stage: str, observation: Observation) -> Observation:
    """The observation as it is where a stage was left out."""
    of_tensors, of_forward, of_all = SHOWN[stage]
    made = observation._replace(
        tensors=tuple(item._replace(**of_tensors) for item in observation.tensors)  # type: ignore[arg-type]
    )
    if made.forward is not None:
        made = made._replace(forward=made.forward._replace(**of_forward))  # type: ignore[arg-type]
    if stage == "forward":
        kept = tuple(item for item in made.assignments if item.when != "forward")
        made = made._replace(assignments=kept)
    return made._replace(**of_all)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_stages_that_a_judgement_does_not_name_decide_nothing(case: Case) -> None:
    observation = case.observation
    for stage in SHOWN.keys() - stages([case.diagnostic.code]):
        observation = without(stage, observation)
    assert judge(case.diagnostic, observation) == judge(case.diagnostic, case.observation)


@pytest.mark.parametrize("stage", SHOWN)
def test_each_stage_decides_something(stage: str) -> None:
    assert any(
        judge(case.diagnostic, without(stage, case.observation)) != judge(case.diagnostic, case.observation)
        for case in CASES
    )


def test_stages_are_those_of_the_worker() -> None:
    text = Path(inspection.__file__).read_text(encoding="utf-8")
    assert [stage for stage in stages(JUDGEMENTS) if f'"{stage}", ' not in text] == []


def test_every_judgement_has_a_confirmed_and_an_unconfirmed_case() -> None:
    verdicts = {(item.diagnostic.code, item.verdict) for item in CASES}
    missing = {code for code in JUDGEMENTS for verdict in (YES, OPEN) if (code, verdict) not in verdicts}
    assert missing == set()


def test_every_rule_is_judged() -> None:
    from paramlint.rules import ALL_RULES

    assert {rule.code for rule in ALL_RULES} <= JUDGEMENTS.keys()


def test_private_names_are_mangled_as_python_does() -> None:
    hidden = HIDDEN._replace(path="_Net__x[0]", attribute="_Net__x")
    assert judge(diagnostic("PRM104", "__x"), built(hidden)).verdict is YES


def test_relative_paths_are_compared_from_their_end() -> None:
    observation = built(PLAIN, forward=on_accelerator(RELATED_LINE))
    found = diagnostic("PRM101", path="../package/net.py")
    found = found._replace(related=(found.related[0]._replace(path="./package/net.py"),))
    assert judge(found, observation).verdict is YES
    other = found._replace(related=(found.related[0]._replace(path="./other/net.py"),))
    assert judge(other, observation).verdict is OPEN


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("not built", "Net was not built: because"),
        ("abstract", "Net is abstract: because"),
        ("not importable", "could not be imported"),
        ("not found", "was not found"),
        ("crashed", "crashed the process"),
        ("exited", "ended the process"),
        ("timed out", "ran out of time"),
        ("out of memory", "ran out of memory"),
        ("not run", "was not run"),
    ],
)
def test_reason_where_nothing_was_built(status: str, says: str) -> None:
    proof = judge(diagnostic("PRM104"), Observation("0", FILE, "Net", status, "because"))
    assert proof.verdict is OPEN
    assert says in (proof.reason or "")


tensors = st.builds(
    PLAIN._replace,
    path=st.sampled_from(["x", "x[0]", "x.weight", "y"]),
    registration=st.sampled_from(["parameter", "buffer", "non-persistent buffer", "plain"]),
    is_parameter=st.booleans(),
    requires_grad=st.booleans(),
    is_leaf=st.booleans(),
    same_as=st.sampled_from([None, "y"]),
    uninitialised=st.sampled_from([None, 0.0, 0.4, 1.0]),
    is_random=st.sampled_from([None, True, False]),
    in_state_dict=st.booleans(),
    follows_device=st.sampled_from([None, True, False]),
    place=st.sampled_from([None, place(), place(3)]),
    gradient=st.sampled_from([None, "none", "zero", "flows"]),
    changed_by_forward=st.sampled_from([None, True, False]),
    read_in_forward=st.sampled_from([None, True, False]),
    registration_elsewhere=st.sampled_from([None, "plain", "parameter", "absent"]),
    clash=st.sampled_from([None, failure("RuntimeError", CLASH, RELATED_LINE)]),
)
failures = st.sampled_from(
    [
        None,
        failure("RuntimeError", CLASH, LINE),
        failure("RuntimeError", CLASH, 99),
        failure("AttributeError", BEFORE, LINE),
        failure("AttributeError", "'Net' object has no attribute 'x'", LINE),
        failure("TypeError", "cannot assign 'torch.FloatTensor' as parameter 'x'", LINE),
        failure("ValueError", "no", 77),
    ]
)
forwards = st.builds(
    ForwardObservation,
    status=st.sampled_from(["ran", "raised", "no input found", "no forward"]),
    failure=failures,
    device_status=st.sampled_from([None, "ran", "clash", "not run: too large"]),
    device_failure=failures,
    creations=st.sampled_from([(), (Creation("torch.nn.Parameter", place(), "x", 2),)]),
    written_attributes=st.sampled_from([(), ("x",)]),
    graph_tensors=st.sampled_from([(), ("x",)]),
    differs_between_calls=st.sampled_from([None, True, False]),
    differs_after_reload=st.sampled_from([None, True, False]),
    forward_made_clash=failures,
)
observations = st.builds(
    Observation,
    key=st.just("0"),
    path=st.just(FILE),
    class_name=st.just("Net"),
    status=st.sampled_from(["built", "not built", "abstract", "timed out", "not run"]),
    reason=st.just("because"),
    circumstances=st.sampled_from([(), (("mode", "low"),)]),
    recipe=st.sampled_from([None, "Net(3)"]),
    constructor_failure=failures,
    tensors=st.lists(tensors, max_size=3).map(tuple),
    modules=st.sampled_from([(), (MODULE,), (MODULE._replace(is_registered=True),)]),
    assignments=st.sampled_from([(), (BOUND,), (BOUND._replace(raised=BEFORE),)]),
    writes=st.sampled_from([(), (wrote("x"),), (wrote("x", 3), wrote("y"))]),
    move_failure=failures,
    state_failure=failures,
    forward=st.none() | forwards,
)
findings = st.builds(
    diagnostic,
    st.sampled_from([*JUDGEMENTS, "PRM999"]),
    st.sampled_from([None, "x", "y"]),
    circumstances=st.sampled_from([(), (("mode", "low"),)]),
)


@pytest.mark.parametrize("code", JUDGEMENTS)
def test_what_an_older_torch_does_not_show_decides_nothing(code: str) -> None:
    needs = JUDGEMENTS[code].needs
    if needs is not None:
        proof = judge(diagnostic(code), built(PARAMETER._replace(uninitialised=1.0))._replace(lacks=(needs,)))
        assert (proof.verdict, proof.reason) == (OPEN, f"this version of torch does not show {needs}")


@patient
@given(findings, observations)
def test_a_verdict_always_says_why(found: Diagnostic, observation: Observation) -> None:
    proof = judge(found, observation)
    assert proof == judge(found, observation)
    if proof.verdict is OPEN:
        assert proof.reason
    else:
        assert proof.evidence
        assert "\n" not in proof.evidence


@patient
@given(findings, observations)
def test_only_failures_confirm_without_an_instance(found: Diagnostic, observation: Observation) -> None:
    proof = judge(found, observation)
    if observation.status != "built" and proof.verdict is not OPEN:
        assert JUDGEMENTS[found.code].is_about_construction
        assert proof.verdict is YES
        assert "raised" in (proof.evidence or "")


@patient
@given(findings, observations)
def test_nothing_is_refuted_outside_the_circumstances(found: Diagnostic, observation: Observation) -> None:
    if judge(found, observation).verdict is NO:
        assert observation.status == "built"
        assert set(found.circumstances) <= set(observation.circumstances)


@patient
@given(findings)
def test_nothing_is_decided_without_an_observation(found: Diagnostic) -> None:
    proof = judge(found, None)
    assert (proof.verdict, proof.evidence, proof.recipe) == (OPEN, None, None)
    assert proof.reason
