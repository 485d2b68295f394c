"""Filters and searches: the grammars of the SDK, and where they are better."""

from __future__ import annotations

import pytest

from planform.core.errors import PlanformError
from planform.training.catalogue import Entry, parse_filter, parse_search

BERT = Entry("huggingface-tc-bert-large", "2.0.3", "BERT Large", "", ("bert-large", "text-classification", "hf"))
FACTS = {"TrainingSupported": True, "License": "Apache-2.0", "SupportedTrainingInstanceTypes": ["ml.g5.xlarge"]}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("task == tc", True),
        ("task==tc", True),
        ("task is tc", True),
        ("task equals textgeneration", False),
        ("framework != mxnet", True),
        ("framework is not huggingface", False),
        ("framework in ['mxnet', 'huggingface']", True),
        ("framework in ('mxnet', 'pytorch')", False),
        ("framework not in ['mxnet']", True),
        ("model_id begins with huggingface", True),
        ("model_id starts with hf", False),
        ("model_id ends with large", True),
        ("model_id contains bert", True),
        ("model_id not contains bert", False),
        ("search_keywords includes hf", True),
        ("search_keywords includes h", False),  # a keyword, not a part of one
        ("training_supported == True", True),
        ("training_supported is true", True),
        ("license == 'Apache-2.0'", True),
        ("supported_training_instance_types includes ml.g5.xlarge", True),
        ("gated_bucket == true", False),  # the document does not say
        ("task == tc AND license == MIT", False),
        ("task == tc OR license == MIT", True),
        ("NOT task == tc", False),
        ("(task == a OR task == tc) AND NOT (framework == mxnet)", True),
    ],
)
def test_a_filter(text: str, holds: bool) -> None:
    assert parse_filter(text)(BERT, lambda entry: FACTS) is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("bert", True),  # a part of a name, which the SDK does not find
        ("BERT", True),
        ("bert-*", True),
        ("*classification", True),
        ("*class*", True),
        ("ber*", True),
        ("*ber", False),
        ('"bert"', False),  # a whole keyword
        ('"text classification"', True),
        ("bert NOT large", False),
        ("bert AND hf", True),
        ("bert and hf", True),
        ("bert hf", True),  # which the SDK reads as bert alone
        ("bert unheard", False),
        ("unheard OR bert", True),
        ("NOT NOT bert", True),
        ("not (unheard or gpt)", True),
    ],
)
def test_a_search(text: str, holds: bool) -> None:
    assert parse_search(text)(BERT, lambda entry: {}) is holds


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (parse_filter, "tsk == tc", 'Did you mean "task"?'),
        (parse_filter, "task", "is no filter"),
        (parse_filter, "training_supported is true or task in ['ic']", "Filters are joined by OR"),
        (parse_filter, "task in tc", "is no list"),
        (parse_filter, "(task == tc", "not closed"),
        (parse_filter, "task == tc AND", "something is missing"),
        (parse_search, "(bert", "not closed"),
        (parse_search, "bert)", "not expected"),
        (parse_search, "AND", "something is missing"),
        (parse_search, "", "something is missing"),
    ],
)
def test_what_cannot_be_read_is_said(parse, text: str, says: str) -> None:
    with pytest.raises(PlanformError) as said:
        parse(text)
    assert says in f"{said.value.summary} {said.value.suggestion}"


def test_documents_are_read_only_for_what_needs_them() -> None:
    def never(entry: Entry) -> dict:
        raise AssertionError(entry)

    assert parse_filter("task == tc OR training_supported == true")(BERT, never)
