//! Greets whoever the payload names. A `moot:function` handler: bytes in, bytes or a typed failure out.

wit_bindgen::generate!({ path: "../../wit", world: "moot:function/event-function", generate_all });

use exports::moot::function::handler::{Event, Failure, Guest};
use moot::function::context;
use wasi::logging::logging::{Level, log};

/// A greeting longer than this is not meant for a person.
const MAX_NAME_BYTES: usize = 256;

struct Hello;

impl Guest for Hello {
    fn handle(event: Event) -> Result<Vec<u8>, Failure> {
        let name = String::from_utf8(event.payload)
            .map_err(|_| Failure::Invalid("the payload must be a name in UTF-8".into()))?;
        let name = match name.trim() {
            "" => "world",
            name if name.len() > MAX_NAME_BYTES => {
                return Err(Failure::Invalid(format!(
                    "the name has {} bytes; at most {MAX_NAME_BYTES} are greeted",
                    name.len()
                )));
            }
            name => name,
        };
        log(Level::Info, "hello", &format!("call {} greets {name}", context::call_id()));
        let greeting = std::env::var("GREETING").unwrap_or_else(|_| "hello".into());
        Ok(format!("{greeting}, {name}\n").into_bytes())
    }
}

export!(Hello);
