//! What is asked, of whom.

use crate::client::Request;
use clap::ValueEnum;

/// One way of being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// A plain hyper server that says hello: no function, no evidence.
    Hyper,
    /// `guests/hello-http`: wasi:http 0.2, a fresh instance for each request.
    WasiHttp,
    /// `guests/calculator`: `add(2, 3)` by reflection.
    Typed,
    /// `guests/hello`: an event in, bytes out, one line of log.
    Event,
}

impl Scenario {
    /// What was asked for, the baseline first.
    pub(crate) fn chosen(asked: &[Scenario]) -> Vec<Scenario> {
        let all = [Scenario::Hyper, Scenario::WasiHttp, Scenario::Typed, Scenario::Event];
        all.into_iter().filter(|one| *one == Scenario::Hyper || asked.contains(one)).collect()
    }

    /// As the JSON names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::Hyper => "hyper",
            Scenario::WasiHttp => "wasi-http",
            Scenario::Typed => "typed",
            Scenario::Event => "event",
        }
    }

    /// The function that answers; none for the baseline.
    pub(crate) fn function(self) -> Option<&'static str> {
        match self {
            Scenario::Hyper => None,
            Scenario::WasiHttp => Some("hello-http"),
            Scenario::Typed => Some("calculator"),
            Scenario::Event => Some("hello"),
        }
    }

    /// The request, and a word that its answer must hold.
    pub(crate) fn request(self) -> Request {
        match self {
            Scenario::Hyper => Request::new("GET", "/", &[], b"", "hello"),
            Scenario::WasiHttp => Request::new("GET", "/hello-http", &[], b"", "hello from /hello-http"),
            Scenario::Typed => Request::new(
                "POST",
                "/calculator/add",
                &[("content-type", "application/json")],
                b"[2,3]",
                "5",
            ),
            Scenario::Event => {
                Request::new("POST", "/hello", &[("content-type", "text/plain")], b"Ada", "hello, Ada")
            }
        }
    }
}
