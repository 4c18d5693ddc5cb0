import pytest

from common.server.server_log import line_that_matters

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
            [
                "Error occurred",
                "Unrecognized VM option 'UseMagic'",
                "Error: Could not create the Java Virtual Machine.",
            ],
            "Unrecognized VM option 'UseMagic'",
        ),
        (
            [
                STAMP + "MODEL_LOG Load model m cuda OOM, exception Attempting to deserialize object on a CUDA device",
                STAMP + "MODEL_LOG Traceback (most recent call last):",
                STAMP + "MODEL_LOG RuntimeError: Attempting to deserialize object on a CUDA device",
                STAMP + "MODEL_LOG Backend worker process died.",
                STAMP + "MODEL_LOG RuntimeError: 507 - System out of memory",
            ],
            "RuntimeError: Attempting to deserialize object on a CUDA device",
        ),
        ([STAMP + "ModelServer Initialize Inference server"], ""),
        ([], ""),
    ],
)
def test_the_line_that_names_the_cause(lines: list[str], matters: str) -> None:
    assert line_that_matters(lines) == matters
