//! Calls the calculator at the node that is named, and says nothing when all is as it must be. `calculator.rs` and
//! `shapes.rs` are put beside this file by the test.

mod calculator;
mod shapes;

use calculator::{CallError, Client, Discount, Error, Extras, Item, Operation, Order};
use std::sync::{Arc, Mutex};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let node = std::env::args().nth(1).expect("the node's address");
    let calls = Arc::new(Mutex::new(Vec::new()));
    let told = calls.clone();
    let client = Client::new(&node).with_answered(move |one| told.lock().unwrap().push(one.clone()));

    assert_eq!(client.add(2, 3).await.unwrap(), 5);
    assert_eq!(client.sum(&[u64::MAX - 1, 1]).await.unwrap(), u64::MAX);
    assert_eq!(client.reverse(&[1, 2, 255]).await.unwrap(), [255, 2, 1]);
    assert_eq!(client.mask(&[1, 2], 255).await.unwrap(), [254, 253]);
    assert_eq!(client.divide(17, 5).await.unwrap(), (3, 2));
    assert_eq!(client.mean(&[]).await.unwrap(), None);
    assert_eq!(client.mean(&[1.0, 2.5]).await.unwrap(), Some(1.75));
    client.nothing().await.unwrap();
    assert_eq!(client.evaluate(&Operation::Subtract, i64::MIN + 1, 1).await.unwrap(), i64::MIN);
    match client.evaluate(&Operation::Divide, 1, 0).await {
        Err(CallError::Failed(Error::DivisionByZero, problem)) => assert!(problem.call.is_some()),
        other => panic!("{other:?}"),
    }
    match client.evaluate(&Operation::Add, i64::MAX, 1).await {
        Err(CallError::Failed(Error::Overflow(text), _)) => {
            assert_eq!(text, "9223372036854775807 + 1")
        }
        other => panic!("{other:?}"),
    }
    match client.fibonacci(41).await {
        Err(CallError::Failed(text, _)) => assert_eq!(text, "n is 41; at most 40 is computed"),
        other => panic!("{other:?}"),
    }
    // A trap is no error of the function's own.
    match client.sum(&[u64::MAX, 1]).await {
        Err(CallError::Refused(problem)) => assert_eq!(problem.kind, "function-trapped"),
        other => panic!("{other:?}"),
    }
    let item = |name: &str, discount| Item { name: name.to_owned(), price: 10, quantity: 7, discount };
    let order = Order {
        items: vec![item("apple", Discount::Bundle((3, 2))), item("☃", Discount::Nothing)],
        extras: Extras { gift_wrap: true, ..Extras::default() },
        note: Some("soon".to_owned()),
    };
    let bill = client.total(&order).await.unwrap();
    assert_eq!((bill.extras, bill.total, bill.initials), (250, 370, vec!['a', '☃']));
    assert_eq!(bill.lines[0].cents, 50);
    match Client::new(&node).with_function("nobody").add(1, 2).await {
        Err(CallError::Refused(problem)) => assert_eq!(problem.kind, "no-such-function"),
        other => panic!("{other:?}"),
    }
    let keyed = Client::new(&node).with_header("idempotency-key", "a key");
    assert_eq!(keyed.add(1, 2).await.unwrap(), keyed.add(1, 2).await.unwrap());
    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 10);
    assert!(calls.iter().all(|one| one.call.contains('-') && one.fuel.is_some()));
    // Types of every other shape: that they compile is what is shown.
    let _ = shapes::Client::new(&node);
}
