"""What torch itself says of a line of a fixture, by building and calling the class that it stands in."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

from tests.markers import FIXTURES

torch = pytest.importorskip("torch")

NEEDS_OTHERS = ("framework_that_is_not_installed", "attr", "einops", "transformers")
# Moving to it shows what a move to a GPU would, on any machine.
OTHER_DEVICE = "meta"


def import_fixture(path: Path) -> ModuleType:
    root = FIXTURES.parent
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in NEEDS_OTHERS:
            pytest.skip(f"{error.name} is not installed")
        raise


def _inputs(kind: type) -> Iterator[tuple[object, ...]]:
    """Yield example inputs; every fixture takes vectors of four, or pictures of four channels, or words."""
    if not {"forward", "initialize_parameters"} & set(vars(kind)) and kind.forward is torch.nn.Module.forward:
        return
    asked = [
        item
        for item in list(inspect.signature(kind.forward).parameters.values())[1:]
        if item.default is item.empty and item.kind is item.POSITIONAL_OR_KEYWORD
    ]
    for shape in ((2, 4), (2, 4, 8, 8), (2, 4, 4)):
        yield tuple(torch.randn(shape) for _ in asked or [None])
    yield tuple(torch.randint(0, 4, (2, 5)) for _ in asked or [None])


_EXAMPLES: dict[object, Callable[[], object]] = {
    torch.Tensor: lambda: torch.ones(4),
    tuple[str, ...]: lambda: ("first", "second"),
}


def build(kind: type, **arguments: object) -> object:
    """Make an instance; what has no default and is not given is a tensor or names where it says so, else a size of four."""
    required = {
        name: _EXAMPLES.get(parameter.annotation, lambda: 4)()
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    return kind(**{**required, **arguments})


def call(module: object) -> BaseException | None:
    """Call a module on the first example input that suits it; return why none did."""
    failures = [_failure(module, inputs) for inputs in _inputs(type(module))]
    return None if None in failures else next(iter(failures), None)


def _failure(module: object, inputs: tuple[object, ...]) -> BaseException | None:
    try:
        module(*inputs)
    except (RuntimeError, IndexError, ValueError, AssertionError) as error:
        return error
    return None


def module_classes(module: ModuleType) -> list[type]:
    return [
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, torch.nn.Module) and kind.__module__ == module.__name__
    ]


@contextmanager
def poisoned_memory() -> Iterator[None]:
    """Fill fresh memory with NaN, so that what nobody writes can be told."""
    before = torch.are_deterministic_algorithms_enabled()
    torch._C._set_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch._C._set_deterministic_algorithms(before)


def unwritten(module: object) -> set[str]:
    return {
        name for name, tensor in module.named_parameters() if not _is_lazy(tensor) and bool(torch.isnan(tensor).any())
    }


def _is_lazy(tensor: object) -> bool:
    return isinstance(tensor, torch.nn.parameter.UninitializedParameter)


class Subject:
    """One marked line: the class it stands in, the names that its statement binds on self, and the built module."""

    def __init__(self, path: Path, line: int) -> None:
        self.path = path
        self.line = line
        tree = ast.parse(path.read_text())
        enclosing = [
            node
            for node in ast.walk(tree)
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.lineno <= line <= (node.end_lineno or line)
        ]
        self.names = [node.name for node in enclosing if isinstance(node, ast.ClassDef)]
        functions = [node.name for node in enclosing if isinstance(node, ast.FunctionDef)]
        self.enclosing_method = functions[0] if functions else None
        self.method = next((node.name for node in enclosing if node.lineno == line), None)
        self.source_line = path.read_text().splitlines()[line - 1]
        self.attributes = sorted(set(_bound_names(tree, line)))

    def kinds(self, module: ModuleType) -> list[type]:
        """The class of the line; for a line in a function or an unbuildable base, the classes that come to it."""
        owner: object = module
        for name in self.names:
            owner = getattr(owner, name)
        if isinstance(owner, type):
            derived = [kind for kind in module_classes(module) if issubclass(kind, owner)]
            return derived or [owner]
        return [kind for kind in module_classes(module) if kind.__name__.startswith("InFunction")]


def _bound_names(tree: ast.AST, line: int) -> Iterator[str]:
    for node in ast.walk(tree):
        if getattr(node, "lineno", None) != line:
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Call) and (name := _called(node)):
            literals = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            literals += [keyword.value.value for keyword in node.keywords if keyword.arg == "name"]
            if name.startswith("register_") or name.endswith("setattr__") or name == "setattr":
                yield from (literal for literal in literals if isinstance(literal, str))


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _registered(module: object) -> set[str]:
    return set(module._parameters) | set(module._buffers) | set(module._modules)


def _is_plain_tensor(kind: type, subject: Subject) -> None:
    module = build(kind)
    if subject.enclosing_method == "train":
        module.eval()
    tensors = {name for name, value in vars(module).items() if isinstance(value, torch.Tensor)}
    plain = tensors & set(subject.attributes or tensors)
    assert plain
    assert not plain & _registered(module)
    module.to(OTHER_DEVICE)
    assert all(vars(module)[name].device.type == "cpu" for name in plain)


def _is_lost(kind: type, subject: Subject) -> None:
    arguments = {"device": OTHER_DEVICE} if "device" in inspect.signature(kind).parameters else {}
    if kind.__name__ in ("InPlaceOnLeaf", "ItemOfLeaf"):
        with pytest.raises(RuntimeError, match="leaf"):
            build(kind, **arguments)
        return
    module = build(kind, **arguments)
    assert not set(subject.attributes) & _registered(module)


def _is_unseen_container(kind: type, subject: Subject) -> None:
    module = build(kind)
    (name,) = (name for name in subject.attributes if isinstance(vars(module).get(name), (list, tuple, dict, set)))
    held = list(_leaves(vars(module)[name]))
    known = [*module.parameters(), *module.modules()]
    assert any(not any(item is other for other in known) for item in held)


def _hides_in_an_object(kind: type, subject: Subject) -> None:
    """What an ordinary object holds is in no parameters(), modules() or state_dict(), and stays where it is."""
    module = build(kind)
    (name,) = subject.attributes
    if not isinstance(module, torch.nn.Module):
        assert list(getattr(module, name).parameters())
        return
    held = [item for item in _held(vars(module)[name]) if isinstance(item, (torch.Tensor, torch.nn.Module))]
    assert held
    assert name not in _registered(module)
    known = [*module.parameters(), *module.modules(), *module.buffers()]
    module.to(OTHER_DEVICE)
    for item in held:
        assert not any(item is other for other in known)
        tensors = [item] if isinstance(item, torch.Tensor) else list(item.parameters())
        assert all(tensor.device.type == "cpu" for tensor in tensors)
    assert not any(key.split(".")[0] == name for key in module.state_dict())


def _held(value: object) -> Iterator[object]:
    """What is in containers and ordinary objects, at any depth."""
    for item in _leaves(value):
        if isinstance(item, (torch.Tensor, torch.nn.Module)) or not hasattr(item, "__dict__"):
            yield item
        else:
            yield from _held(vars(item))


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _is_untrained_buffer(kind: type, subject: Subject) -> None:
    module = build(kind)
    (name,) = subject.attributes
    assert name in module._buffers
    assert name not in dict(module.named_parameters())


def _live(kind: type, **arguments: object) -> None:
    """Do with a class what every user does with a model."""
    module = build(kind, **arguments)
    module.to(torch.float64)
    module.state_dict()
    module.to(torch.float32)
    for inputs in _inputs(kind):
        module(*inputs)


def _raises(*expected: type[BaseException]) -> Callable[[type, Subject], None]:
    def check(kind: type, subject: Subject) -> None:
        flags = [name for name, item in inspect.signature(kind).parameters.items() if item.default is False]
        with pytest.raises(expected):
            _live(kind, **dict.fromkeys(flags, True))

    return check


def _is_hidden_or_refused(kind: type, subject: Subject) -> None:
    """Torch refuses the name; a module that is assigned it takes, and what reads the name finds the class's own."""
    hidden = [
        name
        for name in subject.attributes
        if (name in vars(kind) and not hasattr(vars(kind)[name], "__get__")) or hasattr(torch.nn.Module, name)
    ]
    with suppress(KeyError):
        module = build(kind)
        if any(name in module._modules and getattr(module, name) is not module._modules[name] for name in hidden):
            return
        _live(kind)
        pytest.fail(f"{kind.__name__} works")


def _makes_state_in_forward(kind: type, subject: Subject) -> None:
    made: list[str] = []
    constructor = torch.nn.Module.__init__
    wrap = torch.nn.Parameter.__new__

    def module_made(instance: object, *arguments: object, **keywords: object) -> None:
        made.append(type(instance).__name__)
        constructor(instance, *arguments, **keywords)

    def parameter_made(*arguments: object, **keywords: object) -> object:
        made.append("Parameter")
        return wrap(*arguments, **keywords)

    module = build(kind)
    with (
        mock.patch.object(torch.nn.Module, "__init__", module_made),
        mock.patch.object(torch.nn.Parameter, "__new__", parameter_made),
    ):
        assert call(module) is None
    assert made


def _makes_factors_in_forward(kind: type, subject: Subject) -> None:
    """A Parameter comes into being, or a plain tensor of zeros each time."""
    if "zeros" not in subject.source_line or "Parameter" in subject.source_line:
        _makes_state_in_forward(kind, subject)
        return
    module = build(kind)
    (name,) = subject.attributes
    made = []
    for _ in range(2):
        assert call(module) is None
        made.append(vars(module)[name])
    assert made[0] is not made[1]
    assert not any(tensor.any() for tensor in made)
    assert name not in _registered(module)


def _is_unwritten(kind: type, subject: Subject) -> None:
    with poisoned_memory():
        module = build(kind)
    found = {name.split(".")[0] for name in unwritten(module)}
    assert found
    assert not subject.attributes or set(subject.attributes) & found


def _is_never_called(kind: type, subject: Subject) -> None:
    if subject.method is None:
        # A part that its owner's scheme forgets: what the owner is made of, a test of this kind cannot know.
        assert subject.attributes
        return
    is_mangled = subject.method.startswith("__") and not subject.method.endswith("__")
    name = f"_{kind.__name__}{subject.method}" if is_mangled else subject.method
    with mock.patch.object(kind, name) as method:
        assert call(build(kind)) is None
    assert not method.called


def _leaves_later_layers_out(kind: type, subject: Subject) -> None:
    """Whatever walks the modules at that time does not meet the layers that are assigned after it.

    A line that reads one of them stops there.
    """
    met: list[int] = []

    def counting(walk: Callable[..., object]) -> Callable[..., object]:
        def walked(instance: torch.nn.Module, *arguments: object, **options: object) -> object:
            if type(instance) is kind:
                met.append(len(instance._modules))
            return walk(instance, *arguments, **options)

        return walked

    with (
        mock.patch.object(torch.nn.Module, "modules", counting(torch.nn.Module.modules)),
        mock.patch.object(torch.nn.Module, "named_modules", counting(torch.nn.Module.named_modules)),
        mock.patch.object(torch.nn.Module, "apply", counting(torch.nn.Module.apply)),
        mock.patch.object(torch.nn.Module, "named_children", counting(torch.nn.Module.named_children)),
    ):
        module = None
        with suppress(AttributeError):
            module = build(kind)
    if module is None:
        return
    assert met
    assert met[0] < len(module._modules)


def _is_left_at_default(kind: type, subject: Subject) -> None:
    """Where the layer does not initialise itself, nobody does; other layers are written all the same."""
    (name,) = re.findall(r"nn\.(\w+)\(", subject.source_line)
    layer = getattr(torch.nn, name)
    with poisoned_memory(), mock.patch.object(layer, "reset_parameters", return_value=None):
        module = build(kind)
    weights = {path: item.weight for path, item in module.named_modules() if getattr(item, "weight", None) is not None}
    left = {path for path, weight in weights.items() if bool(torch.isnan(weight).any())}
    assert left
    assert all(type(module.get_submodule(path)) is layer for path in left)
    assert set(weights) - left


def _is_written_over(kind: type, subject: Subject) -> None:
    """The statement changes nothing in the end; or it is the walk that takes from the gains of norms the one that they start with."""
    if "self." in subject.source_line:
        _changes_nothing(kind, subject)
        return
    norms = (torch.nn.LayerNorm, torch.nn.modules.batchnorm._BatchNorm)
    gains = [item.weight for item in build(kind).modules() if isinstance(item, norms)]
    assert gains
    assert all(bool((gain.abs() < 1).all()) for gain in gains)


def _does_not_stay_tied(kind: type, subject: Subject) -> None:
    """Two Parameters over one piece of memory; or one that is two after a build without memory."""
    module = build(kind)
    every = dict(module.named_parameters(remove_duplicate=False))
    places = [(id(value), value.untyped_storage().data_ptr()) for value in every.values()]
    if len({number for number, _ in places}) > len({place for _, place in places}):
        return
    with torch.device("meta"):
        empty = build(kind)
    assert len(list(empty.parameters())) == len(list(module.parameters())) < len(every)
    empty.to_empty(device="cpu")
    assert len(list(empty.parameters())) == len(every)


def _undoes_a_cast(kind: type, subject: Subject) -> None:
    module = build(kind).to(torch.float64)
    assert {value.dtype for value in module.parameters()} == {torch.float64}
    assert subject.enclosing_method is not None
    getattr(module, subject.enclosing_method)()
    assert {value.dtype for value in module.parameters()} == {torch.float64, torch.float32}


def _changes_nothing(kind: type, subject: Subject) -> None:
    """Without the statement, or with an empty function in its place, the same seed gives the same model."""
    lines = subject.path.read_text().splitlines()
    statement = next(
        node
        for node in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(node, ast.stmt) and node.lineno == subject.line
    )
    first = statement.body[0] if isinstance(statement, ast.FunctionDef) else statement
    lines[first.lineno - 1 : statement.end_lineno] = [" " * first.col_offset + "pass"]
    names: dict[str, object] = {"__name__": kind.__module__}
    exec(compile("\n".join(lines), str(subject.path), "exec"), names)
    other = names[kind.__qualname__]
    assert isinstance(other, type)
    states = []
    for builder in (kind, other):
        torch.manual_seed(0)
        with poisoned_memory():
            states.append(build(builder).state_dict())
    assert states[0].keys() == states[1].keys()
    # Reading a parametrised weight moves the buffers of its parametrisation (torch/nn/utils/parametrizations.py).
    names_held = [name for name in states[0] if not name.endswith(("._u", "._v"))]
    assert all(torch.equal(states[0][name].nan_to_num(), states[1][name].nan_to_num()) for name in names_held)


def _reaches_nothing(kind: type, subject: Subject) -> None:
    """The line raises, or the model is the same without it."""
    try:
        build(kind)
    except (AttributeError, TypeError):
        return
    _changes_nothing(kind, subject)


def _holds_unmoved_tensors(kind: type, subject: Subject) -> None:
    module = build(kind)
    module.to(OTHER_DEVICE)
    (name,) = subject.attributes
    assert all(tensor.device.type == "cpu" for tensor in _leaves(vars(module)[name]))
    assert name not in _registered(module)


def _forgets_modules(kind: type, subject: Subject) -> None:
    """Some layer was set on the instance, and is not registered at the end."""
    names: set[str] = set()
    setter = torch.nn.Module.__setattr__

    def setting(instance: object, name: str, value: object) -> None:
        if isinstance(value, torch.nn.Module):
            names.add(name)
        setter(instance, name, value)

    with mock.patch.object(torch.nn.Module, "__setattr__", setting):
        module = build(kind)
    assert names - {"weight", "bias"} - _registered(module)


def _shares_storage(kind: type, subject: Subject) -> None:
    module = build(kind)
    (name,) = subject.attributes
    held = vars(module)[name]
    tensors = list(held) if isinstance(held, (list, tuple)) else [held]
    registered = [*module.buffers(), *module.parameters()]
    assert all(tensor.grad_fn is not None or any(tensor is other for other in registered) for tensor in tensors)
    module.to(torch.float64)
    assert not any(tensor is other for tensor in tensors for other in module.buffers())
    assert {tensor.dtype for tensor in tensors} == {torch.float32}


def _cannot_be_copied(kind: type, subject: Subject) -> None:
    module = build(kind)
    assert call(module) is None
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(module)


def _makes_tensor_without_device(kind: type, subject: Subject) -> None:
    """The line, or what it calls, makes tensors that are on the CPU, and asks no other for its device."""
    module = build(kind)
    factories = (torch.zeros, torch.ones, torch.randn, torch.linspace, torch.arange)
    file = inspect.getfile(kind)
    made: list[str] = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, function: object, types: object, arguments: tuple[object, ...] = (), keywords: object = None
        ) -> object:
            result = function(*arguments, **(keywords or {}))
            if function in factories and (file, subject.line) in _lines_under_way():
                made.append(result.device.type)
            return result

    with Watch(), torch.no_grad():
        assert call(module) is None
        for name in ("sample", "generate"):  # of numbers, which have defaults
            getattr(module, name, int)()
    assert made
    assert set(made) == {"cpu"}
    assert ".device" not in subject.source_line.replace("self.device", "")


def _lines_under_way() -> Iterator[tuple[str, int]]:
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def _parameter_named(kind: type, subject: Subject) -> object:
    """The Parameter that the marked line binds."""
    held = dict(build(kind).named_parameters())
    (name,) = (name for name in subject.attributes if name in held)
    return held[name]


def _is_trained(kind: type, subject: Subject) -> None:
    assert _parameter_named(kind, subject).requires_grad


def _is_frozen(kind: type, subject: Subject) -> None:
    assert not _parameter_named(kind, subject).requires_grad


def _gets_no_gradient(kind: type, subject: Subject) -> None:
    """Forward runs and reaches outputs without the parameters under the marked name."""
    module = build(kind)
    outputs = [output for inputs in _inputs(kind) if (output := _output(module, inputs)) is not None]
    assert outputs or not list(_inputs(kind))
    for output in outputs:
        if output.requires_grad:
            output.nan_to_num().sum().backward()
    held = {name: value for name, value in module.named_parameters() if name.split(".")[0] in subject.attributes}
    assert held
    assert all(value.grad is None for value in held.values())


def _starts_dead(kind: type, subject: Subject) -> None:
    """The gradients of the product's factors are exactly zero, though a loss asks for them."""
    module = build(kind)
    (output,) = [output for inputs in _inputs(kind) if (output := _output(module, inputs)) is not None][:1]
    output.pow(2).sum().backward()
    weights = [
        value
        for name, value in module.named_parameters()
        if name.split(".")[0] in subject.attributes
        and not (name.endswith(".bias") or (value.ndim == 1 and "." in name))
    ]
    assert weights
    for weight in weights:
        assert weight.grad is not None
        assert not weight.grad.any()


def _is_passed_by(kind: type, subject: Subject) -> None:
    """Moved by its own ``to`` the model keeps nothing behind; moved inside another one, it does."""
    if subject.method == "to":
        alone = build(kind)
        alone.to(OTHER_DEVICE)
        assert {tensor.device.type for tensor in _plain_tensors(alone)} == {OTHER_DEVICE}
    inside = build(kind)
    torch.nn.Sequential(inside).to(OTHER_DEVICE)
    assert {tensor.device.type for tensor in _plain_tensors(inside)} == {"cpu"}


def _plain_tensors(module: object) -> list[object]:
    return [value for value in _leaves(list(vars(module).values())) if isinstance(value, torch.Tensor)]


def _output(module: object, inputs: tuple[object, ...]) -> object:
    try:
        output = module(*inputs)
    except (RuntimeError, IndexError, ValueError):
        return None
    return output if isinstance(output, torch.Tensor) else next(iter(output))


def _is_unwritten_state(kind: type, subject: Subject) -> None:
    with poisoned_memory():
        module = build(kind)
    held = {**dict(module.named_buffers()), **vars(module)}
    found = [name for name in subject.attributes if bool(torch.isnan(held[name].float()).any())]
    assert found


def _is_saved_wrongly(kind: type, subject: Subject) -> None:
    """What a call changes is saved with the input's shape, or is changed for good and not saved."""
    module = build(kind)
    (name,) = (name for name in subject.attributes if hasattr(module, name))
    if name in module._buffers or name.endswith("causal"):
        _is_saved_with_the_input(kind, subject)
        return
    before = copy.deepcopy(getattr(module, name))
    assert call(module) is None
    after = getattr(module, name)
    assert before is None or not torch.equal(before, after)
    assert name not in module.state_dict()
    again = after.clone()
    assert call(module) is None
    assert getattr(module, name) is after
    assert not torch.equal(again, after)


def _is_saved_with_the_input(kind: type, subject: Subject) -> None:
    """The buffer is part of the checkpoint, and a call changes what is saved."""
    module = build(kind)
    (name,) = (name for name in subject.attributes if name in module._buffers)
    before = module.state_dict().get(name)
    assert call(module) is None
    after = module.state_dict().get(name)
    assert after is not None
    assert before is None or before.shape != after.shape or not torch.equal(before, after)


def _wants_cuda(kind: type, subject: Subject) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has what the constructor asks for")
    with pytest.raises((AssertionError, RuntimeError), match=r"(?i)cuda"):
        _live(kind)


FACTS: dict[str, Callable[[type, Subject], None]] = {
    "PRM101": _is_plain_tensor,
    "PRM102": _is_plain_tensor,
    "PRM103": _is_lost,
    "PRM104": _is_unseen_container,
    "PRM105": _is_unseen_container,
    "PRM106": _is_untrained_buffer,
    "PRM107": _raises(TypeError),
    "PRM108": _makes_factors_in_forward,
    "PRM109": _makes_state_in_forward,
    "PRM110": _holds_unmoved_tensors,
    "PRM111": _hides_in_an_object,
    "PRM112": _shares_storage,
    "PRM113": _is_hidden_or_refused,
    "PRM114": _does_not_stay_tied,
    "PRM201": _is_trained,
    "PRM202": _is_frozen,
    "PRM203": _raises(RuntimeError),
    "PRM204": _gets_no_gradient,
    "PRM205": _gets_no_gradient,
    "PRM206": _raises(TypeError, AttributeError),
    "PRM301": _is_unwritten,
    "PRM302": _is_unwritten_state,
    "PRM303": _is_never_called,
    "PRM304": _leaves_later_layers_out,
    "PRM305": _is_left_at_default,
    "PRM306": _raises(AttributeError, TypeError),
    "PRM307": _is_written_over,
    "PRM308": _reaches_nothing,
    "PRM309": _changes_nothing,
    "PRM310": _starts_dead,
    "PRM401": _raises(AttributeError),
    "PRM402": _raises(AttributeError),
    "PRM403": _forgets_modules,
    "PRM404": _raises(AttributeError),
    "PRM405": _raises(AttributeError),
    "PRM501": _wants_cuda,
    "PRM502": _makes_tensor_without_device,
    "PRM503": _is_passed_by,
    "PRM504": _is_saved_wrongly,
    "PRM505": _cannot_be_copied,
    "PRM506": _undoes_a_cast,
}
