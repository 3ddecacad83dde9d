"""The cache: diagnostics of files of which nothing has changed that they depend on.

One SQLite file. A result is kept with the content of its file, and a graph says what each file consulted when questions
were answered in its context: other files, what they have under a name, which names are modules, in which files of the
project a word stands. A result is used again only while everything that can be reached from its file is as it was. For
a word only the files that have changed are searched, so the graph knows each source file of a folder of which a word
was asked.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from paramlint.engine import cached_form, fingerprint
from paramlint.engine.fingerprint import Fingerprints, last_change, may_have_changed_since
from paramlint.model.diagnostic import Diagnostic
from paramlint.project.dependencies import Consulted, Dependency, file
from paramlint.project.mentions import WordIndex

_FILE = "cache.sqlite3"
_VERSION = 3
MOST_BYTES = 100_000_000
_PATIENCE_SECONDS = 5
_HOLDS = "holds"

_SCHEMA = """
    DROP TABLE IF EXISTS contexts; DROP TABLE IF EXISTS dependencies; DROP TABLE IF EXISTS results;
    CREATE TABLE contexts (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, used REAL NOT NULL);
    CREATE TABLE dependencies (
        context INTEGER NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL,
        word TEXT NOT NULL, digest TEXT NOT NULL, consulted TEXT NOT NULL, files TEXT NOT NULL,
        PRIMARY KEY (context, number)
    );
    CREATE TABLE results (
        context INTEGER NOT NULL, path TEXT NOT NULL, asked TEXT NOT NULL, diagnostics TEXT NOT NULL,
        PRIMARY KEY (context, path, asked)
    );
"""

Answer = TypeVar("Answer")


class Context(NamedTuple):
    """What a result depends on besides files: the project's root, its environment, how sources are lowered."""

    root: Path
    environment: Sequence[Path]
    fast_path: bool

    @property
    def name(self) -> str:
        """The name of the context in the cache, which differs with paramlint's own version too."""
        folders = map(str, self.environment)
        return fingerprint.digest(fingerprint.of_paramlint(), str(self.root), str(self.fast_path), *folders)


class Result(NamedTuple):
    """The diagnostics of a file; ``asked`` names all settings that they depend on."""

    path: Path
    asked: str
    diagnostics: tuple[Diagnostic, ...]


class _Node(NamedTuple):
    """What is known of a dependency; a word has no digest, but the files that have it, and ``_HOLDS`` while they do."""

    digest: str
    consulted: frozenset[Dependency] = frozenset()
    having: frozenset[Dependency] = frozenset()


_Graph = dict[Dependency, _Node]


class Cache:
    """The cache in one folder, for one run. Whatever is wrong with it, it is as if there were none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = time.time_ns()
        self._before = Fingerprints()
        # Making the folder changes the one that it is in, before anything there is read.
        with suppress(OSError):
            _prepare(folder)
        self._explained = {folder.parent: last_change(folder.parent)}

    def known(self, context: Context, files: Iterable[tuple[Path, str]]) -> Mapping[Path, Result]:
        """Return the results that still hold, of files with what is asked of them."""
        files = list(files)
        for path, _ in files:
            self._before(file(path))
        return self._with_connection(lambda connection: self._known(connection, context, files)) or {}

    def _known(
        self, connection: sqlite3.Connection, context: Context, files: Sequence[tuple[Path, str]]
    ) -> Mapping[Path, Result]:
        number = _context(connection, context)
        if number is None:
            return {}
        graph = _load(connection, number)
        query = "SELECT path, asked, diagnostics FROM results WHERE context = ?"
        stored = {(path, asked): text for path, asked, text in connection.execute(query, (number,))}
        reached = _reachable(graph, [file(path) for path, _ in files])
        changed = _changed(graph, reached, self._before)
        stale = _depending(graph, changed)
        found: dict[Path, Result] = {}
        for path, asked in files:
            text = stored.get((str(path), asked))
            if text is not None and file(path) not in stale:
                found[path] = Result(path, asked, cached_form.decode(text))
        return found

    def keep(self, context: Context, results: Sequence[Result], consulted: Consulted) -> None:
        """Store results, with what each file consulted while they were found.

        What changed while the run went on is not stored: it cannot be told which content was read.
        """
        now = Fingerprints()
        new = consulted.by_asking
        noted = {*new, *(target for targets in new.values() for target in targets), *(file(it.path) for it in results)}

        def store(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            number = _used_now(connection, context)
            graph = _load(connection, number)
            words = {node for node in (*graph, *noted) if node.kind == "word"}
            searched = {path: now.files_below(path) for path in {word.path for word in words}}
            nodes = (noted - words).union(*searched.values())
            unsure = {node for node in nodes if self._is_unsure(node, now)}
            unsure |= {word for word in words if not unsure.isdisjoint(searched[word.path])}
            changed = _changed(graph, (nodes | words) & graph.keys(), now)
            stale = _depending(graph, changed | unsure)
            connection.executemany(
                "DELETE FROM results WHERE context = ? AND path = ?",
                [(number, node.path) for node in stale if node.kind == "file"],
            )
            for node in nodes:
                targets = new.get(node, frozenset())
                # A global name has no content of its own that could have changed, and no result that still counts on it.
                if node in graph and node not in (stale if node.kind == "global" else changed):
                    targets |= graph[node].consulted
                graph[node] = _Node(now(node), targets)
            for word in words:
                if word in consulted.having:
                    having = frozenset(file(Path(path)) for path in consulted.having[word])
                    graph[word] = _Node(_HOLDS if having <= nodes else "", having=having & nodes)
                if word in unsure or (word in changed and word not in consulted.having):
                    graph[word] = graph[word]._replace(digest="")
            _save(connection, number, graph)
            uncertain = _depending(graph, unsure)
            connection.executemany(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)",
                [
                    (number, str(result.path), result.asked, cached_form.encode(result.diagnostics))
                    for result in results
                    if file(result.path) not in uncertain
                ],
            )
            connection.execute("COMMIT")
            _bound(connection, number)

        self._with_connection(store)

    def _is_unsure(self, node: Dependency, now: Fingerprints) -> bool:
        if self._before.knows(node):
            return self._before(node) != now(node)
        return may_have_changed_since(node, self._started, self._explained)

    def _with_connection(self, use: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        """Return what ``use`` makes of the cache; None where SQLite or the disk refuses. A broken file is removed."""
        path = self._folder / _FILE
        try:
            # Closed after each use: a connection must not be carried into the processes that are forked from here.
            with closing(sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)) as connection:
                if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
                return use(connection)
        except (sqlite3.OperationalError, OSError):
            # Locked for too long, a folder that cannot be written, a full disk.
            pass
        except (sqlite3.DatabaseError, ValueError, TypeError, LookupError):
            # Not what was written: the next run makes it anew.
            with suppress(OSError):
                os.remove(path)
        return None


def _prepare(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("# Made by paramlint.\n*\n", encoding="utf-8")


def _context(connection: sqlite3.Connection, context: Context) -> int | None:
    row = connection.execute("SELECT id FROM contexts WHERE name = ?", (context.name,)).fetchone()
    return None if row is None else int(row[0])


def _used_now(connection: sqlite3.Connection, context: Context) -> int:
    connection.execute(
        "INSERT INTO contexts (name, used) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET used = excluded.used",
        (context.name, time.time()),
    )
    return int(connection.execute("SELECT id FROM contexts WHERE name = ?", (context.name,)).fetchone()[0])


def _load(connection: sqlite3.Connection, number: int) -> _Graph:
    query = "SELECT number, kind, path, word, digest, consulted, files FROM dependencies WHERE context = ?"
    rows = connection.execute(query, (number,)).fetchall()
    nodes = {row[0]: Dependency(*row[1:4]) for row in rows}

    def several(numbers: str) -> frozenset[Dependency]:
        return frozenset([nodes[target] for target in json.loads(numbers)])

    return {nodes[row[0]]: _Node(row[4], several(row[5]), several(row[6])) for row in rows}


def _save(connection: sqlite3.Connection, number: int, graph: _Graph) -> None:
    connection.execute("DELETE FROM dependencies WHERE context = ?", (number,))
    numbers = {node: place for place, node in enumerate(graph)}

    def several(nodes: Iterable[Dependency]) -> str:
        return json.dumps([numbers[node] for node in nodes])

    connection.executemany(
        "INSERT INTO dependencies VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (number, place, *node, graph[node].digest, several(graph[node].consulted), several(graph[node].having))
            for node, place in numbers.items()
        ],
    )


def _changed(graph: _Graph, nodes: Iterable[Dependency], now: Fingerprints) -> set[Dependency]:
    """Which of some dependencies are not, or no more, as the graph has them."""
    changed: set[Dependency] = set()
    words: dict[str, list[Dependency]] = defaultdict(list)
    for node in nodes:
        if node.kind == "word":
            words[node.path].append(node)
        elif node not in graph or now.differs(node, graph[node].digest):
            changed.add(node)
    for folder, some in words.items():
        files = now.files_below(folder)
        renewed = {path for path in files if path not in graph or graph[path].digest != now(path)}
        index = WordIndex([Path(path.path) for path in renewed])
        for word in some:
            known = graph.get(word, _Node(""))
            found = index.files_with(word.word) if known.digest == _HOLDS else None
            # Of the files that have not changed it is known whether they have the word.
            if found is None or known.having - (frozenset(files) - renewed) != frozenset(map(file, found)):
                changed.add(word)
    return changed


def _reachable(graph: _Graph, start: Iterable[Dependency]) -> set[Dependency]:
    reached = set(start)
    pending = list(reached)
    while pending:
        node = graph.get(pending.pop())
        if node is not None:
            further = node.consulted - reached
            reached |= further
            pending += further
    return reached


def _depending(graph: _Graph, changed: Iterable[Dependency]) -> set[Dependency]:
    """What can reach one of the nodes that changed, themselves included."""
    sources: dict[Dependency, list[Dependency]] = {}
    for source, node in graph.items():
        for target in node.consulted:
            sources.setdefault(target, []).append(source)
    found = set(changed)
    pending = list(found)
    while pending:
        for source in sources.get(pending.pop(), ()):
            if source not in found:
                found.add(source)
                pending.append(source)
    return found


def _bound(connection: sqlite3.Connection, number: int) -> None:
    """Drop the contexts used longest ago, at last the present one too, while the file is too large."""
    if _size(connection) <= MOST_BYTES:
        return
    oldest = [row[0] for row in connection.execute("SELECT id FROM contexts WHERE id != ? ORDER BY used", (number,))]
    for context in (*oldest, number):
        for table, column in (("results", "context"), ("dependencies", "context"), ("contexts", "id")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (context,))
        connection.execute("VACUUM")
        if _size(connection) <= MOST_BYTES:
            return


def _size(connection: sqlite3.Connection) -> int:
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages) * int(size)
