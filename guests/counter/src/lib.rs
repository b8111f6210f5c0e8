//! Counts how often each name was said. The numbers live in the key-value store `default`;
//! the function itself remembers nothing.
//!
//! Payload: a name. Answer: its count as decimal text. `?name` reads without counting, `-name` forgets.

wit_bindgen::generate!({ path: ["../../wit", "wit"], world: "folkmoot:counter/counter", generate_all });

use exports::moot::function::handler::{Event, Failure, Guest};
use wasi::keyvalue::{atomics, store};

struct Counter;

impl Guest for Counter {
    fn handle(event: Event) -> Result<Vec<u8>, Failure> {
        let text = String::from_utf8(event.payload)
            .map_err(|_| Failure::Invalid("the payload must be a name in UTF-8".into()))?;
        let bucket = store::open("default").map_err(refused)?;
        let count = match text.trim() {
            "" => return Err(Failure::Invalid("the payload must name what to count".into())),
            text if text.starts_with('?') => read(&bucket, &text[1..])?,
            text if text.starts_with('-') => {
                bucket.delete(&text[1..]).map_err(refused)?;
                0
            }
            name => atomics::increment(&bucket, name, 1).map_err(refused)?,
        };
        Ok(count.to_string().into_bytes())
    }
}

fn read(bucket: &store::Bucket, name: &str) -> Result<u64, Failure> {
    let Some(bytes) = bucket.get(name).map_err(refused)? else { return Ok(0) };
    String::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
        Failure::Internal(format!("the store holds something else than a number under {name:?}"))
    })
}

fn refused(error: store::Error) -> Failure {
    match error {
        store::Error::NoSuchStore | store::Error::AccessDenied => Failure::Internal(
            "the store is not granted: keyvalue = [\"default\"] in moot.toml grants it".into(),
        ),
        store::Error::Other(why) => Failure::Unavailable(why),
    }
}

export!(Counter);
