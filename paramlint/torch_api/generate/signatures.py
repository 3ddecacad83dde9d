"""The signatures of torch's functions and methods: from its stub files, its operator schemas and Python itself."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

from paramlint.torch_api.tables import Returns

STUB_OF_FUNCTIONS = "_C/_VariableFunctions.pyi"
STUB_OF_TENSOR = "_C/__init__.pyi"
STUB_OF_FUNCTIONAL = "nn/functional.pyi"
STUB_OF_BACKEND = "_C/_nn.pyi"


class Parameter(NamedTuple):
    """A parameter; ``code`` is ``t`` for tensors, ``m`` for tensors or something else, ``l`` for lists of tensors."""

    name: str
    code: str
    has_default: bool
    is_keyword_only: bool
    is_variadic: bool


class Overload(NamedTuple):
    """A signature before the rank of its result is known."""

    parameters: tuple[Parameter, ...]
    returns: Returns

    def line(self, rank: str) -> str:
        """Write the signature as ``decode.signature`` reads it."""
        words: list[str] = []
        has_bar = False
        for parameter in self.parameters:
            if parameter.is_keyword_only and not has_bar:
                words.append("|")
                has_bar = True
            star = "*" if parameter.is_variadic else ""
            mark = "?" if parameter.has_default else ""
            code = f":{parameter.code}" if parameter.code else ""
            words.append(f"{star}{parameter.name}{mark}{code}")
        return " ".join([*words, "->", self.returns.value, rank])

    def names(self, codes: str) -> tuple[str, ...]:
        """The names of the parameters with one of these codes."""
        return tuple(item.name for item in self.parameters if item.code and item.code in codes)

    def has(self, name: str) -> bool:
        """Whether there is a parameter of that name."""
        return any(item.name == name for item in self.parameters)


def from_stub(stub: str, name: str, class_name: str | None = None) -> tuple[Overload, ...]:
    """The overloads that a stub file of torch's declares; empty where it declares none."""
    found = _definitions(stub, class_name).get(name, ())
    overloads = (_from_definition(node) for node in found)
    return tuple(dict.fromkeys(overloads))


def from_python(function: object) -> tuple[Overload, ...]:
    """The signature of a function written in Python; empty where it has none."""
    try:
        signature = inspect.signature(function)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ()
    parameters: list[Parameter] = []
    for item in signature.parameters.values():
        if item.kind is item.VAR_KEYWORD:
            continue
        text = _annotation_text(item.annotation)
        is_variadic = item.kind is item.VAR_POSITIONAL
        parameters.append(
            Parameter(
                item.name,
                _variadic_code(_code(text, item.name)) if is_variadic else _code(text, item.name),
                item.default is not item.empty or is_variadic,
                item.kind is item.KEYWORD_ONLY,
                is_variadic,
            )
        )
    return (Overload(tuple(parameters), _returns(_annotation_text(signature.return_annotation))),)


def from_schemas(operator: str, first: str) -> tuple[Overload, ...]:
    """The overloads of ``aten::<operator>``, with ``first`` for the name of the operand that schemas call self."""
    overloads: list[Overload] = []
    for schema in torch._C._jit_get_schemas_for_operator(f"aten::{operator}"):
        if any(argument.is_out for argument in schema.arguments):
            continue
        parameters = tuple(
            Parameter(
                first if argument.name == "self" else argument.name,
                _schema_code(str(argument.type)),
                argument.has_default_value(),
                argument.kwarg_only,
                False,
            )
            for argument in schema.arguments
            if argument.name not in ("pin_memory", "layout")
        )
        overloads.append(Overload(parameters, _schema_returns([str(item.type) for item in schema.returns])))
    return tuple(dict.fromkeys(overloads))


@cache
def properties() -> dict[str, str]:
    """The attributes of tensors that are no methods, with the text of their type."""
    found: dict[str, str] = {}
    for node in _class_body("TensorBase"):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = ast.unparse(node.annotation)
    return found


def property_overload(annotation: str) -> tuple[Overload, ...]:
    """A property of tensors as a function of one operand."""
    return (Overload((Parameter("self", "t", False, False, False),), _returns(annotation)),)


@cache
def _tree(stub: str) -> ast.Module:
    path = Path(torch.__file__).parent / stub
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _definitions(stub: str, class_name: str | None) -> dict[str, list[ast.FunctionDef]]:
    body = _tree(stub).body if class_name is None else _class_body(class_name)
    found: dict[str, list[ast.FunctionDef]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(node)
    return found


def _class_body(class_name: str) -> list[ast.stmt]:
    for node in _tree(STUB_OF_TENSOR).body:
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            return node.body
    raise LookupError(class_name)


def _from_definition(node: ast.FunctionDef) -> Overload:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    without_default = len(plain) - len(arguments.defaults)
    parameters = [
        Parameter(item.arg, _code(_text(item.annotation), item.arg), index >= without_default, False, False)
        for index, item in enumerate(plain)
    ]
    if arguments.vararg is not None:
        code = _variadic_code(_code(_text(arguments.vararg.annotation), arguments.vararg.arg))
        parameters.append(Parameter(arguments.vararg.arg, code, True, False, True))
    for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        code = _code(_text(item.annotation), item.arg)
        parameters.append(Parameter(item.arg, code, default is not None, True, False))
    return Overload(tuple(parameters), _returns(_text(node.returns)))


def _text(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node)


def _annotation_text(annotation: object) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type):
        return annotation.__name__
    return str(annotation).replace("torch.Tensor", "Tensor").replace("typing.", "")


def _code(annotation: str, name: str) -> str:
    """``t``, ``m``, ``l`` or nothing, for the text of an annotation; self and input of no type are tensors."""
    if not annotation:
        return "t" if name in ("self", "input", "tensor") else ""
    text = annotation.replace("torch.Tensor", "Tensor").replace("'", "").replace('"', "").strip()
    if text == "Tensor":
        return "t"
    inside = r"(?:[Ll]ist|[Tt]uple|Sequence|Iterable|_TensorOrTensors)\b"
    if re.search(rf"{inside}(?:\[[^\]]*Tensor)?", text) and "Tensor" in text:
        outside = re.sub(rf"{inside}(?:\[[^\]]*\])?", "", text)
        return "m" if re.search(r"\bTensor\b", outside) else "l"
    if re.search(r"\bTensor\b", text):
        return "m"
    if text.startswith("_TensorOrTensors") or text == "TensorSequenceType":
        return "l"
    return ""


def _variadic_code(code: str) -> str:
    return "l" if code in ("t", "m") else code


def _returns(annotation: str) -> Returns:
    text = annotation.replace("torch.Tensor", "Tensor").replace("'", "").strip()
    if text in ("Tensor", "Self"):
        return Returns.TENSOR
    if text == "None":
        return Returns.NONE
    if re.match(r"(?:[Tt]uple\[|torch\.return_types|Tuple)", text) and ("Tensor" in text or "return_types" in text):
        return Returns.TUPLE
    if re.match(r"[Ll]ist\[", text) and "Tensor" in text:
        return Returns.LIST
    if not text or "Tensor" in text or text == "Any":
        return Returns.VARIES
    return Returns.PYTHON


def _schema_code(text: str) -> str:
    if text == "Tensor":
        return "t"
    if text == "Optional[Tensor]":
        return "m"
    return "l" if text in ("List[Tensor]", "List[Optional[Tensor]]") else ""


def _schema_returns(types: list[str]) -> Returns:
    if types == ["Tensor"]:
        return Returns.TENSOR
    if types == ["List[Tensor]"]:
        return Returns.LIST
    if len(types) > 1:
        return Returns.TUPLE
    return Returns.NONE if not types else Returns.PYTHON
