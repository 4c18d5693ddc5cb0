from __future__ import annotations

from pathlib import Path

from kit.tune.journal import Journal
from kit.tune.search.candidate import Candidate, Failure
from kit.tune.search.hill_climb import Search
from kit.tune.search.objective import Goal
from kit.tune.tuning import tune
from tests.kit.tune.landscapes import made_up, measurement

ONE, OTHER = Candidate("int8", 2, 1, 1, 0), Candidate("int8", 1, 2, 4, 5)


def test_what_was_written_is_read_in_its_order_and_once(tmp_path: Path) -> None:
    file = tmp_path / "new" / "journal.jsonl"
    journal = Journal(file, "f")
    assert journal.take(ONE) is None
    journal.add(ONE, measurement(10))
    journal.add(OTHER, Failure("no memory"))
    journal.add(ONE, measurement(20))
    again = Journal(file, "f")
    assert again.recorded == 3
    assert [again.take(ONE) for _ in range(3)] == [measurement(10), measurement(20), None]
    assert again.take(OTHER) == Failure("no memory")


def test_figures_of_something_else_do_not_count_and_stay(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    Journal(file, "other model").add(ONE, measurement(10))
    journal = Journal(file, "f")
    assert journal.recorded == 0
    assert journal.take(ONE) is None
    journal.add(ONE, measurement(20))
    assert Journal(file, "other model").take(ONE) == measurement(10)


def test_a_line_torn_by_a_power_cut_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    Journal(file, "f").add(ONE, measurement(10))
    with file.open("a") as torn:
        torn.write('{"fingerprint": "f", "candi')
    assert Journal(file, "f").recorded == 1


class Silent:
    def begin(self, *_: object) -> None: ...

    def done(self, *_: object) -> None: ...


def test_a_run_that_ends_early_goes_on_without_measuring_anything_again(tmp_path: Path) -> None:
    landscape, goal, file = made_up(4), Goal("throughput", p99_limit=90), tmp_path / "journal.jsonl"

    def run(most: int) -> tuple[list[Candidate], Search]:
        measured: list[Candidate] = []

        def measure(candidate: Candidate) -> object:
            if len(measured) == most:
                raise KeyboardInterrupt
            measured.append(candidate)
            return landscape.truth[candidate]

        search = Search(landscape.space, goal, 20)
        try:
            tune(search, Journal(file, "f"), measure, Silent())  # type: ignore[arg-type]
        except KeyboardInterrupt:
            assert most, "a third run has nothing left to measure"
        return measured, search

    uninterrupted = tmp_path / "whole.jsonl"
    whole = Search(landscape.space, goal, 20)
    tune(whole, Journal(uninterrupted, "f"), lambda candidate: landscape.truth[candidate], Silent())
    first, _ = run(9)
    second, search = run(1000)
    assert len(first) == 9
    assert len(first) + len(second) == len(uninterrupted.read_text().splitlines())
    assert search.results == whole.results
    assert run(0)[1].results == whole.results
