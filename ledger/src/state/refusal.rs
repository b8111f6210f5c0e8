//! Why a transaction was not applied, in words, as a code, and in bytes.

use super::invalid;
use crate::limits::{MAX_SEATS, MAX_WORKERS};
use moot_record::cbor::{self, Reader};
use moot_record::limits::{MAX_HANDOVERS, MAX_STAKED_REPLICAS, MAX_VALIDATORS};
use moot_record::{AccountId, DecodeError, EntryId, FunctionName};
use thiserror::Error;

/// Why the state machine did not apply a transaction. It is recorded all the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The bundle's validity was over when its block came.
    #[error("its bundle was valid until height {valid_until}: sign it again")]
    Expired {
        /// Last height of its validity.
        valid_until: u64,
    },
    /// It would be valid for longer than digests are remembered.
    #[error(
        "its bundle is valid until height {valid_until}, which is too far ahead: sign it with a shorter validity"
    )]
    TooFarAhead {
        /// Last height of its validity.
        valid_until: u64,
    },
    /// The same bundle was in an earlier block or batch.
    #[error("its bundle was ordered before: the first one counts")]
    Duplicate,
    /// The key that signed it was revoked before.
    #[error(
        "the key that signed it was revoked at height {height}: nothing that it signs counts any more; sign with another \
         key"
    )]
    Revoked {
        /// The block that revoked it.
        height: u64,
    },
    /// The key of an account that it names was revoked.
    #[error(
        "the key of {account} was revoked at height {height}: nobody can use what it is given, and nothing is said in its \
         name any more; name another account"
    )]
    AccountRevoked {
        /// The account.
        account: AccountId,
        /// The block that revoked it.
        height: u64,
    },
    /// The key that is to be revoked is a replica's that is needed.
    #[error(
        "the key is a replica's that votes or is going to, and nothing that it says in its lane would count any more: let \
         the replica leave the committee, and revoke its key when its last epoch is over"
    )]
    StillSeated,
    /// Only the owner may change a function.
    #[error("{name} belongs to {owner}: only that account may change it; choose another name for your own")]
    NotOwner {
        /// The function.
        name: FunctionName,
        /// Its owner.
        owner: AccountId,
    },
    /// Not deployed.
    #[error("no function {name} is deployed: check the name with `moot ls`")]
    Unknown {
        /// The name given.
        name: FunctionName,
    },
    /// The name is spent.
    #[error("{name} is retired: what was promised under the name stays true; choose another name")]
    Retired {
        /// The function.
        name: FunctionName,
    },
    /// Its manifest does not allow upgrades.
    #[error("{name} was deployed with `upgradable = false`: it stays as it is for ever; choose another name")]
    NotUpgradable {
        /// The function.
        name: FunctionName,
    },
    /// Its manifest does not allow its destruction.
    #[error("{name} was deployed with `destructible = false`: it cannot be retired")]
    NotDestructible {
        /// The function.
        name: FunctionName,
    },
    /// A right that was given up does not come back.
    #[error("{name} gave up destruction with an earlier version: keep `destructible = false`")]
    WidensLifecycle {
        /// The function.
        name: FunctionName,
    },
    /// Another version is active than the sender thought.
    #[error(
        "version {found} of {name} is active, the transaction follows version {expected} (0: none): look at what changed, then deploy again"
    )]
    Stale {
        /// The function.
        name: FunctionName,
        /// The version that the sender names.
        expected: u32,
        /// The version that is active.
        found: u32,
    },
    /// No such version.
    #[error("{name} has no version {version} that can be rolled back to")]
    NoVersion {
        /// The function.
        name: FunctionName,
        /// The version asked for.
        version: u32,
    },
    /// The manifest's bytes do not decode.
    #[error("the manifest does not decode: {0}")]
    BadSpec(String),
    /// The genesis names no authority.
    #[error("this network's genesis names no epochs and no authority: its committee never changes")]
    FixedCommittee,
    /// Only the authority gives seats.
    #[error("only {authority}, the authority that the genesis names, says who votes: sign it with that key")]
    NotAuthority {
        /// The authority.
        authority: AccountId,
    },
    /// Nobody by that account has a seat.
    #[error("{account} has no seat in this network: look at `moot status` for those that have")]
    UnknownReplica {
        /// The account given.
        account: AccountId,
    },
    /// A new replica without addresses.
    #[error("{account} is new here: say where it takes votes and where it takes batches")]
    NoAddress {
        /// The account given.
        account: AccountId,
    },
    /// All seats are given.
    #[error(
        "all {MAX_SEATS} seats are given, and a seat is its owner's for ever: give one of them another role"
    )]
    NoSeatLeft,
    /// The committee would be empty.
    #[error("nobody would be left to vote: add another replica first")]
    NobodyLeft,
    /// The committee would be too large.
    #[error("a committee has at most {MAX_VALIDATORS} members: let another replica leave first")]
    CommitteeFull,
    /// More leave than those who stay can make up for.
    #[error(
        "{leave} would leave the committee at once, at most {most} may: with more, batches could be lost that no \
         other honest replica holds; remove the others in a later epoch"
    )]
    TooManyLeave {
        /// How many would.
        leave: u64,
        /// How many may.
        most: u64,
    },
    /// More join than those who stay can do without.
    #[error(
        "{join} would join the committee at once and {stay} stay: those who stay must be a quorum by themselves, \
         in case who joins is not up; add the others in a later epoch"
    )]
    TooManyJoin {
        /// How many would.
        join: u64,
        /// How many stay.
        stay: u64,
    },
    /// A proof could not lead to a further committee.
    #[error(
        "the committee has changed {MAX_HANDOVERS} times, as often as a proof can show: it stays as it is"
    )]
    CommitteesExhausted,
    /// The account has less.
    #[error("the account has {balance}, {needed} are needed: {} are missing", needed - balance)]
    Insufficient {
        /// What it has.
        balance: u64,
        /// What it would need.
        needed: u64,
    },
    /// The sum would not fit a balance. The genesis sees to it that this cannot be.
    #[error("with {amount} more the account would have more than a balance can say")]
    Overflow {
        /// What was to be added.
        amount: u64,
    },
    /// One of those that count together was refused.
    #[error(
        "number {place} of the transactions that count together was refused, so none of them was applied"
    )]
    GroupRefused {
        /// Which, from 1 on.
        place: u64,
    },
    /// Fewer follow than count together.
    #[error("{count} transactions are to count together, and only {left} follow: none of them was applied")]
    GroupIncomplete {
        /// How many were announced.
        count: u64,
        /// How many follow.
        left: u64,
    },
    /// A group inside of a group.
    #[error("it stands among transactions that count together already: a group has no groups in it")]
    GroupInGroup,
    /// Another account owns the path, or one above it.
    #[error("{path} belongs to {owner}: only that account changes owners and rules there and below")]
    NotPathOwner {
        /// The closest path with an owner.
        path: String,
        /// Its owner.
        owner: AccountId,
    },
    /// Its last owner gave it up.
    #[error("{path} was given up for good: its owners and rules stay as they are")]
    PathGivenUp {
        /// The path.
        path: String,
    },
    /// Nobody owns it or a path above it.
    #[error("nobody owns {path} or a path above it: claim its first label for yourself, `moot owners claim`")]
    NobodysPath {
        /// The path.
        path: String,
    },
    /// The rule cannot be judged by.
    #[error("the rule cannot be read: {0}")]
    BadRule(String),
    /// Nothing is held there.
    #[error("nothing is held under {hold}: it was released, it went back at its height, or it never was")]
    UnknownHold {
        /// The address given.
        hold: EntryId,
    },
    /// A hold's height is not ahead.
    #[error("it is held until height {until}, and this is {height}: it goes back to whose it was")]
    HoldOver {
        /// The hold's height.
        until: u64,
        /// The block's.
        height: u64,
    },
    /// Neither of the two that a hold is between.
    #[error("the units are {from}'s, held for another account: only these two release them")]
    NotHolder {
        /// Whose units they were.
        from: AccountId,
    },
    /// Whom it is held for cannot pay itself.
    #[error(
        "only {from}, whose units they were, says how much is paid; from this side all of it can be given back"
    )]
    NotPayer {
        /// Whose units they were.
        from: AccountId,
    },
    /// Nothing is staked in this network.
    #[error("this network's genesis names no economy: nothing is staked, and nobody is convicted")]
    NoEconomy,
    /// The authority's word does not seat anybody here.
    #[error(
        "in this network stake says who votes: `moot stake add` behind the replica's folder, or `moot join`"
    )]
    SeatsByStake,
    /// The replica's key did not sign for this account.
    #[error(
        "{account} has not consented to a stake of this account: sign with the replica's own key, on this network"
    )]
    NoConsent {
        /// The replica.
        account: AccountId,
    },
    /// Proven to have sealed twice, or to have voted for two things in one view.
    #[error("{account} was convicted before: its key gets no seat any more, and no evidence counts again")]
    Convicted {
        /// The replica.
        account: AccountId,
    },
    /// Somebody else stakes for the replica.
    #[error("the replica is behind the stake of {account}: one account stakes for a replica")]
    ReplicaTaken {
        /// Who stakes for it.
        account: AccountId,
    },
    /// Too many replicas behind one stake.
    #[error("a stake is behind {MAX_STAKED_REPLICAS} replicas at most: stake from another account")]
    TooManyReplicas,
    /// A replica without a stake.
    #[error("nothing is staked yet: stake one unit at least behind the replica")]
    NothingStaked,
    /// A worker without a stake.
    #[error("a worker answers with a stake, and this account has none: `moot stake add` first")]
    NoStake,
    /// Nothing is offered that could be taken back.
    #[error("this account offers nothing: it takes no calls already")]
    NoOffer,
    /// As many workers as may be.
    #[error(
        "{MAX_WORKERS} workers offer something, as many as may, and each has as much staked: stake more than the one that \
         has least, which then loses its place"
    )]
    TooManyWorkers,
    /// The stake is smaller.
    #[error("{staked} are staked, {needed} were to be taken out")]
    StakedLess {
        /// What is staked.
        staked: u64,
        /// What was asked for.
        needed: u64,
    },
    /// Evidence that proves nothing.
    #[error("the evidence proves nothing: {0}")]
    BadEvidence(String),
    /// A bundle's account has less than its bytes cost.
    #[error(
        "the account has {balance} and ordering the bundle costs {needed}, {} are missing: nothing in it counts. Have \
         units sent to the account with `moot transfer`, and sign it again",
        needed - balance
    )]
    CannotPay {
        /// What it has.
        balance: u64,
        /// What it would need.
        needed: u64,
    },
    /// The genesis has no economy.
    #[error(
        "this network's genesis has no economy: nothing is charged here, and there are no prices to vote for"
    )]
    NothingCharged,
    /// Only those who vote now say what things cost.
    #[error("{account} is not in the present committee: only its members say what things cost")]
    NotMember {
        /// The account.
        account: AccountId,
    },
    /// Its owner gave up changing it.
    #[error("{name} is frozen: its owner gave up upgrade and destruction for good; choose another name")]
    Frozen {
        /// The function.
        name: FunctionName,
    },
    /// The rules do not allow the value.
    #[error("{} does not allow it: {why}", if pattern.is_empty() { "nothing" } else { pattern })]
    Denied {
        /// The pattern of the rule that applies; empty when none does.
        pattern: String,
        /// Why.
        why: String,
    },
    /// A client's bundle has a value in somebody else's name.
    #[error(
        "it is in the name of {account}, who did not sign its bundle: sign it with that key, or name nobody"
    )]
    NotSigner {
        /// The account named.
        account: AccountId,
    },
    /// Somebody else set the trigger.
    #[error(
        "trigger {name} belongs to {owner}: only that account changes it; choose another name for your own"
    )]
    NotTriggerOwner {
        /// The trigger.
        name: FunctionName,
        /// Its owner.
        owner: AccountId,
    },
    /// No such trigger is set.
    #[error("no trigger {name} is set: `moot triggers ls` lists them")]
    NoTrigger {
        /// The name given.
        name: FunctionName,
    },
    /// As many as may be.
    #[error("{place} has {most} triggers, as many as may be: take another one back first")]
    TooManyTriggers {
        /// The first label of the pattern, or the function whose calls are waited for.
        place: String,
        /// How many may be.
        most: u64,
    },
    /// Only functions of kind event take events.
    #[error("{name} is not of kind event: a trigger makes functions of that kind run")]
    NotEventKind {
        /// The function.
        name: FunctionName,
    },
    /// The trigger cannot be read.
    #[error("the trigger cannot be read: {0}")]
    BadTrigger(String),
    /// A client's bundle has a value in a function's name.
    #[error("it is in the name of a function, and only the replica that runs one can say so")]
    NotByFunction,
    /// Workers of one call say what cannot all be true, and too few of them the same to be believed.
    #[error(
        "receipts {one} and {other} of this call contradict each other, and too few of its workers said the same: nobody \
         is believed, and nothing is charged"
    )]
    Disputed {
        /// The first of them, by the blocks' order.
        one: EntryId,
        /// The first that contradicts it.
        other: EntryId,
    },
}

/// Longest text of a refusal: a decoder's message.
const MAX_REASON_BYTES: usize = 1024;

/// Longest reason of a denial, which stands beside a pattern.
const MAX_DENIAL_BYTES: usize = 500;

const _: () = assert!(MAX_DENIAL_BYTES + 1 + moot_record::limits::MAX_PATH_BYTES <= MAX_REASON_BYTES);

impl Refusal {
    /// A short stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Expired { .. } => "expired",
            Refusal::TooFarAhead { .. } => "too-far-ahead",
            Refusal::Duplicate => "duplicate",
            Refusal::Revoked { .. } => "revoked",
            Refusal::AccountRevoked { .. } => "account-revoked",
            Refusal::StillSeated => "still-seated",
            Refusal::NotOwner { .. } => "not-owner",
            Refusal::Unknown { .. } => "unknown-function",
            Refusal::Retired { .. } => "retired",
            Refusal::NotUpgradable { .. } => "not-upgradable",
            Refusal::NotDestructible { .. } => "not-destructible",
            Refusal::WidensLifecycle { .. } => "widens-lifecycle",
            Refusal::Stale { .. } => "stale",
            Refusal::NoVersion { .. } => "no-version",
            Refusal::BadSpec(_) => "bad-spec",
            Refusal::FixedCommittee => "fixed-committee",
            Refusal::NotAuthority { .. } => "not-authority",
            Refusal::UnknownReplica { .. } => "unknown-replica",
            Refusal::NoAddress { .. } => "no-address",
            Refusal::NoSeatLeft => "no-seat-left",
            Refusal::NobodyLeft => "nobody-left",
            Refusal::CommitteeFull => "committee-full",
            Refusal::TooManyLeave { .. } => "too-many-leave",
            Refusal::TooManyJoin { .. } => "too-many-join",
            Refusal::CommitteesExhausted => "committees-exhausted",
            Refusal::Insufficient { .. } => "insufficient-balance",
            Refusal::Overflow { .. } => "overflow",
            Refusal::GroupRefused { .. } => "group-refused",
            Refusal::GroupIncomplete { .. } => "group-incomplete",
            Refusal::GroupInGroup => "group-in-group",
            Refusal::NotPathOwner { .. } => "not-path-owner",
            Refusal::PathGivenUp { .. } => "path-given-up",
            Refusal::NobodysPath { .. } => "nobodys-path",
            Refusal::BadRule(_) => "bad-rule",
            Refusal::UnknownHold { .. } => "unknown-hold",
            Refusal::HoldOver { .. } => "hold-over",
            Refusal::NotHolder { .. } => "not-holder",
            Refusal::NotPayer { .. } => "not-payer",
            Refusal::NoEconomy => "no-economy",
            Refusal::SeatsByStake => "seats-by-stake",
            Refusal::NoConsent { .. } => "no-consent",
            Refusal::Convicted { .. } => "convicted",
            Refusal::ReplicaTaken { .. } => "replica-taken",
            Refusal::TooManyReplicas => "too-many-replicas",
            Refusal::NothingStaked => "nothing-staked",
            Refusal::NoStake => "no-stake",
            Refusal::NoOffer => "no-offer",
            Refusal::TooManyWorkers => "too-many-workers",
            Refusal::StakedLess { .. } => "staked-less",
            Refusal::BadEvidence(_) => "bad-evidence",
            Refusal::CannotPay { .. } => "cannot-pay",
            Refusal::NothingCharged => "nothing-charged",
            Refusal::NotMember { .. } => "not-member",
            Refusal::Frozen { .. } => "frozen",
            Refusal::Denied { .. } => "denied",
            Refusal::NotSigner { .. } => "not-signer",
            Refusal::NotByFunction => "not-by-function",
            Refusal::Disputed { .. } => "disputed",
            Refusal::NotTriggerOwner { .. } => "not-trigger-owner",
            Refusal::NoTrigger { .. } => "no-trigger",
            Refusal::TooManyTriggers { .. } => "too-many-triggers",
            Refusal::NotEventKind { .. } => "not-event-kind",
            Refusal::BadTrigger(_) => "bad-trigger",
        }
    }

    /// `[code, name or "", owner or "", a, b]`: one shape for all, so that a reader has one path.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (address, other_address);
        let denied: String;
        let (name, owner, a, b, text): (&str, &[u8], u64, u64, &str) = match self {
            Refusal::UnknownHold { hold } => {
                address = hold.to_string();
                ("", &[], 0, 0, &address)
            }
            Refusal::Disputed { one, other } => {
                (address, other_address) = (one.to_string(), other.to_string());
                (&address, &[], 0, 0, &other_address)
            }
            Refusal::Expired { valid_until } | Refusal::TooFarAhead { valid_until } => {
                ("", &[], *valid_until, 0, "")
            }
            Refusal::Duplicate | Refusal::StillSeated => ("", &[], 0, 0, ""),
            Refusal::AccountRevoked { account, height } => ("", account.as_bytes(), *height, 0, ""),
            Refusal::NotOwner { name, owner } | Refusal::NotTriggerOwner { name, owner } => {
                (name.as_str(), owner.as_bytes(), 0, 0, "")
            }
            Refusal::Unknown { name }
            | Refusal::NoTrigger { name }
            | Refusal::NotEventKind { name }
            | Refusal::Retired { name }
            | Refusal::Frozen { name }
            | Refusal::NotUpgradable { name }
            | Refusal::NotDestructible { name }
            | Refusal::WidensLifecycle { name } => (name.as_str(), &[], 0, 0, ""),
            Refusal::Stale { name, expected, found } => {
                (name.as_str(), &[], u64::from(*expected), u64::from(*found), "")
            }
            Refusal::NoVersion { name, version } => (name.as_str(), &[], u64::from(*version), 0, ""),
            Refusal::BadSpec(text)
            | Refusal::BadRule(text)
            | Refusal::BadEvidence(text)
            | Refusal::BadTrigger(text)
            | Refusal::PathGivenUp { path: text }
            | Refusal::NobodysPath { path: text } => ("", &[], 0, 0, text),
            Refusal::NotPathOwner { path, owner } => ("", owner.as_bytes(), 0, 0, path),
            Refusal::TooManyTriggers { place, most } => ("", &[], *most, 0, place),
            // A pattern is one line.
            Refusal::Denied { pattern, why } => {
                denied = format!("{pattern}\n{why}");
                ("", &[], 0, 0, &denied)
            }
            Refusal::FixedCommittee
            | Refusal::NoSeatLeft
            | Refusal::NobodyLeft
            | Refusal::CommitteeFull
            | Refusal::CommitteesExhausted
            | Refusal::NoEconomy
            | Refusal::SeatsByStake
            | Refusal::TooManyReplicas
            | Refusal::NothingStaked
            | Refusal::NoStake
            | Refusal::NoOffer
            | Refusal::TooManyWorkers
            | Refusal::NothingCharged
            | Refusal::NotByFunction
            | Refusal::GroupInGroup => ("", &[], 0, 0, ""),
            Refusal::Overflow { amount: a }
            | Refusal::GroupRefused { place: a }
            | Refusal::Revoked { height: a } => ("", &[], *a, 0, ""),
            Refusal::NotAuthority { authority: account }
            | Refusal::UnknownReplica { account }
            | Refusal::NotHolder { from: account }
            | Refusal::NotPayer { from: account }
            | Refusal::NoConsent { account }
            | Refusal::Convicted { account }
            | Refusal::ReplicaTaken { account }
            | Refusal::NotMember { account }
            | Refusal::NotSigner { account }
            | Refusal::NoAddress { account } => ("", account.as_bytes(), 0, 0, ""),
            Refusal::TooManyLeave { leave: a, most: b }
            | Refusal::TooManyJoin { join: a, stay: b }
            | Refusal::Insufficient { balance: a, needed: b }
            | Refusal::StakedLess { staked: a, needed: b }
            | Refusal::HoldOver { until: a, height: b }
            | Refusal::CannotPay { balance: a, needed: b }
            | Refusal::GroupIncomplete { count: a, left: b } => ("", &[], *a, *b, ""),
        };
        cbor::array(out, 6);
        cbor::text(out, self.code());
        cbor::text(out, name);
        cbor::bytes(out, owner);
        cbor::uint(out, a);
        cbor::uint(out, b);
        cbor::text(out, text);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Refusal, DecodeError> {
        r.array(6)?;
        let code = r.text(32)?;
        let name = r.text(64)?;
        let owner = r.bytes(32)?;
        let (a, b) = (r.uint()?, r.uint()?);
        let text = r.text(MAX_REASON_BYTES)?;
        let first = name;
        let name = || FunctionName::parse(name).map_err(|error| invalid("name", error.to_string()));
        let account = || -> Result<AccountId, DecodeError> {
            let bytes = owner.try_into().map_err(|_| invalid("owner", "an account has 32 bytes"))?;
            Ok(AccountId::from_bytes(bytes))
        };
        let address =
            |text: &str| text.parse().map_err(|_| invalid("address", "an address has five numbers"));
        let number = |n: u64| u32::try_from(n).map_err(|_| invalid("version", "it has more than 32 bits"));
        Ok(match code {
            "expired" => Refusal::Expired { valid_until: a },
            "too-far-ahead" => Refusal::TooFarAhead { valid_until: a },
            "duplicate" => Refusal::Duplicate,
            "revoked" => Refusal::Revoked { height: a },
            "account-revoked" => Refusal::AccountRevoked { account: account()?, height: a },
            "still-seated" => Refusal::StillSeated,
            "not-owner" => Refusal::NotOwner { name: name()?, owner: account()? },
            "fixed-committee" => Refusal::FixedCommittee,
            "not-authority" => Refusal::NotAuthority { authority: account()? },
            "unknown-replica" => Refusal::UnknownReplica { account: account()? },
            "no-address" => Refusal::NoAddress { account: account()? },
            "no-seat-left" => Refusal::NoSeatLeft,
            "nobody-left" => Refusal::NobodyLeft,
            "committee-full" => Refusal::CommitteeFull,
            "too-many-leave" => Refusal::TooManyLeave { leave: a, most: b },
            "too-many-join" => Refusal::TooManyJoin { join: a, stay: b },
            "committees-exhausted" => Refusal::CommitteesExhausted,
            // The message takes the difference.
            "insufficient-balance" if a <= b => Refusal::Insufficient { balance: a, needed: b },
            "overflow" => Refusal::Overflow { amount: a },
            "group-refused" => Refusal::GroupRefused { place: a },
            "group-incomplete" => Refusal::GroupIncomplete { count: a, left: b },
            "group-in-group" => Refusal::GroupInGroup,
            "not-path-owner" => Refusal::NotPathOwner { path: text.to_owned(), owner: account()? },
            "path-given-up" => Refusal::PathGivenUp { path: text.to_owned() },
            "nobodys-path" => Refusal::NobodysPath { path: text.to_owned() },
            "bad-rule" => Refusal::BadRule(text.to_owned()),
            "unknown-hold" => Refusal::UnknownHold { hold: address(text)? },
            "hold-over" => Refusal::HoldOver { until: a, height: b },
            "not-holder" => Refusal::NotHolder { from: account()? },
            "not-payer" => Refusal::NotPayer { from: account()? },
            "no-economy" => Refusal::NoEconomy,
            "seats-by-stake" => Refusal::SeatsByStake,
            "no-consent" => Refusal::NoConsent { account: account()? },
            "convicted" => Refusal::Convicted { account: account()? },
            "replica-taken" => Refusal::ReplicaTaken { account: account()? },
            "too-many-replicas" => Refusal::TooManyReplicas,
            "nothing-staked" => Refusal::NothingStaked,
            "no-stake" => Refusal::NoStake,
            "no-offer" => Refusal::NoOffer,
            "too-many-workers" => Refusal::TooManyWorkers,
            "staked-less" => Refusal::StakedLess { staked: a, needed: b },
            "bad-evidence" => Refusal::BadEvidence(text.to_owned()),
            "cannot-pay" if a <= b => Refusal::CannotPay { balance: a, needed: b },
            "nothing-charged" => Refusal::NothingCharged,
            "not-member" => Refusal::NotMember { account: account()? },
            "frozen" => Refusal::Frozen { name: name()? },
            "denied" => {
                let (pattern, why) = text.split_once('\n').unwrap_or(("", text));
                Refusal::Denied { pattern: pattern.to_owned(), why: why.to_owned() }
            }
            "not-signer" => Refusal::NotSigner { account: account()? },
            "not-by-function" => Refusal::NotByFunction,
            "disputed" => Refusal::Disputed { one: address(first)?, other: address(text)? },
            "not-trigger-owner" => Refusal::NotTriggerOwner { name: name()?, owner: account()? },
            "no-trigger" => Refusal::NoTrigger { name: name()? },
            "too-many-triggers" => Refusal::TooManyTriggers { place: text.to_owned(), most: a },
            "not-event-kind" => Refusal::NotEventKind { name: name()? },
            "bad-trigger" => Refusal::BadTrigger(text.to_owned()),
            "unknown-function" => Refusal::Unknown { name: name()? },
            "retired" => Refusal::Retired { name: name()? },
            "not-upgradable" => Refusal::NotUpgradable { name: name()? },
            "not-destructible" => Refusal::NotDestructible { name: name()? },
            "widens-lifecycle" => Refusal::WidensLifecycle { name: name()? },
            "stale" => Refusal::Stale { name: name()?, expected: number(a)?, found: number(b)? },
            "no-version" => Refusal::NoVersion { name: name()?, version: number(a)? },
            "bad-spec" => Refusal::BadSpec(text.to_owned()),
            other => return Err(invalid("refusal", format!("{other:?} is not a known code")).into()),
        })
    }

    /// A refusal of a manifest, its text cut to what is recorded.
    pub(crate) fn bad_spec(error: &DecodeError) -> Refusal {
        Refusal::BadSpec(shortened(&error.to_string()))
    }

    /// A refusal of evidence, its text cut to what is recorded.
    pub(super) fn bad_evidence(error: &dyn std::fmt::Display) -> Refusal {
        Refusal::BadEvidence(shortened(&error.to_string()))
    }

    /// Whether it is about a whole bundle, which is void then.
    #[must_use]
    pub fn is_of_bundle(&self) -> bool {
        matches!(
            self,
            Refusal::Expired { .. }
                | Refusal::TooFarAhead { .. }
                | Refusal::Duplicate
                | Refusal::Revoked { .. }
                | Refusal::CannotPay { .. }
        )
    }

    /// That a rule, or that there is none, denies a value; the reason is cut to what is recorded.
    pub(super) fn denied(pattern: Option<&str>, why: &str) -> Refusal {
        let why = why.get(..why.floor_char_boundary(MAX_DENIAL_BYTES)).unwrap_or_default();
        Refusal::Denied { pattern: pattern.unwrap_or_default().to_owned(), why: why.to_owned() }
    }

    /// A refusal of a trigger, its text cut to what is recorded.
    pub(super) fn bad_trigger(why: &str) -> Refusal {
        Refusal::BadTrigger(shortened(why))
    }

    /// A refusal of a rule, its text cut to what is recorded.
    pub(super) fn bad_rule(why: &str) -> Refusal {
        Refusal::BadRule(shortened(why))
    }
}

fn shortened(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_REASON_BYTES)).unwrap_or_default().to_owned()
}
