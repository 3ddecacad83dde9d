"""One project: its modules, what names in them refer to, and its classes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from paramlint.model import code
from paramlint.project.classes import LinkedClass
from paramlint.project.definitions import ClassDefinition, Definition, SourceModule
from paramlint.project.dependencies import Dependencies, file, tree
from paramlint.project.environment import Environment
from paramlint.project.files import source_files
from paramlint.project.linker import ClassLinker
from paramlint.project.mentions import WordIndex
from paramlint.project.modules import ModuleStore
from paramlint.project.names import Enclosing
from paramlint.project.resolve import Position, Resolver
from paramlint.project.root import is_packages_folder

Node = TypeVar("Node")
Answer = TypeVar("Answer")


class Project:
    """Reads lazily and keeps what it has read: a question reads only the files that its answer depends on.

    ``load`` turns a file into facts; it is given absolute paths and raises SourceError for what cannot be read.
    """

    def __init__(self, root: Path, environment: Environment, load: Callable[[Path], code.SourceFacts]) -> None:
        self._store = ModuleStore(root, environment, load)
        self._resolver = Resolver(self._store)
        self._linker = ClassLinker(self._resolver)
        self._words: dict[Path, WordIndex] = {}
        self._scanned: dict[tuple[Callable[..., object], int], tuple[object, object]] = {}
        self.environment = environment
        # Answers of whoever asks the project, for as long as it is kept; each is told from others by its key.
        self.remembered: dict[Hashable, object] = {}

    @cached_property
    def _holds_packages(self) -> bool:
        return is_packages_folder(self.root)

    @property
    def root(self) -> Path:
        """The absolute path of the project's root."""
        return self._store.root

    @property
    def dependencies(self) -> Dependencies:
        """What each file's answers so far depend on."""
        return self._store.dependencies

    def module_at(self, path: Path) -> SourceModule:
        """Return the module in a file. Raises SourceError where the file cannot be read."""
        return self._store.at(path)

    def module_named(self, dotted: str, beside: SourceModule | None = None) -> SourceModule | None:
        """Return the module of an absolute dotted name, as ``beside`` would import it.

        None where it is not found, cannot be read, or is never read (torch, the standard library).
        """
        reference = self._store.locate(dotted, beside)
        if reference is None or reference.path is None:
            return None
        if beside is not None:
            self._store.dependencies.note(beside.path, file(reference.path))
        return self._store.read(reference.path)

    def resolve(
        self,
        module: SourceModule,
        dotted: Sequence[str],
        enclosing: Enclosing = (),
        before: Position | None = None,
    ) -> Definition:
        """Return what a dotted name refers to; see ``Resolver.resolve``."""
        return self._resolver.resolve(module, dotted, enclosing, before)

    def classes(self, module: SourceModule) -> tuple[LinkedClass, ...]:
        """Return all classes of a module in source order, those nested in functions and classes too."""
        return self._linker.classes(module)

    def link(self, definition: ClassDefinition) -> LinkedClass:
        """Return a class with its hierarchy."""
        return self._linker.link(definition)

    def scanned(self, question: Callable[[Node], Answer], node: Node) -> Answer:
        """Return ``question(node)``, asked once for each node; the answer must depend on the node alone.

        Nodes are told apart by identity, for hashing one means hashing all that is below it.
        """
        key = (question, id(node))
        known = self._scanned.get(key)
        if known is None:
            # The node is kept with the answer, so that its identity is not given to another.
            known = self._scanned[key] = (node, question(node))
        return known[1]  # type: ignore[return-value]

    def files_mentioning(self, word: str, around: Path, *, beside: bool = False) -> tuple[Path, ...] | None:
        """Return the files in which a word stands, among those that belong together with the file ``around``.

        These are the whole project's; among installed packages, where no folder is one project, those of the package
        that the file is in. ``beside``: only those in the file's own folder. None where there is too much to search.
        """
        found = self._files_with(word, around)
        if found is None:
            return None
        if beside:
            found = tuple(path for path in found if path.parent == around.parent)
        # What is in those files is judged in their own context.
        self._store.dependencies.note(around, *map(file, found))
        return found

    def count_mentioning(self, word: str, around: Path) -> int | None:
        """Return in how many files a word stands; as ``files_mentioning``, but what else is in them does not matter."""
        found = self._files_with(word, around)
        return None if found is None else len(found)

    def condense_words(self) -> None:
        """Keep the words of files that have been searched, in place of their texts."""
        for index in self._words.values():
            index.condense()

    def _files_with(self, word: str, around: Path) -> tuple[Path, ...] | None:
        folder = self._store.root
        if self._holds_packages and around.is_relative_to(folder):
            folder = folder / around.relative_to(folder).parts[0]
        if folder not in self._words:
            self._words[folder] = WordIndex(source_files(folder) if folder.is_dir() else [folder])
        found = self._words[folder].files_with(word)
        if found is None:
            self._store.dependencies.note(around, tree(folder))
            return None
        self._store.dependencies.note_word(around, folder, word, found)
        return found
