//! From a target to the addresses that may be dialled: resolved once, filtered once.

use super::address::inside;
use super::target::{Host, Target};
use crate::limits::MAX_OUTBOUND_ADDRESSES;
use futures::future::BoxFuture;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use wasmtime_wasi_http::Error;

/// Looks names up. A seam: tests answer as a hostile name server would.
pub(super) trait Resolver: Send + Sync + 'static {
    /// The addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
pub(super) struct System;

impl Resolver for System {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            // With a final dot, no search domain is appended: `api` must not become `api.corp.example`.
            let absolute = format!("{name}.:0");
            Ok(tokio::net::lookup_host(absolute).await?.map(|address| address.ip()).collect())
        })
    }
}

/// The addresses that a request to `target`, which the allow-list admits, may be sent to. Never empty.
///
/// An address that the policy names is dialled as it is. So is this machine, for the name `localhost`, which is no
/// name server's to answer (RFC 6761). Any other name is looked up, once, and what lies inside is dropped: the
/// caller dials what is returned here and asks no resolver again.
pub(super) async fn addresses(resolver: &dyn Resolver, target: &Target) -> Result<Vec<SocketAddr>, Error> {
    let name = match &target.host {
        Host::Address(address) => return Ok(vec![SocketAddr::new(*address, target.port)]),
        Host::Name(name) => name,
    };
    if name == "localhost" || name.ends_with(".localhost") {
        let both = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        return Ok(both.map(|address| SocketAddr::new(address, target.port)).into());
    }
    let answers = resolver.resolve(name).await.map_err(|error| {
        tracing::debug!(%target, %error, "outbound: name not resolved");
        Error::DnsError { rcode: Some(error.to_string()), info_code: None }
    })?;
    if answers.is_empty() {
        return Err(Error::DestinationNotFound);
    }
    let mut outside = Vec::with_capacity(answers.len().min(MAX_OUTBOUND_ADDRESSES));
    for address in answers {
        match inside(address) {
            None if outside.len() < MAX_OUTBOUND_ADDRESSES => {
                outside.push(SocketAddr::new(address, target.port))
            }
            None => break,
            Some(why) => tracing::warn!(%target, %address, why, "outbound: address dropped, it lies inside"),
        }
    }
    if outside.is_empty() { Err(Error::DestinationIpProhibited) } else { Ok(outside) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Answers each look-up with the next of its answers.
    struct Script(Vec<&'static [&'static str]>, AtomicUsize);

    impl Script {
        fn new(answers: &[&'static [&'static str]]) -> Script {
            Script(answers.to_vec(), AtomicUsize::new(0))
        }
    }

    impl Resolver for Script {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
            let nth = self.1.fetch_add(1, Ordering::Relaxed);
            let answer =
                self.0.get(nth).map(|answer| answer.iter().map(|text| text.parse().unwrap()).collect());
            Box::pin(async move { answer.ok_or_else(|| io::Error::other("asked too often")) })
        }
    }

    fn ask(script: &Script, uri: &str) -> Result<Vec<String>, String> {
        let target = Target::of(&uri.parse().unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(addresses(script, &target));
        found
            .map(|list| list.iter().map(SocketAddr::to_string).collect())
            .map_err(|error| format!("{error:?}"))
    }

    /// A name whose second answer is private: there must not be a second question.
    #[test]
    fn case_37_dns_rebinding_a_name_is_asked_for_once() {
        let script = Script::new(&[&["93.184.215.14"], &["127.0.0.1"]]);
        assert_eq!(ask(&script, "http://rebind.example/").unwrap(), ["93.184.215.14:80"]);
        assert_eq!(script.1.load(Ordering::Relaxed), 1);
        assert_eq!(ask(&script, "http://rebind.example/").unwrap_err(), "DestinationIpProhibited");
    }

    #[test]
    fn case_38_private_addresses_are_dropped_from_mixed_answers() {
        let mixed: &[&str] = &["10.0.0.1", "93.184.215.14", "::1", "2606:4700::1", "::ffff:192.168.0.1"];
        let found = ask(&Script::new(&[mixed]), "https://mixed.example/").unwrap();
        assert_eq!(found, ["93.184.215.14:443", "[2606:4700::1]:443"]);
        assert_eq!(
            ask(&Script::new(&[&["10.0.0.1", "::1"]]), "https://all.example/").unwrap_err(),
            "DestinationIpProhibited"
        );
    }

    #[test]
    fn an_address_and_localhost_need_no_resolver() {
        let none = Script::new(&[]);
        assert_eq!(ask(&none, "http://127.0.0.1:9000/").unwrap(), ["127.0.0.1:9000"]);
        assert_eq!(ask(&none, "http://localhost:9000/").unwrap(), ["127.0.0.1:9000", "[::1]:9000"]);
        assert_eq!(none.1.load(Ordering::Relaxed), 0);
        assert!(ask(&none, "http://notlocalhost/").is_err());
    }

    #[test]
    fn no_answer_and_too_many_answers() {
        assert_eq!(ask(&Script::new(&[&[]]), "http://none.example/").unwrap_err(), "DestinationNotFound");
        let many: &[&str] = &["1.1.1.1"; 50];
        assert_eq!(ask(&Script::new(&[many]), "http://many.example/").unwrap().len(), MAX_OUTBOUND_ADDRESSES);
    }
}
