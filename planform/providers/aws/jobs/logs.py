"""What jobs print, out of CloudWatch Logs: one stream for each instance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from planform.core.executor import MetricDefinition
from planform.providers.aws.clients import AwsError, Clients
from planform.training.metrics import metrics_in, patterns

GROUP = "/aws/sagemaker/TrainingJobs"


def lines_of(
    clients: Clients, job_name: Callable[[], str], node: str | None, follow: bool, ended: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """(node, line), oldest first within each node; with `follow` until the job has ended and nothing more comes."""
    tokens: dict[str, str] = {}
    pause = float(clients.settings.get("poll_interval_in_seconds", 5))
    while True:
        over = not follow or ended()  # asked first: what was printed until then is read below
        name = job_name()
        for event in _new_events(clients, name, node, tokens) if name else ():
            yield event[0], event[2]
        if over:
            return
        time.sleep(pause)


def metric_points(clients: Clients, job: Mapping[str, Any] | None) -> dict[str, Sequence[tuple[float, float]]]:
    """Metric -> (seconds since the start, value): the job's own regular expressions over its log."""
    if job is None:
        return {}
    wanted = patterns(
        MetricDefinition(item["Name"], item["Regex"])
        for item in (job.get("AlgorithmSpecification") or {}).get("MetricDefinitions") or ()
    )
    points: dict[str, list[tuple[float, float]]] = {}
    started = job.get("TrainingStartTime") or job.get("CreationTime")
    begun = started.timestamp() if started is not None else 0.0
    for _, moment, line in _new_events(clients, str(job["TrainingJobName"]), None, {}):
        for name, value in metrics_in(line, wanted):
            points.setdefault(name, []).append((max(0.0, moment / 1000 - begun), value))
    return {name: sorted(found) for name, found in points.items()}


def _new_events(
    clients: Clients, job_name: str, node: str | None, tokens: dict[str, str]
) -> Iterator[tuple[str, int, str]]:
    """(node, milliseconds, line) of what came since the tokens were kept. No stream, no events: it has not begun."""
    try:
        streams = [
            item["logStreamName"]
            for item in clients.pages(
                "logs", "describe_log_streams", "logStreams", logGroupName=GROUP, logStreamNamePrefix=f"{job_name}/"
            )
        ]
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return
        raise
    for stream in sorted(streams):
        host = "-".join(stream.rpartition("/")[2].split("-")[:2])
        if node is not None and host != node:
            continue
        while True:
            token = {"nextToken": tokens[stream]} if stream in tokens else {}
            answer = clients.call(
                "logs", "get_log_events", logGroupName=GROUP, logStreamName=stream, startFromHead=True, **token
            )
            for event in answer["events"]:
                yield host, event["timestamp"], event["message"].rstrip("\n")
            forward = answer["nextForwardToken"]
            if forward == tokens.get(stream):
                break  # the end, for now: CloudWatch says so by giving the same token
            tokens[stream] = forward
