"""Paths: who owns them, which rules say who may write there, and what these would say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moot.client.exchange import Ask, Exchange, read_json
from moot.client.fields import Fields
from moot.client.targets import account_in, name_in, path_in

if TYPE_CHECKING:
    from moot.client.operations import Operations
    from moot.record.fixed import AccountId


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule: an expression in CEL, and the pattern that it is about."""

    pattern: str
    rule: str

    @classmethod
    def read(cls, f: Fields) -> RuleView:
        """Reads it."""
        return cls(f.text("pattern"), f.text("rule"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules would say about a value. Nothing was written.

    Attributes:
        rule: the rule that says so; None when none applies.
        why: why it would not be allowed.
        height: of the block after which that was so.
    """

    allowed: bool
    rule: RuleView | None
    why: str | None
    height: int

    @classmethod
    def read(cls, f: Fields) -> Verdict:
        """Reads it."""
        return cls(
            allowed=f.flag("allowed"),
            rule=f.optional("rule", lambda name: RuleView.read(f.inner(name))),
            why=f.optional("why", f.text),
            height=f.number("height"),
        )


@dataclass(frozen=True, slots=True)
class OwnerView:
    """Who owns a path.

    Attributes:
        at: the closest path at or above it that has an owner, or had; None: nobody ever owned one.
        owner: its owner; None when nobody has it.
        given_up: it was given up for good.
    """

    path: str
    at: str | None
    owner: AccountId | None
    given_up: bool

    @classmethod
    def read(cls, f: Fields) -> OwnerView:
        """Reads it."""
        return cls(f.text("path"), f.optional("at", f.text), f.optional("owner", f.account), f.flag("given_up"))


@dataclass(frozen=True, slots=True)
class PathOperations:
    """The questions about paths."""

    node: Operations

    def rules(self) -> Exchange[list[RuleView]]:
        """`GET /_moot/rules`."""
        listed = yield from self.node.get("/_moot/rules", lambda f: f.items("rules"))
        return [RuleView.read(Fields(item)) for item in listed]

    def owner(self, path: str) -> Exchange[OwnerView]:
        """`GET /_moot/owners/{path}`."""
        return self.node.get(f"/_moot/owners{path_in(path)}", OwnerView.read)

    def judge(self, path: str, value: str, account: AccountId | str | None, function: str | None) -> Exchange[Verdict]:
        """`POST /_moot/rules/eval`."""
        question = {"path": path_in(path), "value": value}
        if account is not None:
            question["account"] = str(account_in(account))
        if function is not None:
            question["function"] = name_in(function)
        headers = (("content-type", "application/json"),)
        body = json.dumps(question).encode("ascii")
        reply = yield from self.node.expect(Ask("POST", "/_moot/rules/eval", headers, body))
        return Verdict.read(Fields(read_json(reply)))
