"""Signatures: they hold for one file and one benchmark, and whatever is changed breaks them."""

import json
import sys

import pytest

from vlrouterbench.evaluation.leaderboard.ranking import rank_submissions
from vlrouterbench.evaluation.leaderboard.signing import (
    SignatureError,
    fingerprint,
    make_key,
    sign_decisions,
    signature_path,
    verify_decisions,
)
from vlrouterbench.evaluation.leaderboard.submissions import SubmissionError, find_submissions

pytest.importorskip("cryptography", reason="the extra `sign` is not installed")
BENCHMARK = "b" * 64


@pytest.fixture
def signed(tmp_path):
    """A signed file, and its key."""
    (tmp_path / "decisions.parquet").write_bytes(b"decisions")
    make_key(tmp_path / "key.pem")
    sign_decisions(tmp_path / "decisions.parquet", tmp_path / "key.pem", benchmark_sha256=BENCHMARK)
    return tmp_path / "decisions.parquet", tmp_path / "key.pem"


def change(path, **fields):
    signature = signature_path(path)
    signature.write_text(json.dumps(json.loads(signature.read_text()) | fields))


def test_the_public_key_of_a_known_private_one_signs_as_the_standard_says(tmp_path):
    """The first key of RFC 8032, section 7.1."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(private.private_bytes(*kinds))
    (tmp_path / "file").write_bytes(b"")
    shown = sign_decisions(tmp_path / "file", tmp_path / "key.pem", benchmark_sha256=BENCHMARK)
    assert shown == fingerprint(public) == verify_decisions(tmp_path / "file", benchmark_sha256=BENCHMARK)


def test_what_is_not_signed_has_no_fingerprint(tmp_path):
    (tmp_path / "decisions.parquet").write_bytes(b"")
    assert verify_decisions(tmp_path / "decisions.parquet", benchmark_sha256=BENCHMARK) is None


def test_a_changed_file_and_another_benchmark_are_refused(signed):
    path, _ = signed
    with pytest.raises(SignatureError, match="of this benchmark"):
        verify_decisions(path, benchmark_sha256="c" * 64)
    path.write_bytes(b"decisions!")
    with pytest.raises(SignatureError, match="of this file"):
        verify_decisions(path, benchmark_sha256=BENCHMARK)


@pytest.mark.parametrize("field", ["public_key", "signature"])
def test_a_signature_by_another_key_is_refused(signed, tmp_path, field):
    path, _ = signed
    other = tmp_path / "other"
    other.mkdir()
    (other / "decisions.parquet").write_bytes(b"decisions")
    make_key(other / "key.pem")
    sign_decisions(other / "decisions.parquet", other / "key.pem", benchmark_sha256=BENCHMARK)
    change(path, **{field: json.loads(signature_path(other / "decisions.parquet").read_text())[field]})
    with pytest.raises(SignatureError, match="is not valid"):
        verify_decisions(path, benchmark_sha256=BENCHMARK)


@pytest.mark.parametrize("fields", [{"algorithm": "none"}, {"signature": None}, {"public_key": 3}])
def test_a_signature_of_another_form_is_refused(signed, fields):
    change(signed[0], **fields)
    with pytest.raises(SignatureError, match="expected the fields"):
        verify_decisions(signed[0], benchmark_sha256=BENCHMARK)


def test_digests_that_are_rewritten_to_fit_another_file_do_not_help(signed):
    import hashlib

    path, _ = signed
    path.write_bytes(b"other")
    change(path, decisions_sha256=hashlib.sha256(b"other").hexdigest())
    with pytest.raises(SignatureError, match="is not valid"):
        verify_decisions(path, benchmark_sha256=BENCHMARK)


def test_a_key_is_for_its_owner_alone_and_never_overwritten(signed):
    _, key = signed
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    with pytest.raises(SignatureError, match="never overwritten"):
        make_key(key)
    assert key.read_bytes() == before


def test_what_is_no_ed25519_key_is_named(signed, tmp_path):
    (tmp_path / "text.pem").write_text("no key")
    for name, word in (("text.pem", "as PEM"), ("none.pem", "found none")):
        with pytest.raises(SignatureError, match=word):
            sign_decisions(signed[0], tmp_path / name, benchmark_sha256=BENCHMARK)


def test_without_the_library_a_signature_is_an_error_that_names_the_extra(signed, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(SignatureError, match=r"vlrouterbench\[sign\]"):
        verify_decisions(signed[0], benchmark_sha256=BENCHMARK)


def test_the_leaderboard_checks_signatures(benchmark, scored, submit, tmp_path):
    path = submit("one", lambda place: "middle")
    shown = make_key(tmp_path / "key.pem")
    sign_decisions(path, tmp_path / "key.pem", benchmark_sha256=scored.sha256)
    records = rank_submissions(find_submissions([str(path)]), benchmark).records
    assert [r["signed_by"] for r in records if r["kind"] == "submission"] == [shown]
    change(path, public_key="AAAA")
    with pytest.raises(SubmissionError, match="is not valid"):
        rank_submissions(find_submissions([str(path)]), benchmark)


def test_a_signature_that_is_nested_too_deeply_is_refused(signed):
    signature_path(signed[0]).write_text("[" * 200_000)
    with pytest.raises(SignatureError, match="not readable as JSON"):
        verify_decisions(signed[0], benchmark_sha256=BENCHMARK)
