"""Commands that begin at the same moment take turns, and their threads are used again."""

import threading
from time import monotonic

from svclab.terminal import turns


def test_a_third_command_waits_until_one_of_two_has_ended(monkeypatch):
    monkeypatch.setattr(turns, "_TURN_SECONDS", 30.0)
    monkeypatch.setattr(turns, "_LONGEST_WAIT", 30.0)
    begun, may_end = threading.Semaphore(0), threading.Semaphore(0)

    def command() -> None:
        with turns.turn():
            begun.release()
            may_end.acquire(timeout=10)

    works = [turns.in_thread(command) for _ in range(3)]
    assert begun.acquire(timeout=10)
    assert begun.acquire(timeout=10)
    assert not begun.acquire(timeout=0.2)

    may_end.release()
    assert begun.acquire(timeout=10)

    may_end.release(2)
    for work in works:
        work.join()


def test_commands_that_run_for_long_are_not_waited_for():
    release = threading.Event()

    def watches() -> None:
        with turns.turn():
            release.wait(60)

    works = [turns.in_thread(watches) for _ in range(5)]
    began = monotonic()
    with turns.turn():
        waited = monotonic() - began
    release.set()
    for work in works:
        work.join()

    assert waited < 20


def test_a_thread_that_is_done_takes_the_next_command():
    threads: list[threading.Thread] = []
    done = threading.Event()
    turns.in_thread(lambda: threads.append(threading.current_thread())).join()

    def waits_for_its_thread() -> bool:
        turns.in_thread(lambda: (threads.append(threading.current_thread()), done.set())).join()
        return threads[-1] in threads[:-1]

    assert any(waits_for_its_thread() for _ in range(50))
