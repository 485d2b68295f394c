"""What jobs print, out of CloudWatch Logs: one stream for each instance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from planform.core.executor import MetricDefinition
from planform.providers.aws.clients import AwsError, Clients, said
from planform.training.metrics import metrics_in, patterns

GROUP = "/aws/sagemaker/TrainingJobs"
QUIET_READS = 2  # after the end of a job, at the provider's interval


def lines_of(
    clients: Clients, job_name: Callable[[], str], node: str | None, follow: bool, ended: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """(node, line), oldest first within each node; with `follow` until the job has ended and nothing more comes."""
    tokens: dict[str, str] = {}
    pause = float(clients.settings.get("poll_interval_in_seconds", 5))
    quiet = 0  # reads since the end that brought nothing: CloudWatch is some seconds behind
    while True:
        over = not follow or ended()  # asked first: what was printed until then is read below
        name = job_name()
        came = False
        for event in _new_events(clients, name, node, tokens) if name else ():
            came = True
            yield event[0], event[2]
        quiet = 0 if came or not over else quiet + 1
        if not follow or quiet > QUIET_READS:
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


def downloaded(clients: Clients, job_name: str, folder: Path) -> tuple[str, ...]:
    """The model, the output and the log of each node of a training job, in the layout of this machine's runs."""
    found: list[str] = []
    if not job_name:
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    job = clients.call("sagemaker", "describe_training_job", TrainingJobName=job_name)
    model = (job.get("ModelArtifacts") or {}).get("S3ModelArtifacts", "")
    base = f"{job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job_name}/output"
    for uri, kind in ((model, "model"), (f"{base}/output.tar.gz", "output")):
        if uri and _fetched(clients, uri, folder / kind / f"{kind}.tar.gz"):
            found.append(f"{kind}/{kind}.tar.gz")
    if model and not model.endswith(".gz"):  # compression_type NONE: the files themselves
        places = ((model, "model"), (f"{base}/data", "output"))
        found += [name for uri, kind in places for name in _folder(clients, uri, folder / kind)]
    lines: dict[str, list[str]] = {}
    for host, _, line in _new_events(clients, job_name, None, {}):
        lines.setdefault(host, []).append(line)
    for host, printed in sorted(lines.items()):
        place = folder / "logs" / f"{host}.log"
        place.parent.mkdir(exist_ok=True)
        place.write_text("\n".join(printed) + "\n")
        found.append(f"logs/{host}.log")
    if job.get("FailureReason"):
        (folder / "failure").write_text(job["FailureReason"] + "\n")
        found.append("failure")
    return tuple(found)


def _folder(clients: Clients, uri: str, place: Path) -> list[str]:
    """The objects below a URI as files; their names, beginning with that of the folder."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    prefix = f"{prefix.rstrip('/')}/"
    pages = clients.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = said("list_objects_v2", lambda: [item["Key"] for page in pages for item in page.get("Contents", ())])
    names = [key.removeprefix(prefix) for key in keys if not key.endswith("/")]
    return [
        f"{place.name}/{name}"
        for name in names
        if is_inside(name) and _fetched(clients, f"s3://{bucket}/{prefix}{name}", place / name)
    ]


def is_inside(name: str) -> bool:
    """Keys are free text: one with .. in it is no file below the folder."""
    return not name.startswith("/") and ".." not in name.split("/")


def _fetched(clients: Clients, uri: str, place: Path) -> bool:
    """Whether there is such an object; it is there whole or not at all."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        body = clients.call("s3", "get_object", Bucket=bucket, Key=key)["Body"]
    except AwsError as error:
        if error.code in ("404", "NoSuchKey", "NoSuchBucket"):
            return False
        raise
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f"{place.name}.partial")
    with partial.open("wb") as file:
        said("get_object", lambda: file.writelines(body.iter_chunks(1 << 20)))
    partial.replace(place)
    return True
