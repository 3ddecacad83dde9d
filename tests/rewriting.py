"""Rewrites how a source names torch, line for line, so that one fixture tests every way of importing."""

from __future__ import annotations

import ast
from enum import Enum


class ImportStyle(str, Enum):
    """How torch's names are reached after the rewriting."""

    TORCH_AS_TH = "import torch as th"
    NN_AS_TNN = "from torch import nn as tnn"
    NAMES_FROM_NN = "from torch.nn import Parameter as Parameter_"
    STAR = "from torch.nn import *"


def rewrite_imports(text: str, style: ImportStyle) -> str:
    """Return ``text`` with every use of torch spelt in ``style``; each line stays where it is.

    For sources that import torch at their top; one that names a class of its own as it names torch's stays as it is,
    since the two can only be told apart by the prefix.
    """
    tree = ast.parse(text)
    meanings = _meanings(tree)
    uses = sorted(_uses(tree, meanings), key=lambda use: (use[0].lineno, use[0].col_offset), reverse=True)
    imported = sorted({name.split(".")[2] for _, name in uses if name.startswith("torch.nn.")})
    if any(isinstance(statement, ast.ClassDef) and statement.name in imported for statement in tree.body):
        return text
    lines = [line.encode() for line in text.splitlines()]
    for node, name in uses:
        assert node.lineno == node.end_lineno
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + _spelt(name, style).encode() + line[node.end_col_offset :]
    for statement in tree.body:
        if _imports_torch(statement):
            assert statement.lineno == statement.end_lineno
            lines[statement.lineno - 1] = _imports(style, imported).encode()
    return b"\n".join(lines).decode() + "\n"


def _imports_torch(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import(names=names):
            return all(alias.name.split(".")[0] == "torch" for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            return module.split(".")[0] == "torch"
    return False


def _meanings(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name of torch stands for."""
    found: dict[str, str] = {}
    for statement in tree.body:
        if not _imports_torch(statement):
            continue
        match statement:
            case ast.Import(names=names):
                for alias in names:
                    found[alias.asname or "torch"] = alias.name if alias.asname else "torch"
            case ast.ImportFrom(module=module, names=names):
                for alias in names:
                    found[alias.asname or alias.name] = f"{module}.{alias.name}"
    return found


def _uses(node: ast.AST, meanings: dict[str, str]) -> list[tuple[ast.Name | ast.Attribute, str]]:
    """Return the longest dotted names at and below a node that begin with an imported one, in full."""
    if isinstance(node, (ast.Name, ast.Attribute)) and (name := _full_name(node, meanings)):
        return [(node, name)]
    return [use for child in ast.iter_child_nodes(node) for use in _uses(child, meanings)]


def _full_name(node: ast.expr, meanings: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return meanings.get(node.id)
    if isinstance(node, ast.Attribute) and (start := _full_name(node.value, meanings)):
        return f"{start}.{node.attr}"
    return None


def _spelt(name: str, style: ImportStyle) -> str:
    parts = name.split(".")
    in_nn = len(parts) > 2 and parts[1] == "nn"
    match style:
        case ImportStyle.TORCH_AS_TH:
            parts = ["th", *parts[1:]]
        case ImportStyle.NN_AS_TNN if parts[:2] == ["torch", "nn"]:
            parts = ["tnn", *parts[2:]]
        case ImportStyle.NAMES_FROM_NN if in_nn:
            parts = [f"{parts[2]}_", *parts[3:]]
        case ImportStyle.STAR if in_nn and parts[2][0].isupper():
            parts = parts[2:]
    return ".".join(parts)


def _imports(style: ImportStyle, imported: list[str]) -> str:
    match style:
        case ImportStyle.TORCH_AS_TH:
            return style.value
        case ImportStyle.NAMES_FROM_NN if imported:
            return "import torch; from torch.nn import " + ", ".join(f"{name} as {name}_" for name in imported)
        case ImportStyle.NAMES_FROM_NN:
            return "import torch"
    return f"import torch; {style.value}"
