"""Key files as the command line keeps them, and signed requests."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from moot.keys import (
    KeyFileError,
    Keypair,
    Signature,
    content_digest,
    create_key_file,
    default_key_path,
    load_key,
    load_or_create_key,
    sign_request,
)
from moot.record.key import verify_raw
from tests.support.node import moot_binary


def test_a_key_is_made_once_and_then_the_same(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "key"
    made = load_or_create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_key(path).account == made.account
    assert path.read_text() == f"moot-key-1 {made.seed().hex()}\n"
    with pytest.raises(KeyFileError, match="cannot create"):
        create_key_file(path, Keypair.generate())
    assert load_key(path).account == made.account, "never replaced"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o601])
def test_a_file_that_others_can_reach_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    create_key_file(path, Keypair(b"\x5e" * 32))
    path.chmod(mode)
    with pytest.raises(KeyFileError) as refused:
        load_key(path)
    said = str(refused.value)
    assert f"chmod 600 {path}" in said
    assert f"{mode:04o}" in said
    assert "5e5e" not in said


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"moot-key-1",
        b"moot-key-1 ",
        b"moot-key-1 0011",
        b"secretsecret",
        b"moot-key-1 " + b"AB" * 32,
        b"moot-key-1  " + b"ab" * 32,
        b"moot-key-2 " + b"ab" * 32,
        b"moot-key-1 " + b"ab" * 33,
    ],
)
def test_a_file_that_holds_no_key_is_refused_and_never_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="64 hex digits") as refused:
        load_key(path)
    assert "secretsecret" not in str(refused.value)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot read"):
        load_key(tmp_path / "missing")
    for name, content, why in [("long", b"x" * 70_000, "at most 65536"), ("bytes", b"\xff", "not UTF-8")]:
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(KeyFileError, match=why):
            load_key(path)


def test_the_default_is_the_command_line_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOOT_KEY", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(KeyFileError, match="no home folder"):
        default_key_path()
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_key_path() == Path("/home/ada/.config/moot/key")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    assert default_key_path() == Path("/config/moot/key")
    monkeypatch.setenv("MOOT_KEY", "/keys/mine")
    assert default_key_path() == Path("/keys/mine")


@pytest.mark.node
def test_the_command_line_reads_what_is_written_here_and_the_other_way_round(tmp_path: Path) -> None:
    def account(path: Path) -> str:
        command = [str(moot_binary()), "account", "--export-public", "--key", str(path)]
        ran = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
        return ran.stdout.strip()

    ours = load_or_create_key(tmp_path / "ours")
    assert account(tmp_path / "ours") == str(ours.account)
    subprocess.run(
        [moot_binary(), "account", "--new", "--json", "--node", "http://127.0.0.1:9", "--key", tmp_path / "theirs"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert account(tmp_path / "theirs") == str(load_key(tmp_path / "theirs").account)


def test_content_digest_is_the_standard_s() -> None:
    # The example of RFC 9530, section 2.
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_what_a_request_s_signature_covers() -> None:
    key = Keypair(b"\x07" * 32)
    fields = sign_request(key, "POST", "LocalHost:80", "/hello?x=1&y", b"hi", created_s=1_800_000_000, nonce="abc")
    parameters = (
        '("@method" "@authority" "@path" "@query" "content-digest")'
        f';created=1800000000;keyid="{key.account}";alg="ed25519";nonce="abc"'
    )
    assert fields["signature-input"] == f"moot={parameters}"
    base = "\n".join(
        [
            '"@method": POST',
            '"@authority": localhost',
            '"@path": /hello',
            '"@query": ?x=1&y',
            f'"content-digest": {content_digest(b"hi")}',
            f'"@signature-params": {parameters}',
        ]
    )
    raw = base64.b64decode(fields["signature"].removeprefix("moot=:").removesuffix(":"), validate=True)
    verify_raw(key.account, base.encode(), Signature(raw))
    # Now, and never twice the same.
    first, second = (sign_request(key, "GET", "a", "/") for _ in range(2))
    assert first["signature"] != second["signature"]
