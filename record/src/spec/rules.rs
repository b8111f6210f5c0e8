//! What a spec must obey beyond its types.

use super::{Access, FunctionKind, Payer, Spec, SpecGrants};
use crate::error::Invalid;
use crate::limits::{MAX_REPLICAS_K, MAX_SPEC_BYTES, MAX_SPEC_LIST, MAX_SPEC_TEXT_BYTES};
use crate::path::{check_path, check_rule_text};

impl Spec {
    /// Checks what the types alone cannot; `decode` does it too. Whether a rule can be judged by is the ledger's to say.
    ///
    /// # Errors
    /// Names the field and says what would be right.
    pub fn check(&self) -> Result<(), Invalid> {
        self.check_route()?;
        self.check_access()?;
        self.grants.check()?;
        if self.deterministic {
            self.check_deterministic()?;
        }
        self.check_replicas()?;
        let l = &self.limits;
        for (field, value) in [
            ("spec.limits.fuel", l.fuel),
            ("spec.limits.deadline_ms", l.deadline_ms),
            ("spec.limits.memory_bytes", l.memory_bytes),
        ] {
            if value == 0 {
                return Err(Invalid::new(field, "0; no call could run"));
            }
        }
        let bytes = self.encode().len();
        if bytes > MAX_SPEC_BYTES {
            let why = format!("{bytes} bytes in its encoding; at most {MAX_SPEC_BYTES}: shorten its lists");
            return Err(Invalid::new("spec", why));
        }
        Ok(())
    }

    fn check_access(&self) -> Result<(), Invalid> {
        match &self.access {
            Access::Anyone => Ok(()),
            Access::Accounts(accounts) if accounts.is_empty() && self.payer == Payer::Caller => {
                Err(Invalid::new("spec.access", "nobody may call, so nobody can pay"))
            }
            Access::Accounts(accounts) => check_set("spec.access", accounts, |a, b| a < b),
            Access::Rule(text) => check_rule_text("spec.access", text),
        }
    }

    fn check_route(&self) -> Result<(), Invalid> {
        if self.route == "/" {
            return Ok(());
        }
        check_path(&self.route).map_err(|e| Invalid::new("spec.route", e.why))?;
        if self.route == "/_moot" || self.route.starts_with("/_moot/") {
            return Err(Invalid::new("spec.route", "/_moot is the node's own; choose another"));
        }
        Ok(())
    }

    fn check_replicas(&self) -> Result<(), Invalid> {
        let k = self.replicas_k;
        if k == 0 || k > MAX_REPLICAS_K {
            let why = format!("{k}; a call is run on 1 to {MAX_REPLICAS_K} workers");
            return Err(Invalid::new("spec.replicas_k", why));
        }
        if k > 1 && !self.deterministic {
            let why =
                format!("{k}, and the function is not deterministic: its receipts would differ by right");
            return Err(Invalid::new("spec.replicas_k", why));
        }
        // The streams of HTTP, and requests that are refused later than at once, show how fast a machine is. Whoever
        // writes such a function could have honest workers say different things, and lose stake.
        if k > 1 && (self.kind == FunctionKind::Http || self.grants.http.is_some()) {
            let why = format!(
                "{k}, and the function has streams of HTTP, whose timing differs by machine: it must be of kind event or \
                 typed, without the grant http"
            );
            return Err(Invalid::new("spec.replicas_k", why));
        }
        Ok(())
    }

    fn check_deterministic(&self) -> Result<(), Invalid> {
        let g = &self.grants;
        let outside = [
            (g.http.as_ref().is_some_and(|hosts| !hosts.is_empty()), "http"),
            (!g.secrets.is_empty(), "secrets"),
            (!g.key_value.is_empty(), "keyvalue"),
            (!g.dirs.is_empty(), "dirs"),
            (g.clock, "clock"),
            (g.random, "random"),
            (g.ledger, "ledger"),
        ];
        match outside.iter().find(|(granted, _)| *granted) {
            None => Ok(()),
            Some((_, name)) => {
                let why = format!("a deterministic function has no outside access, and {name} is granted");
                Err(Invalid::new("spec.deterministic", why))
            }
        }
    }
}

impl SpecGrants {
    fn check(&self) -> Result<(), Invalid> {
        let texts = |field, list: &[String]| {
            check_set(field, list, |a, b| a < b)?;
            list.iter().try_for_each(|text| check_text(field, text, 1))
        };
        texts("spec.grants.http", self.http.as_deref().unwrap_or_default())?;
        texts("spec.grants.secrets", &self.secrets)?;
        texts("spec.grants.keyvalue", &self.key_value)?;
        check_set("spec.grants.env", &self.env, |a, b| a.0 < b.0)?;
        for (name, value) in &self.env {
            check_text("spec.grants.env", name, 1)?;
            if name.contains('=') {
                return Err(Invalid::new("spec.grants.env", format!("{name:?} contains =")));
            }
            // A value may have line breaks, as certificates do.
            if value.contains('\0') || value.len() > MAX_SPEC_TEXT_BYTES {
                let why = format!("the value of {name} has a zero byte or over {MAX_SPEC_TEXT_BYTES} bytes");
                return Err(Invalid::new("spec.grants.env", why));
            }
        }
        check_set("spec.grants.dirs", &self.dirs, |a, b| a.name < b.name)?;
        for dir in &self.dirs {
            check_text("spec.grants.dirs", &dir.name, 1)?;
            check_text("spec.grants.dirs", &dir.at, 1)?;
            if !dir.at.starts_with('/') {
                let why = format!("{:?} does not start with a slash; write it like /assets", dir.at);
                return Err(Invalid::new("spec.grants.dirs", why));
            }
        }
        Ok(())
    }
}

fn check_set<T>(field: &'static str, list: &[T], before: impl Fn(&T, &T) -> bool) -> Result<(), Invalid> {
    if list.len() > MAX_SPEC_LIST {
        return Err(Invalid::new(field, format!("{} members; at most {MAX_SPEC_LIST}", list.len())));
    }
    if list.is_sorted_by(before) { Ok(()) } else { Err(Invalid::new(field, "not sorted, each once")) }
}

fn check_text(field: &'static str, text: &str, least: usize) -> Result<(), Invalid> {
    let plain = !text.chars().any(char::is_control);
    if plain && (least..=MAX_SPEC_TEXT_BYTES).contains(&text.len()) {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    let why = format!("{shown:?} is not {least} to {MAX_SPEC_TEXT_BYTES} bytes without control characters");
    Err(Invalid::new(field, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::AccountId;
    use crate::limits::MAX_RULE_BYTES;
    use crate::spec::SpecDir;

    #[test]
    fn rules_name_the_field() {
        let good = Spec::new(FunctionKind::Http, "/hello");
        assert_eq!(good.check(), Ok(()));
        assert_eq!(Spec::decode(&good.encode()), Ok(good.clone()));
        assert_eq!(Spec::new(FunctionKind::Http, "/").check(), Ok(()));
        let field = |change: &dyn Fn(&mut Spec)| {
            let mut spec = good.clone();
            change(&mut spec);
            assert!(Spec::decode(&spec.encode()).is_err(), "what check refuses, decode refuses");
            spec.check().unwrap_err().field
        };
        assert_eq!(field(&|s| s.route = "hello".into()), "spec.route");
        assert_eq!(field(&|s| s.route = "/_moot/x".into()), "spec.route");
        assert_eq!(field(&|s| s.limits.fuel = 0), "spec.limits.fuel");
        assert_eq!(field(&|s| s.grants.secrets = vec!["b".into(), "a".into()]), "spec.grants.secrets");
        assert_eq!(field(&|s| s.grants.key_value = vec!["a".into(), "a".into()]), "spec.grants.keyvalue");
        assert_eq!(field(&|s| s.grants.http = Some(vec!["a\nb".into()])), "spec.grants.http");
        assert_eq!(field(&|s| s.grants.env = vec![("A=".into(), "1".into())]), "spec.grants.env");
        assert_eq!(
            field(&|s| s.grants.env = vec![("A".into(), "1".into()), ("A".into(), "2".into())]),
            "spec.grants.env"
        );
        let relative = SpecDir { name: "a".into(), at: "a".into(), write: false };
        assert_eq!(field(&|s| s.grants.dirs = vec![relative.clone()]), "spec.grants.dirs");
        assert_eq!(
            field(&|s| {
                s.deterministic = true;
                s.grants.clock = true;
            }),
            "spec.deterministic"
        );
        assert_eq!(field(&|s| s.replicas_k = 3), "spec.replicas_k");
        let compared = |kind, http: Option<Vec<String>>| {
            let mut spec = Spec { kind, deterministic: true, replicas_k: 2, ..Spec::new(kind, "/sum") };
            spec.grants.http = http;
            spec.check().map_err(|error| error.field)
        };
        assert_eq!(compared(FunctionKind::Typed, None), Ok(()));
        assert_eq!(compared(FunctionKind::Http, None), Err("spec.replicas_k"));
        assert_eq!(compared(FunctionKind::Event, Some(vec![])), Err("spec.replicas_k"));
        for k in [0, MAX_REPLICAS_K + 1] {
            assert_eq!(
                field(&|s| {
                    s.deterministic = true;
                    s.replicas_k = k;
                }),
                "spec.replicas_k"
            );
        }
        assert_eq!(
            field(&|s| {
                s.payer = Payer::Caller;
                s.access = Access::Accounts(vec![]);
            }),
            "spec.access"
        );
        assert_eq!(field(&|s| s.access = Access::Rule(String::new())), "spec.access");
        assert_eq!(field(&|s| s.access = Access::Rule("a".repeat(MAX_RULE_BYTES + 1))), "spec.access");
        let big = (0..8).map(|i| (format!("V{i}"), "x".repeat(2000))).collect::<Vec<_>>();
        assert_eq!(field(&|s| s.grants.env.clone_from(&big)), "spec");
    }

    #[test]
    fn one_worker_is_written_in_one_way() {
        let mut spec = Spec::new(FunctionKind::Event, "/a");
        spec.deterministic = true;
        let once = spec.encode();
        spec.replicas_k = 3;
        let bytes = spec.encode();
        assert_eq!((once[0], bytes[0], bytes.last()), (0x8b, 0x8c, Some(&3)));
        assert_eq!(Spec::decode(&bytes), Ok(spec));
        let mut said = once;
        (said[0], _) = (0x8c, said.push(1));
        assert!(Spec::decode(&said).unwrap_err().to_string().contains("replicas_k"));
    }

    #[test]
    fn sorted_gives_one_digest() {
        let accounts = [AccountId::from_bytes([9; 32]), AccountId::from_bytes([1; 32])];
        let mut a = Spec::new(FunctionKind::Event, "/a");
        a.access = Access::Accounts(accounts.to_vec());
        a.grants.http = Some(vec!["https://b:443".into(), "https://a:443".into(), "https://a:443".into()]);
        let mut b = a.clone();
        b.access = Access::Accounts(vec![accounts[1], accounts[0]]);
        b.grants.http = Some(vec!["https://a:443".into(), "https://b:443".into()]);
        assert!(a.check().is_err());
        let (a, b) = (a.sorted(), b.sorted());
        assert_eq!((a.check(), a.digest()), (Ok(()), b.digest()));
        assert_eq!((a.access.admits(Some(&accounts[0])), a.access.admits(None)), (Some(true), Some(false)));
        assert!(!a.can_have_admitted(Some(&AccountId::from_bytes([5; 32]))));
    }

    #[test]
    fn an_access_by_rule_is_its_text() {
        let mut spec = Spec::new(FunctionKind::Http, "/a");
        let anyone = spec.encode();
        spec.access = Access::Rule("auth.account != null".into());
        let bytes = spec.encode();
        // Where null stood for anyone, and nothing else is another.
        assert_eq!(bytes.len(), anyone.len() + "auth.account != null".len());
        assert_eq!(Spec::decode(&bytes).as_ref(), Ok(&spec));
        assert_eq!(serde_json::to_value(&spec.access).unwrap()["rule"], "auth.account != null");
        assert!(spec.access.admits(None).is_none() && spec.can_have_admitted(None));
    }
}
