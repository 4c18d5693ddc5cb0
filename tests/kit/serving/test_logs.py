from pathlib import Path

import pytest

from kit.serving.logs import Tail, line_that_matters

STAMP = "2026-11-23T06:33:52.141Z INFO  "
WORKER_TRACEBACK = [
    STAMP + "ModelManager Model resnet18 loaded.",
    STAMP + "MODEL_LOG Backend worker process died.",
    STAMP + "MODEL_LOG Traceback (most recent call last):",
    STAMP + 'MODEL_LOG   File "image_classifier.py", line 10, in initialize',
    STAMP + "MODEL_LOG ValueError: handler: unknown key 'thread' in model-config.yaml",
    STAMP + "WorkerThread Backend worker error",
    "org.pytorch.serve.wlm.WorkerInitializationException: Backend stream closed.",
    "\tat org.pytorch.serve.wlm.WorkerThread.run(WorkerThread.java:1) ~[model-server.jar:?]",
]


@pytest.mark.parametrize(
    ("lines", "matters"),
    [
        (WORKER_TRACEBACK, "ValueError: handler: unknown key 'thread' in model-config.yaml"),
        (
            [
                "java.io.IOException: Failed to bind to address: http://127.0.0.1:8080",
                "\tat x",
                "Caused by: java.net.BindException: Address already in use",
            ],
            "java.net.BindException: Address already in use",
        ),
        (
            ["Error occurred", "Unrecognized VM option 'UseMagic'", "Error: a fatal exception has occurred"],
            "Unrecognized VM option 'UseMagic'",
        ),
        ([STAMP + "ModelServer Initialize Inference server"], ""),
        ([], ""),
    ],
)
def test_the_line_that_names_the_cause(lines: list[str], matters: str) -> None:
    assert line_that_matters(lines) == matters


def test_a_tail_shows_only_what_came_after_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("before\n")
    tail = Tail(old, new)
    assert tail.lines() == []
    with old.open("a") as file:
        file.write("after\n")
    new.write_text("first\n")
    assert tail.lines() == ["after", "first"]


def test_a_tail_follows_a_log_that_was_rolled_over(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("a long first file\n")
    tail = Tail(log)
    log.write_text("new\n")
    assert tail.lines() == ["new"]
