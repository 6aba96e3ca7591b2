"""A saved router that was changed in any way is refused with one message, or decides exactly as before.

A number seeds each change: of config.json (values, names, order, bytes) or of the weights and what lies beside them.
`make fuzz` runs thousands of them over every family.
"""

import json
import logging
import random
import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tests.families import small_router
from tests.series import LONG, examples
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.binding import bind
from vlrouterbench.routers.base.decision import REFUSALS
from vlrouterbench.routers.registry import END_TO_END, FAMILIES, ROUTERS

OWN = {
    "flagship": {"memory_size": 9, "num_landmarks": 6},
    **dict.fromkeys(("knn", "prknn", "context-nn"), {"memory_size": 9}),
}
QUESTIONS = ("What is shown?", "How many bars are above 40?", "Solve $x^2 = 4$ for x > 0.", "")
ODD = (None, True, 0, -1, 1, 3, 1e9, 2**70, 1e-320, "", "a", "x" * 1000, "../../x", [], {}, [[[]]], {"a": 1}, 10**400)
ODD += (float("nan"), float("inf"), -float("inf"), "nan", "\ud800", "\x1b[31m", {"__float__": "NaN"})
STRANGE = {
    "attn_implementation": ("owner/kernel", "sdpa", "flash_attention_2", {"": "owner/kernel"}),
    "_attn_implementation": ("owner/kernel", "eager"),
    "quantization_config": ({"quant_method": "bitsandbytes", "load_in_8bit": True}, {}),
    "transformers_weights": ("../weights.safetensors", "other.safetensors"),
    "dtype": ("float16", "nonsense", 3),
    "torch_dtype": ("bfloat16", "load"),
    "per_layer_config": ({"0": {"hidden_size": 3}},),
    "fusion_config": ({"patch_embeddings": True},),
    "auto_map": ({"AutoModel": "owner/name--modeling_x.X"}, {}, []),
    "architectures": (["BertModel"], "LinearRouter", 3, []),
    "num_labels": (7, "3"),
    "id2label": ({"0": "c", "1": "b", "2": "a"}, {"x": "a"}, []),
    "experts_implementation": ("grouped_mm",),
    "name_or_path": ("owner/name",),
    "is_encoder_decoder": (True,),
    "bound": ({}, [], {"fields": {}}, {"fields": {}, "files": {}}, 3, {"files": {"../x": "0"}}),
    "a field of nobody": (1,),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory, request):
    """Family -> folder of a small router with random weights, and what it decides."""
    root, made = tmp_path_factory.mktemp("saved"), {}
    for family in ROUTERS:
        router = small_router(family, **OWN.get(family, {}))
        generator = torch.Generator().manual_seed(0)
        for tensor in (*router.parameters(), *router.buffers()):
            tensor.data.copy_(torch.rand(tensor.shape, generator=generator))
        router.save_pretrained(root / family)
    for family in END_TO_END if LONG else ():
        shutil.copytree(request.getfixturevalue("end_to_end_folders")[family], root / family)
    for folder in root.iterdir():
        made[folder.name] = folder, decisions(AutoRouter.from_pretrained(folder))
    return made


def decisions(router):
    """What a router decides on a few questions, scores included."""
    return [router.route(question, b"" if not question else None, on_bad_image="text-only") for question in QUESTIONS]


def places(content, way=()):
    """Every place in nested content, as the names and indices that lead there."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [place for name, part in items for place in [(*way, name), *places(part, (*way, name))]]


def change_values(content, rng):
    """Change one value, name or order in a configuration."""
    kind = rng.randrange(5)
    if kind == 0:
        name = rng.choice(list(STRANGE))
        content[name] = rng.choice(STRANGE[name])
        return
    # Digests of code are many, and looked at only where that code may run.
    *way, last = rng.choice([place for place in places(content) if place[0] != "code_sha256"])
    part = content
    for name in way:
        part = part[name]
    if kind == 1 and isinstance(part[last], list | dict) and part[last]:
        items = list(part[last].items()) if isinstance(part[last], dict) else part[last]
        rng.shuffle(items)
        part[last] = dict(items) if isinstance(part[last], dict) else [*items, *items[: rng.randrange(2)]]
    elif kind == 2:
        del part[last]
    elif kind == 3 and isinstance(part[last], int | float):
        part[last] = part[last] * rng.choice([-1, 0, 2, 1.0000001, 1e12]) + rng.choice([0, 1, -1])
    else:
        part[last] = rng.choice(ODD)


def change_config(folder, rng):
    """Change config.json by its content or by its bytes."""
    path = folder / "config.json"
    if rng.random() < 0.85:
        content = json.loads(path.read_text())
        change_values(content, rng)
        path.write_text(json.dumps(content))
        return
    written = bytearray(path.read_bytes())
    place = rng.randrange(len(written))
    kind = rng.randrange(4)
    if kind == 0:
        written[place] = rng.randrange(256)
    elif kind == 1:
        del written[place:]
    elif kind == 2:
        written[place:place] = b"[" * 20_000
    else:
        written[:0] = b"\xef\xbb\xbf"
    path.write_bytes(bytes(written))


def change_weights(folder, rng):
    """Change the tensors, or the bytes, of the weights."""
    path = folder / "model.safetensors"
    if rng.random() < 0.3:
        written = bytearray(path.read_bytes())
        place = rng.randrange(min(len(written), rng.choice([400, 10**9])))
        if rng.random() < 0.5:
            written[place] ^= 1 << rng.randrange(8)
        else:
            del written[place:]
        path.write_bytes(bytes(written))
        return
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    name = rng.choice([name for name, tensor in tensors.items() if tensor.numel()])
    tensor, kind = tensors[name], rng.randrange(7)
    flat = tensor.view(-1)
    if kind == 0 and tensor.is_floating_point():
        flat[rng.randrange(len(flat))] = rng.choice([float("nan"), float("inf"), -float("inf"), 1e38, -5.0])
    elif kind == 1:
        flat.copy_(flat.flip(0))
    elif kind == 2:
        del tensors[name]
    elif kind == 3:
        tensors[f"{name}.more"] = tensor.clone()
    elif kind == 4:
        tensors[name] = tensor.to(rng.choice([torch.float16, torch.float64, torch.int32, torch.float8_e5m2]))
    elif kind == 5:
        tensors[name] = torch.cat([tensor, tensor])
    else:
        flat.mul_(2)
    save_file(tensors, path, metadata={"format": "pt"})


def change_files(folder, rng):
    """Change what lies beside the weights, or where they lie."""
    weights, kind = folder / "model.safetensors", rng.randrange(8)
    outside = folder.parent / "outside.safetensors"
    if kind == 0:
        torch.save(load_file(weights), folder / "pytorch_model.bin")
        if rng.random() < 0.5:
            weights.unlink()
    elif kind == 1:
        shutil.move(weights, outside)
        weights.symlink_to(outside)
    elif kind == 2:
        shutil.move(weights, outside)
        index = {"metadata": {}, "weight_map": dict.fromkeys(load_file(outside), "../outside.safetensors")}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    elif kind == 3:
        weights.unlink()
        weights.mkdir()
    elif kind == 4:
        (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/name", "peft_type": "LORA"}')
    elif kind == 5:
        save_file({"digests": torch.zeros(2, dtype=torch.int64)}, folder / "training_samples.safetensors")
    elif kind == 6:
        save_file({"accuracy": torch.zeros(2, 3)}, folder / "held_out.safetensors")
    else:
        (folder / "added_tokens.json").write_text('{"what": 3}')


def outcome(saved, root, family, number):
    """How a changed router ends: "refused", "same", "warned" (unbound), "bound anew", or else a fault in words."""
    rng, (whole, before) = random.Random(number), saved[family]
    folder = shutil.copytree(whole, root / "router", ignore=shutil.ignore_patterns("*.py", "*.md"))
    rng.choice([change_config, change_config, change_weights, change_files])(folder, rng)
    state = rng.choice(["as it was", "as it was", "unbound", "bound anew"])
    try:
        content = json.loads((folder / "config.json").read_text())
        if state == "unbound":
            content.pop("bound", None)
            (folder / "config.json").write_text(json.dumps(content))
        elif state == "bound anew":
            bind(folder, list(FAMILIES[family].config_class.declared()))
    except (ValueError, OSError, RecursionError, AttributeError, TypeError):
        state = "as it was"
    try:
        after = decisions(AutoRouter.from_pretrained(folder))
    except (VLRouterBenchError, *REFUSALS) as error:
        text = str(error)
        return "refused" if "\n" not in text and len(text) < 1200 else f"a message of {len(text)}: {text[:2000]}"
    if after == before:
        return "same"
    return {"unbound": "warned", "bound anew": "bound anew"}.get(state, f"decides otherwise: {state}")


@pytest.mark.parametrize("family", [*ROUTERS, *(END_TO_END if LONG else ())])
@given(number=st.integers(0, 10**9))
@examples(5)
def test_a_changed_router_is_refused_or_decides_as_before(family, saved, tmp_path_factory, number):
    logging.getLogger("transformers").setLevel(logging.ERROR)
    assert outcome(saved, tmp_path_factory.mktemp("changed"), family, number) in (
        "refused",
        "same",
        "warned",
        "bound anew",
    )
