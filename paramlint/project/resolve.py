"""What a name refers to: through scopes, imports, aliases, star imports and re-exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from paramlint.model import code
from paramlint.project import externals
from paramlint.project.bindings import (
    Binding,
    MemberTarget,
    ModuleTarget,
    NodeTarget,
    OtherTarget,
    Scope,
    StarImport,
    ValueTarget,
    function_scope,
    rebound_globals,
    scope_of,
)
from paramlint.project.choose import choose, choose_equal, is_none
from paramlint.project.definitions import (
    ClassDefinition,
    Definition,
    External,
    ModuleReference,
    SourceModule,
    Unresolved,
    ValueDefinition,
)
from paramlint.project.dependencies import Dependency, content, exports, file, global_name, stars
from paramlint.project.modules import ModuleStore
from paramlint.project.names import Enclosing, absolute_name, define, dotted_name

Position = tuple[int, int]

# Aliases and re-exports followed below each other; real code stays below ten, and each takes a dozen frames.
MOST_DEPTH = 30
_CIRCULAR = Unresolved("a circular definition")
_TOO_DEEP = Unresolved("too many names that refer to each other")


class _Context(NamedTuple):
    """Where a name is looked up; with ``before``, only what the innermost scope binds before that place counts."""

    module: SourceModule
    enclosing: Enclosing = ()
    before: Position | None = None


class _Query:
    """One question under way: answers found so far, None while one is being looked for."""

    def __init__(self) -> None:
        self.answers: dict[tuple[SourceModule, str, Position | None], Definition | None] = {}
        self.depth = 0


class Resolver:
    """Resolves names in the modules of one store; answers about module-level names are kept."""

    def __init__(self, store: ModuleStore) -> None:
        self._store = store
        self._scopes: dict[SourceModule, Scope] = {}
        self._inner_scopes: dict[tuple[SourceModule, code.Span], Scope] = {}
        self._rebound: dict[SourceModule, frozenset[str]] = {}
        self._answers: dict[tuple[SourceModule, str], Definition] = {}
        # The modules whose star imports, and the names, of which it is recorded what they depend on.
        self._starred: set[SourceModule] = set()
        self._recorded: set[tuple[SourceModule, str]] = set()
        self._resolved: dict[tuple[object, ...], Definition] = {}
        # What ``_resolved`` knows by identity stays alive, so that its identity is not given to another.
        self._kept: list[Enclosing] = []

    def resolve(
        self,
        module: SourceModule,
        dotted: Sequence[str],
        enclosing: Enclosing = (),
        before: Position | None = None,
    ) -> Definition:
        """Return what a dotted name refers to in a scope of a module.

        ``enclosing`` names the functions and classes around the place, the outermost first; as in Python, a class body
        is seen only from directly inside it. ``before`` restricts the innermost scope to what it binds before that
        line and column, which is what a class header or an assignment at that place sees.
        """
        # Functions and classes are told apart by identity: to hash one is to hash all of it.
        key = (module, *map(id, enclosing), before, *dotted)
        known = self._resolved.get(key)
        if known is None:
            known = self._resolved[key] = self._dotted(_Query(), _Context(module, enclosing, before), dotted)
            self._kept.append(enclosing)
        return known

    def expression(
        self,
        module: SourceModule,
        node: code.Expression,
        enclosing: Enclosing = (),
        before: Position | None = None,
    ) -> Definition:
        """Return what an expression refers to; Unresolved for one that does more than name something."""
        return self._expression(_Query(), _Context(module, enclosing, before), node)

    def scope(self, module: SourceModule) -> Scope:
        """Return what a module binds at its top level."""
        if module not in self._scopes:
            self._scopes[module] = scope_of(module.facts.body)
        return self._scopes[module]

    def inner_scope(self, module: SourceModule, node: code.Function | code.Class) -> Scope:
        """Return what a function or class body binds."""
        key = (module, node.span)
        if key not in self._inner_scopes:
            self._inner_scopes[key] = function_scope(node) if isinstance(node, code.Function) else scope_of(node.body)
        return self._inner_scopes[key]

    def _dotted(self, query: _Query, context: _Context, dotted: Sequence[str]) -> Definition:
        definition = self._name(query, context, dotted[0])
        for attribute in dotted[1:]:
            definition = self._attribute(query, context.module, definition, attribute)
        return definition

    def _name(self, query: _Query, context: _Context, name: str) -> Definition:
        innermost = len(context.enclosing) - 1
        for index in range(innermost, -1, -1):
            node = context.enclosing[index]
            if isinstance(node, code.Class) and index != innermost:
                continue
            scope = self.inner_scope(context.module, node)
            if name in scope.foreign:
                continue
            bindings = scope.names.get(name, ())
            before = context.before if index == innermost else None
            if before is not None:
                bindings = tuple(item for item in bindings if (item.line, item.column) < before)
            if bindings:
                is_sequential = before is not None or isinstance(node, code.Class)
                inner = context._replace(enclosing=context.enclosing[: index + 1], before=None)
                return self._choose(query, inner, bindings, is_sequential)
        return self._own(query, context.module, name, context.before if innermost < 0 else None)

    def _own(self, query: _Query, module: SourceModule, name: str, before: Position | None) -> Definition:
        """Return what a global name refers to in its module, where everything in the file may count."""
        dependencies = self._store.dependencies
        if dependencies.asking is None:
            return self._global(query, module, name, before)
        dependencies.note(module.path, file(module.path))
        with dependencies.looking_for(None):
            return self._global(query, module, name, before)

    def _global(self, query: _Query, module: SourceModule, name: str, before: Position | None) -> Definition:
        if before is None and (module, name) in self._answers:
            return self._answers[module, name]
        key = (module, name, before)
        if key in query.answers:
            return query.answers[key] or _CIRCULAR
        if query.depth >= MOST_DEPTH:
            return _TOO_DEEP
        is_outermost = not query.answers
        query.answers[key] = None
        query.depth += 1
        answer = self._looked_up(query, module, name, before)
        query.depth -= 1
        query.answers[key] = answer
        # An answer found below an unfinished one may have run into its circle: keep only what stands for itself.
        if before is None and (is_outermost or not isinstance(answer, Unresolved)):
            self._answers[module, name] = answer
        return answer

    def _exported(self, query: _Query, asking: SourceModule, source: SourceModule, name: str) -> Definition:
        """Return what ``name`` refers to in ``source`` for another module, which comes to depend on that name alone."""
        dependencies = self._store.dependencies
        node = global_name(source.path, name)
        dependencies.note(asking.path, node)
        if (source, name) not in self._recorded:
            if (source, name) in self._answers or (source, name, None) in query.answers:
                # It was first asked for in the file's own context: there is no record of this name alone.
                dependencies.note_of(node, file(source.path))
            self._recorded.add((source, name))
        with dependencies.looking_for(node):
            return self._global(query, source, name, None)

    def _looked_up(self, query: _Query, module: SourceModule, name: str, before: Position | None) -> Definition:
        bindings = self._module_bindings(module, name, before)
        if bindings:
            is_import = all(isinstance(binding.target, (ModuleTarget, MemberTarget)) for binding in bindings)
            self._store.dependencies.note(module.path, (content if is_import else file)(module.path))
            return self._choose(query, _Context(module), bindings, is_sequential=True)
        self._store.dependencies.note(module.path, content(module.path))
        if self.scope(module).stars:
            self._store.dependencies.note(module.path, self._stars(module))
        for star in reversed(self.scope(module).stars):
            found = self._through_star(query, module, star, name)
            if found is not None:
                return found
        if externals.is_builtin(name):
            return External(f"builtins.{name}")
        return Unresolved(f"{name} is not bound in {module.name}")

    def _module_bindings(self, module: SourceModule, name: str, before: Position | None) -> tuple[Binding, ...]:
        bindings = self.scope(module).names.get(name, ())
        if before is None:
            return bindings
        return tuple(item for item in bindings if (item.line, item.column) < before)

    def _stars(self, module: SourceModule) -> Dependency:
        """Return what the files that a module's star imports name depend on, recorded when it is first asked for."""
        dependencies = self._store.dependencies
        node = stars(module.path)
        if module not in self._starred:
            self._starred.add(module)
            with dependencies.looking_for(node):
                dependencies.note(module.path, content(module.path))
                for star in self.scope(module).stars:
                    _, reference = self._located(module, star)
                    if reference is not None and reference.path is not None:
                        dependencies.note(module.path, exports(reference.path))
        return node

    def _located(self, module: SourceModule, star: StarImport) -> tuple[str | None, ModuleReference | None]:
        """Return the absolute name of what a star import takes names from, and the module where it is found."""
        absolute = absolute_name(module, star.module, star.level)
        return absolute, None if absolute is None else self._store.locate(absolute, module)

    def _through_star(self, query: _Query, module: SourceModule, star: StarImport, name: str) -> Definition | None:
        """Return what a star import binds a name to; None where it does not bind it, as far as can be seen."""
        absolute, reference = self._located(module, star)
        if reference is None:
            known = None if absolute is None else externals.star_member(absolute, name)
            return None if known is None else _external(known)
        if reference.path is None or not self._store.may_bind(reference.path, name):
            return None
        self._store.dependencies.note(module.path, content(reference.path))
        source = self._store.read(reference.path)
        if source is None:
            return None
        scope = self.scope(source)
        if scope.exported is None and name.startswith("_"):
            return None
        if scope.exported is not None and name not in scope.exported:
            return None
        if name not in scope.names and not scope.stars:
            return None if scope.exported is None else self._submodule(module, source, reference, name)
        found = self._exported(query, module, source, name)
        is_absent = isinstance(found, Unresolved) and name not in scope.names
        is_builtin = isinstance(found, External) and found.name == f"builtins.{name}"
        return None if is_absent or is_builtin else found

    def _choose(
        self, query: _Query, context: _Context, bindings: tuple[Binding, ...], is_sequential: bool
    ) -> Definition:
        is_sole = len(bindings) == 1
        return choose(bindings, lambda binding: self._bound(query, context, binding, is_sole), is_sequential)

    def _bound(self, query: _Query, context: _Context, binding: Binding, is_sole: bool) -> Definition:
        target = binding.target
        module = context.module
        if isinstance(target, ModuleTarget):
            return self._store.locate(target.name, module) or ModuleReference(target.name)
        if isinstance(target, MemberTarget):
            return self._member(query, module, target)
        if isinstance(target, NodeTarget):
            return define(module, target.node, context.enclosing)
        if isinstance(target, OtherTarget):
            return Unresolved(f"bound by {target.how}")
        return self._value(query, context, target, binding, is_sole)

    def _value(
        self, query: _Query, context: _Context, target: ValueTarget, binding: Binding, is_sole: bool
    ) -> Definition:
        if query.depth >= MOST_DEPTH:
            return _TOO_DEEP
        query.depth += 1
        named = self._expression(query, context._replace(before=(binding.line, binding.column)), target.node)
        query.depth -= 1
        if not isinstance(named, Unresolved) or isinstance(target.node, code.Name):
            return named
        if any(isinstance(node, code.Function) for node in context.enclosing):
            return Unresolved("a local value")
        if not is_sole or self._is_rebound(context, binding):
            return Unresolved("a value that is bound several times")
        return ValueDefinition(context.module, target.node)

    def _is_rebound(self, context: _Context, binding: Binding) -> bool:
        """Whether a function of the module rebinds the global name that a binding gives its value to."""
        if context.enclosing:
            return False
        module = context.module
        if module not in self._rebound:
            self._rebound[module] = rebound_globals(module.facts.body)
        names = self.scope(module).names
        return any(binding is item for name in self._rebound[module] for item in names.get(name, ()))

    def _member(self, query: _Query, module: SourceModule, target: MemberTarget) -> Definition:
        absolute = absolute_name(module, target.module, target.level)
        if absolute is None:
            return Unresolved("a relative import beyond the top")
        if not absolute:
            return self._store.locate(target.member, module) or Unresolved(f"no module {target.member}")
        reference = self._store.locate(absolute, module) or ModuleReference(absolute)
        return self._module_attribute(query, module, reference, target.member)

    def _attribute(self, query: _Query, module: SourceModule, owner: Definition, name: str) -> Definition:
        if isinstance(owner, ModuleReference):
            return self._module_attribute(query, module, owner, name)
        if isinstance(owner, External):
            return _external(f"{owner.name}.{name}")
        if isinstance(owner, ClassDefinition):
            bindings = self.inner_scope(owner.module, owner.node).names.get(name, ())
            if not bindings:
                return Unresolved(f"{owner.qualified_name} does not bind {name} itself")
            context = _Context(owner.module, (*owner.enclosing, owner.node))
            return self._choose(query, context, bindings, is_sequential=True)
        if isinstance(owner, Unresolved):
            return owner
        return Unresolved(f"attribute {name} of a value")

    def _module_attribute(self, query: _Query, module: SourceModule, owner: ModuleReference, name: str) -> Definition:
        if owner.path is None:
            submodule = self._store.locate(f"{owner.name}.{name}", module)
            return submodule or _external(f"{owner.name}.{name}")
        self._store.dependencies.note(module.path, content(owner.path))
        source = self._store.read(owner.path)
        if source is None:
            return Unresolved(f"{owner.name} cannot be read")
        answer = self._exported(query, module, source, name)
        is_bound = name in self.scope(source).names
        if isinstance(answer, External) and answer.name == f"builtins.{name}" and not is_bound:
            answer = Unresolved(f"{owner.name} does not bind {name}")
        # A submodule is an attribute of its package unless the package binds the name to something else; a package
        # that imports its own submodule runs in a circle, and lazy loaders stand for the submodule they load.
        is_lazy = isinstance(answer, ValueDefinition) and isinstance(answer.node, code.Call)
        if is_lazy or answer is _CIRCULAR or (isinstance(answer, Unresolved) and not is_bound):
            return self._submodule(module, source, owner, name) or answer
        return answer

    def _submodule(
        self, asking: SourceModule, source: SourceModule, owner: ModuleReference, name: str
    ) -> ModuleReference | None:
        if not source.is_package:
            return None
        node = global_name(source.path, name)
        self._store.dependencies.note(asking.path, node)
        with self._store.dependencies.looking_for(node):
            return self._store.locate(f"{owner.name}.{name}", source)

    def _expression(self, query: _Query, context: _Context, node: code.Expression) -> Definition:
        dotted = dotted_name(node)
        if dotted is not None:
            return self._dotted(query, context, dotted)
        if isinstance(node, code.Conditional):
            branches = [branch for branch in (node.body, node.orelse) if not is_none(branch)]
            return choose_equal([self._expression(query, context, branch) for branch in branches])
        if isinstance(node, code.Call):
            return self._call(query, context, node)
        return Unresolved("an expression")

    def _call(self, query: _Query, context: _Context, node: code.Call) -> Definition:
        """Follow ``getattr(owner, "name")`` and ``importlib.import_module("name")``."""
        values = [argument.value for argument in node.arguments if not argument.star and argument.keyword is None]
        text = values[-1].value if values and isinstance(values[-1], code.Constant) else None
        dotted = dotted_name(node.function)
        if dotted is None or not isinstance(text, str) or len(values) != len(node.arguments):
            return Unresolved("a call")
        called = self._dotted(query, context, dotted) if dotted[-1] in ("getattr", "import_module") else None
        if called == External("builtins.getattr") and len(values) == 2:
            return self._attribute(query, context.module, self._expression(query, context, values[0]), text)
        if called == External("importlib.import_module") and len(values) == 1 and not text.startswith("."):
            return self._store.locate(text, context.module) or ModuleReference(text)
        return Unresolved("a call")


def _external(name: str) -> External | ModuleReference:
    name = externals.canonical(name)
    return ModuleReference(name) if externals.is_module(name) else External(name)
