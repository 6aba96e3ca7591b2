"""Opening backbones: small random ones, folders of real model classes, and clear answers to everything else."""

import json

import pytest
import torch
import transformers

from tests.families import packed_problem
from tests.hub_models import TEXT_SIZE, VISION_SIZE, save_image_model, word_tokenizer
from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.data.table import load_table
from vlrouterbench.features.backbones import BackboneOptions, open_backbone
from vlrouterbench.features.choices import choice_of
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.features.tiny_backbones import TINY
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router

PAIR = {"text_config": TEXT_SIZE | {"max_position_embeddings": 24}, "vision_config": VISION_SIZE}

DECODERS = ("smolvlm", "qwen2_5_vl")
AROUND = {
    "smolvlm": ["<fake_token_around_image>", "<global-img>"],
    "qwen2_5_vl": ["<|vision_start|>", "<|vision_end|>"],
}


def _save_backbone(folder, kind):
    torch.manual_seed(0)
    tokenizer = word_tokenizer()
    tokenizer.add_tokens(AROUND.get(kind, []), special_tokens=True)
    size = {"vocab_size": len(tokenizer)}
    text = PAIR["text_config"] | size | {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    joint = size | {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48}
    config = {
        "lxmert": lambda: transformers.LxmertConfig(**joint, l_layers=1, r_layers=1, x_layers=1, visual_feat_dim=40),
        "visual_bert": lambda: transformers.VisualBertConfig(**joint, num_hidden_layers=1, visual_embedding_dim=40),
        "siglip": lambda: transformers.SiglipConfig(**PAIR | {"text_config": text | {"projection_size": 32}}),
        "clip": lambda: transformers.CLIPConfig(**PAIR | {"text_config": text}, projection_dim=24),
        "smolvlm": lambda: transformers.SmolVLMConfig(**TINY["tiny-smolvlm"][1](len(tokenizer), 24, 32)),
        "qwen2_5_vl": lambda: transformers.Qwen2_5_VLConfig(**TINY["tiny-qwen2.5-vl"][1](len(tokenizer), 24, 32)),
    }[kind]()
    # Decoders are published with the head that writes text.
    auto = transformers.AutoModelForImageTextToText if kind in DECODERS else transformers.AutoModel
    auto.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if kind in ("siglip", "clip"):
        settings = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4], "image_processor_type": "X"}
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize("kind", ["lxmert", "visual_bert", "siglip", "clip", *DECODERS])
def test_a_folder_trains_from_its_own_weights_and_travels_with_the_router(kind, easy_folder, tmp_path):
    source = _save_backbone(tmp_path / "model", kind)
    problem = packed_problem(easy_folder, str(source), image_size=32)
    arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=1, options={"freeze_backbone": True})
    trained = train_router("vlc", problem, arguments)
    own = transformers.AutoModel.from_pretrained(source).state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in trained.router.backbone.model.state_dict().items())
    save_router(trained, tmp_path / "router")
    for path in source.iterdir():
        path.unlink()
    again = AutoRouter.from_pretrained(tmp_path / "router")
    assert again.route("What is the total?").as_dict() == trained.router.route("What is the total?").as_dict()


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("smolvlm", ["<fake_token_around_image>", "<global-img>"], ["<fake_token_around_image>"]),
        ("qwen2_5_vl", ["<|vision_start|>"], ["<|vision_end|>"]),
    ],
)
def test_a_decoder_gets_what_its_tokenizer_has_around_a_picture(kind, before, after, simulated_table, tmp_path):
    encoder = open_backbone(BackboneOptions(str(_save_backbone(tmp_path / kind, kind))), simulated_table)
    around = [encoder.config["backbone"][name] for name in ("before", "after")]
    assert [encoder.tokenizer.convert_ids_to_tokens(ids) for ids in around] == [before, after]


def test_settings_of_pictures_and_texts_are_the_models_own(easy_folder, tmp_path):
    source = _save_backbone(tmp_path / "model", "siglip")
    config = open_backbone(BackboneOptions(str(source)), load_table(easy_folder)).config
    assert (config["image_size"], config["max_tokens"], config["image_mean"]) == (32, 24, [0.4, 0.5, 0.6])


def test_a_vit_gives_patch_tokens_with_its_own_weights(easy_folder, tmp_path):
    source, vision = _save_backbone(tmp_path / "model", "lxmert"), save_image_model(tmp_path / "vit", "vit")
    problem = packed_problem(easy_folder, str(source), patches=str(vision))
    arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=1, options={"freeze_backbone": True})
    backbone = train_router("vlc", problem, arguments).router.backbone
    own = transformers.AutoModel.from_pretrained(vision).state_dict()
    kept = backbone.patches.vision.state_dict()
    assert torch.equal(own["embeddings.cls_token"], kept["embeddings.cls_token"])
    assert backbone.patches.per_side == 4


@pytest.mark.parametrize("name", ["uniter", "ViLBERT"])
def test_models_that_transformers_lacks_are_said_to_be_so(name, simulated_table):
    with pytest.raises(RouterError, match=f"{name}: transformers has no such model"):
        open_backbone(BackboneOptions(name), simulated_table)


def test_unknown_name_is_answered_with_the_known_ones(simulated_table):
    with pytest.raises(UnknownNameError, match='Did you mean "tiny-lxmert".*tiny-visualbert, tiny-siglip'):
        open_backbone(BackboneOptions("tiny-lxmrt"), simulated_table)
    with pytest.raises(UnknownNameError, match='unknown backbone .* "". Known: tiny-lxmert'):  # not this folder
        open_backbone(BackboneOptions(""), simulated_table)
    with pytest.raises(UnknownNameError, match='unknown text encoder "". Known: builtin'):
        choice_of("text", FeatureOptions(text=""))
    with pytest.raises(RouterError, match="expected max_length >= 1, found 0"):  # as the option is called
        BackboneOptions(max_tokens=0)


def test_a_size_that_patches_do_not_divide_is_refused(simulated_table):
    with pytest.raises(RouterError, match="16-pixel patches divide, found 50"):
        open_backbone(BackboneOptions("tiny-lxmert", image_size=50), simulated_table)
