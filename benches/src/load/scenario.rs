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
    /// `guests/hello-http-plain`: the same, by a guest without a library between it and the interface.
    WasiHttpPlain,
    /// `guests/calculator`: `add(2, 3)` by reflection.
    Typed,
    /// `guests/hello`: an event in, bytes out, one line of log.
    Event,
}

impl Scenario {
    /// What was asked for, the baseline first.
    pub(crate) fn chosen(asked: &[Scenario]) -> Vec<Scenario> {
        let all =
            [Scenario::Hyper, Scenario::WasiHttp, Scenario::WasiHttpPlain, Scenario::Typed, Scenario::Event];
        all.into_iter().filter(|one| *one == Scenario::Hyper || asked.contains(one)).collect()
    }

    /// As the JSON names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scenario::Hyper => "hyper",
            Scenario::WasiHttp => "wasi-http",
            Scenario::WasiHttpPlain => "wasi-http-plain",
            Scenario::Typed => "typed",
            Scenario::Event => "event",
        }
    }

    /// The function that answers; none for the baseline.
    pub(crate) fn function(self) -> Option<&'static str> {
        match self {
            Scenario::Hyper => None,
            Scenario::WasiHttp => Some("hello-http"),
            Scenario::WasiHttpPlain => Some("hello-http-plain"),
            Scenario::Typed => Some("calculator"),
            Scenario::Event => Some("hello"),
        }
    }

    /// The request, and a word that its answer must hold.
    pub(crate) fn request(self) -> Request {
        match self {
            Scenario::Hyper => Request::new("GET", "/", &[], b"", "hello"),
            Scenario::WasiHttp => Request::new("GET", "/hello-http", &[], b"", "hello from /hello-http"),
            Scenario::WasiHttpPlain => {
                Request::new("GET", "/hello-http-plain", &[], b"", "hello from /hello-http-plain")
            }
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
