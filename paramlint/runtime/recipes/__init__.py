"""Ways to make instances of classes, and inputs for them, found by reading the project and running nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from paramlint.facts.source import SourceError
from paramlint.model import code
from paramlint.model.observation import Recipe
from paramlint.project.definitions import ClassDefinition, FunctionDefinition, SourceModule
from paramlint.project.project import Project
from paramlint.runtime.recipes.examples import docstring, example_of
from paramlint.runtime.recipes.functions import Functions
from paramlint.runtime.recipes.reach import Reach
from paramlint.runtime.recipes.reader import Frame, Value, text_of
from paramlint.runtime.recipes.search import Mentions, shows_use
from paramlint.runtime.recipes.walk import expressions, function_frame, scopes, walk

MOST_RECIPES = 8
MOST_INPUTS = 8
_MOST_FILES = 6
_MOST_ANNOUNCED = 3

# How much a find is trusted: what shows the use of a class goes before what happens to use it.
_SHOWN, _USED, _PART = 0, 1, 2


class ClassRecipes(NamedTuple):
    """What was found for one class, the most promising first."""

    builds: tuple[Recipe, ...] = ()
    inputs: tuple[Recipe, ...] = ()


class _Call(NamedTuple):
    """A call of a class of the project (or of an instance of it) whose arguments can be evaluated in its module."""

    of: ClassDefinition
    module: SourceModule
    expression: code.Expression
    rank: int


class _Finds(NamedTuple):
    """Everything one module shows."""

    module: SourceModule
    builds: tuple[_Call, ...]
    inputs: tuple[_Call, ...]
    functions: tuple[FunctionDefinition, ...]
    announced: tuple[tuple[FunctionDefinition, ClassDefinition], ...] = ()


class RecipeFinder:
    """Finds recipes in one project; each file is read once, however many classes are asked for.

    ``wanted`` are all classes that will be asked for: their names are searched for in one pass over the project.
    """

    def __init__(self, project: Project, wanted: Sequence[ClassDefinition]) -> None:
        self._project = project
        self._functions = Functions(project)
        self._reach = Reach(project)
        self._mentions = Mentions(project.root, {definition.node.name for definition in wanted})
        self._finds: dict[SourceModule, _Finds] = {}

    def recipes(self, definition: ClassDefinition) -> ClassRecipes:
        """Return ways to make an instance of the class, or a larger one that contains it, and inputs for it."""
        finds = [self._found(module) for module in self._modules(definition)]
        builds = sorted(
            (call for call in chain.from_iterable(find.builds for find in finds) if call.of == definition),
            key=lambda call: call.rank,
        )
        roots = [
            call
            for call in chain.from_iterable(find.builds for find in finds)
            if call.of != definition and definition in self._reach.definitions(call.of)
        ]
        makers, holders = self._makers(definition, finds)
        recipes = [_recipe("call", call.module, call.expression) for call in builds]
        recipes += [_function_recipe(function) for function in makers]
        recipes += [_function_recipe(function) for function in holders]
        recipes += [_recipe("function", call.module, call.expression) for call in sorted(roots, key=_rank)]
        return ClassRecipes(
            (*_distinct(recipes, MOST_RECIPES), *self._announced(definition, finds)), self._inputs(definition, finds)
        )

    def containing(self, definition: ClassDefinition) -> tuple[ClassDefinition, ...]:
        """Return the Module classes of the same file that can build the class as a part of themselves."""
        found = [
            linked.definition
            for linked in self._project.classes(definition.module)
            if linked.is_module and linked.definition != definition
        ]
        return tuple(other for other in found if definition in self._reach.definitions(other))

    def _modules(self, definition: ClassDefinition) -> Iterable[SourceModule]:
        yield definition.module
        for path in self._mentions.files(definition.node.name, _MOST_FILES):
            if path == definition.module.path:
                continue
            try:
                yield self._project.module_at(path)
            except (SourceError, OSError):
                continue

    def _makers(
        self, definition: ClassDefinition, finds: Iterable[_Finds]
    ) -> tuple[list[FunctionDefinition], list[FunctionDefinition]]:
        """Functions that return an instance of the class, and functions that return something that may contain one."""
        makers: list[FunctionDefinition] = []
        holders: list[FunctionDefinition] = []
        for function in chain.from_iterable(find.functions for find in finds):
            summary = self._functions.summary(function)
            if definition in summary.returns:
                makers.append(function)
            elif not summary.returns_tensor and definition in self._reach.definitions(function):
                holders.append(function)
        return makers, holders

    def _announced(self, definition: ClassDefinition, finds: Iterable[_Finds]) -> tuple[Recipe, ...]:
        """Functions that say that they return the class, then those whose class may contain it."""
        pairs = list(chain.from_iterable(find.announced for find in finds))
        own = [function for function, returned in pairs if returned == definition]
        around = [
            function
            for function, returned in pairs
            if returned != definition and definition in self._reach.definitions(returned)
        ]
        recipes = [_recipe_of_kind("announced", function) for function in (*own[:_MOST_ANNOUNCED], *around)]
        return _distinct(recipes, _MOST_ANNOUNCED)

    def _inputs(self, definition: ClassDefinition, finds: Iterable[_Finds]) -> tuple[Recipe, ...]:
        finds = list(finds)
        calls = sorted(
            (call for call in chain.from_iterable(find.inputs for find in finds) if call.of == definition), key=_rank
        )
        functions = [
            function
            for find in finds
            if find.module == definition.module or self._is_about(definition, find)
            for function in find.functions
            if self._functions.summary(function).returns_tensor
        ]
        recipes = [_recipe("call", call.module, call.expression) for call in calls]
        return _distinct([*recipes, *map(_function_recipe, functions)], MOST_INPUTS)

    def _is_about(self, definition: ClassDefinition, find: _Finds) -> bool:
        """Whether a module makes instances of the class: a class of the same name may be another one."""
        classes = {call.of for call in (*find.builds, *find.inputs)}
        return definition in classes or any(definition in self._reach.definitions(other) for other in classes)

    def _found(self, module: SourceModule) -> _Finds:
        if module not in self._finds:
            self._finds[module] = _Scan(self._project, self._functions, module).finds()
        return self._finds[module]


class _Scan:
    """One pass over a module."""

    def __init__(self, project: Project, functions: Functions, module: SourceModule) -> None:
        self._project = project
        self._functions = functions
        self._reader = functions.reader
        self._module = module
        self._builds: list[_Call] = []
        self._inputs: list[_Call] = []
        self._rank = _USED

    def finds(self) -> _Finds:
        body = self._module.facts.body
        is_shown = shows_use(self._module.path)
        self._examples(body, ())
        self._rank = _SHOWN
        walk(self._reader, Frame(self._module), body, self._visit)
        makers = []
        announced = []
        for enclosing, node in scopes(self._module):
            self._examples(node.body, (*enclosing, node) if isinstance(node, code.Class) else enclosing)
            if isinstance(node, code.Class):
                continue
            is_part = any(isinstance(scope, code.Class) for scope in enclosing) and not is_shown
            self._rank = _SHOWN if is_shown else _PART if is_part else _USED
            frame = function_frame(self._reader, Frame(self._module, enclosing), node)
            walk(self._reader, frame, node.body, self._visit)
            if not enclosing:
                found = self._project.resolve(self._module, (node.name,))
                if isinstance(found, FunctionDefinition) and self._functions.is_recipe(found):
                    makers.append(found)
                elif isinstance(found, FunctionDefinition):
                    returned = self._functions.announced(found)
                    if returned is not None and self._project.link(returned).is_module:
                        announced.append((found, returned))
        return _Finds(
            self._module,
            tuple(self._builds),
            tuple(self._inputs),
            tuple(dict.fromkeys(makers)),
            tuple(dict.fromkeys(announced)),
        )

    def _examples(self, body: Sequence[code.Statement], enclosing: tuple[code.Function | code.Class, ...]) -> None:
        constant = docstring(body)
        example = None if constant is None or ">>>" not in str(constant.value) else example_of(constant)
        if example is not None:
            self._rank = _SHOWN
            frame = Frame(self._module, (*(scope for scope in enclosing if isinstance(scope, code.Class)), example))
            walk(self._reader, frame, example.body, self._visit)

    def _visit(self, frame: Frame, expression: code.Expression) -> None:
        for call in expressions(expression):
            function = call.function
            if self._is_constructor(frame, function):
                made = self._reader.value(frame, call)
                if made.instance_of is not None and made.expression is not None:
                    self._builds.append(_Call(made.instance_of, self._module, made.expression, self._rank))
                continue
            instance = self._called_instance(frame, function)
            if instance is not None and instance.instance_of is not None:
                arguments = self._arguments(frame, instance.instance_of, call)
                if arguments is not None:
                    self._inputs.append(_Call(instance.instance_of, self._module, arguments, self._rank))

    def _is_constructor(self, frame: Frame, function: code.Expression) -> bool:
        found = self._reader.definition(frame, function)
        return isinstance(found, ClassDefinition) and self._project.link(found).is_module is not False

    def _called_instance(self, frame: Frame, function: code.Expression) -> Value | None:
        """The instance that a call runs, by itself or by its ``forward``."""
        if isinstance(function, code.Attribute) and function.name == "forward":
            function = function.value
        if not isinstance(function, (code.Name, code.Attribute, code.Call)):
            return None
        if isinstance(function, code.Call) and not self._is_constructor(frame, function.function):
            return None
        return self._reader.value(frame, function)

    def _arguments(self, frame: Frame, definition: ClassDefinition, call: code.Call) -> code.Expression | None:
        """The arguments of a call as one expression: a tuple, or a dict where some are given by keyword."""
        values: list[tuple[str | None, code.Expression]] = []
        for argument in call.arguments:
            value = self._reader.value(frame, argument.value)
            if argument.star or value.expression is None:
                return None
            values.append((argument.keyword, value.expression))
        if not values:
            return None
        if all(keyword is None for keyword, _ in values):
            return code.Display("tuple", tuple(value for _, value in values), call.span)
        names = self._forward_parameters(definition)
        keys: list[code.Expression | None] = []
        for position, (keyword, _) in enumerate(values):
            name = keyword if keyword is not None else names[position] if position < len(names) else None
            if name is None:
                return None
            keys.append(code.Constant(name, call.span))
        return code.DictDisplay(tuple(keys), tuple(value for _, value in values), call.span)

    def _forward_parameters(self, definition: ClassDefinition) -> tuple[str, ...]:
        member = self._project.link(definition).find("forward")
        node = getattr(member, "node", None)
        if not isinstance(node, code.Function):
            return ()
        return tuple(parameter.name for parameter in node.parameters[1:] if parameter.kind == "positional")


def factory_recipes(project: Project, definition: ClassDefinition, factories: Mapping[str, str]) -> tuple[Recipe, ...]:
    """Return the recipe that the user's settings name for a class: ``{"pkg.Net": "tests.models:make_net"}``."""
    recipes = []
    for class_name, function in factories.items():
        if not _names(project, class_name, definition):
            continue
        module_name, _, attribute = function.partition(":")
        module = project.module_named(module_name, definition.module)
        path = str(module.path) if module is not None else ""
        recipes.append(Recipe("factory", module_name, path, f"{attribute}()"))
    return tuple(recipes)


def _names(project: Project, class_name: str, definition: ClassDefinition) -> bool:
    """Whether a dotted name, as users would import it, is that class."""
    if class_name in (definition.full_name, definition.qualified_name):
        return True
    parent, _, name = class_name.rpartition(".")
    module = project.module_named(parent, definition.module) if parent else None
    return module is not None and project.resolve(module, (name,)) == definition


def _rank(call: _Call) -> int:
    return call.rank


def _recipe(kind: str, module: SourceModule, expression: code.Expression) -> Recipe | None:
    text = text_of(expression)
    return None if text is None else Recipe(kind, module.name, str(module.path), text)


def _function_recipe(function: FunctionDefinition) -> Recipe:
    return _recipe_of_kind("function", function)


def _recipe_of_kind(kind: str, function: FunctionDefinition) -> Recipe:
    return Recipe(kind, function.module.name, str(function.module.path), f"{function.node.name}()")


def _distinct(recipes: Iterable[Recipe | None], most: int) -> tuple[Recipe, ...]:
    return tuple(list(dict.fromkeys(recipe for recipe in recipes if recipe is not None))[:most])
