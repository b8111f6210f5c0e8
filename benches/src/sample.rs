//! Entries as the node makes them for a small web call.

use moot_record::{
    Call, CallKind, Digest, Entry, EntryId, Fee, FunctionName, HttpField, HttpRequestHead, HttpResponseHead,
    Payload, Receipt, Status, component_digest,
};

/// The recorded input of a small `GET`.
#[must_use]
pub fn request() -> Vec<u8> {
    let head = HttpRequestHead {
        method: "GET".into(),
        target: "/hello-http".into(),
        headers: vec![HttpField { name: "host".into(), value: b"localhost".to_vec() }],
    };
    head.with_body(b"")
}

/// The recorded output of its answer.
#[must_use]
pub fn response() -> Vec<u8> {
    let kind = HttpField { name: "content-type".into(), value: b"text/plain; charset=utf-8".to_vec() };
    HttpResponseHead { status: 200, headers: vec![kind] }.with_body(b"hello from /hello-http\n")
}

/// A call of an http function; `n` makes it differ from others.
///
/// # Panics
/// Never: the name is a valid one.
#[must_use]
pub fn call(n: u64) -> Call {
    #[allow(clippy::expect_used, reason = "the name is a valid one")]
    let function = FunctionName::parse("hello-http").expect("the name is a valid one");
    Call {
        function,
        component: component_digest(b"component"),
        spec: Digest::from_bytes([5; 32]),
        kind: CallKind::Http,
        caller: None,
        input: Payload::of(&request()),
        time_us: 1_760_000_000_000_000 + n,
        fuel_limit: 10_000_000_000,
        idempotency: None,
        parent: None,
    }
}

/// The receipt of the call at `id`.
#[must_use]
pub fn receipt(id: EntryId, call_digest: Digest) -> Receipt {
    Receipt {
        call: id,
        call_digest,
        component: component_digest(b"component"),
        status: Status::Ok,
        output: Payload::of(&response()),
        fuel: 32_417,
        metered: true,
        fee: Fee { ordering: 337, execution: 1 },
        touched: Vec::new(),
        time_us: 1_760_000_000_000_400,
        duration_us: 14,
    }
}

/// Call `n` of batch 1 000 and its receipt, encoded.
#[must_use]
pub fn pair(n: u64) -> (Vec<u8>, Vec<u8>) {
    let call = Entry::Call(call(n));
    let slot = (n % 60) as u16;
    let id = EntryId { lane: 0, batch: 1_000, bundle: 0, page: 0, slot };
    let receipt = Entry::Receipt(receipt(id, call.digest()));
    (call.encode(), receipt.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_what_a_reader_would_take() {
        let (call, receipt) = pair(7);
        assert!(matches!(Entry::decode(&call), Ok(Entry::Call(_))));
        assert!(matches!(Entry::decode(&receipt), Ok(Entry::Receipt(_))));
    }
}
