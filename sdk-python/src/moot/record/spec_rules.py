"""What a spec must obey beyond its types."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from moot.errors import Invalid, shown
from moot.record.limits import MAX_REPLICAS_K, MAX_SPEC_BYTES, MAX_SPEC_LIST, MAX_SPEC_TEXT_BYTES
from moot.record.payload import check_path, check_rule_text
from moot.record.text import has_control

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moot.record.grants import Grants
    from moot.record.spec import Spec


def check(spec: Spec) -> None:
    """Checks every rule.

    Raises:
        Invalid: names the field.
    """
    _check_route(spec.route)
    _check_access(spec)
    _check_grants(spec.grants)
    if spec.deterministic:
        _check_deterministic(spec.grants)
    _check_replicas(spec)
    for name in ("fuel", "deadline_ms", "memory_bytes"):
        if getattr(spec.limits, name) == 0:
            raise Invalid(f"spec.limits.{name}", "0; no call could run")
    length = len(spec.encode())
    if length > MAX_SPEC_BYTES:
        why = f"{length} bytes in its encoding; at most {MAX_SPEC_BYTES}: shorten its lists"
        raise Invalid("spec", why)


def _check_access(spec: Spec) -> None:
    if isinstance(spec.access, str):
        check_rule_text(spec.access, "spec.access")
    elif spec.access is not None:
        _check_set("spec.access", [bytes(account) for account in spec.access])
        if spec.payer.text == "caller" and not spec.access:
            raise Invalid("spec.access", "nobody may call, so nobody can pay")


def _check_route(route: str) -> None:
    if route == "/":
        return
    check_path(route, "spec.route")
    if route == "/_moot" or route.startswith("/_moot/"):
        raise Invalid("spec.route", "/_moot is the node's own; choose another")


def _check_replicas(spec: Spec) -> None:
    k = spec.replicas_k
    if not 1 <= k <= MAX_REPLICAS_K:
        raise Invalid("spec.replicas_k", f"{k}; a call is run on 1 to {MAX_REPLICAS_K} workers")
    if k > 1 and not spec.deterministic:
        why = f"{k}, and the function is not deterministic: its receipts would differ by right"
        raise Invalid("spec.replicas_k", why)
    if k > 1 and (spec.kind.text == "http" or spec.grants.http is not None):
        why = (
            f"{k}, and the function has streams of HTTP, whose timing differs by machine: "
            "it must be of kind event or typed, without the grant http"
        )
        raise Invalid("spec.replicas_k", why)


def _check_deterministic(grants: Grants) -> None:
    outside = {
        "http": grants.http,
        "secrets": grants.secrets,
        "keyvalue": grants.key_value,
        "dirs": grants.dirs,
        "clock": grants.clock,
        "random": grants.random,
        "ledger": grants.ledger,
    }
    for name, granted in outside.items():
        if granted:
            why = f"a deterministic function has no outside access, and {name} is granted"
            raise Invalid("spec.deterministic", why)


def _check_grants(grants: Grants) -> None:
    named = {"http": grants.http or (), "secrets": grants.secrets, "keyvalue": grants.key_value}
    for name, texts in named.items():
        _check_set(f"spec.grants.{name}", [text.encode() for text in texts])
        for text in texts:
            _check_text(f"spec.grants.{name}", text)
    _check_set("spec.grants.env", [name.encode() for name, _ in grants.env])
    for name, value in grants.env:
        _check_text("spec.grants.env", name)
        if "=" in name:
            raise Invalid("spec.grants.env", f"{shown(name)} contains =")
        # A value may have line breaks, as certificates do.
        if "\0" in value or len(value.encode()) > MAX_SPEC_TEXT_BYTES:
            why = f"the value of {name} has a zero byte or over {MAX_SPEC_TEXT_BYTES} bytes"
            raise Invalid("spec.grants.env", why)
    _check_set("spec.grants.dirs", [directory.name.encode() for directory in grants.dirs])
    for directory in grants.dirs:
        _check_text("spec.grants.dirs", directory.name)
        _check_text("spec.grants.dirs", directory.at)
        if not directory.at.startswith("/"):
            why = f"{shown(directory.at)} does not start with a slash; write it like /assets"
            raise Invalid("spec.grants.dirs", why)


def _check_set(field: str, members: Sequence[bytes]) -> None:
    if len(members) > MAX_SPEC_LIST:
        raise Invalid(field, f"{len(members)} members; at most {MAX_SPEC_LIST}")
    if any(a >= b for a, b in pairwise(members)):
        raise Invalid(field, "not sorted, each once")


def _check_text(field: str, text: str) -> None:
    if has_control(text) or not 1 <= len(text.encode()) <= MAX_SPEC_TEXT_BYTES:
        why = f"{shown(text)} is not 1 to {MAX_SPEC_TEXT_BYTES} bytes without control characters"
        raise Invalid(field, why)
