"""Text encoders of the Hub: the vectors that plain transformers gives, for every family's rule."""

import json
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.hub_models import save_image_model, save_text_model, sentence_files, word_tokenizer
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError
from vlrouterbench.routers.encoders.hub.text import HubTextEncoder
from vlrouterbench.routers.encoders.sample_input import RouterInput

SAMPLES = [
    RouterInput("What is the average of tallest bars?"),
    RouterInput("Which one shows a cat?", ("left", "right edge of this page"), "Look closely."),
    RouterInput("Read."),
]
# A folder's name tells the family; the model inside is a small random one of the same class.
CASES = [
    ("bge-m3", "xlm-roberta", "cls", ""),
    ("e5-small-v2", "bert", "mean", "query: "),
    ("multilingual-e5-base", "xlm-roberta", "mean", "query: "),
    ("gte-large", "bert", "mean", ""),
    ("gte-modernbert-base", "modernbert", "cls", ""),
    (
        "Qwen3-Embedding-0.6B",
        "qwen3",
        "last",
        "Instruct: Retrieve semantically similar text.\nQuery:",
    ),
    ("nameless", "bert", "mean", ""),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("text")
    return {name: save_text_model(root / name, kind, max_length=96) for name, kind, _, _ in CASES}


def _plain(folder, pooling, prefix):
    """Vectors of the samples by transformers alone, one text at a time and so without any padding."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    rows = []
    for sample in SAMPLES:
        with torch.no_grad():
            hidden = model(**tokenizer(prefix + sample.text, return_tensors="pt")).last_hidden_state[0]
        vector = {"cls": hidden[0], "mean": hidden.mean(dim=0), "last": hidden[-1]}[pooling]
        rows.append(vector / vector.norm())
    return torch.stack(rows)


@pytest.mark.parametrize(("name", "kind", "pooling", "prefix"), CASES, ids=[case[0] for case in CASES])
def test_vectors_are_those_of_plain_transformers(name, kind, pooling, prefix, folders):
    encoder = HubTextEncoder(folders[name])
    vectors = encoder.encode(SAMPLES)
    assert vectors.shape == (3, encoder.dim) == (3, 32) and vectors.dtype == torch.float32
    torch.testing.assert_close(vectors, _plain(folders[name], pooling, prefix), atol=1e-5, rtol=0)
    assert (vectors @ vectors.T).fill_diagonal_(0).max() < 0.999, "different texts have different vectors"


@pytest.mark.parametrize("name", ["bge-m3", "gte-modernbert-base", "Qwen3-Embedding-0.6B", "e5-small-v2"])
def test_a_row_alone_is_the_row_of_a_batch(name, folders):
    encoder = HubTextEncoder(folders[name])
    alone = torch.cat([encoder.encode([sample]) for sample in SAMPLES])
    torch.testing.assert_close(encoder.encode(SAMPLES), alone, atol=1e-5, rtol=0)


def test_the_description_says_what_the_vectors_depend_on(folders):
    encoder = HubTextEncoder(folders["e5-small-v2"])
    described = json.loads(json.dumps(encoder.describe()))
    assert len(described.pop("sha256")) == 64
    assert described == {
        "id": str(folders["e5-small-v2"]),
        "revision": None,
        "family": "e5",
        "pooling": "mean",
        "prefix": "query: ",
        "normalise": True,
        "max_length": 96,
        "dtype": "float32",
        "version": 1,
    }
    assert HubTextEncoder(folders["nameless"]).describe()["pooling"] == "mean (default)"


def test_a_named_family_is_that_family_under_any_name(folders, tmp_path):
    shutil.copytree(folders["e5-small-v2"], tmp_path / "copy")
    expected = HubTextEncoder(folders["e5-small-v2"]).encode(SAMPLES)
    assert torch.equal(HubTextEncoder(tmp_path / "copy", family="e5").encode(SAMPLES), expected)
    assert not torch.allclose(HubTextEncoder(tmp_path / "copy").encode(SAMPLES), expected, atol=1e-3)


def test_the_folders_own_files_are_followed(tmp_path):
    files = sentence_files(
        "cls_token", normalise=False, prompts={"same": "text: "}, default_prompt="same", max_length=12
    )
    folder = save_text_model(tmp_path / "own", files=files)
    encoder = HubTextEncoder(folder)
    assert encoder.max_length == 12
    short = [RouterInput("Read total from invoice.")]
    model, tokenizer = transformers.AutoModel.from_pretrained(folder).eval(), word_tokenizer()
    with torch.no_grad():
        expected = model(**tokenizer("text: Read total from invoice.", return_tensors="pt")).last_hidden_state[:, 0]
    torch.testing.assert_close(encoder.encode(short), expected, atol=1e-5, rtol=0)
    assert abs(float(expected.norm()) - 1) > 0.1


def test_a_text_over_the_limit_keeps_its_question(folders):
    encoder = HubTextEncoder(folders["nameless"], max_length=9)
    bare = RouterInput("Which one shows a cat?")
    full = RouterInput(bare.question, ("left", "right"), "look closely " * 200)
    assert len(encoder.tokens(full)) == 9
    assert encoder.tokens(bare)[:-1] == encoder.tokens(full)[:7]
    assert encoder.encode([full]).isfinite().all()


@pytest.mark.parametrize(
    ("kind", "positions", "limit"), [("bert", 64, 64), ("xlm-roberta", 64, 64), ("qwen3", 128, 128)]
)
def test_the_longest_input_is_what_the_model_has_positions_for(kind, positions, limit, tmp_path):
    encoder = HubTextEncoder(save_text_model(tmp_path / kind, kind, max_length=positions))
    assert encoder.max_length == limit
    long = RouterInput("which chart shows a cat " * 100)
    assert len(encoder.tokens(long)) == limit
    assert encoder.encode([long]).isfinite().all()
    with pytest.raises(HubEncoderError, match=f"reads at most {limit} tokens, {limit + 1} were asked for"):
        HubTextEncoder(tmp_path / kind, max_length=limit + 1)


def test_a_limit_that_leaves_no_room_for_text_is_refused(folders):
    with pytest.raises(HubEncoderError, match="max_length over 4"):  # [CLS] query : [SEP]
        HubTextEncoder(folders["e5-small-v2"], max_length=4)


def test_a_text_without_tokens_and_a_batch_without_rows_have_zeros(tmp_path):
    folder = save_text_model(tmp_path / "bare")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    encoder = HubTextEncoder(folder)
    vectors = encoder.encode([RouterInput(""), SAMPLES[0]])
    assert not vectors[0].any() and vectors[1].any()
    assert encoder.encode([]).shape == (0, 32)


def test_an_encoder_without_a_pooler_is_whole_but_one_without_a_layer_is_not(folders, tmp_path):
    shutil.copytree(folders["nameless"], tmp_path / "copy")
    path = tmp_path / "copy" / "model.safetensors"
    weights = {name: weight for name, weight in load_file(path).items() if not name.startswith("pooler")}
    save_file(weights, path, metadata={"format": "pt"})
    expected = HubTextEncoder(folders["nameless"]).encode(SAMPLES)
    assert torch.equal(HubTextEncoder(tmp_path / "copy").encode(SAMPLES), expected)
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(HubEncoderError, match=r"none for encoder\.layer\.1\.output\.dense\.weight"):
        HubTextEncoder(tmp_path / "copy")


def test_damaged_weights_are_named(folders, tmp_path):
    shutil.copytree(folders["nameless"], tmp_path / "copy")
    (tmp_path / "copy" / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(HubEncoderError, match="cannot be loaded"):
        HubTextEncoder(tmp_path / "copy")


def test_weights_of_old_form_are_read(folders, tmp_path):
    shutil.copytree(folders["bge-m3"], tmp_path / "bge-m3")
    path = tmp_path / "bge-m3" / "model.safetensors"
    torch.save(load_file(path), tmp_path / "bge-m3" / "pytorch_model.bin")
    path.unlink()
    expected = HubTextEncoder(folders["bge-m3"]).encode(SAMPLES)
    assert torch.equal(HubTextEncoder(tmp_path / "bge-m3").encode(SAMPLES), expected)


def test_a_model_with_code_of_its_own_is_refused_and_its_code_not_run(folders, tmp_path):
    shutil.copytree(folders["nameless"], tmp_path / "copy")
    path = tmp_path / "copy" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoModel": "own.Model"}}))
    (tmp_path / "copy" / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(HubEncoderError, match="code of its own"):
        HubTextEncoder(tmp_path / "copy")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["clip", "vit"])
def test_an_image_model_is_no_text_encoder(kind, tmp_path):
    with pytest.raises(HubEncoderError, match="give it as the image encoder"):
        HubTextEncoder(save_image_model(tmp_path / kind, kind))


def test_a_model_of_an_unknown_type_or_of_two_halves_is_refused(folders, tmp_path):
    shutil.copytree(folders["nameless"], tmp_path / "copy")
    path = tmp_path / "copy" / "config.json"
    path.write_text(json.dumps({"model_type": "new"}))
    with pytest.raises(HubEncoderError, match="not one that transformers knows"):
        HubTextEncoder(tmp_path / "copy")
    transformers.T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2).save_pretrained(tmp_path / "copy")
    with pytest.raises(HubEncoderError, match="found a t5"):
        HubTextEncoder(tmp_path / "copy")


def test_a_folder_without_tokenizer_is_refused(folders, tmp_path):
    shutil.copytree(folders["nameless"], tmp_path / "copy", ignore=shutil.ignore_patterns("tokenizer*"))
    with pytest.raises(HubEncoderError, match="tokenizer"):
        HubTextEncoder(tmp_path / "copy")


@pytest.mark.parametrize(("dtype", "message"), [("bfloat16", "is for a GPU"), ("int8", "expected one of the types")])
def test_half_precision_is_for_a_gpu(dtype, message, folders):
    with pytest.raises(HubEncoderError, match=message):
        HubTextEncoder(folders["nameless"], dtype=dtype)
