//! Counts words. An ordinary Lambda handler: nothing in it is of this platform.

use lambda_runtime::{Error, LambdaEvent, service_fn, tracing};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Event {
    text: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    words: usize,
}

async fn handle(event: LambdaEvent<Event>) -> Result<Answer, Error> {
    let Some(text) = event.payload.text else {
        return Err(r#"send {"text": "..."}"#.into());
    };
    println!("call {}: {} bytes", event.context.request_id, text.len());
    Ok(Answer { words: text.split_whitespace().count() })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    lambda_runtime::run(service_fn(handle)).await
}
