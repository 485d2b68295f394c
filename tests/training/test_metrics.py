"""Metrics in lines of output."""

import pytest

from planform.core.executor import MetricDefinition
from planform.training.metrics import metrics_in, patterns

WANTED = patterns([MetricDefinition("loss", r"loss=(\S+)"), MetricDefinition("acc", r"acc=([0-9.]+)?")])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("epoch=1 loss=0.5 acc=0.9", [("loss", 0.5), ("acc", 0.9)]),
        ("loss=1e-3", [("loss", 0.001)]),
        ("loss=1 loss=2", [("loss", 1.0), ("loss", 2.0)]),
        ("loss=none acc=", []),
        ("nothing", []),
    ],
)
def test_metrics_in_a_line(line, found):
    assert list(metrics_in(line, WANTED)) == found
