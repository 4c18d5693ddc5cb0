"""The end of a search: its sentence, its reasons, its files."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from pathlib import Path

import pytest
import yaml
from PIL import Image

from kit import profiles
from kit.tune.report import files, table
from kit.tune.report.conclusion import Conclusion, conclude
from kit.tune.search.candidate import Candidate, Outcome
from kit.tune.search.hill_climb import Search
from kit.tune.search.objective import Goal
from kit.tune.trial.profile_settings import default_of
from tests.kit.tune.landscapes import Landscape, failing, machine, measurement, shaped

FACTS = {"machine": "a made-up <machine>", "load": "8 clients"}


def figure(candidate: Candidate) -> Outcome:
    slow = {"fp32": 320, "bf16": 160, "int8": 80}[candidate.precision] * 2 / candidate.workers
    slow *= 1 + 0.1 * (candidate.batch - 1)
    return measurement(8000 / slow, slow + candidate.delay, 100 + 380 * candidate.workers)


def searched(goal: Goal, landscape: Landscape) -> tuple[Conclusion, list[tuple[Candidate, Outcome]]]:
    search = Search(landscape.space, goal, 20)
    history = []
    while trial := search.ask():
        history.append((trial.candidate, landscape.truth[trial.candidate]))
        search.tell(landscape.truth[trial.candidate])
    return conclude(search), history


def written(goal: Goal, landscape: Landscape, folder: Path) -> Conclusion:
    conclusion, history = searched(goal, landscape)
    files.write(conclusion, history, FACTS, profiles.choose("onprem", machine()), folder)
    return conclusion


def test_the_sentence_says_how_much_better_than_the_default_and_under_which_limits() -> None:
    conclusion, history = searched(Goal("throughput"), shaped(figure))
    assert conclusion.sentence == (
        f"In {len(history)} measurements of {len(conclusion.ranked)} of 117 configurations, int8, 2 workers × 1 "
        "thread, no batches gives 100.0 images/s, 4.0 times the default's 25.0 images/s (fp32, 2 workers × 1 thread, "
        "no batches)."
    )
    conclusion, _ = searched(Goal("throughput", p99_limit=100), shaped(figure))
    assert "and meets p99 ≤ 100 ms" in conclusion.sentence
    assert "the default (fp32, 2 workers × 1 thread, no batches) does not: p99 320 ms, the limit is 100 ms" in (
        conclusion.sentence
    )
    conclusion, _ = searched(Goal("memory"), shaped(figure))
    assert "gives 480 MB, 44% less than the default's 860 MB" in conclusion.sentence
    conclusion, _ = searched(Goal("latency"), shaped(figure))
    assert "gives p99 80 ms, 75% less than the default's p99 320 ms" in conclusion.sentence


def test_a_default_that_is_the_best_stays() -> None:
    conclusion, _ = searched(Goal("throughput"), shaped(lambda candidate: measurement(100 - candidate.batch)))
    assert conclusion.chosen == conclusion.default
    assert "none was better than the profile's default by more than the noise of 2%" in conclusion.sentence


def test_nothing_feasible_is_said_with_the_nearest() -> None:
    conclusion, _ = searched(Goal("throughput", p99_limit=10), shaped(figure))
    assert not conclusion.feasible
    assert "none met p99 ≤ 10 ms; closest was int8, 2 workers × 1 thread, no batches: p99 80 ms" in conclusion.sentence


def test_every_value_has_its_reason() -> None:
    conclusion, _ = searched(Goal("throughput"), shaped(figure))
    assert conclusion.reasons == {
        "precision": "bf16 gave 50.0 images/s, 50% less",
        "workers": "2 cores ÷ 1 thread",
        "threads": "1 worker × 1 thread gave 50.0 images/s, 50% less",
        "batch": "batch 2 in 1 ms gave 90.9 images/s, 9% less",
        "delay": "ms; see batchSize",
    }
    limited, _ = searched(Goal("throughput", p99_limit=100), shaped(figure))
    assert limited.reasons["threads"] == (
        "1 worker × 1 thread did not meet the limits: p99 160 ms, the limit is 100 ms"
    )


@pytest.mark.parametrize("goal", [Goal("throughput", 100), Goal("latency"), Goal("memory", None, 600 << 20)])
def test_the_files_open_and_hold_what_the_table_says(goal: Goal, tmp_path: Path) -> None:
    conclusion = written(goal, shaped(figure), tmp_path)
    page = (tmp_path / files.HTML).read_text()
    document = json.loads((tmp_path / files.JSON).read_text())
    cells = [html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", page)]
    assert cells == [cell for result in conclusion.ranked for cell in table.cells(conclusion, result)]
    assert [html.unescape(name) for name in re.findall(r"<th(?: [^>]*)?>(.*?)</th>", page)] == list(table.COLUMNS)
    assert html.escape(conclusion.sentence) in page
    assert html.escape(FACTS["machine"]) in page
    assert FACTS["machine"] not in page
    assert document["sentence"] == conclusion.sentence
    assert document["candidates"] == [conclusion.row(result) for result in conclusion.ranked]
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 2
    for picture in pictures:
        with Image.open(io.BytesIO(base64.b64decode(picture))) as opened:
            opened.load()
            assert opened.width > 800


def test_failed_candidates_are_in_the_table_with_their_reason(tmp_path: Path) -> None:
    landscape = shaped(lambda one: failing("no <memory>") if one.precision == "int8" else figure(one))
    written(Goal("throughput"), landscape, tmp_path)
    assert '<td class="text">no &lt;memory&gt;</td>' in (tmp_path / files.HTML).read_text()


def test_the_profile_is_one_that_the_other_commands_take(tmp_path: Path) -> None:
    folder = tmp_path / "onprem-throughput"
    conclusion = written(Goal("throughput"), shaped(figure), folder)
    made = profiles.choose(str(folder), machine())
    assert default_of(made, machine()) == conclusion.chosen.candidate
    text = made.model_config.read_text()
    assert "# minWorkers=2 (2 cores ÷ 1 thread)" in text
    assert "# precision=int8 (bf16 gave 50.0 images/s, 50% less)" in text
    assert yaml.safe_load(text)["jobQueueSize"] == 64


def test_a_result_that_misses_the_limits_leaves_no_profile_to_serve_by(tmp_path: Path) -> None:
    written(Goal("throughput"), shaped(figure), tmp_path)
    assert {"config.properties", "model-config.yaml"} <= {path.name for path in tmp_path.iterdir()}
    written(Goal("throughput", p99_limit=10), shaped(figure), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {files.HTML, files.JSON}
