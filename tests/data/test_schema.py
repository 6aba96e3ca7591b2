"""Schema of the sample files: contract's columns and the features of the `datasets` library."""

import json

import pyarrow as pa
from datasets import Features, Image, List, Value

from vlrouterbench.data.schema import CANDIDATE_FILE_SCHEMA, OUTCOME_FILE_SCHEMA, sample_file_schema

NAMES = ("b.1", "a")


def test_columns_are_those_of_the_contract_in_order():
    assert sample_file_schema(NAMES).names == [
        *("sample_id", "dataset", "task_group", "question", "options", "hint", "image", "image_ok", "group_id"),
        *("quality", "cost", "input_tokens", "output_tokens", "images", "num_images"),
    ]
    assert OUTCOME_FILE_SCHEMA.names == [
        *("sample_id", "candidate", "quality", "input_tokens", "output_tokens", "prediction")
    ]
    assert CANDIDATE_FILE_SCHEMA.names == [
        *("name", "parameters_b", "input_price", "output_price", "price_source", "price_date")
    ]


def test_there_is_no_answer_and_no_prediction_among_the_samples():
    assert not {"answer", "prediction", "split"} & set(sample_file_schema(NAMES).names)


def test_structs_have_one_field_per_candidate_in_pool_order():
    schema = sample_file_schema(NAMES)
    types = {"quality": pa.float32(), "cost": pa.float64(), "input_tokens": pa.int32(), "output_tokens": pa.int32()}
    for name, kind in types.items():
        assert [(field.name, field.type) for field in schema.field(name).type] == [(c, kind) for c in NAMES]


def test_the_metadata_is_what_datasets_itself_makes_of_these_features():
    schema = sample_file_schema(NAMES)
    features = Features.from_arrow_schema(schema)
    assert features["image"] == Image()
    assert features["options"] == List(Value("string"))
    assert features["quality"] == {name: Value("float32") for name in NAMES}
    assert features["image_ok"] == Value("bool")
    stated = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert Features.from_dict(stated) == features
    assert features.arrow_schema.remove_metadata() == schema.remove_metadata()
