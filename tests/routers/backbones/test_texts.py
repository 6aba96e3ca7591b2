"""Backbones that read texts alone: every architecture learns, padding changes nothing, and what cannot be used."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from tests.families import packed_problem
from tests.hub_models import save_image_model, save_text_model, sentence_files
from vlrouterbench.core.errors import BenchmarkError, RouterError, UnknownNameError
from vlrouterbench.data.table import load_table
from vlrouterbench.features.backbones import BackboneOptions, open_backbone
from vlrouterbench.features.inputs import text_inputs
from vlrouterbench.features.options import fusion_of
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.backbones.texts import TEXT_KINDS
from vlrouterbench.routers.encoders.sample_input import RouterInput
from vlrouterbench.routers.families.modeling_vlc import VLCRouter, VLCRouterConfig

TEXTS = (
    "what is the average",
    "which one shows a cat or a dog in this chart, look closely at the upper right",
    "read total",
)
SAMPLES = [RouterInput(text, hint="text at left" if text == "read total" else "") for text in TEXTS]


def _router(encoder):
    candidates = [{"name": name, "mean_cost_usd": 0.001} for name in "abc"]
    router = VLCRouter(VLCRouterConfig(candidates=candidates, encoder=encoder.config, dropout=0.0))
    router.adopt(encoder)
    return router


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_each_architecture_learns_from_its_own_weights_and_padding_changes_no_score(kind, simulated_table, tmp_path):
    folder = save_text_model(tmp_path / "model", kind)
    router = _router(open_backbone(BackboneOptions(str(folder)), simulated_table)).eval()
    own = transformers.AutoModel.from_pretrained(folder).state_dict()
    kept = router.backbone.model.state_dict()
    assert all(torch.equal(kept[name], own[name]) for name in kept)
    assert set(own) - set(kept) <= {"pooler.dense.weight", "pooler.dense.bias"}
    torch.nn.init.normal_(router.head.weight)
    rows = router.encoder.encode(SAMPLES)
    with torch.no_grad():
        together = router.score(rows)
        alone = torch.cat([router.score(router.encoder.encode([sample])) for sample in SAMPLES])
    assert len({router.encoder.encode([sample]).shape[1] for sample in SAMPLES}) == 3
    assert torch.allclose(together, alone, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3
    optimizer = torch.optim.AdamW(router.parameters(), lr=1e-2)
    losses = []
    for _ in range(8):
        losses.append(loss := router(features=rows, labels=torch.tensor([0, 1, 2])).loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1].item() < 0.7 * losses[0].item()


def test_prefix_pooling_and_length_are_those_of_the_family(simulated_table, tmp_path):
    plain = save_text_model(tmp_path / "plain", "bert")
    first = save_text_model(tmp_path / "first", "bert", files=sentence_files("cls_token"))
    e5 = save_text_model(tmp_path / "multilingual-e5-small", "bert")
    configs = [open_backbone(BackboneOptions(str(folder)), simulated_table).config for folder in (plain, first, e5)]
    assert [(config["backbone"]["pooling"], config["prefix"]) for config in configs] == [
        ("mean", ""),
        ("cls", ""),
        ("mean", "query: "),
    ]
    assert [config["max_tokens"] for config in configs] == [64, 64, 64]


def test_a_long_text_loses_its_hint_first_and_the_number_of_such_texts_is_stated(easy_folder):
    table = load_table(easy_folder)
    problem = packed_problem(easy_folder, "tiny-bert", max_tokens=24)
    encoder = problem.features.encoder
    texts = [sample.text for sample in text_inputs(table)]
    longer = sum(len(ids) > 24 for ids in encoder.tokenizer(texts)["input_ids"])
    described = problem.features.describe()
    assert described == {
        "backbone": "tiny-bert",
        "max_tokens": 24,
        "modality": "text",
        "masked_images": 0,
        "shortened_texts": longer,
    }
    assert 0 < longer < len(texts)
    asked = RouterInput("Which one is it?", hint="far away " * 40)
    kept = encoder.tokenizer.decode(encoder.token_rows([asked])[0].clip(min=0), skip_special_tokens=True)
    assert kept.startswith("which one is it?") and "far away" in kept


def test_a_saved_router_of_texts_routes_by_them_alone(text_router_folder, easy_folder):
    router = AutoRouter.from_pretrained(text_router_folder)
    problem = packed_problem(easy_folder, "tiny-bert", max_tokens=24)
    with torch.no_grad():
        scores = router.score(problem.validation_features)
    few = problem.validation.take(np.arange(3))
    for row, sample in zip(scores, text_inputs(few), strict=False):
        decision = router.route(sample.question, Image.new("RGB", (9, 9)), options=sample.options, hint=sample.hint)
        assert list(decision.score.values()) == pytest.approx(row.tolist(), abs=1e-5)
        assert not decision.image_used
    assert "It reads text (up to 24 tokens) alone through `tiny-bert`" in (text_router_folder / "README.md").read_text()


def test_a_backbone_of_two_modalities_reads_one_where_that_is_asked_for(simulated_table):
    noise = Image.effect_noise((80, 60), 80).convert("RGB")
    pictures, texts = [noise, None], ["what is the total", "which"]

    def answers(modality):
        router = _router(open_backbone(BackboneOptions("tiny-siglip", 32, modality=modality), simulated_table)).eval()
        torch.nn.init.normal_(router.head.weight)
        rows = [router.encoder.encode([RouterInput(text, image=image)]) for text in texts for image in pictures]
        with torch.no_grad():
            return {tuple(router.score(row)[0].tolist()) for row in rows}

    assert [len(answers(modality)) for modality in (None, "both", "text", "image")] == [4, 4, 2, 2]


def test_a_modality_of_features_is_the_fusion_of_that_part():
    assert [fusion_of(name, "concat") for name in (None, "both", "text", "image")] == [
        "concat",
        "concat",
        "text-only",
        "image-only",
    ]
    assert fusion_of("both", "average") == "average"
    for modality, fusion in (("text", "average"), ("both", "text-only"), ("image", "text-only")):
        with pytest.raises(BenchmarkError, match=f"--modality {modality} or --fusion {fusion}, found both"):
            fusion_of(modality, fusion)
    for wrong in (lambda: fusion_of("txt", "concat"), lambda: BackboneOptions(modality="txt")):
        with pytest.raises(UnknownNameError, match='Did you mean "text"'):
            wrong()


def _without_tokenizer(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()


def _in_pickle_alone(folder):
    model = transformers.AutoModel.from_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def _with_code_of_its_own(folder):
    content = json.loads((folder / "config.json").read_text())
    content["auto_map"] = {"AutoModel": "modeling_own.OwnModel"}
    (folder / "config.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_without_tokenizer, "expected a tokenizer in .*found none"),
        (_in_pickle_alone, "model.safetensors in .*found pytorch_model.bin alone, which is a pickle.*save_pretrained"),
        (_with_code_of_its_own, "needs code of its own .auto_map.*never run"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(spoil, said, simulated_table, tmp_path):
    spoil(folder := save_text_model(tmp_path / "model"))
    with pytest.raises((RouterError, BenchmarkError), match=said) as caught:
        open_backbone(BackboneOptions(str(folder)), simulated_table)
    assert "\n" not in str(caught.value)


def test_models_of_another_kind_and_options_without_a_use_are_refused(simulated_table, tmp_path):
    vision = save_image_model(tmp_path / "vit", "vit")
    with pytest.raises(RouterError, match="texts .bert, .*found vit, which reads images alone, at "):
        open_backbone(BackboneOptions(str(vision), modality="text"), simulated_table)
    decoder = save_text_model(tmp_path / "qwen", "qwen3")
    with pytest.raises(RouterError, match="found qwen3, which is not used here"):
        open_backbone(BackboneOptions(str(decoder)), simulated_table)
    texts = str(save_text_model(tmp_path / "texts"))
    for options, said in (
        ({"modality": "image"}, "modality image: .*reads texts alone.*lxmert"),
        ({"modality": "both"}, "modality both: .*reads texts alone"),
        ({"image_size": 32}, "image_size: .*reads no images"),
        ({"max_tokens": 65}, "reads texts of 3 .*to 64 tokens, 65 were asked for"),
        ({"max_tokens": 2}, "reads texts of 3 .*to 64 tokens, 2 were asked for"),
    ):
        with pytest.raises(RouterError, match=said):
            open_backbone(BackboneOptions(texts, **options), simulated_table)
    shutil.rmtree(texts)
    with pytest.raises(BenchmarkError, match="expected a model folder, found none"):
        open_backbone(BackboneOptions(texts), simulated_table)
