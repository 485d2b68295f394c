"""`tuning_job`: a search for the best hyperparameters of a trainer, and the runs made of it (S3).

Names are those of CreateHyperParameterTuningJob in snake case; ranges are mappings from the name of a hyperparameter.
"""

from __future__ import annotations

from planform.core.schemas import (
    ANY,
    NUMBER,
    STRING,
    Enum,
    Nested,
    Schema,
    Whole,
    attributes,
    list_of,
    map_of,
)
from planform.resources.trainer import SCHEMA as TRAINER
from planform.resources.training.blocks import TOLD, TREATMENT, exported, field, on, part
from planform.resources.training.tuning_rules import check, normalise

SCALING = Enum(("Auto", "Linear", "Logarithmic", "ReverseLogarithmic"))
LOCAL, SAGEMAKER = "process-tuning docker-tuning", "sagemaker-tuning"

# What a trainer says of its own runs: a tuning job says it itself.
_BESIDE = frozenset({*TREATMENT, *(name for name, item in TRAINER.attributes.items() if item.computed)})
_NUMERIC = Nested(
    attributes(
        min_value=part(NUMBER, "The least value.", required=True),
        max_value=part(NUMBER, "The greatest value.", required=True),
        scaling_type=part(SCALING, "How values are spread between the two.", default="Auto"),
    )
)

_TRAINER = Nested(
    {name: item for name, item in TRAINER.attributes.items() if name not in _BESIDE},
    Whole("trainer", "run_number", _BESIDE),
)
_OBJECTIVE = Nested(
    attributes(
        metric_name=part(STRING, "One of the trainer's metric_definitions.", required=True),
        type=part(Enum(("Maximize", "Minimize")), "Which way is better.", default="Maximize"),
    )
)
_RANGES = Nested(
    attributes(
        integer=part(map_of(_NUMERIC), "Hyperparameter -> a range of whole numbers."),
        continuous=part(map_of(_NUMERIC), "Hyperparameter -> a range of numbers."),
        categorical=part(map_of(list_of(ANY)), "Hyperparameter -> the values to choose from."),
        auto=part(map_of(ANY), "With autotune: hyperparameter -> an example of its value."),
    )
)

SCHEMA = Schema(
    type="tuning_job",
    doc="A search for the best hyperparameters of a trainer: many training jobs, one run.",
    has_runs=True,
    public=("tags", "parameter_ranges", "warm_start"),
    check=check,
    normalise=normalise,
    example="""\
resource:
  trainer:
    base:
      run: manual
      training_image: {framework: sklearn, version: "1.4-2"}
      source_code: {source_dir: src, entry_script: train.py}
      input_data: {train: data/train}
      hyperparameters: {epochs: 3}
      metric_definitions: [{name: accuracy, regex: "acc=([0-9.]+)"}]
  tuning_job:
    search:
      trainer: "${trainer.base}"
      strategy: Random
      random_seed: 7
      objective: {metric_name: accuracy, type: Maximize}
      parameter_ranges:
        continuous: {learning_rate: {min_value: 0.01, max_value: 1, scaling_type: Logarithmic}}
      resource_limits: {max_number_of_training_jobs: 20, max_parallel_training_jobs: 4}
output:
  best: {value: "${tuning_job.search.best_hyperparameters}"}
""",
    attributes=attributes(
        trainer=field(
            _TRAINER,
            'What is trained: "${trainer.NAME}", or the body of a trainer. Its hyperparameters stay as they are.',
            "digest",
        ),
        strategy=field(
            Enum(("Bayesian", "Random", "Grid", "Hyperband")),
            "How values are chosen. On this machine Random and Grid.",
            "digest",
            required=True,
        ),
        objective=field(_OBJECTIVE, "What is searched for.", "digest"),
        parameter_ranges=field(
            _RANGES, "The hyperparameters that are searched, each with its range; at most 30.", "digest"
        ),
        training_job_definitions=field(
            map_of(
                Nested(
                    attributes(
                        trainer=field(_TRAINER, "What is trained, as for one trainer.", "digest", required=True),
                        objective=field(_OBJECTIVE, "What is searched for in its jobs.", "digest", required=True),
                        parameter_ranges=field(_RANGES, "What of it is searched.", "digest"),
                    )
                )
            ),
            "Several trainers in one search, by name, instead of trainer, objective and parameter_ranges; at most 10.",
            "digest",
        ),
        autotune=field(
            Nested(attributes(mode=part(Enum(("Enabled",)), "Enabled.", required=True))),
            "SageMaker chooses ranges, limits and the rest, where they are not given.",
            "digest",
            refusal=on(LOCAL, "the ranges it finds are SageMaker's; write them in parameter_ranges"),
        ),
        resource_limits=field(
            Nested(
                attributes(
                    max_number_of_training_jobs=field(
                        NUMBER,
                        "How many are made. With Grid all combinations, with autotune SageMaker's choice.",
                        "digest",
                        minimum=1,
                    ),
                    max_parallel_training_jobs=field(NUMBER, "How many run at once.", default=1, minimum=1),
                    max_runtime_in_seconds=field(
                        NUMBER, "The tuning job is ended after this long.", minimum=120, maximum=15768000
                    ),
                )
            ),
            "How far the search goes.",
            "digest",
            required=True,
        ),
        strategy_config=field(
            Nested(
                attributes(
                    hyperband_strategy_config=part(
                        Nested(
                            attributes(
                                min_resource=part(NUMBER, "Least resource, such as epochs, of a job.", minimum=1),
                                max_resource=part(NUMBER, "Most resource of a job.", minimum=1),
                            )
                        ),
                        "For strategy Hyperband.",
                    )
                )
            ),
            "Settings of the strategy.",
            "digest",
        ),
        early_stopping_type=field(
            Enum(("Off", "Auto")),
            "Auto: jobs that are unlikely to get better are stopped.",
            "digest",
            note=on(LOCAL, "early_stopping_type not used: every trial runs to its end"),
            default="Off",
        ),
        tuning_job_completion_criteria=field(
            Nested(
                attributes(
                    target_objective_metric_value=part(NUMBER, "The value of the objective that is good enough."),
                    best_objective_not_improving=part(
                        Nested(
                            attributes(
                                max_number_of_training_jobs_not_improving=part(
                                    NUMBER, "So many jobs without a better one.", minimum=3
                                )
                            )
                        ),
                        "The search has stopped to get better.",
                    ),
                    convergence_detected=part(
                        Nested(
                            attributes(
                                complete_on_convergence=part(
                                    Enum(("Disabled", "Enabled")), "Whether SageMaker ends it.", default="Enabled"
                                )
                            )
                        ),
                        "Nothing better is to be expected.",
                    ),
                )
            ),
            "What ends the search before its limits do.",
            "digest",
            note=on(LOCAL, "tuning_job_completion_criteria not used: every trial is made"),
        ),
        random_seed=field(
            NUMBER,
            "The same seed makes the same trials. On this machine 0 when it is not given.",
            "digest",
            minimum=0,
            maximum=2**31 - 1,
        ),
        warm_start=field(
            Nested(
                attributes(
                    type=part(
                        Enum(("IdenticalDataAndAlgorithm", "TransferLearning")),
                        "What it has in common with its parents.",
                        required=True,
                    ),
                    parents=part(list_of(STRING), "Names or ARNs of tuning jobs; at most 5.", required=True),
                )
            ),
            "Begin with what other tuning jobs found.",
            "digest",
            refusal=on(LOCAL, "what earlier tuning jobs found guides only the strategies of SageMaker"),
        ),
        # How planform treats it
        tags=field(map_of(STRING), "Tags of the tuning job.", "live", note=on(LOCAL, "tags not used")),
        **TREATMENT,
        # What a run tells
        **TOLD,
        best_hyperparameters=exported(map_of(ANY), "Those of the best trial that have a range.", "completed"),
        best_run=exported(
            ANY, "The best trial: {number, job_name, hyperparameters, metrics, model_artifacts, ...}.", "completed"
        ),
        best_metric=exported(NUMBER, "The best value of the objective.", "completed"),
        runs=exported(list_of(ANY), "All trials, in their order; each as best_run is.", "completed"),
        model_artifacts=exported(STRING, "Where the model of the best trial is.", "completed"),
        metrics=exported(map_of(NUMBER), "Metric -> its last value in the best trial.", "completed"),
        billable_seconds=exported(NUMBER, "Seconds that are paid for, of all trials.", "completed"),
    ),
)
