"""docs/from-the-sdk.md is held to the truth: each Python block stands beside what `planform migrate` makes of it.

`pytest --bless` writes what it makes now into the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from planform.core.tuning import DEFINITIONS
from planform.migrate import queues, tuning, version2, version3

Run = Callable[..., tuple[int, str, str]]

PAGE = Path(__file__).parents[2] / "docs" / "from-the-sdk.md"
PAIR = re.compile(r"```python\n(?P<program>.*?)```\n\n```yaml\n(?P<module>.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n\$ planform migrate launch.py\n(.*?)```", re.DOTALL)
PAIRS = [pytest.param(index, id=f"{index}") for index in range(len(PAIR.findall(PAGE.read_text())))]


def shown(module: str) -> str:
    """What the page shows of a module: no head."""
    return re.sub(r"\A# Written by [^\n]*\n\nplanform: [^\n]*\n\n", "", module)


@pytest.mark.parametrize("index", PAIRS)
def test_the_modules_are_what_migrate_writes(index: int, run: Run, tmp_path: Path, bless: bool) -> None:
    text = PAGE.read_text()
    found = list(PAIR.finditer(text))[index]
    (tmp_path / "launch.py").write_text(found["program"])
    for name in ("hyperparameters.json", "hyperparameters.yaml"):
        (tmp_path / name).write_text('{"epochs": 3}')
    code, _, err = run("migrate", "launch.py")
    assert (code, err) == (0, "")
    module = shown((tmp_path / "main.pf.yaml").read_text())
    if bless:
        PAGE.write_text(text[: found.start("module")] + module + text[found.end("module") :])
    else:
        assert found["module"] == module


def test_the_report_is_what_migrate_prints(run: Run, tmp_path: Path, bless: bool) -> None:
    """Of the last program of the page."""
    text = PAGE.read_text()
    (tmp_path / "launch.py").write_text(PAIR.findall(text)[-1][0])
    _, out, _ = run("migrate", "launch.py")
    if bless:
        PAGE.write_text(CONSOLE.sub(lambda _: f"```console\n$ planform migrate launch.py\n{out}```", text))
    else:
        assert CONSOLE.findall(text) == [out]


def rows(table: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for name, path in table.items():
        field = ".".join(path)
        yield f"| `{name}` | {field if ' ' in field and '{' not in field else f'`{field}`'} |"


def of_version_2() -> list[str]:
    special = {
        "image_uri": ("training_image",),
        "framework_version, py_version": ("training_image: {framework, version, py_version}",),
        "transformers_version, pytorch_version": (
            "training_image: {framework: huggingface, version, base_framework_version}",
        ),
        "entry_point, source_dir": ("source_code.entry_script, source_dir",),
        "dependencies": ("source_code, when they lie beside the script",),
        "container_entry_point": ("source_code.command",),
        "distribution torch_distributed, pytorchddp": ("distributed.torchrun",),
        "distribution mpi": ("distributed.mpi",),
        "hyperparameters, set_hyperparameters()": ("hyperparameters",),
        "metric_definitions": ("metric_definitions",),
        "max_run": ("stopping_condition.max_runtime_in_seconds",),
        "disable_output_compression": ("output_data.compression_type: NONE",),
        "tensorboard_output_config": ("tensorboard",),
        "model_uri, model_channel_name": ("input_data.model",),
        "tags": ("tags",),
        "base_job_name": ("the name of the trainer",),
        "fit(inputs), TrainingInput, FileSystemInput": ("input_data",),
        "fit(wait=False)": ("wait: false",),
        "JumpStartEstimator(model_id, model_version)": ("jumpstart",),
    }
    moved = {name: path for name, path in version2.FIELDS.items() if not name.startswith("train_")}
    refused = [f"| `{name}` | -: {why} |" for name, why in version2.UNPLACED.items()]
    return [*rows(moved), *rows(special), *refused]


def of_version_3() -> list[str]:
    configs = {name: (path,) for name, path in version3.CONFIGS.items()}
    switches = {name: (path,) for name, (path, _) in version3.SWITCHES.items()}
    special = {
        "training_image, image_uris.retrieve()": ("training_image: a URI, or {framework, version, ...}",),
        "source_code": ("source_code",),
        "distributed Torchrun, MPI, DistributedConfig": ("distributed.torchrun, mpi, custom",),
        "input_data_config, train(...)": ("input_data, by channel_name",),
        "hyperparameters": ("hyperparameters: a mapping, or ${yamldecode(file(...))}",),
        "training_mode LOCAL_CONTAINER": ("executor: docker",),
        "from_jumpstart_config()": ("jumpstart",),
        "TrainingQueue.submit(), map()": ("queue, priority, share_identifier, quota_share, timeout",),
        **{f"boto3 {name}": (call.type,) for name, call in queues.CALLS.items()},
        "HyperparameterTuner": (tuning.TYPE,),
        "HyperparameterTuner.create()": (f"{tuning.TYPE}.{DEFINITIONS}",),
        "HyperparameterTuner autotune": (f"{tuning.TYPE}.autotune",),
    }
    return [*rows(version3.FIELDS), *rows(configs), *rows(switches), *rows(version3.REQUESTED), *rows(special)]


@pytest.mark.parametrize(("mark", "table"), [("V2", of_version_2), ("V3", of_version_3)])
def test_the_tables_are_those_that_convert(mark: str, table: Callable[[], list[str]], bless: bool) -> None:
    text = PAGE.read_text()
    begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(begin)
    listed, _, after = rest.partition(end)
    expected = f"| {mark} | planform |\n|---|---|\n" + "".join(f"{row}\n" for row in table())
    if bless:
        PAGE.write_text(before + begin + expected + end + after)
    else:
        assert listed == expected
