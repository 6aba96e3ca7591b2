"""Signatures of submissions: an ed25519 key shows who submitted a file of decisions, and for which benchmark.

Decisions
- The digest of the file and the digest of the benchmark's tables are signed, under a fixed first line: a signature is
  valid for no other file, benchmark or purpose.
- The signature is a JSON file beside the decisions and contains the public key. The leaderboard shows the key's
  fingerprint; it does not know who owns a key.
- The cryptography is that of the `cryptography` library, the optional extra `sign`. A signature without the library is
  an error: an unchecked signature must not look like a checked one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import make_folder, write_json

SUFFIX = ".sig"
ALGORITHM = "ed25519"
_PURPOSE = "vlrouterbench submission v1"
_FIELDS = ("algorithm", "public_key", "decisions_sha256", "benchmark_sha256", "signature")
_FINGERPRINT_DIGITS = 16


class SignatureError(VLRouterBenchError):
    """A signature that cannot be made, or is not valid."""


def signature_path(decisions: Path) -> Path:
    """Path of the signature of a file of decisions."""
    return decisions.with_name(decisions.name + SUFFIX)


def sign_decisions(decisions: Path, key: Path, *, benchmark_sha256: str) -> str:
    """Write the signature beside a file of decisions and return the key's fingerprint.

    Args:
        decisions: the file.
        key: private ed25519 key as PEM (PKCS 8) without a password.
        benchmark_sha256: digest of the tables of the benchmark that was decided on.

    Raises:
        SignatureError: no readable key of that kind, or the extra `sign` is not installed.
    """
    private = _read_private_key(key)
    public = private.public_key().public_bytes_raw()
    digest = _sha256(decisions)
    content = {
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(public).decode(),
        "decisions_sha256": digest,
        "benchmark_sha256": benchmark_sha256,
        "signature": base64.b64encode(private.sign(_message(digest, benchmark_sha256))).decode(),
    }
    write_json(signature_path(decisions), content)
    return fingerprint(public)


def verify_decisions(decisions: Path, *, benchmark_sha256: str) -> str | None:
    """The fingerprint of the key that signed a file of decisions, None where no signature lies beside it.

    Raises:
        SignatureError: the signature is damaged, of another file or benchmark, or wrong; or the extra `sign` is not
            installed.
    """
    path = signature_path(decisions)
    if not path.exists():
        return None
    content = _read_signature(path)
    for field, expected, what in (
        ("decisions_sha256", _sha256(decisions), f"file {decisions}"),
        ("benchmark_sha256", benchmark_sha256, "benchmark"),
    ):
        if content[field] != expected:
            raise SignatureError(
                f"{path}: expected the signature of this {what} (sha256 {expected}), found one of another "
                f"({content[field]}). Sign again with `vlrouterbench sign`, or remove the signature."
            )
    library = _library()
    try:
        public = base64.b64decode(content["public_key"], validate=True)
        signature = base64.b64decode(content["signature"], validate=True)
        library.ed25519.Ed25519PublicKey.from_public_bytes(public).verify(
            signature, _message(content["decisions_sha256"], content["benchmark_sha256"])
        )
    except (ValueError, library.InvalidSignature) as error:
        raise SignatureError(
            f"{path}: the signature is not valid for the public key in it. The file or its signature was changed "
            "after signing: get both again from the submitter."
        ) from error
    return fingerprint(public)


def make_key(path: Path) -> str:
    """Write a new private key (PEM, readable by its owner only) and return its fingerprint.

    Raises:
        SignatureError: the file exists, or the extra `sign` is not installed.
    """
    library = _library()
    private = library.ed25519.Ed25519PrivateKey.generate()
    serial = library.serialization
    text = private.private_bytes(serial.Encoding.PEM, serial.PrivateFormat.PKCS8, serial.NoEncryption())
    make_folder(path.absolute().parent)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SignatureError(
            f"expected no file at {path}, where a new key goes, found one. A key is never overwritten: leave out "
            "--new-key to sign with it, or give another --key."
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(text)
    return fingerprint(private.public_key().public_bytes_raw())


def fingerprint(public_key: bytes) -> str:
    """Short name of a key: the first digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:_FINGERPRINT_DIGITS]


def _message(decisions_sha256: str, benchmark_sha256: str) -> bytes:
    return f"{_PURPOSE}\n{decisions_sha256}\n{benchmark_sha256}\n".encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _read_signature(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SignatureError(f"{path} is not readable as JSON: {error}. Sign again.") from error
    whole = isinstance(content, dict) and all(isinstance(content.get(field), str) for field in _FIELDS)
    if not whole or content["algorithm"] != ALGORITHM:
        raise SignatureError(
            f'{path}: expected the fields {", ".join(_FIELDS)} with algorithm "{ALGORITHM}", found otherwise. Sign '
            "again with `vlrouterbench sign`."
        )
    return content


def _read_private_key(path: Path) -> Any:
    library = _library()
    if not path.is_file():
        raise SignatureError(f"expected a private key at {path}, found none. Make one with --new-key.")
    try:
        key = library.serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, library.UnsupportedAlgorithm) as error:
        raise SignatureError(f"{path}: expected a private key as PEM without a password: {error}.") from error
    if not isinstance(key, library.ed25519.Ed25519PrivateKey):
        raise SignatureError(f"{path}: expected an ed25519 key, found another kind. Make one with --new-key.")
    return key


def _library() -> SimpleNamespace:
    """The parts of `cryptography` that are used, imported when needed."""
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise SignatureError(
            "signatures need the cryptography library, which is not installed: pip install 'vlrouterbench[sign]'."
        ) from error
    return SimpleNamespace(
        InvalidSignature=InvalidSignature,
        UnsupportedAlgorithm=UnsupportedAlgorithm,
        serialization=serialization,
        ed25519=ed25519,
    )
