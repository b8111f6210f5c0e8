//! Answers an event: bytes in, bytes or a failure out. `wit/` has the interfaces, with documentation.

wit_bindgen::generate!({ path: "wit", world: "function", generate_all });

use exports::moot::function::handler::{Event, Failure, Guest};
use wasi::logging::logging::{Level, log};

struct Function;

impl Guest for Function {
    fn handle(event: Event) -> Result<Vec<u8>, Failure> {
        let name = String::from_utf8(event.payload)
            .map_err(|_| Failure::Invalid("the payload must be a name in UTF-8".into()))?;
        let name = match name.trim() {
            "" => "world",
            name => name,
        };
        log(Level::Info, "{{name}}", &format!("greets {name}"));
        Ok(format!("hello, {name}\n").into_bytes())
    }
}

export!(Function);
