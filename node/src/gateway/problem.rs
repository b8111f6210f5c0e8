//! Errors as RFC 9457 problem details: one table from what went wrong to the status that says so.

use crate::api::{Payment, Problem};
use crate::gateway::body::{AnswerBody, BodyError};
use crate::gateway::target::TargetError;
use http::{HeaderValue, Response, StatusCode, header};
use moot_host::{FailureKind, Fault};
use moot_ledger::Shortage;
use moot_record::{EntryId, Status};

/// What can go wrong, as far as a client must tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    BadPath,
    BadHost,
    SignatureNeeded,
    SignatureWrong,
    PaymentRequired,
    NotAllowed,
    KeyRevoked,
    DeniedByRule,
    NoRoute,
    NotFound,
    NoSuchFunction,
    NoSuchExport,
    Retired,
    WrongMethod,
    BodyTooSlow,
    InFlight,
    NotFinal,
    NotKept,
    AnswerNotKept,
    KeptElsewhere,
    BodyTooLarge,
    TargetTooLong,
    WrongMediaType,
    KeyReused,
    BadArguments,
    NotCalledSo,
    BadComponent,
    ComponentMissing,
    NotProvided,
    BadBundle,
    BundleRefused,
    FunctionFailed(u16),
    FunctionTrapped,
    LimitExceeded,
    NotGranted,
    OutOfFuel,
    DeadlineExceeded,
    Interrupted,
    Busy,
    Unavailable,
    NotLoaded,
    OnTheWay,
    NoBlockYet,
    ReadOnly,
    Stopping,
    CompileTooSlow,
    CompileTooLarge,
    Internal,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Kind; 49] = [
        Kind::BadRequest,
        Kind::BadPath,
        Kind::BadHost,
        Kind::SignatureNeeded,
        Kind::SignatureWrong,
        Kind::PaymentRequired,
        Kind::NotAllowed,
        Kind::KeyRevoked,
        Kind::DeniedByRule,
        Kind::NoRoute,
        Kind::NotFound,
        Kind::NoSuchFunction,
        Kind::NoSuchExport,
        Kind::Retired,
        Kind::WrongMethod,
        Kind::BodyTooSlow,
        Kind::InFlight,
        Kind::NotFinal,
        Kind::NotKept,
        Kind::AnswerNotKept,
        Kind::KeptElsewhere,
        Kind::BodyTooLarge,
        Kind::TargetTooLong,
        Kind::WrongMediaType,
        Kind::KeyReused,
        Kind::BadArguments,
        Kind::NotCalledSo,
        Kind::BadComponent,
        Kind::ComponentMissing,
        Kind::NotProvided,
        Kind::BadBundle,
        Kind::BundleRefused,
        Kind::FunctionFailed(500),
        Kind::FunctionTrapped,
        Kind::LimitExceeded,
        Kind::NotGranted,
        Kind::OutOfFuel,
        Kind::DeadlineExceeded,
        Kind::Interrupted,
        Kind::Busy,
        Kind::Unavailable,
        Kind::NotLoaded,
        Kind::OnTheWay,
        Kind::NoBlockYet,
        Kind::ReadOnly,
        Kind::Stopping,
        Kind::CompileTooSlow,
        Kind::CompileTooLarge,
        Kind::Internal,
    ];

    /// The table: the last part of the problem's type, its status, its title.
    pub(crate) const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Kind::BadRequest => ("bad-request", 400, "The request is malformed"),
            Kind::BadPath => ("bad-path", 400, "The path is not taken"),
            Kind::BadHost => ("bad-host", 400, "The request does not name one host"),
            Kind::SignatureNeeded => ("signature-needed", 401, "The request must be signed"),
            Kind::SignatureWrong => ("signature-wrong", 401, "The request's signature is not accepted"),
            Kind::PaymentRequired => ("payment-required", 402, "The account that pays has too little"),
            Kind::NotAllowed => ("not-allowed", 403, "This account may not do this"),
            Kind::KeyRevoked => ("key-revoked", 403, "The key that signed was revoked"),
            Kind::DeniedByRule => ("denied-by-rule", 403, "The rules do not allow it"),
            Kind::NoRoute => ("no-route", 404, "No function answers here"),
            Kind::NotFound => ("not-found", 404, "There is no such thing"),
            Kind::NoSuchFunction => ("no-such-function", 404, "There is no such function"),
            Kind::NoSuchExport => ("no-such-export", 404, "The function has no such export"),
            Kind::WrongMethod => ("wrong-method", 405, "The method does not fit the resource"),
            Kind::BodyTooSlow => ("body-too-slow", 408, "The body did not arrive in time"),
            Kind::InFlight => ("in-flight", 409, "The same call is being made"),
            Kind::NotFinal => ("not-final", 409, "Not ordered yet"),
            Kind::AnswerNotKept => ("answer-not-kept", 409, "The call was made, and its answer was not kept"),
            Kind::KeptElsewhere => ("kept-elsewhere", 421, "Another replica has the bytes"),
            Kind::Retired => ("retired", 410, "The function was retired"),
            Kind::NotKept => ("not-kept", 410, "It is not kept here"),
            Kind::BodyTooLarge => ("body-too-large", 413, "The body is too large"),
            Kind::TargetTooLong => ("target-too-long", 414, "The request target is too long"),
            Kind::WrongMediaType => ("wrong-media-type", 415, "The body's media type is not taken"),
            Kind::KeyReused => {
                ("idempotency-key-reused", 422, "The idempotency key belongs to another request")
            }
            Kind::BadArguments => ("bad-arguments", 422, "The arguments do not fit"),
            Kind::NotCalledSo => ("wrong-kind", 422, "The function is of another kind"),
            Kind::BadComponent => ("bad-component", 422, "The component is not taken"),
            Kind::ComponentMissing => ("component-missing", 422, "The component was not uploaded"),
            Kind::NotProvided => {
                ("not-provided", 422, "This node does not provide what the manifest asks for")
            }
            Kind::BadBundle => ("bad-bundle", 422, "The bundle is not valid"),
            Kind::BundleRefused => ("bundle-refused", 422, "The bundle is not taken"),
            Kind::FunctionFailed(status) => {
                ("function-failed", status, "The function answered with a failure")
            }
            Kind::FunctionTrapped => ("function-trapped", 502, "The function broke off"),
            Kind::LimitExceeded => ("limit-exceeded", 502, "The function went over a limit"),
            Kind::NotGranted => ("not-granted", 502, "The function used what it was not granted"),
            Kind::OutOfFuel => ("out-of-fuel", 504, "The function ran out of fuel"),
            Kind::DeadlineExceeded => ("deadline-exceeded", 504, "The function took too long"),
            Kind::Interrupted => ("interrupted", 500, "The call was cut off, and is not run again"),
            Kind::Busy => ("busy", 503, "All places are taken"),
            Kind::Unavailable => ("unavailable", 503, "Nobody can run it at the moment"),
            Kind::NotLoaded => ("not-loaded", 503, "The function cannot be loaded here"),
            Kind::OnTheWay => ("component-on-the-way", 503, "The function has not arrived here yet"),
            Kind::NoBlockYet => ("no-block-yet", 503, "No block has brought it in time"),
            Kind::ReadOnly => ("read-only", 503, "Nothing can be recorded at the moment"),
            Kind::Stopping => ("stopping", 503, "The node is stopping"),
            Kind::CompileTooSlow => ("compile-too-slow", 422, "The component takes too long to compile"),
            Kind::CompileTooLarge => {
                ("compile-too-large", 422, "The component takes too much memory to compile")
            }
            Kind::Internal => ("internal", 500, "The node failed"),
        }
    }

    /// Seconds after which trying again makes sense.
    const fn retry_after_s(self) -> Option<&'static str> {
        match self {
            Kind::Busy
            | Kind::Unavailable
            | Kind::InFlight
            | Kind::NotFinal
            | Kind::OnTheWay
            | Kind::NoBlockYet => Some("1"),
            Kind::ReadOnly | Kind::Stopping => Some("10"),
            _ => None,
        }
    }
}

/// The kind of a receipt that is not ok.
pub(crate) fn of_status(status: Status) -> Kind {
    match status {
        Status::Ok | Status::Failed => Kind::FunctionFailed(500),
        Status::Trapped => Kind::FunctionTrapped,
        Status::OutOfFuel => Kind::OutOfFuel,
        Status::Deadline => Kind::DeadlineExceeded,
        Status::LimitExceeded => Kind::LimitExceeded,
        Status::Denied => Kind::NotGranted,
        Status::Interrupted => Kind::Interrupted,
        Status::Unavailable => Kind::Unavailable,
    }
}

/// The kind of a fault that ended a call.
pub(crate) fn of_fault(fault: &Fault) -> Kind {
    match fault {
        Fault::OutOfFuel { .. } => Kind::OutOfFuel,
        Fault::Deadline { .. } => Kind::DeadlineExceeded,
        Fault::Limit { .. } => Kind::LimitExceeded,
        Fault::Denied { .. } => Kind::NotGranted,
        Fault::Guest(failure) => Kind::FunctionFailed(match failure.kind {
            // A typed function's error is an ordinary answer of it.
            FailureKind::Typed => 422,
            kind => kind.http_status(),
        }),
        Fault::BadArguments { .. } => Kind::BadArguments,
        Fault::NoSuchExport { .. } => Kind::NoSuchExport,
        Fault::WrongKind { .. } => Kind::NotCalledSo,
        Fault::Busy => Kind::Busy,
        Fault::Host { .. } => Kind::Internal,
        _ => Kind::FunctionTrapped,
    }
}

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    pub(crate) call: Option<EntryId>,
    pub(crate) call_status: Option<Status>,
    pub(crate) fuel: Option<u64>,
    pub(crate) backtrace: Box<[String]>,
    /// The methods that the resource takes, where another was tried.
    pub(crate) allow: Option<&'static str>,
    /// Apart, because few failures have one and all are passed on.
    pub(crate) shortage: Option<Box<Shortage>>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Failure {
            kind,
            detail: detail.into(),
            call: None,
            call_status: None,
            fuel: None,
            backtrace: Box::default(),
            allow: None,
            shortage: None,
        }
    }

    /// What the node itself did wrong: the client learns that, the operator's log learns what.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed inside the node");
        Failure::new(Kind::Internal, "the node failed; its log says how")
    }

    /// The JSON that a client reads.
    pub(crate) fn problem(&self) -> Problem {
        let (slug, status, title) = self.kind.row();
        Problem {
            kind: format!("/_moot/problems#{slug}"),
            title: title.to_owned(),
            status,
            detail: self.detail.clone(),
            call: self.call.map(|id| id.to_string()),
            call_status: self.call_status.map(|s| s.as_str().to_owned()),
            fuel: self.fuel,
            backtrace: self.backtrace.to_vec(),
            payment: self.shortage.as_ref().map(|shortage| Payment {
                account: shortage.account,
                balance: shortage.balance.to_string(),
                reserved: shortage.reserved.to_string(),
                needed: shortage.needed.to_string(),
                missing: shortage.missing().to_string(),
            }),
        }
    }

    pub(crate) fn into_response(self) -> Response<AnswerBody> {
        let problem = self.problem();
        let json = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(AnswerBody::full(json));
        *response.status_mut() =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.kind.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if matches!(self.kind, Kind::SignatureNeeded | Kind::SignatureWrong) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Signature"));
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        if matches!(self.kind, Kind::BodyTooLarge | Kind::BodyTooSlow) {
            // What is left of the body was not read, so nothing sensible can follow it.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let kind = match error {
            TargetError::TooLong(_) => Kind::TargetTooLong,
            TargetError::NoHost
            | TargetError::ManyHosts(_)
            | TargetError::BadHost
            | TargetError::HostsDiffer => Kind::BadHost,
            _ => Kind::BadPath,
        };
        Failure::new(kind, error.to_string())
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        let kind = match error {
            BodyError::TooLarge(_) => Kind::BodyTooLarge,
            BodyError::TooSlow => Kind::BodyTooSlow,
            BodyError::Broken(_) => Kind::BadRequest,
        };
        Failure::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_and_which_call() {
        let id: EntryId = "0-1-0-0-2".parse().unwrap();
        let failure = Failure { call: Some(id), fuel: Some(7), ..Failure::new(Kind::OutOfFuel, "burned") };
        let response = failure.clone().into_response();
        assert_eq!(response.status(), 504);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let json = serde_json::to_value(failure.problem()).unwrap();
        assert_eq!(json["type"], "/_moot/problems#out-of-fuel");
        assert_eq!(json["call"], "0-1-0-0-2");
        assert_eq!(json["fuel"], 7);
    }

    #[test]
    fn what_may_succeed_later_says_when() {
        let response = Failure::new(Kind::Busy, "full").into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[header::RETRY_AFTER]),
            (503, &HeaderValue::from_static("1"))
        );
    }
}
