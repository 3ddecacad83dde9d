"""What the text of one function brings along for a diagnostic: names, stores on self, calls, and locals."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple, TypeAlias

from paramlint.interpret.scan import nodes
from paramlint.model import code

Dotted: TypeAlias = tuple[str, ...]

GROWING = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "appendleft", "__setitem__"})


class Local(NamedTuple):
    """One binding of a local name: to a value, or to an element of it; None is a binding of another kind."""

    value: code.Expression | None
    is_element: bool = False


class Store(NamedTuple):
    """``self.name = value``, or an element of it; a value of None stands for any other binding of the attribute."""

    name: str
    value: code.Expression | None
    line: int
    is_element: bool = False


class Ingredients(NamedTuple):
    """What a function mentions and does, nested functions included; ``self`` is the name of its first argument.

    ``mentions`` are dotted names that start with neither ``self`` nor a local name. ``passed`` are those among them that are not only
    called. ``attributes`` are all names behind a dot, ``asked`` those that are more than the targets of ``stores``;
    ``base_constructors`` counts the ``__init__`` among them. ``reads`` and ``calls_self`` are the attributes of self that are read and those that are called, with lines;
    ``first_asked`` are those that are more than bound, with the first line of each.
    ``lets_go``: self is used for more than its attributes. ``binds_others``: an attribute of something else than
    self is bound, ``binds_below`` one, or an item, of something that self holds. ``grown`` are the names (last part) of what is
    added to. ``alone`` are the names of functions whose results nothing takes. ``rebinds``: a loop ends by binding its
    own variable.
    """

    mentions: frozenset[Dotted]
    passed: frozenset[Dotted]
    attributes: frozenset[str]
    asked: frozenset[str]
    texts: frozenset[str]
    keywords: frozenset[str]
    reads: frozenset[str]
    first_asked: dict[str, int]
    calls_self: tuple[tuple[str, int], ...]
    calls: tuple[code.Call, ...]
    stores: tuple[Store, ...]
    locals: dict[str, list[Local]]
    parameters: frozenset[str]
    returns: tuple[code.Expression | None, ...]
    grown: frozenset[str]
    alone: frozenset[str]
    base_constructors: int
    lets_go: bool
    binds_others: bool
    binds_below: bool
    rebinds: bool
    yields: bool

    @property
    def words(self) -> frozenset[str]:
        """All names behind a dot, and the last parts of the names that are mentioned."""
        return self.attributes | {dotted[-1] for dotted in self.mentions}


def ingredients(function: code.Function) -> Ingredients:
    """Collect the ingredients of a function."""
    return _Collector(function.parameters).collect((*function.body, *_defaults(function)))


def ingredients_of(body: tuple[object, ...]) -> Ingredients:
    """Collect the ingredients of statements or expressions outside any function."""
    return _Collector(()).collect(body)


def ingredients_within(function: code.Function, body: tuple[object, ...], whole: Ingredients) -> Ingredients:
    """Collect the ingredients of a part of a function, whose locals are those of the ``whole``."""
    found = _Collector(function.parameters).collect(body)
    mentions = frozenset(dotted for dotted in found.mentions if dotted[0] not in whole.locals)
    return found._replace(mentions=mentions, locals=whole.locals)


def _defaults(function: code.Function) -> tuple[code.Expression, ...]:
    return tuple(item.default for item in function.parameters if item.default is not None)


class _Collector:
    def __init__(self, parameters: tuple[code.Parameter, ...]) -> None:
        self._self = parameters[0].name if parameters else "self"
        self._parameters = {item.name for item in parameters}
        self._locals: dict[str, list[Local]] = defaultdict(list)
        self._stores: list[Store] = []
        self._stored: set[int] = set()
        self._grown: set[str] = set()
        self._binds_others = self._binds_below = self._rebinds = False

    def collect(self, body: tuple[object, ...]) -> Ingredients:
        own = self._self
        roots: set[Dotted] = set()
        attributes: set[str] = set()
        asked: set[str] = set()
        texts: set[str] = set()
        keywords: set[str] = set()
        reads: set[str] = set()
        first_asked: dict[str, int] = {}
        calls_self: list[tuple[str, int]] = []
        calls: list[code.Call] = []
        returns: list[code.Expression | None] = []
        alone: set[str] = set()
        # What is part of a longer dotted name, or was written, is no mention of its own.
        inner: set[int] = set()
        called: set[int] = set()
        passed: set[Dotted] = set()
        uses_of_self = base_constructors = 0
        yields = False
        for node in nodes(body):
            kind = type(node)
            if kind is code.Name:
                assert isinstance(node, code.Name)
                if node.identifier == own:
                    uses_of_self += 1
                elif id(node) not in inner:
                    roots.add((node.identifier,))
                    if id(node) not in called:
                        passed.add((node.identifier,))
            elif kind is code.Attribute:
                assert isinstance(node, code.Attribute)
                attributes.add(node.name)
                if id(node) not in self._stored:
                    asked.add(node.name)
                base_constructors += node.name == "__init__"
                value = node.value
                if type(value) is code.Name and value.identifier == own:
                    uses_of_self -= 1
                    reads.add(node.name)
                    if id(node) not in self._stored:
                        line = node.span.line
                        first_asked[node.name] = min(line, first_asked.get(node.name, line))
                elif id(node) not in inner:
                    dotted = _dotted(node, inner)
                    if dotted is not None and dotted[0] != own:
                        roots.add(dotted)
                        if id(node) not in called:
                            passed.add(dotted)
            elif kind is code.Call:
                assert isinstance(node, code.Call)
                calls.append(node)
                called.add(id(node.function))
                self._called(node, calls_self)
                keywords.update(item.keyword for item in node.arguments if item.keyword is not None)
                uses_of_self -= _passes_to_super(node, own)
            elif kind is code.Constant:
                assert isinstance(node, code.Constant)
                if type(node.value) is str:
                    texts.add(node.value)
            elif kind is code.ExpressionStatement:
                assert isinstance(node, code.ExpressionStatement)
                if type(node.value) is code.Call:
                    alone.add(_last(node.value.function))
            elif kind is code.Return:
                assert isinstance(node, code.Return)
                returns.append(node.value)
            elif kind is code.Yield:
                yields = True
            else:
                self._bound(node)
        own_locals = self._parameters | self._locals.keys()
        return Ingredients(
            frozenset(dotted for dotted in roots if dotted[0] not in own_locals),
            frozenset(passed),
            frozenset(attributes),
            frozenset(asked),
            frozenset(texts),
            frozenset(keywords),
            frozenset(reads),
            first_asked,
            tuple(calls_self),
            tuple(calls),
            tuple(self._stores),
            dict(self._locals),
            frozenset(self._parameters),
            tuple(returns),
            frozenset(self._grown),
            frozenset(alone),
            base_constructors,
            uses_of_self > 0,
            self._binds_others,
            self._binds_below,
            self._rebinds,
            yields,
        )

    def _called(self, call: code.Call, calls_self: list[tuple[str, int]]) -> None:
        function = call.function
        if type(function) is not code.Attribute:
            return
        if function.name in GROWING:
            grown = function.value
            while type(grown) is code.Subscript:
                grown = grown.value  # one container in another
            self._grown.add(_last(grown))
        value = function.value
        if (type(value) is code.Name and value.identifier == self._self) or is_super(value):
            calls_self.append((function.name, call.span.line))

    def _bound(self, node: object) -> None:
        """Note what a statement or clause binds."""
        match node:
            case code.Assign():
                for target in node.targets:
                    self._bind(target, Local(node.value), node.span.line)
            case code.AnnotatedAssign():
                if node.value is not None:
                    self._bind(node.target, Local(node.value), node.span.line)
            case code.AugmentedAssign():
                self._grown.add(_last(node.target))
                is_name = isinstance(node.target, code.Name)
                self._bind(node.target, Local(node.value if is_name else None), node.span.line)
            case code.For():
                self._bind(node.target, Local(node.iterable, True), 0)
                last = node.body[-1]
                if isinstance(last, code.Assign) and isinstance(last.targets[0], code.Name):
                    self._rebinds = self._rebinds or _names(node.target, last.targets[0].identifier)
            case code.Clause():
                self._bind(node.target, Local(node.iterable, True), 0)
            case code.NamedExpression():
                self._bind(node.target, Local(node.value), 0)
            case code.WithItem():
                if node.target is not None:
                    self._bind(node.target, Local(None), 0)
            case code.Delete():
                for target in node.targets:
                    self._bind(target, Local(None), node.span.line)
            case code.MatchCase() | code.Handler():
                bound = node.names if isinstance(node, code.MatchCase) else (node.name,) if node.name else ()
                for name in bound:
                    self._locals[name].append(Local(None))
            case code.Function() | code.Class():
                self._locals[node.name].append(Local(None))
            case code.Lambda():
                for parameter in node.parameters:
                    self._locals[parameter.name].append(Local(None))

    def _bind(self, target: code.Expression, local: Local, line: int) -> None:
        match target:
            case code.Name(identifier=identifier):
                self._locals[identifier].append(local)
            case code.Attribute(value=code.Name(identifier=identifier), name=name) if identifier == self._self:
                self._stores.append(Store(name, local.value, line, local.is_element))
                self._stored.add(id(target))
            case code.Display(elements=elements):
                same = isinstance(local.value, code.Display) and len(local.value.elements) == len(elements)
                for index, element in enumerate(elements):
                    if same and not local.is_element and isinstance(local.value, code.Display):
                        self._bind(element, Local(local.value.elements[index]), line)
                    else:
                        is_simple = isinstance(element, (code.Name, code.Attribute))
                        self._bind(element, Local(local.value if is_simple else None, True), line)
            case code.Starred(value=value):
                self._bind(value, Local(None), line)
            case code.Subscript(value=value):
                # An item of what is no part of self is an element of a list or a tensor.
                self._grown.add(_last(value))
                self._other(value, is_item=True)
            case code.Attribute(value=value):
                self._other(value, is_item=False)

    def _other(self, owner: code.Expression, is_item: bool) -> None:
        while isinstance(owner, (code.Attribute, code.Subscript, code.Call)):
            owner = owner.function if isinstance(owner, code.Call) else owner.value
        is_below = isinstance(owner, code.Name) and owner.identifier == self._self
        self._binds_below = self._binds_below or is_below
        self._binds_others = self._binds_others or is_below or not is_item


def _dotted(node: code.Attribute, inner: set[int]) -> Dotted | None:
    """``a.b.c`` as a tuple; its parts are noted as inner ones."""
    parts = [node.name]
    value: code.Expression = node.value
    while type(value) is code.Attribute:
        inner.add(id(value))
        parts.append(value.name)
        value = value.value
    if type(value) is not code.Name:
        return None
    inner.add(id(value))
    parts.append(value.identifier)
    return tuple(reversed(parts))


def _last(node: code.Expression) -> str:
    if isinstance(node, code.Attribute):
        return node.name
    return node.identifier if isinstance(node, code.Name) else ""


def is_super(node: code.Expression) -> bool:
    """Whether an expression stands for the bases of self; ``super(Class)`` is bound to no instance."""
    if not isinstance(node, code.Call) or len(node.arguments) == 1:
        return False
    return isinstance(node.function, code.Name) and node.function.identifier == "super"


def _passes_to_super(call: code.Call, own: str) -> int:
    """How often a call is ``super(Class, self)``."""
    return int(is_super(call) and any(_last(item.value) == own for item in call.arguments))


def _names(target: code.Expression, name: str) -> bool:
    return any(isinstance(node, code.Name) and node.identifier == name for node in nodes(target))
