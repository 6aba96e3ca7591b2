"""Where a model's files are: a folder, the Hub's cache, or an error at once that says how to mend it."""

import shutil
import socket

import pytest

from tests.hub_models import save_text_model
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, ModelFolder, find_folder

COMMIT = "a" * 40


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    return save_text_model(tmp_path_factory.mktemp("models") / "my-e5-small")


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """An empty cache of the Hub, and a function that puts a folder there as a repository's newest commit."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))

    def put(folder, repo_id):
        repository = tmp_path / f"models--{repo_id.replace('/', '--')}"
        shutil.copytree(folder, repository / "snapshots" / COMMIT)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(COMMIT)

    return put


def test_a_local_folder_is_named_by_its_content_and_last_component(model_folder, tmp_path):
    found = find_folder(model_folder)
    assert (found.name, found.revision, found.path) == ("my-e5-small", None, model_folder)
    copy = tmp_path / "elsewhere"
    shutil.copytree(model_folder, copy)
    assert find_folder(copy).sha256 == found.sha256
    (copy / "README.md").write_text("A card is not the model.")
    assert find_folder(copy).sha256 == found.sha256
    (copy / "tokenizer_config.json").write_text("{}")
    assert find_folder(copy).sha256 != found.sha256


def test_a_model_of_the_cache_is_named_by_its_commit(model_folder, hub_cache):
    hub_cache(model_folder, "owner/e5-small")
    for revision in (None, "main", COMMIT):
        found = find_folder("owner/e5-small", revision)
        assert found.describe() == {"id": "owner/e5-small", "revision": COMMIT, "sha256": None}
    assert ModelFolder(str(found.path), found.path, None).name == "owner/e5-small"


def test_offline_and_not_cached_is_said_at_once(hub_cache):
    with pytest.raises(HubEncoderError, match=r"owner/e5-small at revision v1 is not .* HF_HUB_OFFLINE.*local folder"):
        find_folder("owner/e5-small", "v1")


def test_a_cached_model_without_its_weights_is_not_whole(model_folder, hub_cache, tmp_path):
    partial = tmp_path / "partial"
    shutil.copytree(model_folder, partial, ignore=shutil.ignore_patterns("*.safetensors"))
    hub_cache(partial, "owner/partial")
    with pytest.raises(HubEncoderError, match="not in the Hub's cache, whole"):
        find_folder("owner/partial")


def test_a_hub_that_does_not_answer_is_said_without_retries(hub_cache, monkeypatch):
    from huggingface_hub import constants

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    with pytest.raises(HubEncoderError, match=f"owner/e5-small is not .* {endpoint} does not answer.*local folder"):
        find_folder("owner/e5-small")


def test_a_folder_that_is_not_there_is_no_hub_id(tmp_path):
    for source in (tmp_path / "nothing", "./nothing", "models/of/mine"):
        with pytest.raises(HubEncoderError, match="expected a model folder, found none"):
            find_folder(source)


def test_a_name_that_no_repository_has_is_refused(hub_cache):
    with pytest.raises(HubEncoderError, match='found neither at "owner/--a b"'):
        find_folder("owner/--a b")


def test_a_revision_of_a_local_folder_is_refused(model_folder):
    with pytest.raises(HubEncoderError, match="leave it out"):
        find_folder(model_folder, "main")


@pytest.mark.parametrize(
    ("left_out", "message"), [("*.safetensors", "expected weights"), ("config.json", "config.json")]
)
def test_a_folder_without_weights_or_configuration_is_refused(left_out, message, model_folder, tmp_path):
    shutil.copytree(model_folder, tmp_path / "copy", ignore=shutil.ignore_patterns(left_out))
    with pytest.raises(HubEncoderError, match=message):
        find_folder(tmp_path / "copy")


def test_damaged_json_is_named(model_folder):
    folder = find_folder(model_folder)
    assert folder.read_json("nothing.json") is None
    (model_folder / "damaged.json").write_text("{")
    with pytest.raises(HubEncoderError, match=r"damaged.json is not readable as JSON"):
        folder.read_json("damaged.json")
    (model_folder / "damaged.json").unlink()
