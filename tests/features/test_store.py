"""The vector store: what was written is found by content, a damaged shard is not, a full disk leaves what there was."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.features.store import VectorStore


def _digests(*names):
    return [hashlib.sha256(name.encode()).digest() for name in names]


@given(st.lists(st.text(max_size=5), min_size=1, max_size=20, unique=True), st.integers(1, 7))
@examples(25)
def test_vectors_are_found_by_the_digest_of_their_input(tmp_path_factory, names, dim):
    store = VectorStore(tmp_path_factory.mktemp("store") / "deep")
    vectors = np.random.default_rng(0).normal(size=(len(names), dim)).astype(np.float32)
    half = len(names) // 2
    for part in (slice(0, half), slice(half, None)):
        if len(names[part]):
            store.write(_digests(*names[part]), vectors[part])
    found = store.load()
    assert len(found) == len(names)
    for digest, vector in zip(_digests(*names), vectors, strict=True):
        assert np.array_equal(found[digest], vector)


def test_an_empty_store_holds_nothing(tmp_path):
    assert VectorStore(tmp_path / "none").load() == {}


def test_the_same_inputs_are_the_same_file_and_others_another(tmp_path):
    store, vectors = VectorStore(tmp_path), np.ones((2, 3), np.float32)
    first, again = (store.write(_digests("a", "b"), vectors) for _ in range(2))
    assert first == again
    assert store.write(_digests("b", "a"), vectors) != first


@pytest.mark.parametrize("place", [0, 9, 120, 200, -1])
def test_a_flipped_byte_is_never_served(tmp_path, place):
    store = VectorStore(tmp_path)
    path = store.write(_digests("a", "b"), np.arange(6, dtype=np.float32).reshape(2, 3))
    whole = {digest: vector.tolist() for digest, vector in store.load().items()}
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    found = {digest: vector.tolist() for digest, vector in store.load().items()}
    assert found in ({}, whole)


@given(st.integers(0, 10_000))
@examples(60)
def test_any_flip_is_nothing_or_harmless(tmp_path_factory, seed):
    store = VectorStore(tmp_path_factory.mktemp("flip"))
    path = store.write(_digests("a", "b", "c"), np.arange(12, dtype=np.float32).reshape(3, 4))
    whole = {digest: vector.tolist() for digest, vector in store.load().items()}
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(content[: rng.integers(1, len(content) + 1)] if seed % 3 == 0 else content)
    assert {digest: vector.tolist() for digest, vector in store.load().items()} in ({}, whole)


def test_a_full_disk_leaves_the_old_shards_whole(tmp_path, monkeypatch):
    import vlrouterbench.features.store as module

    store = VectorStore(tmp_path)
    path = store.write(_digests("a"), np.ones((1, 3), np.float32))
    before = path.read_bytes()

    def full(content, staging, metadata):
        staging.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    for name in ("a", "b"):
        with pytest.raises(VLRouterBenchError, match="expected space to write"):
            store.write(_digests(name), np.zeros((1, 3), np.float32))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
