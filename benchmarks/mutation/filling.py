"""Whether memory that construction leaves unwritten is filled by a method that somebody may call before it is read.

Data-dependent initialisation, centres that k-means sets, ``set_x``: ``torch.empty`` in the constructor is how such
classes are written, and whoever reads the source cannot know that it is a fault. Read with ``ast``, nothing of it is
paramlint's own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

_FILLING = re.compile(r"(copy|fill|zero|normal|uniform|trunc_normal|exponential|bernoulli|random|set)_$")
_INIT = re.compile(r"(\w+\.)*init\.\w+_$")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def filled_later(module: ast.Module, before: ast.ClassDef, after: ast.ClassDef, name: str) -> bool:
    """Whether a method that construction does not run, and that the fault is not in, writes ``self.<name>`` whole.

    Asked are the methods of the class with its fault (``after``), and of its bases and subclasses in its file. What is
    computed from the attribute itself gives no first value. A private method counts where something else in the file
    speaks of it.
    """
    classes = {item.name: item for item in module.body if isinstance(item, ast.ClassDef)}
    bases = list(_above(classes, before))
    heirs = [item for item in classes.values() if item is not before and before in _above(classes, item)]
    unchanged = {ast.dump(item) for item in _methods(before)}
    own = [item for item in _methods(after) if ast.dump(item) in unchanged]
    run = _run_by_construction([*_methods(after), *(method for base in bases for method in _methods(base))])
    others = [method for base in bases for method in _methods(base)]
    asked = [item for item in (*own, *others) if item.name not in run]
    asked += [method for heir in heirs for method in _methods(heir)]
    return any(_is_called(module, item) and _writes_whole(item, name) for item in asked)


def _above(classes: dict[str, ast.ClassDef], node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    """The bases of a class in its file, near ones first."""
    for base in node.bases:
        found = classes.get(base.id) if isinstance(base, ast.Name) else None
        if found is not None and found.lineno < node.lineno:
            yield found
            yield from _above(classes, found)


def _methods(node: ast.ClassDef) -> Iterator[_Function]:
    return (item for item in node.body if isinstance(item, _Function))


def _run_by_construction(methods: Iterable[_Function]) -> set[str]:
    """Names of the methods that a constructor calls on self, one through another."""
    named: dict[str, list[_Function]] = {}
    for method in methods:
        named.setdefault(method.name, []).append(method)
    waiting, found = ["__init__"], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            for method in named.get(name, ()):
                waiting += [
                    call.func.attr
                    for call in ast.walk(method)
                    if isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and ast.unparse(call.func.value).startswith(("self", "super("))
                ]
    return found


def _is_called(module: ast.Module, method: _Function) -> bool:
    if not method.name.startswith("_") or method.name.startswith("__"):
        return True
    inner = set(map(id, ast.walk(method)))
    return any(
        isinstance(item, ast.Attribute) and item.attr == method.name and id(item) not in inner
        for item in ast.walk(module)
    )


def _writes_whole(method: _Function, name: str) -> bool:
    after_it = _computed_from(method, name)

    def is_it(node: ast.AST) -> bool:
        return re.fullmatch(rf"self\.{name}(\.data|\.detach\(\))?", ast.unparse(node)) is not None

    def gives(values: Iterable[ast.AST]) -> bool:
        some = list(values)
        empty = [item for item in some if isinstance(item, ast.Constant) and item.value is None]
        return not empty and not any(_speaks_of(item, name, after_it) for item in some)

    for item in ast.walk(method):
        if isinstance(item, (ast.Assign, ast.AnnAssign)) and item.value is not None:
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            parts = [
                part for target in targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])
            ]
            if any(is_it(part) or is_it(_taken_whole(part)) for part in parts) and gives([item.value]):
                return True
        elif isinstance(item, ast.Call):
            called = ast.unparse(item.func)
            values = [*item.args, *(keyword.value for keyword in item.keywords)]
            if isinstance(item.func, ast.Attribute) and _FILLING.match(item.func.attr) and is_it(item.func.value):
                if gives(values):
                    return True
            elif _INIT.match(called) and item.args and is_it(item.args[0]):
                return True
            elif called == "self.register_buffer" and len(values) > 1 and gives(values[1:2]):
                if isinstance(item.args[0], ast.Constant) and item.args[0].value == name:
                    return True
    return False


def _taken_whole(node: ast.AST) -> ast.AST:
    """``x`` of ``x[:]`` and ``x[...]``."""
    return node.value if isinstance(node, ast.Subscript) and ast.unparse(node.slice) in (":", "...") else node


def _computed_from(method: _Function, name: str) -> set[str]:
    """Local names of what is computed from the attribute."""
    found: set[str] = set()
    while True:
        more = {
            part.id
            for item in ast.walk(method)
            if isinstance(item, (ast.Assign, ast.AnnAssign, ast.AugAssign))
            and item.value is not None
            and _speaks_of(item.value, name, found)
            for target in (item.targets if isinstance(item, ast.Assign) else [item.target])
            for part in ast.walk(target)
            if isinstance(part, ast.Name) and part.id != "self"
        }
        if more <= found:
            return found
        found |= more


def _speaks_of(node: ast.AST, name: str, names: set[str]) -> bool:
    """Whether values of the attribute are read; its shape, type and device are none."""
    for item in ast.walk(node):
        if isinstance(item, ast.Name) and item.id in names:
            return True
        if isinstance(item, ast.Attribute) and item.attr == name and ast.unparse(item.value) == "self":
            around = next((up for up in ast.walk(node) if isinstance(up, ast.Attribute) and up.value is item), None)
            if around is None or around.attr not in ("shape", "device", "dtype", "size", "dim", "numel", "ndim"):
                return True
    return False
