"""What the rest of the project does with a class: asked only about classes in which something may be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from paramlint.interpret.base_call import is_self_or_super, may_pass_by, may_run_base_constructor, names_a_way
from paramlint.interpret.filled import is_filled_elsewhere
from paramlint.interpret.gradients import Use, uses
from paramlint.interpret.holders import Scope, holders, is_never_moved
from paramlint.interpret.ingredients import Ingredients, ingredients
from paramlint.interpret.instances import (
    TooManyFiles,
    hands_itself_on,
    holding_files,
    is_named_in,
    may_be,
    may_be_taken_apart,
    modules_with,
    takes_value,
)
from paramlint.interpret.loaded import is_always_loaded
from paramlint.interpret.makers import maker_of, stands_in_class
from paramlint.interpret.name_uses import uses_of_name
from paramlint.interpret.optimised import parameters_given, words_of_optimisers
from paramlint.interpret.outside import may_call, may_initialise
from paramlint.interpret.reach import CONSTRUCTORS
from paramlint.interpret.reads import (
    ClassReads,
    class_reads,
    does_something,
    file_reads,
    names_thawed,
)
from paramlint.interpret.reapplied import is_applied_by_owners
from paramlint.interpret.scan import docstring, may_take, nodes
from paramlint.interpret.sets import (
    names_set,
    names_set_but_by_constructors,
    names_set_on_others,
    sets_computed_names,
)
from paramlint.interpret.slots import Care
from paramlint.interpret.twins import is_copied_for_export
from paramlint.interpret.writes import guards_of_reads
from paramlint.model import code
from paramlint.project.classes import Member
from paramlint.project.definitions import ClassDefinition, External
from paramlint.project.frameworks import leaves_heirs_alone

if TYPE_CHECKING:
    from paramlint.interpret.slots import Place
    from paramlint.project.classes import LinkedClass
    from paramlint.project.definitions import SourceModule
    from paramlint.project.project import Project

# Bases that are not read and that read nothing of what a subclass registers.
_READ_NOTHING = frozenset({"Module", "ABC", "Generic", "Protocol"})

_THAWING = ("requires_grad", "requires_grad_")

Parameters = ParamSpec("Parameters")


def _yes_in_doubt(question: Callable[Parameters, bool]) -> Callable[Parameters, bool]:
    """Answer a question with True where there is too much to search: every yes keeps a rule silent."""

    @wraps(question)
    def answer(*arguments: Parameters.args, **keywords: Parameters.kwargs) -> bool:
        try:
            return question(*arguments, **keywords)
        except TooManyFiles:
            return True

    return answer


class Surroundings:
    """The project around one class. Answers are computed when asked for, and depend on sources alone."""

    def __init__(self, project: Project, linked: LinkedClass) -> None:
        self._project = project
        self._linked = linked

    @_yes_in_doubt
    def is_called(self, method: str) -> bool:
        """Whether something may call a method of the class: a related class on self, anything on another object.

        A call on another object that the method's parameters do not fit is another's.
        """
        if self._linked.is_framework_hook(method):
            return True
        member = self._linked.find(method)
        function = member.node if isinstance(member, Member) and isinstance(member.node, code.Function) else None
        own = self._linked.sources
        for module in self._modules_with(method):
            for holder, node, call in uses_of_name(module, method):
                is_own_object = isinstance(node, code.Attribute) and is_self_or_super(node.value)
                if not is_own_object and call is not None and function is not None and not may_take(function, call):
                    continue
                if holder is not None and self._may_inherit(module, holder):
                    return True
                if holder is not None and any(
                    base.module.path == module.path and base.node.span == holder.span for base in own
                ):
                    return True
                if not is_own_object:
                    return True
        return False

    def _may_inherit(self, module: SourceModule, holder: code.Class) -> bool:
        for linked in self._project.classes(module):
            if linked.definition.node.span == holder.span:
                return self._linked.definition in linked.mro or not linked.is_complete
        return True

    @_yes_in_doubt
    def has_subclass_with(self, method: str) -> bool:
        """Whether a class of the project that may inherit from this one defines a method of that name, or binds it."""
        for module in self._modules_with(self._linked.definition.node.name):
            for linked in self._project.classes(module):
                if linked.definition == self._linked.definition:
                    continue
                if self._linked.definition in linked.mro:
                    if linked.find(method) is not None or self._binds(linked, method):
                        return True
        return False

    def _binds(self, linked: LinkedClass, attribute: str) -> bool:
        """Whether a method of a class's hierarchy binds an attribute of self."""
        stores = (store for _, facts in self._methods(linked) for store in facts.stores)
        return any(store.name == attribute and not store.is_element for store in stores)

    def _methods(self, linked: LinkedClass) -> Iterator[tuple[str, Ingredients]]:
        for base in linked.sources:
            for function in base.node.body:
                if isinstance(function, code.Function):
                    yield function.name, self._project.scanned(ingredients, function)

    @_yes_in_doubt
    def may_be_completed(self) -> bool:
        """Whether a subclass may run a base constructor that this class's own does not lead to.

        One may that calls ``__init__`` of a class by its name, or has a class before this one that is not read:
        ``super().__init__()`` comes here in the end, and ends here.
        """
        own = self._linked.definition
        for module in self._modules_with(own.node.name):
            for linked in self._project.classes(module):
                if linked.definition == own or own not in linked.mro:
                    continue
                before = linked.mro[: linked.mro.index(own)]
                if not linked.is_complete or any(map(may_pass_by, before)):
                    return True
        return False

    def may_run_base_constructor(self) -> bool:
        """Whether the text of the constructor, and of what it calls on self, leaves a way to a base's."""
        return may_run_base_constructor(self._project, self._linked)

    def names_base_constructor(self) -> bool:
        """Whether the constructor itself speaks of a base's."""
        return names_a_way(self._linked)

    def has_such_a_base(self) -> bool:
        """Whether the next constructor is a Module class's of the project: what that lacks is said of that class."""
        found = self._linked.find_after(self._linked.definition, "__init__")
        if not isinstance(found, Member) or not isinstance(found.owner, ClassDefinition):
            return False
        base = self._project.link(found.owner)
        is_here = base.definition.module.path.is_relative_to(self._project.root)
        return is_here and base.is_module is True and not Surroundings(self._project, base).may_be_completed()

    @_yes_in_doubt
    def is_given_to_optimiser(self, attribute: str) -> bool:
        """Whether code of the project passes an attribute of that name to an optimiser, or to autograd for its gradient."""
        for module in self._modules_with(attribute, words_of_optimisers()):
            for node in nodes(module.facts.body):
                if not isinstance(node, code.Call):
                    continue
                given = nodes(parameters_given(node))
                if any(isinstance(part, code.Attribute) and part.name == attribute for part in given):
                    return True
        return False

    @_yes_in_doubt
    def reads(self, attribute: str, *, is_part: bool = True) -> bool:
        """Whether something in the project may read an attribute of the class's instances.

        The class's bases and subclasses by ``self``, anything else by any other name, by a name that it computes, by a
        key of a checkpoint, or by taking apart a module of this class, where the attribute is a part (a module).
        """
        bases = [base for base in self._linked.sources if not leaves_heirs_alone(base.full_name)]
        own = any(self._own_reads(base).may_read(attribute) for base in bases)
        return own or self.is_read_outside(attribute, is_part=is_part)

    @_yes_in_doubt
    def is_copied_for_export(self, attribute: str) -> bool:
        """Whether the class is there to be exported, and another one, which is trained, reads the attribute."""
        return is_copied_for_export(self._project, self._linked.definition, attribute)

    @_yes_in_doubt
    def is_read_outside(self, attribute: str, *, with_gradient: bool = False, is_part: bool = True) -> bool:
        """Whether something other than the class and its bases may read an attribute of its instances.

        The keys of a checkpoint (``"block.norm.weight"``) count in the class's own file, where they may say what is
        kept for old ones; elsewhere they name what is used as well. ``with_gradient``: they do not count, nor do reads
        that cut the gradient.
        """
        own = self._linked.definition
        for module in self._modules_with(attribute):
            found = self._project.scanned(file_reads, module)
            asked = (item for name, item in found.asked if name == attribute)
            if any(may_be(self._project, self._linked, module, item) for item in asked):
                return True
            is_key = attribute in found.texts and module.path == own.module.path and not with_gradient
            is_spelled = is_key or (attribute in found.words and (found.by_key or self._asks_by_computed_names))
            named = (read for read in found.reads if read.name == attribute)
            reads = [read for read in named if takes_value(self._project, module, read, with_gradient)]
            if not (is_spelled or reads):
                continue
            is_open = module.path == own.module.path or attribute in found.tested or self._hands_itself_on
            if not (is_open or module.path in self._holders):
                continue
            if is_spelled or any(may_be(self._project, self._linked, module, read.object) for read in reads):
                return True
        for module in self._modules_with(own.node.name):
            if not is_named_in(self._project, module, own):
                continue  # a comment mentions it, or another class is called so
            found = self._project.scanned(file_reads, module)
            asked = (item for pattern, item in found.computed if pattern.fullmatch(attribute))
            if found.walks or any(may_be(self._project, self._linked, module, item) for item in asked):
                return True
            if is_part and may_be_taken_apart(self._project, self._linked, module, found.reads):
                return True
            for linked in self._project.classes(module):
                if linked.definition == own or own not in linked.mro:
                    continue
                if self._own_reads(linked.definition).may_read(attribute):
                    return True
        return False

    def is_read_by_computed_name(self, attribute: str) -> bool:
        """Whether the class or a base may read an attribute by a name that it computes, or by a walk over modules."""
        own = [self._own_reads(base) for base in self._linked.sources]
        return any(reads.walks or any(found.fullmatch(attribute) for found in reads.patterns) for reads in own)

    def uses(self, attribute: str) -> tuple[tuple[str, Path, Use], ...]:
        """How the methods of the class and its bases use an attribute, or a weight of a layer below it.

        Each use comes with its method's name and file; a layer's weight is called "name.weight".
        """
        found: list[tuple[str, Path, Use]] = []
        for base in self._linked.mro:
            if not isinstance(base, ClassDefinition):
                continue
            for function in base.node.body:
                if isinstance(function, code.Function):
                    every = self._project.scanned(uses, function)
                    mine = [use for use in every if use.name.split(".")[0] == attribute]
                    found += [(function.name, base.module.path, use) for use in mine]
        return tuple(found)

    @cached_property
    def _hands_itself_on(self) -> bool:
        return hands_itself_on(self._project, self._linked)

    @cached_property
    def _asks_by_computed_names(self) -> bool:
        """Whether something that may hold an instance may be given the name of an attribute to ask one for."""
        modules = (self._project.module_at(path) for path in sorted(self._holders))
        return any(self._project.scanned(file_reads, module).computed for module in modules)

    @cached_property
    def _holders(self) -> frozenset[Path]:
        return holding_files(self._project, self._linked.definition)

    def _own_reads(self, definition: ClassDefinition) -> ClassReads:
        return self._project.scanned(class_reads, definition.node)

    @cached_property
    def runs_its_own_code(self) -> bool:
        """Whether forward stands in source and does something, and nothing unread, and no own ``parameters``, has a part."""
        for base in self._linked.mro:
            if isinstance(base, External) and base.name.rsplit(".", 1)[-1] not in _READ_NOTHING:
                if not leaves_heirs_alone(base.name):
                    return False
        special = [self._linked.find(name) for name in ("__getattr__", "__getattribute__", "parameters")]
        if any(member is not None and getattr(member, "node", None) is not None for member in special):
            return False
        entries = (self._linked.find(name) for name in ("forward", "training_step"))
        return any(isinstance(entry, Member) and does_something(entry.node) for entry in entries)

    @_yes_in_doubt
    def is_thawed(self, attribute: str) -> bool:
        """Whether code of the project sets ``requires_grad`` on an attribute of that name, to anything but False."""
        modules = self._modules_with(attribute, _THAWING)
        return any(attribute in self._project.scanned(names_thawed, module) for module in modules)

    @_yes_in_doubt
    def may_set(self, attribute: str, passes_bases_by: bool = False) -> bool:
        """Whether something in the project may set an attribute of that name, on any object, or spells the name.

        ``passes_bases_by``: no constructor of the source runs but the class's own, so that those of its bases set nothing.
        """
        bases = self._linked.sources
        if any(self._project.scanned(sets_computed_names, base.node) for base in bases):
            return True
        for module in self._modules_with(attribute):
            if attribute in self._project.scanned(names_set, module):
                passed = [base.node.span for base in bases[1:] if passes_bases_by and base.module.path == module.path]
                if not passed or attribute in names_set_but_by_constructors(module.facts.body, passed):
                    return True
        return False

    @_yes_in_doubt
    def is_set_elsewhere(self, attribute: str) -> bool:
        """Whether something else may set an attribute of that name on an instance."""
        own = self._linked.definition.module
        if attribute in self._project.scanned(names_set_on_others, own):
            return True
        others = (module for module in self._modules_with(attribute) if module.path in self._holders - {own.path})
        return any(attribute in self._project.scanned(names_set, module) for module in others)

    def is_filled_elsewhere(self, attribute: str) -> bool:
        """Whether code of the project puts elements into a container of that name, of whatever object."""
        return is_filled_elsewhere(self._project, self._linked.definition.module, attribute)

    def is_filled_by_method(self, attribute: str) -> bool:
        """Whether a method of the hierarchy, but for constructors, puts something into a container of that name."""
        return any(
            attribute in facts.grown or any(store.is_element and store.name == attribute for store in facts.stores)
            for name, facts in self._methods(self._linked)
            if name not in CONSTRUCTORS
        )

    def makes(self, place: Place) -> bool:
        """Whether a statement at a place stands in the class's own body."""
        return stands_in_class(self._linked.definition, place)

    def documentation_of_maker(self, callee: str, place: Place) -> str | None:
        """The docstring of what the class calls so, ``self.name`` or a function, if what stands at a place is made in it."""
        maker = maker_of(self._project, self._linked, callee, place)
        return None if maker is None else docstring(maker.body)

    def may_initialise(
        self,
        attribute: str,
        rank: int | None,
        methods: frozenset[str],
        *,
        is_buffer: bool = False,
        care: Care = Care.NONE,
        is_of_layer: bool = False,
    ) -> bool:
        """Whether code outside the class may write a tensor of that name, or call one of the methods that do.

        ``care``: which other such tensors the class gives their values itself. ``is_of_layer``: the tensor is one of a
        layer that the class holds.
        """
        around = (self._project, self._linked, self._holding_scopes, attribute, rank, methods)
        return may_initialise(*around, is_buffer=is_buffer, care=care, is_of_layer=is_of_layer)

    @cached_property
    def is_never_moved(self) -> bool:
        """Whether only functions of the project make instances, privately, and no device is spoken of there."""
        return is_never_moved(self._project, self._linked.definition)

    @cached_property
    def is_always_loaded(self) -> bool:
        """Whether all code of the project that makes an instance loads a checkpoint over it."""
        return is_always_loaded(self._project, self._linked.definition)

    def is_applied_by_owners(self, method: str) -> bool:
        """Whether whoever in the project makes an instance applies a scheme of that name to it, once it is made."""
        return is_applied_by_owners(self._project, self._linked.definition, method)

    @_yes_in_doubt
    def is_mark_read(self, name: str, kinds: frozenset[str]) -> bool:
        """Whether something may read a plain value of that name from a module of such classes, or nothing reads it.

        What is read below an ``isinstance`` test that names other classes is read from other modules.
        """
        guards = [guard for module in self._modules_with(name) for guard in guards_of_reads(module.facts.body, name)]
        return not guards or any(not guard or guard & kinds for guard in guards)

    def may_call(self, method: str) -> bool:
        """Whether code that can hold an instance calls a method of that name, or spells the name."""
        if self._linked.is_framework_hook(method):
            return True
        return may_call(self._project, self._linked, self._holding_scopes, method)

    @cached_property
    def _holding_scopes(self) -> list[Scope] | None:
        return holders(self._project, self._linked.definition)

    def _modules_with(self, word: str, beside: tuple[str, ...] = ()) -> list[SourceModule]:
        return modules_with(self._project, self._linked.definition.module, word, beside)
