"""`python -m moot.verify`: exit codes, and what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from moot.errors import ProofError, line
from moot.record import Genesis, ReceiptFile
from moot.verify import verify_files
from moot.verify.__main__ import main
from moot.verify.report import summary
from tests.support.vectors import file_text, genesis, vectors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "receipt.json").write_text(file_text("final"))
    (tmp_path / "signed.json").write_text(file_text("signed"))
    (tmp_path / "forged.json").write_text(file_text("another fuel"))
    (tmp_path / "genesis.json").write_text(genesis().to_text())
    (tmp_path / "other.json").write_text(genesis(1).to_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MOOT_GENESIS", raising=False)
    return tmp_path


def test_a_valid_receipt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder / "receipt.json")]) == 0
    said = capsys.readouterr().out
    for words in (
        "VALID  receipt of call 0-42-0-1-3 to hello",
        "9,007,199,254,740,993",
        "in block 7 at 2023-11-14 22:13:20.007Z by a quorum of 4 replicas",
        "http https://api.example.com:443 x2",
        "not proven",
        "moot replay 0-42-0-1-3",
        str(genesis().network()),
    ):
        assert words in said
    assert main(["signed.json"]) == 0
    assert "the worker's signature alone" in capsys.readouterr().out


def test_a_forged_receipt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forged.json", "--genesis", "genesis.json"]) == 1
    said = capsys.readouterr().out
    assert "INVALID  receipt.fuel does not fit" in said
    assert 'the file says "9007199254740992", what was signed says "9007199254740993"' in said
    assert main(["forged.json", "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["valid"], verdict["field"]) == (False, "receipt.fuel")
    assert main(["receipt.json", "--genesis", "other.json"]) == 1
    assert "bundle.network" in capsys.readouterr().out
    text = (folder / "genesis.json").read_text()
    (folder / "changed.json").write_text(text.replace('"test"', '"toast"'))
    assert main(["receipt.json", "--genesis", "changed.json"]) == 1
    assert "genesis.network" in capsys.readouterr().out


def test_files_and_command_lines_that_cannot_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.json"]) == 2
    assert "cannot use nowhere.json" in capsys.readouterr().err
    assert main(["receipt.json", "--genesis", "nowhere.json"]) == 2
    (folder / "bytes.json").write_bytes(b"\xff")
    assert main(["bytes.json"]) == 2
    (folder / "long.json").write_bytes(b" " * (4 * 1024 * 1024 + 1))
    assert main(["long.json"]) == 2
    with pytest.raises(SystemExit) as usage:
        main([])
    assert usage.value.code == 2
    (folder / "text.json").write_text("hello")
    assert main(["text.json"]) == 1
    assert "not a receipt file" in capsys.readouterr().out
    assert main(["genesis.json"]) == 1
    assert "format" in capsys.readouterr().out
    (folder / "genesis.json").unlink()
    capsys.readouterr()
    assert main(["receipt.json"]) == 2
    said = capsys.readouterr().err
    assert "no genesis to check against" in said
    assert "moot genesis -o" in said


def test_where_the_genesis_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".moot").mkdir()
    (folder / "genesis.json").rename(folder / ".moot" / "genesis.json")
    assert main(["receipt.json"]) == 0
    (folder / "below").mkdir()
    (folder / "receipt.json").rename(folder / "below" / "receipt.json")
    (folder / "below" / "genesis.json").write_text(genesis(1).to_text())
    assert main(["below/receipt.json"]) == 1, "beside the receipt comes first"
    monkeypatch.setenv("MOOT_GENESIS", ".moot/genesis.json")
    assert main(["below/receipt.json", "--json"]) == 0
    capsys.readouterr()


@pytest.mark.usefixtures("folder")
def test_as_a_program() -> None:
    for name, code in (("receipt.json", 0), ("forged.json", 1), ("missing.json", 2)):
        command = [sys.executable, "-m", "moot.verify", name]
        assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == code


def test_verify_files(folder: Path) -> None:
    assert verify_files("receipt.json", folder / "genesis.json").receipt.fuel == 2**53 + 1
    with pytest.raises(ProofError) as refused:
        verify_files("forged.json", "genesis.json")
    assert refused.value.field == "receipt.fuel"


def test_what_others_wrote_cannot_drive_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert line("a\x1b[2J\u202eb\n") == "a\\x1b[2J\\u202eb\\n"
    file = json.loads(file_text("final"))
    file["receipt"]["\x1b[2J"] = "\x1b[2J"
    (folder / "odd.json").write_text(json.dumps(file))
    assert main(["odd.json"]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_a_clock_that_no_calendar_can_show(folder: Path) -> None:
    evidence = ReceiptFile.parse(file_text("final")).evidence
    checked = verify_files("receipt.json", "genesis.json")
    assert checked.finality is not None
    odd = replace(checked, call=None, finality=replace(checked.finality, time_ms=2**64 - 1))
    assert "us after 1970" in summary(odd, evidence, genesis(), folder)


def tampered(**fields: Any) -> str:
    return json.dumps(genesis().to_json() | fields)


CHANGING = vectors()["committees"]["genesis"]["file"]


def changing(**fields: Any) -> str:
    return json.dumps(CHANGING | fields)


def epochs(**fields: Any) -> dict[str, Any]:
    return {"epochs": CHANGING["epochs"] | fields}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (tampered(network="00" * 32), "genesis.network"),
        (tampered(name="tess"), "genesis.network"),
        (tampered(time_ms=1), "genesis.network"),
        (tampered(prices={"per_byte": 0, "per_mega_fuel": 1}), "genesis.network"),
        (tampered(validators=genesis().to_json()["validators"][:3]), "genesis.network"),
        (tampered(validators=genesis().to_json()["validators"][::-1]), "genesis.validators"),
        (tampered(validators=[]), "genesis.validators"),
        (tampered(validators=["01" + "00" * 31]), "genesis.validators"),
        (tampered(version=2), "genesis.version"),
        (tampered(name=""), "genesis.name"),
        (tampered(name="a\x1b[2J"), "genesis.name"),
        (tampered(network="xy"), "genesis"),
        (tampered(version=True), "genesis"),
        (tampered(version="1"), "genesis"),
        (tampered(time_ms="5"), "genesis"),
        (tampered(validators="no"), "genesis"),
        (tampered(validators=[1]), "genesis"),
        (tampered(prices={"per_byte": 1}), "genesis"),
        (tampered(prices={"per_byte": 1, "per_mega_fuel": 1, "more": 1}), "genesis"),
        (tampered(more=1), "genesis"),
        (tampered(**epochs()), "genesis.version"),
        (tampered(version=2, **epochs()), "genesis.network"),
        (changing(version=1), "genesis.version"),
        (changing(version=3), "genesis.version"),
        (changing(epochs=None), "genesis.version"),
        (changing(version=1, epochs=None), "genesis.network"),
        (changing(epochs=1), "genesis"),
        (changing(epochs={"blocks": 10}), "genesis"),
        (changing(**epochs(blocks=9)), "genesis.network"),
        (changing(**epochs(blocks=8)), "genesis.network"),
        (changing(**epochs(blocks=7)), "genesis.epochs"),
        (changing(**epochs(blocks=1 << 40)), "genesis.network"),
        (changing(**epochs(blocks=(1 << 40) + 1)), "genesis.epochs"),
        (changing(**epochs(blocks="10")), "genesis"),
        (changing(**epochs(authority=CHANGING["validators"][0])), "genesis.network"),
        (changing(**epochs(authority="01" + "00" * 31)), "genesis.epochs"),
        (changing(**epochs(authority=None)), "genesis"),
        (changing(**epochs(more=1)), "genesis"),
        (genesis().to_text().replace('"name":', '"name": "x", "name":', 1), "genesis"),
        ("[]", "genesis"),
    ],
)
def test_a_tampered_genesis_is_refused_by_name(text: str, field: str) -> None:
    with pytest.raises(ProofError) as refused:
        Genesis.from_json(text)
    assert refused.value.field == field
    assert "\x1b" not in str(refused.value)


def test_a_genesis_that_lacks_a_field_says_which() -> None:
    for name in genesis().to_json():
        file = genesis().to_json()
        del file[name]
        with pytest.raises(ProofError, match=name):
            Genesis.from_json(json.dumps(file))
