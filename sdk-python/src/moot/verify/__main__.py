"""`python -m moot.verify`: a receipt, or a proof of the state, checked against a genesis, with no network and no node.

Exit code 0: valid; 1: not, and the field that does not fit is named; 2: the command line or a file cannot be used.
The same as `moot verify`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from moot.errors import ProofError
from moot.verify import Genesis, ReceiptFile, StateFile
from moot.verify.report import refusal, summary, verdict_json
from moot.verify.state_report import state_summary, state_verdict_json

VALID: Final = 0
INVALID: Final = 1
UNUSABLE: Final = 2

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""What is read of a file at most: the format's own bounds are lower, and say so better."""


class Unusable(Exception):
    """A command line or a file that cannot be used."""


def main(arguments: list[str] | None = None) -> int:
    """Checks a file, prints the verdict, and gives the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    file: Path = options.file
    try:
        text = _read(file)
        genesis_path = options.genesis or _find_genesis(file)
        genesis_text = _read(genesis_path)
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE
    try:
        print(_verdict(text, Genesis.from_json(genesis_text), genesis_path, as_json=options.json))
    except ProofError as error:
        if options.json:
            print(json.dumps({"valid": False, "field": error.field, "error": str(error)}, indent=2))
        else:
            print(refusal(error, file, genesis_path))
        return INVALID
    return VALID


def _verdict(text: str, genesis: Genesis, genesis_path: Path, *, as_json: bool) -> str:
    """What a good file says, for programs or for people."""
    if StateFile.is_one(text):
        proven = StateFile.parse(text).check(genesis)
        if as_json:
            return json.dumps(state_verdict_json(proven, genesis), indent=2)
        return state_summary(proven, genesis, genesis_path)
    receipt = ReceiptFile.parse(text)
    checked = receipt.check(genesis)
    if as_json:
        return json.dumps(verdict_json(checked, genesis), indent=2)
    return summary(checked, receipt.evidence, genesis, genesis_path)


def run() -> NoReturn:
    """The entry point of the console script."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m moot.verify",
        description="Check a receipt, or a proof of the state, offline. Needs no network, no node and no data folder.",
        epilog="Exit code 0: valid; 1: not, and the field that does not fit is named; 2: the command line or a file "
        "cannot be used. Without --genesis, genesis.json is looked for beside the receipt, here, and in ./.moot; "
        "`moot genesis -o genesis.json` saves a node's.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the receipt file, or the state file")
    named = os.environ.get("MOOT_GENESIS")
    parser.add_argument(
        "--genesis",
        type=Path,
        metavar="FILE",
        default=Path(named) if named else None,
        help="the genesis of the network that is trusted [env: MOOT_GENESIS]",
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    return parser


def _find_genesis(receipt: Path) -> Path:
    places = (receipt.parent / "genesis.json", Path("genesis.json"), Path(".moot/genesis.json"))
    for place in places:
        if place.is_file():
            return place
    raise Unusable(
        "there is no genesis to check against\n"
        "  a receipt proves something only to those who know the network: --genesis FILE\n"
        "  a node gives its own with `moot genesis -o genesis.json`; compare its digest with someone you trust"
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unusable(f"cannot use {path}: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise Unusable(f"cannot use {path}: it has more than {MAX_FILE_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unusable(f"cannot use {path}: it is not UTF-8 text, at byte {error.start}") from None


if __name__ == "__main__":
    run()
