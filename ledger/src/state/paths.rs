//! Two trees over the same paths: who owns what, and which rule applies where.
//!
//! ```text
//!  owners   /chat ──► ada      /chat/lobby ──► bob      the closest at or above a path decides
//!  rules    /chat/$/$ , /chat/lobby , ...               literal before variable, no way back; the deepest applies
//! ```

use super::Refusal;
use crate::rules::{Rule, Scope, Subject};
use moot_record::{AccountId, PathOwner, PathRule, Pattern};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who may change the owners and rules at a path and below. None: it was given up for good.
#[derive(Debug, Clone, Default)]
pub(super) struct Owners {
    owners: BTreeMap<String, PathOwner>,
}

impl Owners {
    pub(super) fn get(&self, path: &str) -> Option<PathOwner> {
        self.owners.get(path).copied()
    }

    /// Sets an owner as it was before.
    pub(super) fn restore(&mut self, path: String, owner: Option<PathOwner>) {
        match owner {
            Some(owner) => drop(self.owners.insert(path, owner)),
            None => drop(self.owners.remove(&path)),
        }
    }

    /// The closest path at or above one that has an owner, or had.
    pub(super) fn closest<'a>(&self, path: &'a str) -> Option<(&'a str, PathOwner)> {
        let mut at = path;
        loop {
            if let Some(owner) = self.owners.get(at) {
                return Some((at, *owner));
            }
            at = at.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty())?;
        }
    }

    /// Whether an account may change what is at a path.
    pub(super) fn check(&self, account: &AccountId, path: &str) -> Result<(), Refusal> {
        match self.closest(path) {
            None => Err(Refusal::NobodysPath { path: path.to_owned() }),
            Some((at, PathOwner { owner: None })) => Err(Refusal::PathGivenUp { path: at.to_owned() }),
            Some((_, PathOwner { owner: Some(owner) })) if owner == *account => Ok(()),
            Some((at, PathOwner { owner: Some(owner) })) => {
                Err(Refusal::NotPathOwner { path: at.to_owned(), owner })
            }
        }
    }

    /// A path gets another owner, or none for good. Who comes first to a first label owns it.
    pub(super) fn change(
        &mut self,
        said_by: AccountId,
        path: &str,
        owner: Option<AccountId>,
    ) -> Result<(), Refusal> {
        let first = path.matches('/').count() == 1;
        if first && self.closest(path).is_none() {
            if owner != Some(said_by) {
                return Err(Refusal::NobodysPath { path: path.to_owned() });
            }
        } else {
            self.check(&said_by, path)?;
        }
        self.owners.insert(path.to_owned(), PathOwner { owner });
        Ok(())
    }
}

/// Why a value is denied that no rule applies to.
pub(super) const NO_RULE: &str = "no rule applies, and what no rule allows is denied";

/// A rule with its pattern.
#[derive(Debug, Clone)]
pub struct RuleRecord {
    /// What it is about.
    pub pattern: Pattern,
    /// As its owner wrote it.
    pub text: String,
    /// As it is judged by.
    pub rule: Rule,
}

impl RuleRecord {
    /// Reads a rule for a pattern.
    ///
    /// # Errors
    /// Says what is wrong with either.
    pub fn new(pattern: &str, text: &str) -> Result<RuleRecord, String> {
        let pattern = Pattern::parse(pattern).map_err(|error| error.to_string())?;
        let rule = Rule::parse(text, Subject::Value(&pattern.variables()))?;
        Ok(RuleRecord { pattern, text: text.to_owned(), rule })
    }

    /// Whether it allows to write to a path, which it must apply to.
    ///
    /// # Errors
    /// Why it does not.
    pub fn judge(&self, path: &str, scope: &Scope<'_>) -> Result<(), String> {
        match self.rule.judge(&self.pattern.bind(path), scope)? {
            true => Ok(()),
            false => Err("the rule says no".to_owned()),
        }
    }

    /// What the state's tree and table hold of it.
    pub(super) fn value(&self) -> Vec<u8> {
        PathRule { pattern: self.pattern.as_str().to_owned(), rule: self.text.clone() }.encode()
    }
}

/// What the rules say about writing to a path.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The rule that said so; none: there is none for the path.
    pub rule: Option<Arc<RuleRecord>>,
    /// Why it is not allowed.
    pub why: Option<String>,
}

/// The rules, by the places of their patterns.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: BTreeMap<String, Arc<RuleRecord>>,
}

impl Rules {
    /// The rule at a place.
    #[must_use]
    pub fn get(&self, place: &str) -> Option<&Arc<RuleRecord>> {
        self.rules.get(place)
    }

    /// All of them, by place.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<RuleRecord>> {
        self.rules.values()
    }

    /// Puts a rule in its place, or none; gives what was there.
    pub fn put(&mut self, place: String, rule: Option<Arc<RuleRecord>>) -> Option<Arc<RuleRecord>> {
        match rule {
            Some(rule) => self.rules.insert(place, rule),
            None => self.rules.remove(&place),
        }
    }

    /// The rule that applies to a path: label by label down, a literal one before a variable and never back, and of the
    /// rules on that way the deepest.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Arc<RuleRecord>> {
        let (mut place, mut found) = (String::with_capacity(path.len()), None);
        for label in path.split('/').skip(1) {
            let above = place.len();
            place.push('/');
            place.push_str(label);
            if !self.leads_on(&place) {
                place.truncate(above);
                place.push_str("/$");
                if !self.leads_on(&place) {
                    break;
                }
            }
            found = self.rules.get(&place).or(found);
        }
        found
    }

    /// Whether something may be written to a path: what the rule that applies says, and without one no.
    #[must_use]
    pub fn judge(&self, path: &str, scope: &Scope<'_>) -> Verdict {
        let Some(rule) = self.find(path).cloned() else {
            return Verdict { allowed: false, rule: None, why: Some(NO_RULE.into()) };
        };
        let why = rule.judge(path, scope).err();
        Verdict { allowed: why.is_none(), rule: Some(rule), why }
    }

    /// Whether there is a rule at a place or below it.
    fn leads_on(&self, place: &str) -> bool {
        if self.rules.contains_key(place) {
            return true;
        }
        let below = format!("{place}/");
        self.rules.range(below.clone()..).next().is_some_and(|(next, _)| next.starts_with(&below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(patterns: &[&str]) -> Rules {
        let mut rules = Rules::default();
        for pattern in patterns {
            let record = RuleRecord::new(pattern, "true").unwrap();
            rules.put(record.pattern.place().to_owned(), Some(Arc::new(record)));
        }
        rules
    }

    #[test]
    fn the_deepest_on_the_one_way_down_applies() {
        let rules = rules(&["/a", "/a/$x", "/a/$x/b", "/a/lit/$y/deep", "/a-b", "/a/lit.x", "/c/$x/d"]);
        for (path, pattern) in [
            ("/a", Some("/a")),
            ("/a/1", Some("/a/$x")),
            ("/a/1/b", Some("/a/$x/b")),
            ("/a/1/b/c", Some("/a/$x/b")),
            ("/a/1/c", Some("/a/$x")),
            // The literal label leads on, so the variable's rules are out of reach, whatever comes below.
            ("/a/lit", Some("/a")),
            ("/a/lit/b", Some("/a")),
            ("/a/lit/1/deep", Some("/a/lit/$y/deep")),
            ("/a/lit/1/other", Some("/a")),
            ("/a/lit.x", Some("/a/lit.x")),
            ("/a-b/1", Some("/a-b")),
            ("/b", None),
            ("/c/1", None),
            ("/c/1/d", Some("/c/$x/d")),
        ] {
            let found = rules.find(path).map(|rule| rule.pattern.as_str());
            assert_eq!(found, pattern, "{path}");
        }
        assert!(Rules::default().find("/a").is_none());
    }

    #[test]
    fn the_closest_owner_decides_and_giving_up_is_for_good() {
        let [ada, bob, eve] = [1, 2, 3].map(|n| AccountId::from_bytes([n; 32]));
        let mut owners = Owners::default();
        let nobodys = |path: &str| Err(Refusal::NobodysPath { path: path.to_owned() });
        assert_eq!(owners.change(ada, "/chat/lobby", Some(ada)), nobodys("/chat/lobby"));
        assert_eq!(owners.change(ada, "/chat", Some(bob)), nobodys("/chat"), "claimed for oneself");
        assert_eq!(owners.change(ada, "/chat", None), nobodys("/chat"));
        owners.change(ada, "/chat", Some(ada)).unwrap();
        let adas = |path: &str| Err(Refusal::NotPathOwner { path: path.to_owned(), owner: ada });
        assert_eq!(owners.change(eve, "/chat", Some(eve)), adas("/chat"));
        assert_eq!(owners.change(eve, "/chat/x/y", Some(eve)), adas("/chat"));
        assert_eq!(owners.check(&eve, "/chatter"), nobodys("/chatter"), "another label, not below");
        owners.change(ada, "/chat/lobby", Some(bob)).unwrap();
        assert_eq!(owners.check(&bob, "/chat/lobby/42"), Ok(()));
        assert!(owners.check(&ada, "/chat/lobby").is_err(), "the closest decides, not the one above");
        owners.change(bob, "/chat/lobby", None).unwrap();
        let given_up = Err(Refusal::PathGivenUp { path: "/chat/lobby".to_owned() });
        for who in [ada, bob, eve] {
            assert_eq!(owners.change(who, "/chat/lobby", Some(who)), given_up);
            assert_eq!(owners.check(&who, "/chat/lobby/42"), given_up);
        }
        owners.change(ada, "/chat", Some(eve)).unwrap();
        assert!(owners.check(&ada, "/chat").is_err() && owners.check(&eve, "/chat").is_ok());
    }
}
