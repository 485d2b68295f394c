"""The blocks of a training job that several types share, and how their fields are written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planform.core.schemas import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    Attribute,
    Enum,
    Nested,
    OneOf,
    Type,
    attributes,
    list_of,
    map_of,
)
from planform.core.values import Value

INPUT_MODES = Enum(("File", "FastFile", "Pipe"))


def on(executors: str, why: str) -> dict[str, str]:
    """Why these executors ignore or refuse a field."""
    return dict.fromkeys(executors.split(), why) if why else {}


def part(kind: Type, doc: str, **rest: Value) -> Attribute:
    """An attribute of a field that counts as a whole: any change in it is a new run."""
    return Attribute(kind, doc, change="digest", **rest)


TRAINING_IMAGE = Nested(
    attributes(
        framework=part(STRING, "sklearn, pytorch, xgboost, ...", required=True),
        version=part(STRING, "Version of the framework, quoted; algorithms of AWS with only one need none."),
        py_version=part(STRING, "py310, py311, ..., where an image comes for several."),
        base_framework_version=part(STRING, "For huggingface: the version of PyTorch or TensorFlow underneath."),
        container_version=part(STRING, "A version of the image itself."),
    )
)

S3_DATA_SOURCE = Nested(
    attributes(
        s3_uri=part(STRING, "Where the data is.", required=True, pattern="s3://.+", pattern_hint="an s3:// URI"),
        s3_data_type=part(
            Enum(("S3Prefix", "ManifestFile", "AugmentedManifestFile", "Converse")), "What the URI names."
        ),
        s3_data_distribution_type=part(
            Enum(("FullyReplicated", "ShardedByS3Key")), "Whether every instance gets all the data or a share."
        ),
        attribute_names=part(list_of(STRING), "Keys to read from an augmented manifest."),
        instance_group_names=part(list_of(STRING), "The instance groups that get the data."),
        model_access_config=part(
            Nested(attributes(accept_eula=part(BOOL, "Accept it.", required=True))), "The licence."
        ),
        hub_access_config=part(
            Nested(attributes(hub_content_arn=part(STRING, "ARN of the hub content.", required=True))),
            "Of a private hub.",
        ),
    )
)

FILE_SYSTEM_DATA_SOURCE = Nested(
    attributes(
        file_system_id=part(STRING, "Id of the file system.", required=True),
        file_system_type=part(Enum(("EFS", "FSxLustre")), "Kind of file system.", required=True),
        file_system_access_mode=part(Enum(("rw", "ro")), "Read and write, or read only.", required=True),
        directory_path=part(STRING, "The directory to mount.", required=True),
    )
)

CHANNEL = Nested(
    attributes(
        data_source=part(
            OneOf(
                (
                    STRING,
                    Nested(
                        attributes(
                            s3_data_source=part(S3_DATA_SOURCE, "Data in S3, with all its settings."),
                            file_system_data_source=part(
                                FILE_SYSTEM_DATA_SOURCE,
                                "A file system in the VPC.",
                                refused_by=on("process docker", "EFS and FSx are not mounted here; name a local path"),
                            ),
                        )
                    ),
                ),
                "a path, an s3:// URI, {s3_data_source: ...} or {file_system_data_source: ...}",
            ),
            "Where the data is: a local path, a URI, or one of the two objects.",
            required=True,
            path=True,
        ),
        content_type=part(STRING, "MIME type that the script is told."),
        compression_type=part(
            Enum(("None", "Gzip")),
            "Gzip: decompressed on the way in, in Pipe mode.",
            ignored_by=on("process docker", "compression_type not used"),
        ),
        record_wrapper_type=part(
            Enum(("None", "RecordIO")),
            "Wrap each object as a RecordIO record.",
            ignored_by=on("process docker", "record_wrapper_type not used"),
        ),
        input_mode=part(
            INPUT_MODES,
            "How this channel is delivered.",
            ignored_by=on("process docker", "input mode not used: all data is files"),
        ),
        shuffle_config=part(
            Nested(attributes(seed=part(NUMBER, "Seed of the shuffling.", required=True))),
            "Shuffle the order of the objects.",
            ignored_by=on("process docker", "shuffle_config not used"),
        ),
        track=part(
            Enum(("uri", "listing")),
            "S3 only: what counts as changed input. `uri`: another URI; `listing`: also other keys, sizes or ETags.",
        ),
    )
)


DISTRIBUTED = Nested(
    attributes(
        torchrun=part(
            Nested(
                attributes(
                    process_count_per_node=part(
                        NUMBER, "Processes on each instance; by default one for each GPU.", minimum=1
                    )
                )
            ),
            "Start with torchrun.",
        ),
        mpi=part(
            Nested(
                attributes(
                    process_count_per_node=part(
                        NUMBER, "Processes on each instance; by default one for each GPU.", minimum=1
                    ),
                    mpi_additional_options=part(list_of(STRING), "More options for mpirun."),
                )
            ),
            "Start with mpirun.",
        ),
        custom=part(
            Nested(
                attributes(
                    driver_dir=part(STRING, "Folder with the driver.", required=True, path=True),
                    driver_script=part(STRING, "The script in it that starts the entry script.", required=True),
                    config=part(map_of(ANY), "What the driver finds in SM_DISTRIBUTED_CONFIG."),
                )
            ),
            "Start with a driver of your own.",
        ),
    )
)


# Settings of local containers, as the provider and trainers have them.
SIZE: Any = {"pattern": r"\d+(\.\d+)?([bB]|[kKmMgG][bB]?)?", "pattern_hint": "a size such as 512m or 2g"}
GPUS: Any = {"pattern": r"all|[1-9]\d*", "pattern_hint": "all or a number"}


def field(
    kind: Type,
    doc: str,
    change: str = "next_run",
    *,
    note: str | Mapping[str, str] = "",
    refusal: str | Mapping[str, str] = "",
    **rest: Value,
) -> Attribute:
    """One field. `note`: who ignores it, and what the plan says of that; `refusal`: who cannot have it, and why (S4.9).
    A text alone is about processes; `on("process docker", why)` names the executors."""
    return Attribute(
        kind,
        doc,
        change=change,  # type: ignore[arg-type]
        ignored_by=on("process", note) if isinstance(note, str) else note,
        refused_by=on("process", refusal) if isinstance(refusal, str) else refusal,
        **rest,
    )


def exported(kind: Type, doc: str, milestone: str) -> Attribute:
    return Attribute(kind, doc, computed=True, unknown_when=("new_run",), milestone=milestone)  # type: ignore[arg-type]


# How planform treats the runs of whatever has them.
TREATMENT = attributes(
    wait=field(BOOL, "Whether apply watches the run to its end.", "live", default=True),
    run=field(Enum(("on_change", "always", "manual")), "When a run is launched.", "live", default="on_change"),
    on_change=field(Enum(("finish", "stop")), "What a change does to a run under way.", "live", default="finish"),
    max_attempts=field(
        NUMBER, "How often a run is proposed again after failures of infrastructure.", "live", default=2, minimum=1
    ),
)

# What every run tells.
TOLD = attributes(
    run_number=exported(NUMBER, "Number of the run of this definition: 1, 2, ...", "launched"),
    job_name=exported(STRING, "Name of the job.", "launched"),
    job_arn=exported(STRING, "ARN of the job.", "launched"),
    status=exported(STRING, "How the run ended.", "completed"),
    output_path=exported(STRING, "Where all output of the run is.", "completed"),
    last_succeeded=exported(
        ANY, "The newest succeeded run of any definition: {run, model_artifacts, metrics}.", "completed"
    ),
    image=exported(STRING, "The image that was used.", "completed"),
    started_at=exported(STRING, "When the run started, RFC 3339.", "completed"),
    ended_at=exported(STRING, "When the run ended, RFC 3339.", "completed"),
)
