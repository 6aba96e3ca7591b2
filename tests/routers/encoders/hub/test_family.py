"""How text encoders are used: the folder's own word first, then the family's, then the mean over tokens."""

import json

import pytest

from tests.hub_models import sentence_files
from vlrouterbench.routers.encoders.hub.family import TEXT_FAMILIES, text_family
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, ModelFolder

SIMILAR = "Instruct: Retrieve semantically similar text.\nQuery:"


@pytest.fixture
def make_folder(tmp_path):
    """A folder as the Hub's cache has it for an id, with the files given."""

    def make(name="owner/nameless", files=None):
        path = tmp_path / f"models--{name.replace('/', '--')}" / "snapshots" / "0123abc"
        path.mkdir(parents=True)
        for file, content in (files or {}).items():
            (path / file).parent.mkdir(exist_ok=True)
            (path / file).write_text(json.dumps(content))
        return ModelFolder(name, path, "0123abc")

    return make


@pytest.mark.parametrize(
    ("name", "family", "pooling", "prefix"),
    [
        ("BAAI/bge-m3", "bge-m3", "cls", ""),
        ("BAAI/bge-small-en-v1.5", "bge", "cls", ""),
        ("BAAI/bge-large-zh-v1.5", "bge", "cls", ""),
        ("intfloat/e5-small-v2", "e5", "mean", "query: "),
        ("intfloat/e5-base", "e5", "mean", "query: "),
        ("intfloat/e5-large-v2", "e5", "mean", "query: "),
        ("intfloat/multilingual-e5-small", "e5", "mean", "query: "),
        ("intfloat/multilingual-e5-large-instruct", "e5-instruct", "mean", f"{SIMILAR} "),
        ("thenlper/gte-large", "gte", "mean", ""),
        ("Alibaba-NLP/gte-large-en-v1.5", "gte-cls", "cls", ""),
        ("Alibaba-NLP/gte-modernbert-base", "gte-cls", "cls", ""),
        ("Alibaba-NLP/gte-Qwen2-1.5B-instruct", "gte-qwen", "last", f"{SIMILAR} "),
        ("Qwen/Qwen3-Embedding-0.6B", "qwen3-embedding", "last", SIMILAR),
        ("sentence-transformers/all-MiniLM-L6-v2", "sbert", "mean", ""),
        ("sentence-transformers/all-mpnet-base-v2", "sbert", "mean", ""),
    ],
)
def test_known_families_are_told_by_name(name, family, pooling, prefix, make_folder):
    found = text_family(make_folder(name))
    assert (found.name, found.pooling, found.prefix, found.normalise) == (family, pooling, prefix, True)
    assert found.pooling_source == "family"


def test_an_unknown_model_takes_the_mean_and_says_that_it_is_the_default(make_folder):
    found = text_family(make_folder("owner/prose5-small"))
    assert (found.name, found.pooling, found.pooling_source, found.prefix) == ("unknown", "mean", "default", "")


@pytest.mark.parametrize(("stated", "pooling"), [("cls_token", "cls"), ("mean_tokens", "mean"), ("lasttoken", "last")])
def test_the_folders_own_pooling_stands_above_the_family(stated, pooling, make_folder):
    found = text_family(make_folder("intfloat/e5-small-v2", sentence_files(stated)))
    assert (found.pooling, found.pooling_source, found.prefix) == (pooling, "folder", "query: ")


def test_pooling_may_be_stated_by_one_word(make_folder):
    files = sentence_files() | {"1_Pooling/config.json": {"pooling_mode": "lasttoken"}}
    assert text_family(make_folder(files=files)).pooling == "last"


def test_a_pooling_file_counts_without_modules_json(make_folder):
    files = sentence_files("cls_token")
    del files["modules.json"]
    assert text_family(make_folder(files=files)).pooling == "cls"


def test_the_default_prompt_of_the_folder_stands_above_the_familys_prefix(make_folder):
    files = sentence_files("mean_tokens", prompts={"query": "q: ", "same": "same: "}, default_prompt="same")
    assert text_family(make_folder("intfloat/e5-small-v2", files)).prefix == "same: "


def test_prompts_for_one_side_of_a_search_are_not_taken(make_folder):
    files = sentence_files("cls_token", prompts={"query": "Represent this sentence for searching: "})
    assert text_family(make_folder("BAAI/bge-base-en-v1.5", files)).prefix == ""


@pytest.mark.parametrize(("name", "normalised"), [("owner/nameless", False), ("Alibaba-NLP/gte-modernbert-base", True)])
def test_only_an_unknown_model_without_normalisation_keeps_its_lengths(name, normalised, make_folder):
    assert text_family(make_folder(name, sentence_files("cls_token", normalise=False))).normalise is normalised


def test_longest_input_and_lower_case_are_the_folders(make_folder):
    files = sentence_files(max_length=40)
    files["sentence_bert_config.json"]["do_lower_case"] = True
    found = text_family(make_folder(files=files))
    assert (found.max_length, found.lower_case) == (40, True)


def test_a_family_may_be_named(make_folder):
    assert text_family(make_folder("owner/my-copy"), "e5") == TEXT_FAMILIES["e5"][1]
    assert text_family(make_folder("intfloat/e5-small"), "unknown").prefix == ""


def test_an_unknown_family_is_answered_with_the_known_ones(make_folder):
    with pytest.raises(HubEncoderError, match='unknown text family "e6". Known: e5-instruct, e5, bge-m3'):
        text_family(make_folder(), "e6")


def test_modules_that_are_not_here_are_refused(make_folder):
    files = sentence_files()
    files["modules.json"].append({"idx": 3, "path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    with pytest.raises(HubEncoderError, match="needs the modules Dense"):
        text_family(make_folder(files=files))


@pytest.mark.parametrize(
    ("pooling", "found"),
    [
        ({"pooling_mode_cls_token": False, "pooling_mode_max_tokens": True}, "found max"),
        ({"pooling_mode_mean_tokens": True}, "found cls, mean"),
        ({"pooling_mode_cls_token": False}, "found none"),
        ({"pooling_mode": ["mean", "max"]}, "found mean, max"),
    ],
)
def test_pooling_that_is_not_here_is_refused(pooling, found, make_folder):
    with pytest.raises(HubEncoderError, match=found):
        text_family(make_folder(files=sentence_files("cls_token", **pooling)))


def test_a_prompt_left_out_of_the_pooling_is_refused_only_where_there_is_one(make_folder):
    files = sentence_files("mean_tokens", include_prompt=False)
    assert text_family(make_folder("thenlper/gte-base", files)).pooling == "mean"
    with pytest.raises(HubEncoderError, match="leaves its prompt out"):
        text_family(make_folder("intfloat/e5-base", files))


def test_a_default_prompt_that_is_not_among_them_is_refused(make_folder):
    with pytest.raises(HubEncoderError, match='the prompt "same"'):
        text_family(make_folder(files=sentence_files(default_prompt="same")))
