"""The pool: a worker that dies costs its job alone, and nothing is left running."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable

import pytest

from paramlint.engine.parallel import Crashed, Pool


def counting() -> Callable[[str], tuple[str, int, int]]:
    """Make a worker that answers with its process, and how many jobs it has done before."""
    done = 0

    def work(job: str) -> tuple[str, int, int]:
        nonlocal done
        if job == "die":
            os._exit(7)
        if job == "kill":
            os.kill(os.getpid(), signal.SIGTERM)
        if job == "raise":
            raise ValueError(job)
        done += 1
        return job, os.getpid(), done - 1

    return work


def learned() -> Callable[[str], tuple[str, int, int]]:
    """As ``counting``, but ten jobs further on."""
    work = counting()

    def experienced(job: str) -> tuple[str, int, int]:
        job, process, done = work(job)
        return job, process, done + 10

    return experienced


def test_every_job_is_answered_once() -> None:
    jobs = [str(number) for number in range(20)]
    with Pool(counting, 3) as pool:
        answers = dict(pool.run(jobs))
    assert sorted(answers) == list(range(20))
    done = [answer for answer in answers.values() if not isinstance(answer, Crashed)]
    assert sorted(answer[0] for answer in done) == sorted(jobs)
    assert os.getpid() not in {answer[1] for answer in done}


def test_workers_keep_what_they_have_learnt() -> None:
    with Pool(counting, 1) as pool:
        first = list(pool.run(["a", "b"]))
        second = list(pool.run(["c"]))
    assert [answer[2] for _, answer in [*first, *second] if not isinstance(answer, Crashed)] == [0, 1, 2]


@pytest.mark.parametrize(
    "death", ["die", "raise", pytest.param("kill", marks=pytest.mark.skipif(os.name == "nt", reason="signals"))]
)
def test_a_dead_worker_costs_its_job_alone(death: str, capfd: pytest.CaptureFixture[str]) -> None:
    jobs = ["a", death, "b", "c", death, "d"]
    with Pool(counting, 2) as pool:
        answers = dict(pool.run(jobs))
        again = dict(pool.run(["e"]))
    assert [isinstance(answers[index], Crashed) for index in range(len(jobs))] == [job == death for job in jobs]
    assert not isinstance(again[0], Crashed)


def test_a_worker_gives_way_after_its_last_answer() -> None:
    with Pool(counting, 1, is_last=lambda answer: answer[0] == "b") as pool:
        answers = [answer for _, answer in pool.run(["a", "b", "c", "d"])]
    done = [answer for answer in answers if not isinstance(answer, Crashed)]
    assert [number for _, _, number in done] == [0, 1, 0, 1]
    assert len({process for _, process, _ in done}) == 2
    assert multiprocessing.active_children() == []


def test_who_comes_later_begins_with_what_was_learnt_here() -> None:
    asked: list[str] = []

    def renewed(job: str) -> Callable[[], Callable[[str], tuple[str, int, int]]]:
        asked.append(job)
        return learned

    with Pool(counting, 1, is_last=lambda answer: answer[0] in "bd", renewed=renewed) as pool:
        answers = dict(pool.run([*"abcdef"]))
    done = [answer[2] for _, answer in sorted(answers.items()) if not isinstance(answer, Crashed)]
    forks = sys.platform.startswith("linux")
    assert asked == (["b"] if forks else [])
    assert done == ([0, 1, 10, 11, 10, 11] if forks else [0, 1, 0, 1, 0, 1])


def test_nothing_is_left_running() -> None:
    with Pool(counting, 2) as pool:
        for _ in pool.run(["a", "b", "c"]):
            break
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux alone")
def test_ctrl_c_as_a_worker_starts_leaves_none(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    forked: list[int] = []
    fork = os.fork

    def interrupted() -> int:
        child = fork()
        if child:
            forked.append(child)
        os.kill(os.getpid(), signal.SIGINT)
        return child

    monkeypatch.setattr(os, "fork", interrupted)
    with pytest.raises(KeyboardInterrupt), Pool(counting, 2) as pool:
        list(pool.run(["a", "b"]))
    assert len(forked) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(forked[0], 0)
    assert "Traceback" not in capfd.readouterr().err
