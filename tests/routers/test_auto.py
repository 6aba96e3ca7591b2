"""Loading by what config.json says: the right class, and a clear refusal of everything that is not a whole router."""

import contextlib
import json
import re
import shutil
import socket
import threading

import pytest
import torch
from safetensors.torch import load_file, save_file

from vlrouterbench.core.errors import RouterError, UnknownNameError
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.binding import bind
from vlrouterbench.routers.families.modeling_mlp import MLPRouterConfig
from vlrouterbench.routers.registry import ROUTERS, family_name

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(trained_folders, tmp_path):
    """A copy of a trained router, for tests to damage."""
    return shutil.copytree(trained_folders["mlp"], tmp_path / "router")


def _change_config(folder, **values):
    """Change fields, and bind the folder anew: what is refused is then not that it was changed."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    bind(folder, list(MLPRouterConfig.declared()))


@pytest.mark.parametrize("family", ROUTERS)
@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_each_family_is_loaded_as_its_class_and_ready_to_decide(family, kind, trained_folders):
    router = AutoRouter.from_pretrained(kind(trained_folders[family]))
    assert type(router) is ROUTERS[family]
    assert family_name(router) == family
    assert not router.training


def test_folder_written_with_save_pretrained_alone_loads(trained_folders, tmp_path, simulated_problem):
    router = AutoRouter.from_pretrained(trained_folders["linear"])
    router.save_pretrained(tmp_path)
    again = AutoRouter.from_pretrained(tmp_path)
    features = simulated_problem.validation_features
    assert torch.equal(again.score(features), router.score(features))


@pytest.fixture
def silent_hub(monkeypatch):
    """A Hub that hangs up on everyone; gives the connections that it was asked for."""
    from huggingface_hub import constants

    connections = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            with contextlib.suppress(OSError):
                while True:
                    connection, address = server.accept()
                    connections.append(address)
                    connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield connections
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread


def test_a_hub_that_does_not_answer_is_not_asked_again_and_again_and_that_is_said(silent_hub):
    with pytest.raises(RouterError, match='neither at "owner/flagshp", and the Hub does not answer') as raised:
        AutoRouter.from_pretrained("owner/flagshp")
    # Its client would ask six times, and wait longer each time.
    assert len(silent_hub) <= 2 and len(str(raised.value).splitlines()) == 1


def test_a_folder_named_almost_right_is_answered_with_the_one_beside_it(tmp_path, silent_hub):
    folder = tmp_path / "router"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with pytest.raises(RouterError, match=re.escape(f'Did you mean "{folder}"?')):
        AutoRouter.from_pretrained(folder.with_name("ruoter"))
    assert not silent_hub, "no repository has such a name"


def test_unknown_family_is_answered_with_the_nearest(folder):
    _change_config(folder, model_type="vlrouter-mpl", auto_map={})
    with pytest.raises(UnknownNameError, match='unknown router family .*"vlrouter-mpl". Did you mean "vlrouter-mlp"'):
        AutoRouter.from_pretrained(folder)


def test_another_kind_of_model_is_refused(folder):
    _change_config(folder, model_type="bert", auto_map={})
    with pytest.raises(UnknownNameError, match="vlrouter-knn, vlrouter-prknn.*vlrouter-two-tower"):
        AutoRouter.from_pretrained(folder)


def test_where_a_router_brings_code_the_message_is_about_that_code_and_not_about_other_families(folder):
    _change_config(folder, model_type="acme-bilinear")
    with pytest.raises(UnknownNameError, match="brings code of its own .modeling_mlp.py., which is not run") as raised:
        AutoRouter.from_pretrained(folder)
    assert '"acme-bilinear"' in str(raised.value) and "vlrouter-linear" not in str(raised.value)


def test_empty_folder_is_not_a_router(tmp_path):
    with pytest.raises(RouterError, match="config.json, found none in"):
        AutoRouter.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "no/where", "a b/c//d"])
def test_neither_folder_nor_hub_id_is_named(name):
    with pytest.raises(RouterError, match=f'found neither at "{name}"'):
        AutoRouter.from_pretrained(name)


@pytest.mark.parametrize("content", ["{", "", "[]", "null", '"text"', "\ufeff{}"])
def test_config_that_is_no_json_object_is_refused(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(RouterError, match="config.json"):
        AutoRouter.from_pretrained(folder)


@pytest.mark.parametrize("length", [0, 5, 300, 100_000, -1])
def test_truncated_weights_are_refused(folder, length):
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(RouterError, match="cannot be loaded"):
        AutoRouter.from_pretrained(folder)


def test_missing_weights_are_refused(folder):
    (folder / WEIGHTS).unlink()
    with pytest.raises(RouterError, match="model.safetensors"):
        AutoRouter.from_pretrained(folder)


@pytest.mark.parametrize("name", ["head.0.weight", "encoder.text.idf"])
def test_missing_tensor_is_refused_and_not_filled_at_random(folder, name):
    tensors = load_file(folder / WEIGHTS)
    del tensors[name]
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    bind(folder, list(MLPRouterConfig.declared()))
    with pytest.raises(RouterError, match=f"lacks {name}"):
        AutoRouter.from_pretrained(folder)


def test_tensor_of_another_shape_is_refused(folder):
    tensors = load_file(folder / WEIGHTS)
    tensors["head.0.weight"] = tensors["head.0.weight"][:5].clone()
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    bind(folder, list(MLPRouterConfig.declared()))
    with pytest.raises(RouterError, match=r"expected head.0.weight of shape \(256, \d+\), found \(5, \d+\)"):
        AutoRouter.from_pretrained(folder)


@pytest.mark.parametrize("encoder", [{}, {"text": "builtin", "image": "builtin", "version": 3}, None])
def test_incomplete_encoder_configuration_is_refused(folder, encoder):
    _change_config(folder, encoder=encoder)
    with pytest.raises(RouterError, match="cannot be loaded"):
        AutoRouter.from_pretrained(folder)


def test_features_of_another_version_are_refused_with_what_to_do(folder):
    config = json.loads((folder / "config.json").read_text())["encoder"]
    _change_config(folder, encoder=config | {"version": 99})
    with pytest.raises(RouterError, match="load the router with the release that made it"):
        AutoRouter.from_pretrained(folder)


def test_code_in_the_folder_is_never_run(folder, tmp_path):
    for path in folder.glob("*.py"):
        path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    AutoRouter.from_pretrained(folder)
    assert not (tmp_path / "ran").exists()
