//! What is written into an account's statement: what it paid and what it got, by block.

use super::treasury::Till;
use moot_record::cbor::{self, Reader};
use moot_record::{AccountId, DecodeError, FunctionName};

/// What an account paid or got, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PostingKind {
    /// It paid for the bytes of a bundle that it signed.
    Bundle,
    /// It paid for storing a component.
    Storage,
    /// It paid for calls.
    Calls,
    /// It sent units to others.
    Sent,
    /// It got units from others.
    Received,
    /// It got the worker's share of what calls cost.
    Work,
    /// It got a member's share of what was paid in an epoch.
    Committee,
    /// It bound units: in a hold, or in its stake.
    Bound,
    /// What it had bound came back.
    Freed,
    /// It paid for the bytes of values that a replica wrote down for it.
    Values,
}

impl PostingKind {
    /// All of them, by number.
    pub const ALL: [PostingKind; 10] = [
        PostingKind::Bundle,
        PostingKind::Storage,
        PostingKind::Calls,
        PostingKind::Sent,
        PostingKind::Received,
        PostingKind::Work,
        PostingKind::Committee,
        PostingKind::Bound,
        PostingKind::Freed,
        PostingKind::Values,
    ];

    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            PostingKind::Bundle => "bundle",
            PostingKind::Storage => "storage",
            PostingKind::Calls => "calls",
            PostingKind::Sent => "sent",
            PostingKind::Received => "received",
            PostingKind::Work => "work",
            PostingKind::Committee => "committee",
            PostingKind::Bound => "bound",
            PostingKind::Freed => "freed",
            PostingKind::Values => "values",
        }
    }

    /// Whether the account has less by it.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        matches!(
            self,
            PostingKind::Bundle
                | PostingKind::Storage
                | PostingKind::Calls
                | PostingKind::Sent
                | PostingKind::Bound
                | PostingKind::Values
        )
    }
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posting {
    /// Whose.
    pub account: AccountId,
    /// What for.
    pub kind: PostingKind,
    /// The function that it is about, if about one.
    pub function: Option<FunctionName>,
    /// How much.
    pub units: u64,
    /// Of calls: how many.
    pub calls: u64,
    /// What was due beyond what the account had.
    pub unpaid: u64,
}

impl Posting {
    pub(super) fn new(
        account: AccountId,
        kind: PostingKind,
        function: Option<FunctionName>,
        units: u64,
    ) -> Posting {
        Posting { account, kind, function, units, calls: 0, unpaid: 0 }
    }

    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 5);
        cbor::uint(out, self.kind as u8);
        cbor::option(out, self.function.as_ref(), |out, name| cbor::text(out, name.as_str()));
        cbor::uint(out, self.units);
        cbor::uint(out, self.calls);
        cbor::uint(out, self.unpaid);
    }

    fn read(r: &mut Reader<'_>, account: AccountId) -> Result<Posting, DecodeError> {
        r.array(5)?;
        let kind: u8 = r.small()?;
        let kind = PostingKind::ALL.get(usize::from(kind)).copied();
        let kind = kind.ok_or_else(|| super::invalid("kind", "unknown"))?;
        let function = r.option(|r| {
            let name = FunctionName::parse(r.text(64)?);
            name.map_err(|error| super::invalid("name", error.to_string()).into())
        })?;
        Ok(Posting { account, kind, function, units: r.uint()?, calls: r.uint()?, unpaid: r.uint()? })
    }

    /// The row of an account's lines of one block.
    pub(crate) fn encode_all(postings: &[Posting]) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + 48 * postings.len());
        cbor::array(&mut out, postings.len());
        postings.iter().for_each(|posting| posting.write(&mut out));
        out
    }

    pub(crate) fn decode_all(account: AccountId, bytes: &[u8]) -> Result<Vec<Posting>, DecodeError> {
        let r = &mut Reader::new(bytes);
        let count = r.list(bytes.len())?;
        let found = (0..count).map(|_| Posting::read(r, account)).collect::<Result<_, _>>()?;
        r.end()?;
        Ok(found)
    }
}

impl Till {
    pub(super) fn post(&mut self, posting: Posting) {
        if posting.units > 0 || posting.unpaid > 0 {
            self.postings.push(posting);
        }
    }

    /// The block's lines: sorted, and those of a kind together.
    pub(super) fn take_postings(&mut self) -> Vec<Posting> {
        let mut all = std::mem::take(&mut self.postings);
        all.sort_unstable();
        all.dedup_by(|next, first| {
            let same =
                (first.account, first.kind, &first.function) == (next.account, next.kind, &next.function);
            if same {
                first.units = first.units.saturating_add(next.units);
                first.calls = first.calls.saturating_add(next.calls);
                first.unpaid = first.unpaid.saturating_add(next.unpaid);
            }
            same
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_kind_are_one_line_and_read_back() {
        let [ada, bob] = [1, 2].map(|n| AccountId::from_bytes([n; 32]));
        let name = FunctionName::parse("hello").unwrap();
        let calls =
            |units| Posting { calls: 3, ..Posting::new(ada, PostingKind::Calls, Some(name.clone()), units) };
        let mut till = Till::default();
        for posting in [calls(5), Posting::new(bob, PostingKind::Work, None, 2), calls(7), calls(0)] {
            till.post(posting);
        }
        let lines = till.take_postings();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].units, lines[0].calls), (12, 6));
        assert_eq!(Posting::decode_all(ada, &Posting::encode_all(&lines[..1])).unwrap(), lines[..1]);
        for (number, kind) in PostingKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }
}
