from __future__ import annotations

import pytest

from kit.client.exposition import FormatError, Sample, parse

TORCHSERVE = """\
# HELP ts_inference_requests_total Torchserve prometheus counter metric with unit: Count
# TYPE ts_inference_requests_total counter
ts_inference_requests_total{model_name="resnet18",model_version="default",hostname="vm",} 5.0
# a comment
up 1 1700000000000

latency_bucket{le="+Inf",path="a\\"b\\\\c, d"} +Inf
"""


def test_torchserves_own_text() -> None:
    assert parse(TORCHSERVE) == [
        Sample(
            "ts_inference_requests_total",
            {"model_name": "resnet18", "model_version": "default", "hostname": "vm"},
            5.0,
        ),
        Sample("up", {}, 1.0),
        Sample("latency_bucket", {"le": "+Inf", "path": 'a\\"b\\\\c, d'}, float("inf")),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "up 1",
        "<html></html>\n",
        "up one\n",
        "up\n",
        "1up 1\n",
        'up{le="1"le="2"} 1\n',
        "up{le=1} 1\n",
        'up{le="a"b"} 1\n',
        'up{le="a\\t"} 1\n',
        "# TYPE up number\n",
        "# TYPE up gauge\n# TYPE up gauge\n",
        "# HELP\n",
    ],
)
def test_what_prometheus_would_not_read_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse(text)
