"""What the uses of a name in a function say of the value that it stands for."""

from __future__ import annotations

from typing import NamedTuple

from paramlint import torch_api
from paramlint.interpret.scan import annotation_words, nodes
from paramlint.model import code
from paramlint.project.names import is_name, last_word

# Members of tensors that other objects have as well.
_SHARED_MEMBERS = frozenset(
    {
        *("copy", "index", "count", "T", "data", "name", "values", "items", "keys"),
        *("device", "dtype", "to", "shape", "type", "sum", "mean", "max", "min"),
        *("all", "any", "reshape", "round", "clip", "conj", "real", "imag", "ndim"),
        *("size", "item", "tolist", "sort", "split", "is_integer", "remove", "pop", "get"),
        *("register_hook", "names", "apply_", "grad", "std", "var", "dot", "cpu", "cuda"),
        *("float", "half", "double", "eval", "train", "requires_grad_", "apply", "add", "log"),
        *("indices"),
    }
)
_SIZED = frozenset({"Tensor", "FloatTensor", "empty", "zeros", "ones", "rand", "randn"})
_DIVISIONS = frozenset({"//", "/", "-", "**", "%"})
_OF_OTHERS = frozenset({"len", "isinstance", "range", "enumerate", "zip", "type", "int", "float"})
# What annotates a tensor, and what annotates anything else.
TENSOR_WORDS = frozenset({"Tensor", "tensor", "FloatTensor", "LongTensor", "BoolTensor", "Float", "Adj", "OptTensor"})
OTHER_WORDS = frozenset(
    {
        "int",
        "float",
        "bool",
        "str",
        "dict",
        "Dict",
        "list",
        "List",
        "Sequence",
        "Callable",
        "Mapping",
        "Any",
        "tuple",
        "Tuple",
        "Union",
        "Iterable",
        "Size",
        "dtype",
        "device",
        "Module",
    }
)
_PLAIN_WORDS = frozenset({"int", "float", "bool", "str", "Optional", "None"})
_OF_DICTS = frozenset({"items", "keys", "get"})
# Their bounds and steps are numbers; a tensor without dimensions is taken as one, and meets nothing.
_COUNTING = frozenset({"arange", "linspace", "logspace"})


class Uses(NamedTuple):
    """The names that a function uses as only a tensor can be used, as a tensor is not used, as only a number and a class.

    What is used otherwise is iterated, read by key, counted to, or is asked what it is; a number is one size of
    several, divided or counted to, and is not asked whether it is a sequence.
    """

    as_tensor: frozenset[str]
    otherwise: frozenset[str]
    as_number: frozenset[str]
    as_class: frozenset[str]


# What ends the name of numbers, though nothing else says that they are.
_SIZES = frozenset({"size", "shape"})
# Words in the names of methods by which a model that is where it is to run is asked for something.
_STARTING = frozenset(
    {
        *("sample", "samples", "generate", "generation", "draw", "imagine", "rollout", "synthesize", "synthesise"),
        *("decode", "decompress", "inpaint", "infer", "inference", "predict", "translate"),
    }
)


def uses(function: code.Function) -> Uses:
    """Return what a function's body does with names."""
    as_tensor: set[str] = set()
    otherwise: set[str] = set()
    as_number: set[str] = set()
    as_class: set[str] = set()
    as_sequence: set[str] = set()
    members = torch_api.tensor_members()
    for node in nodes(function.body):
        match node:
            case code.Attribute(value=code.Name(identifier=name), name=member):
                if member in members and member not in _SHARED_MEMBERS:
                    as_tensor.add(name)
                if member in _OF_DICTS:
                    otherwise.add(name)
            case code.Call():
                otherwise |= _told_apart(node)
                as_number |= _counted(node)
                as_sequence |= _asked_for_sequence(node)
                if isinstance(node.function, code.Name) and node.function.identifier == "issubclass":
                    as_class |= _names(tuple(item.value for item in node.arguments[:1]))
            case code.BinaryOperation(operator=operator) if operator in _DIVISIONS:
                as_number |= _names((node.left, node.right))
            case code.For(iterable=code.Name(identifier=name)) | code.Clause(iterable=code.Name(identifier=name)):
                otherwise.add(name)
            case code.Subscript(value=code.Name(identifier=name), index=code.Constant(value=str())):
                otherwise.add(name)
    return Uses(frozenset(as_tensor), frozenset(otherwise), frozenset(as_number - as_sequence), frozenset(as_class))


def _told_apart(call: code.Call) -> set[str]:
    """The names that a call asks for their length, type or elements, or counts to."""
    if isinstance(call.function, code.Name) and call.function.identifier in _OF_OTHERS | _COUNTING:
        return _names(tuple(argument.value for argument in call.arguments))
    if isinstance(call.function, code.Attribute) and call.function.name in _COUNTING:
        return _names(tuple(argument.value for argument in call.arguments))
    return set()


def _asked_for_sequence(call: code.Call) -> set[str]:
    """The names of which a call asks whether they are lists or tuples: on some way they are no numbers."""
    if not is_name(call.function, "isinstance") or len(call.arguments) != 2:
        return set()
    asked, kinds = (argument.value for argument in call.arguments)
    is_for_one = any(isinstance(node, code.Name) and node.identifier in ("list", "tuple") for node in nodes(kinds))
    return _names((asked,)) if is_for_one else set()


def _counted(call: code.Call) -> set[str]:
    """The names that a call takes as one size of several, or as one that a layer of torch's asks for, or counts to."""
    placed = tuple(item for item in call.arguments if item.keyword is None)
    given = tuple(item.value for item in placed if not item.star)
    called = last_word(call.function)
    # How torch's module is named does not matter here: another's layer of that name takes numbers in these places too.
    if len(given) == len(placed) and (sizes := torch_api.counts(f"torch.nn.{called}")):
        among = tuple(given[place] for place in sizes.values() if place < len(given))
        return _names((*among, *(item.value for item in call.arguments if item.keyword in sizes)))
    if isinstance(call.function, code.Attribute):
        return _names(given) if called in _SIZED and len(given) > 1 else set()
    return _names(given) if is_name(call.function, "range") else set()


def _names(expressions: tuple[code.Expression, ...]) -> set[str]:
    return {item.identifier for item in expressions if isinstance(item, code.Name)}


def takes_tensor(function: code.Function) -> bool:
    """Whether a method's first argument is certainly a tensor."""
    if len(function.parameters) < 2 or not _is_called_on_instances(function):
        return False
    parameter = function.parameters[1]
    return is_tensor(parameter, annotation_words(parameter.annotation), uses(function), False)


def _is_called_on_instances(function: code.Function) -> bool:
    return not any(last_word(item) in ("staticmethod", "classmethod", "property") for item in function.decorators)


def starts_by_itself(function: code.Function) -> bool:
    """Whether a method's name says that it draws or writes something with the finished model, of numbers at most.

    Others that are given no tensor may be meant for the place where the model was made: they set it up, or show it.
    """
    if not _is_called_on_instances(function):
        return False
    parameters = function.parameters[1:]
    return not _STARTING.isdisjoint(function.name.lower().split("_")) and all(
        takes_plain(parameter) or not annotation_words(parameter.annotation) for parameter in parameters
    )


def takes_plain(parameter: code.Parameter) -> bool:
    """Whether an annotation says that an argument is a number or text, or None, or its default that it is a number."""
    words, default = annotation_words(parameter.annotation), parameter.default
    is_number = isinstance(default, code.Constant) and type(default.value) in (int, float)
    return words <= _PLAIN_WORDS if words else is_number


def is_tensor(parameter: code.Parameter, words: frozenset[str], used: Uses, is_first: bool) -> bool:
    """Whether a method's parameter is certainly a tensor, by the ``words`` of its annotation and its uses."""
    if words & OTHER_WORDS:
        return False
    if words & TENSOR_WORDS:
        return True
    if parameter.name in used.as_tensor:
        return True
    is_size = parameter.name.rpartition("_")[2] in _SIZES
    return is_first and not words and parameter.default is None and parameter.name not in used.otherwise and not is_size
