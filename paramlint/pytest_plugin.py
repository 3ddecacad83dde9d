"""``pytest --paramlint``: the models that a test suite builds and calls anyway are audited on the way.

Loaded with every pytest run of an environment that has paramlint: it imports nothing before the option is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from paramlint.model.diagnostic import Diagnostic
    from paramlint.runtime.live.session import Session

_KEY = "paramlint"
_NAME = "paramlint-session"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("paramlint")
    group.addoption(
        "--paramlint",
        action="store_true",
        help="audit each torch Module class of the project as the tests build and call it; findings fail the run "
        "(exit status 1)",
    )
    group.addoption(
        "--paramlint-package",
        action="append",
        default=[],
        metavar="NAME",
        help="audit the classes of this installed package too (may be given again)",
    )
    group.addoption("--paramlint-exit-zero", action="store_true", help="report findings and do not fail the run")
    group.addoption(
        "--paramlint-select",
        default=None,
        metavar="CODES",
        help="report these codes only, separated by commas; ALL for all that a run can show",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--paramlint"):
        config.pluginmanager.register(_Auditor(config), _NAME)


class _Auditor:
    """The part of the plugin that exists only where it was asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._session: Session | None = None
        self._active = ExitStack()
        self._findings: list[Diagnostic] = []
        self._audited: set[str] = set()
        self._notes: list[str] = []
        if _does_run_tests(config):
            self._start()

    def _start(self) -> None:
        """Watch from here on: test files build models when they are imported, too."""
        from importlib.util import find_spec

        if find_spec("torch") is None:
            self._notes.append("torch is not installed: nothing was audited")
            return
        from paramlint.runtime.live.scope import Scope
        from paramlint.runtime.live.session import Session

        _spare_the_collector()
        self._session = Session(Scope(self._config.rootpath, self._config.getoption("--paramlint-package")))
        self._active.enter_context(self._session.watching())

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        yield
        if self._session is not None:
            self._session.settle()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._active.close()
        if self._session is not None:
            self._conclude(self._session)
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            import pickle

            output[_KEY] = pickle.dumps((self._findings, self._audited, self._notes))
            return
        self._findings = _each_once(self._findings)
        is_failing = any(item.counts for item in self._findings) and not self._config.getoption("--paramlint-exit-zero")
        if is_failing and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _conclude(self, session: Session) -> None:
        """Keep what was observed without the source, and what the source says of the classes that were watched."""
        import sys

        from paramlint.auditing.result import not_silenced
        from paramlint.auditing.source import read
        from paramlint.runtime.reveal.revelation import ALL_CODES, DEFAULT_CODES
        from paramlint.runtime.witness import joined

        select = self._config.getoption("--paramlint-select")
        chosen = None if select is None else select.split(",")
        codes = DEFAULT_CODES if chosen is None else ALL_CODES if "ALL" in chosen else frozenset(chosen)
        told = read(session.witnesses, session.scope.has_file, chosen, sys.executable)
        self._findings += joined(not_silenced(list(session.findings.values()), codes), told.findings)
        self._audited |= {f"{kind.__module__}.{kind.__qualname__}" for kind in session.audited}
        self._notes += (*session.notes, *told.notes)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist found; one that crashed has nothing to hand over."""
        import pickle

        data = getattr(node, "workeroutput", {}).get(_KEY)
        if data is not None:
            findings, audited, notes = pickle.loads(data)
            self._findings += findings
            self._audited |= audited
            self._notes += notes

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        from pathlib import Path

        from paramlint.engine.outcome import Report
        from paramlint.report import text
        from paramlint.report.view import Lines, View

        write = terminalreporter.write_line
        terminalreporter.section("paramlint")
        files = len({item.path for item in self._findings})
        report = Report(tuple(self._findings), (), files)
        if self._findings:
            colour = terminalreporter.hasmarkup
            for line in text.render(report, View(Path.cwd(), colour=colour), Lines({})):
                write(line)
        for note in dict.fromkeys(self._notes):
            write(f"note: {note}")
        count = len(self._audited)
        verdict = "see above" if self._findings else "no findings"
        write(f"{count} Module class{'' if count == 1 else 'es'} audited, {verdict}")


def _does_run_tests(config: pytest.Config) -> bool:
    """Whether tests run in this process: the controller of pytest-xdist only collects what its workers send."""
    if hasattr(config, "workerinput"):
        return True
    return not (getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None))


def _spare_the_collector() -> None:
    """Take what was imported so far out of the garbage collector's rounds, unless the user's code froze its own.

    Watching makes objects, and these bring on more full collections, each of which would go through all that torch
    and paramlint hold to the end: that cost more than the watching itself.
    """
    import gc

    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()


def _each_once(findings: list[Diagnostic]) -> list[Diagnostic]:
    """The findings in the order of their places; several workers may have found the same."""
    from paramlint.engine.outcome import place_order
    from paramlint.runtime.witness import strongest

    return sorted(strongest(findings), key=place_order)
