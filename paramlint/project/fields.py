"""Classes whose constructor a decorator writes: dataclasses and attrs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition, Definition, External, FunctionDefinition

# (top package, last name), since attrs may be read from source, where the names live in private modules.
_MAKERS = frozenset(
    {("dataclasses", "dataclass")}
    | {(package, name) for package in ("attr", "attrs") for name in ("s", "attrs", "dataclass", "define", "frozen")}
    | {(package, name) for package in ("attr", "attrs") for name in ("mutable", "attributes")}
)
_FIELD_FUNCTIONS = frozenset({"field", "ib", "attrib", "Factory"})


class DataclassField(NamedTuple):
    """One field in constructor order.

    ``default`` is the default's expression, the factory's where ``is_factory``; None where there is none.
    ``is_parameter``: the generated constructor takes it.
    """

    name: str
    annotation: code.Expression | None
    default: code.Expression | None
    is_factory: bool
    is_parameter: bool


def is_dataclass(decorators: Iterable[Definition]) -> bool:
    """Whether one of a class's decorators is that of dataclasses or attrs."""
    return any(_origin(decorator) in _MAKERS for decorator in decorators)


def generates_constructor(node: code.Class, decorators: Sequence[Definition]) -> bool:
    """Whether a decorator of the class writes an ``__init__``, given that the class body has none."""
    for written, decorator in zip(node.decorators, decorators, strict=True):
        if _origin(decorator) in _MAKERS:
            arguments = written.arguments if isinstance(written, code.Call) else ()
            return not any(argument.keyword == "init" and _is_false(argument.value) for argument in arguments)
    return False


def dataclass_fields(linked: LinkedClass) -> list[DataclassField] | None:
    """Return the fields of a dataclass or attrs class, those of such bases first; None for any other class."""
    if not is_dataclass(linked.decorators):
        return None
    fields: dict[str, DataclassField] = {}
    for entry in reversed(linked.order):
        if isinstance(entry, ClassDefinition) and is_dataclass(linked.hierarchy.decorators(entry)):
            for found in _own_fields(entry.node):
                fields[found.name] = found
    return list(fields.values())


def _own_fields(node: code.Class) -> Iterable[DataclassField]:
    for statement in node.body:
        if isinstance(statement, code.AnnotatedAssign) and isinstance(statement.target, code.Name):
            annotation = _last_name(statement.annotation)
            if annotation not in ("ClassVar", "KW_ONLY"):
                yield _field(statement.target.identifier, statement.annotation, statement.value)
        elif isinstance(statement, code.Assign) and _is_field(statement.value):
            for target in statement.targets:
                if isinstance(target, code.Name):
                    yield _field(target.identifier, None, statement.value)


def _field(name: str, annotation: code.Expression | None, value: code.Expression | None) -> DataclassField:
    if value is None or not _is_field(value) or not isinstance(value, code.Call):
        return DataclassField(name, annotation, value, is_factory=False, is_parameter=True)
    keywords = {argument.keyword: argument.value for argument in value.arguments if argument.keyword}
    factory = keywords.get("default_factory", keywords.get("factory"))
    is_parameter = not ("init" in keywords and _is_false(keywords["init"]))
    default = factory if factory is not None else keywords.get("default")
    return DataclassField(name, annotation, default, factory is not None, is_parameter)


def _is_field(value: code.Expression) -> bool:
    return isinstance(value, code.Call) and _last_name(value.function) in _FIELD_FUNCTIONS


def _is_false(node: code.Expression) -> bool:
    return isinstance(node, code.Constant) and node.value is False


def _last_name(node: code.Expression) -> str:
    if isinstance(node, code.Subscript):
        return _last_name(node.value)
    if isinstance(node, code.Attribute):
        return node.name
    if isinstance(node, code.Constant) and isinstance(node.value, str):
        return node.value.partition("[")[0].rpartition(".")[2]
    return node.identifier if isinstance(node, code.Name) else ""


def _origin(definition: Definition) -> tuple[str, str] | None:
    if isinstance(definition, External):
        name = definition.name
    elif isinstance(definition, (FunctionDefinition, ClassDefinition)):
        name = definition.full_name
    else:
        return None
    return name.partition(".")[0], name.rpartition(".")[2]
