"""Images by framework and version: what the SageMaker SDK resolves them to, and what is said of unknown ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planform.core.errors import PlanformError
from planform.training import images
from planform.training.image_facts import document_text, facts
from planform.training.images import _domain, image_uri, misfits, table

HF = {"base_framework_version": "pytorch2.0.0", "container_version": "cu118-ubuntu20.04"}
GOLDEN = [
    ("pytorch", "us-west-2", "2.0.0", "py310", "ml.m5.xlarge", {}, "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.0.0-cpu-py310"),
    ("pytorch", "us-west-2", "2.5", None, "ml.g5.xlarge", {}, "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.5-gpu-py311"),
    ("pytorch", "eu-west-1", "2.5.1", "py311", "ml.g5.xlarge", {}, "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.5.1-gpu-py311"),
    ("pytorch", "us-west-2", "2.0.0", "py310", "local_cpu", {}, "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.0.0-cpu-py310"),
    ("pytorch", "us-west-2", "2.0.0", "py310", "local_gpu", {}, "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.0.0-gpu-py310"),
    ("pytorch", "cn-north-1", "2.0.0", "py310", "ml.m5.xlarge", {}, "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch-training:2.0.0-cpu-py310"),
    ("pytorch", "us-gov-west-1", "2.0.0", "py310", "ml.m5.xlarge", {}, "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com/pytorch-training:2.0.0-cpu-py310"),
    ("tensorflow", "us-west-2", "2.19.0", "py312", "ml.c5.4xlarge", {}, "763104351884.dkr.ecr.us-west-2.amazonaws.com/tensorflow-training:2.19.0-cpu-py312"),
    ("xgboost", "us-west-2", "1.7-1", None, "ml.m5.xlarge", {}, "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"),
    ("xgboost", "us-east-1", "3.0-5", None, "ml.m5.xlarge", {}, "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"),
    ("sklearn", "us-west-2", "1.4-2", None, "ml.m5.xlarge", {}, "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"),
    ("linear-learner", "us-west-2", None, None, "ml.m5.xlarge", {}, "174872318107.dkr.ecr.us-west-2.amazonaws.com/linear-learner:1"),
    ("huggingface", "us-west-2", "4.28.1", "py310", "ml.g5.xlarge", HF, "763104351884.dkr.ecr.us-west-2.amazonaws.com/huggingface-pytorch-training:2.0.0-transformers4.28.1-gpu-py310-cu118-ubuntu20.04"),
]  # fmt: skip


@pytest.mark.parametrize(("framework", "region", "version", "python", "kind", "more", "uri"), GOLDEN)
def test_golden_values(
    framework: str, region: str, version: str | None, python: str | None, kind: str, more: dict[str, str], uri: str
) -> None:
    image = {"framework": framework, "version": version, "py_version": python, **more}
    assert image_uri({name: value for name, value in image.items() if value}, region, kind) == uri


def test_the_command_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    from planform.cli.main import main

    for framework, region, version, python, kind, more, uri in GOLDEN:
        options = {"--py-version": python, "--base-framework-version": more.get("base_framework_version")}
        words = [word for option, value in options.items() if value for word in (option, value)]
        named = [framework, *([version] if version else [])]
        with pytest.raises(SystemExit) as stopped:
            main(["images", "retrieve", *named, "--region", region, "--instance-type", kind, *words])
        assert (stopped.value.code or 0, capsys.readouterr().out) == (0, f"{uri}\n")


@pytest.mark.parametrize(
    ("image", "region", "says", "advice"),
    [
        ({"framework": "pytorc", "version": "2.5"}, "us-west-2", 'no framework "pytorc"', 'Did you mean "pytorch"?'),
        ({"framework": "sklearn", "version": "1.4-3"}, "us-west-2", 'no sklearn "1.4-3"', 'The nearest is "1.4-2"'),
        (
            {"framework": "pytorch", "version": "2.5.1", "py_version": "py27"},
            "us-west-2",
            'no image for "py27"',
            "py311",
        ),
        ({"framework": "sklearn", "version": "1.4-2"}, "mars-1", "image in mars-1", "us-west-2"),
        (
            {"framework": "huggingface", "version": "4.28.1", "base_framework_version": "x"},
            "us-west-2",
            "built on",
            "pytorch2.0.0",
        ),
    ],
)
def test_an_unknown_one_is_answered_with_the_nearest(
    image: dict[str, str], region: str, says: str, advice: str
) -> None:
    with pytest.raises(PlanformError) as error:
        image_uri(image, region, "ml.m5.xlarge")
    assert says in error.value.summary
    assert advice in error.value.suggestion


def test_a_table_of_ones_own_is_laid_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "image_uri_config"
    folder.mkdir()
    entry = {"registries": {"us-west-2": "111122223333"}, "repository": "ours", "py_versions": ["py312"]}
    training = {"processors": ["cpu"], "version_aliases": {"9": "9.1"}, "versions": {"9.0": entry, "9.1": entry}}
    (folder / "pytorch.json").write_text(json.dumps({"training": training}))
    own = tmp_path / "images.json"
    own.write_text(document_text(facts(folder, "ours", "2026-01-01")))
    monkeypatch.setenv(images.OVERRIDE, str(own))
    table.cache_clear()
    try:
        uri = image_uri({"framework": "pytorch", "version": "9"}, "us-west-2", "ml.m5.xlarge")
        assert uri == "111122223333.dkr.ecr.us-west-2.amazonaws.com/ours:9-cpu-py312"
        assert image_uri({"framework": "pytorch", "version": "2.5.1"}, "us-west-2", "ml.m5.xlarge")
        own.write_text("{")
        table.cache_clear()
        with pytest.raises(PlanformError, match="cannot be read"):
            table()
    finally:
        table.cache_clear()
    with pytest.raises(PlanformError, match="is no JSON"):
        facts(tmp_path, "", "")
    with pytest.raises(PlanformError, match="holds no tables"):
        facts(tmp_path / "nothing", "", "")


def test_an_algorithm_with_one_version_needs_none() -> None:
    uri = image_uri({"framework": "kmeans"}, "us-west-2", "ml.m5.xlarge")
    assert uri == image_uri({"framework": "kmeans", "version": "1"}, "us-west-2", "ml.m5.xlarge")
    (misfit,) = misfits({"framework": "sklearn"}, "us-west-2", "ml.m5.xlarge")
    assert misfit.path == ("version",)
    assert "sklearn has several versions: name one." in misfit.summary


def test_the_domain_is_that_of_the_partition() -> None:
    from botocore.session import get_session

    partitions = get_session().get_data("partitions")["partitions"]
    assert len(partitions) > 5
    for partition in partitions:
        for region in partition["regions"]:
            if not region.endswith("global"):
                assert _domain(region) == partition["outputs"]["dnsSuffix"], region
