"""A saved router is one thing: each way in which its parts did not belong together, and what is said of it."""

import json
import logging
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.cli.conftest import run_program
from tests.families import small_router
from vlrouterbench.core.errors import RouterError
from vlrouterbench.routers import EstimatingRouter, EstimatingRouterConfig, RouterConfig
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.binding import BOUND, SavedRouterError, field_digests, file_digest
from vlrouterbench.routers.base.decision import ScoreError
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError
from vlrouterbench.routers.families.modeling_linear import LinearRouter, LinearRouterConfig

WEIGHTS = "model.safetensors"
PRICED = [{"name": name, "input_price": 1.0, "output_price": 2.0, "mean_cost_usd": 0.001} for name in "abc"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A linear router that was saved, over candidates a, b and c; "c" is always chosen."""
    router = small_router("linear")
    router.config.candidates = [dict(one) for one in PRICED]
    router.head.bias.data.copy_(torch.tensor([0.1, 0.2, 0.3]))
    folder = tmp_path_factory.mktemp("whole") / "router"
    router.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy to change."""
    return shutil.copytree(whole, tmp_path / "router")


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def change(folder, *, bound=True, **fields):
    """Change fields of config.json by hand; not bound: as in a router that was saved before."""
    content = config_of(folder) | fields
    if not bound:
        del content[BOUND]
    (folder / "config.json").write_text(json.dumps(content))


def rewrite(folder, name, value):
    """Change a tensor, and record the weights as if they had been saved so."""
    tensors = load_file(folder / WEIGHTS)
    tensors[name] = tensors[name].clone()
    tensors[name].view(-1)[0] = value
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    content = config_of(folder)
    content[BOUND]["files"][WEIGHTS] = file_digest(folder / WEIGHTS)
    (folder / "config.json").write_text(json.dumps(content))


def refusal(folder):
    with pytest.raises(RouterError) as raised:
        AutoRouter.from_pretrained(folder)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 1000
    return str(raised.value)


def test_what_was_saved_loads_with_no_word_and_decides_as_before(folder, caplog):
    assert AutoRouter.from_pretrained(folder).route("What?").candidate == "c"
    assert not caplog.records


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["head.weight", "encoder.text.mean"])
def test_weights_that_are_not_finite_do_not_decide(folder, name, value):
    rewrite(folder, name, value)
    assert f'"{name}" has numbers that are not finite' in refusal(folder)
    done = run_program("route", "--router", folder, "--question", "What?")
    assert done.status == 1 and len(done.errors) == 1


def test_weights_that_are_not_finite_are_not_bound(tmp_path):
    router = small_router("linear")
    router.head.bias.data[1] = float("nan")
    with pytest.raises(SavedRouterError, match=r'"head.bias" has numbers that are not finite'):
        router.save_pretrained(tmp_path)


def test_scores_that_are_not_finite_do_not_decide(folder):
    rewrite(folder, "head.weight", 3e38)
    router = AutoRouter.from_pretrained(folder)
    features = torch.full((1, router.feature_dim), 1e6)
    with pytest.raises(ScoreError, match="LinearRouter scored a sample with NaN or infinity"):
        router.decide_one(features)


def test_candidates_in_another_order_are_refused_with_how_a_pool_is_changed(folder):
    labels = {"id2label": {"0": "c", "1": "b", "2": "a"}, "label2id": {"c": 0, "b": 1, "a": 2}}
    change(folder, candidates=PRICED[::-1], **labels)
    said = refusal(folder)
    assert "changed by hand since it was saved: candidates." in said
    assert "vlrouterbench candidates add" in said


def test_a_price_changed_by_hand_is_refused_with_how_prices_are_changed(folder):
    change(folder, candidates=[PRICED[0] | {"input_price": 3.0}, *PRICED[1:]])
    said = refusal(folder)
    assert "since it was saved: prices." in said and "vlrouterbench candidates price" in said


@pytest.mark.parametrize("bound", [True, False])
@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"input_price": -1}, "expected numbers from 0 to 1e+06, found -1"),
        ({"output_price": 1e9}, "expected numbers from 0 to 1e+06, found 1000000000.0"),
        ({"mean_cost_usd": -0.1}, "expected numbers from 0 to 1e+06"),
        ({"mean_cost_usd": "1"}, "mean_cost_usd is a finite number or null"),
        ({"input_price": float("nan")}, "input_price is a finite number or null"),
        ({"name": None}, "name is a text"),
        ({"name": "b"}, 'each once; found "b"'),
        ({"name": " "}, "expected names of 1 to 200 characters"),
        ({"name": "x" * 100_000}, "expected names of 1 to 200 characters"),
        ({"name": "a", "colour": 1}, "(not colour)"),
    ],
)
def test_a_pool_that_no_router_has_is_refused(folder, entry, said, bound):
    change(folder, candidates=[PRICED[0] | entry, *PRICED[1:]], bound=bound)
    assert said in refusal(folder)


def test_a_candidate_without_a_name_is_refused_and_one_without_a_mean_cost_has_none(folder):
    change(folder, candidates=[{"name": "a"}, *PRICED[1:]], bound=False)
    assert AutoRouter.from_pretrained(folder).route("What?").estimated_cost_usd["a"] is None
    change(folder, candidates=[{"mean_cost_usd": 1.0}, *PRICED[1:]])
    assert "an object with name, input_price, output_price, mean_cost_usd" in refusal(folder)


@pytest.mark.parametrize(
    "fields",
    [
        {"attn_implementation": "owner/kernel"},
        {"_attn_implementation": "owner/kernel"},
        {"attn_implementation": {"": "owner/kernel"}},
        {"quantization_config": {"load_in_8bit": True, "quant_method": "bitsandbytes"}},
        {"transformers_weights": "../other.safetensors"},
        {"experts_implementation": "owner/kernel"},
        {"usd_wieght": 3},
        {"dtype": 3},
        {"architectures": 5},
        {"training": {"seed": float("inf")}},
        {"encoder": {"text": "builtin", "image": "builtin", "version": 3, "text_dim": -4, "image_dim": 2}},
        {"encoder": {"text": "builtin", "backbone": {"config": {"_attn_implementation": "owner/kernel"}}}},
        {"encoder": {"text": "builtin", "backbone": {"config": {"vision": {"quantization_config": {}}}}}},
    ],
)
def test_what_would_make_transformers_load_otherwise_and_what_nobody_declares_is_refused(folder, fields):
    change(folder, bound=False, **fields)
    assert next(iter(fields)).removeprefix("_")[:6] in refusal(folder)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "no such type"])
def test_a_type_in_the_file_changes_nothing(folder, dtype):
    change(folder, dtype=dtype, attn_implementation="eager")
    router = AutoRouter.from_pretrained(folder)
    assert {tensor.dtype for tensor in router.parameters()} == {torch.float32}


def test_weights_in_another_format_are_never_read(folder):
    (folder / "pytorch_model.bin").write_bytes(b"no weights")
    assert AutoRouter.from_pretrained(folder).route("What?").candidate == "c"
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    assert "expected config.json and model.safetensors" in refusal(folder)


def test_an_adapter_or_an_index_beside_the_weights_is_never_looked_for(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/name", "peft_type": "LORA"}')
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"head.weight": "../other.safetensors"}}')
    assert AutoRouter.from_pretrained(folder).route("What?").candidate == "c"
    (folder / WEIGHTS).unlink()
    assert "index of several, are not read" in refusal(folder)


def test_a_link_out_of_the_folder_is_not_followed_and_one_into_the_cache_of_its_repository_is(folder, tmp_path):
    shutil.move(folder / WEIGHTS, tmp_path / "elsewhere.safetensors")
    (folder / WEIGHTS).symlink_to(tmp_path / "elsewhere.safetensors")
    assert "is a link that leads out of the router's folder" in refusal(folder)
    cache = tmp_path / "models--owner--router"
    (cache / "snapshots").mkdir(parents=True)
    snapshot = shutil.copytree(folder, cache / "snapshots" / COMMIT, symlinks=True)
    (cache / "blobs").mkdir()
    shutil.move(tmp_path / "elsewhere.safetensors", cache / "blobs" / "0a")
    (snapshot / WEIGHTS).unlink()
    (snapshot / WEIGHTS).symlink_to("../../blobs/0a")
    assert AutoRouter.from_pretrained(snapshot).route("What?").candidate == "c"


@pytest.mark.parametrize("name", [WEIGHTS, "held_out.safetensors", "processor_config.json"])
def test_a_file_that_was_changed_or_added_is_named(folder, name):
    save_file({"head.weight": torch.zeros(3)}, folder / name)
    assert re.search(rf"{name} was (changed|added) since the router was saved", refusal(folder))


def test_a_size_that_the_weights_do_not_have_is_refused_before_it_is_made(tmp_path):
    small_router("knn", memory_size=3).save_pretrained(tmp_path)
    change(tmp_path, memory_size=100_000_000, bound=False)
    assert "model.safetensors: expected memory of shape (100000000," in refusal(tmp_path)


@pytest.mark.parametrize("content", ["[" * 20_000, '{"candidates": ' + "[" * 20_000, '{"a": NaN', "\x00" * 50])
def test_a_configuration_that_is_none_ends_with_one_message(folder, content):
    (folder / "config.json").write_text(content)
    assert "config.json" in refusal(folder)


def test_a_router_saved_before_loads_with_a_warning_and_is_bound_when_it_is_saved_again(folder, tmp_path, caplog):
    change(folder, bound=False)
    with caplog.at_level(logging.WARNING):
        router = AutoRouter.from_pretrained(folder)
    assert [record.message for record in caplog.records if "saved before routers were bound" in record.message]
    assert router.route("What?").candidate == "c"
    caplog.clear()
    router.save_pretrained(tmp_path / "again")
    assert AutoRouter.from_pretrained(tmp_path / "again").route("What?").candidate == "c"
    assert not caplog.records


def test_a_trade_off_that_is_set_and_saved_is_bound_anew(tmp_path):
    router = small_router("ovr")
    router.save_pretrained(tmp_path)
    router = AutoRouter.from_pretrained(tmp_path)
    router.config.usd_weight = 3.5
    router.save_pretrained(tmp_path)
    assert AutoRouter.from_pretrained(tmp_path).config.usd_weight == 3.5
    change(tmp_path, usd_weight=4.5)
    assert "since it was saved: usd_weight" in refusal(tmp_path)


class LadderConfig(EstimatingRouterConfig):
    """Of a family from outside, declared as docs/own_router.md says."""

    model_type = "ladder"
    ranges = {"height": (1, 9), "steps": (0, 1)}
    choices = {"kind": ("wood", "steel")}

    def __init__(self, height=3, steps: list[float] | None = None, kind: str = "wood", **kwargs):
        self.height, self.steps, self.kind = height, steps or [0.5], kind
        super().__init__(**kwargs)


class LadderRouter(EstimatingRouter):
    config_class = LadderConfig

    def __init__(self, config):
        super().__init__(config)
        self.post_init()

    def estimate(self, features):
        return torch.zeros(len(features), self.num_candidates), self.mean_cost


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"height": 10}, "height: expected numbers from 1 to 9, found 10"),
        ({"height": "3"}, 'height: expected a whole number, found "3"'),
        ({"height": 2.5}, "height: expected a whole number"),
        ({"steps": [0.5, 2]}, "steps: expected numbers from 0 to 1"),
        ({"steps": 0.5}, "steps: expected a list, each item a finite number or null"),
        ({"kind": "glass"}, 'kind: expected one of wood, steel; found "glass"'),
        ({"usd_weight": -1}, "usd_weight: expected numbers from 0"),
        ({"hight": 3}, 'a field "hight", which the router\'s configuration does not declare. Did you mean "height"?'),
    ],
)
def test_a_family_from_outside_declares_types_ranges_and_choices(fields, said):
    with pytest.raises(SavedRouterError, match=re.escape(said)):
        LadderConfig.from_dict({"height": 3, "candidates": PRICED, **fields})


def test_a_field_that_is_not_declared_is_not_saved(tmp_path):
    router = LadderRouter(LadderConfig(candidates=PRICED, encoder=small_router("linear").config.encoder))
    router.config.colour = "red"
    with pytest.raises(SavedRouterError, match=r'a field "colour", which .* make it a parameter'):
        router.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


def test_digests_are_of_names_and_prices_apart_and_of_nothing_that_is_for_people():
    declared = list(RouterConfig.declared())
    before = field_digests({"candidates": PRICED, "transformers_version": "1"}, declared)
    after = field_digests({"candidates": [PRICED[0] | {"input_price": 9}, *PRICED[1:]]}, declared)
    assert {*before} == {"candidates", "prices"}
    assert before["candidates"] == after["candidates"] and before["prices"] != after["prices"]


def pretrained(tmp_path, **description):
    """A router whose text encoder is one of the Hub that is not on this machine."""
    encoder = small_router("linear").config.encoder
    text = {"id": "owner/encoder", "revision": COMMIT, "sha256": None, "dim": 4, "size_bytes": 438_000_000}
    text |= {"max_length": 128, "family": "e5"}
    config = LinearRouterConfig(candidates=PRICED, encoder=encoder | {"text": text | description})
    LinearRouter(config).save_pretrained(tmp_path / "router")
    return tmp_path / "router"


def test_an_encoder_is_not_fetched_unasked_and_its_size_is_said(tmp_path):
    router = AutoRouter.from_pretrained(pretrained(tmp_path))
    with pytest.raises(HubEncoderError) as raised:
        router.route("What?")
    said = str(raised.value)
    assert "owner/encoder (438 MB) is not on this machine, and is not fetched unasked" in said
    assert "--allow-encoder-download" in said and f"hf download owner/encoder --revision {COMMIT}" in said


def test_an_encoder_is_fetched_where_the_caller_allows_it_and_the_router_is_as_it_was_saved(tmp_path):
    folder = pretrained(tmp_path)
    allowed = AutoRouter.from_pretrained(folder, allow_encoder_download=True)
    with pytest.raises(HubEncoderError, match="HF_HUB_OFFLINE is set"):  # so it went to fetch it
        allowed.route("What?")
    asked = ("route", "--router", folder, "--question", "What?")
    assert "is not fetched unasked" in run_program(*asked).err
    assert "HF_HUB_OFFLINE is set" in run_program(*asked, "--allow-encoder-download").err
    encoder = config_of(folder)["encoder"]
    change(folder, encoder=encoder | {"text": encoder["text"] | {"id": "other/encoder"}})
    assert "since it was saved: encoder" in refusal(folder)
    change(folder, encoder=encoder, bound=False)
    with pytest.raises(HubEncoderError, match="nothing says that it was trained with it"):
        AutoRouter.from_pretrained(folder, allow_encoder_download=True).route("What?")


def test_a_local_encoder_is_never_looked_for_on_the_hub(tmp_path):
    folder = pretrained(tmp_path, id="owner/encoder", revision=None, sha256="0" * 64)
    router = AutoRouter.from_pretrained(folder, allow_encoder_download=True)
    with pytest.raises(HubEncoderError, match="is a folder of the machine it was trained on"):
        router.route("What?")


def test_a_score_of_minus_infinity_says_never():
    router = small_router("linear")
    assert router.decided(torch.tensor([[-torch.inf, 0.5, 0.2]])).tolist() == [1]
    with pytest.raises(ScoreError):
        router.decided(torch.full((1, 3), -torch.inf))


def test_a_pool_of_more_candidates_than_there_may_be_is_refused_at_once(folder):
    change(folder, bound=False, candidates=[PRICED[0] | {"name": str(place)} for place in range(10_001)])
    assert "number of candidates: expected numbers from 1 to 10000, found 10001" in refusal(folder)
