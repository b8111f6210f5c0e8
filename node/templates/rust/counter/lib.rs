//! Counts how often each name was said, in a key-value store: an instance remembers nothing, the store does.

wit_bindgen::generate!({ path: "wit", world: "function", generate_all });

use exports::moot::function::handler::{Event, Failure, Guest};
use wasi::keyvalue::{atomics, store};

struct Function;

impl Guest for Function {
    fn handle(event: Event) -> Result<Vec<u8>, Failure> {
        let name = String::from_utf8(event.payload)
            .map_err(|_| Failure::Invalid("the payload must be a name in UTF-8".into()))?;
        let name = match name.trim() {
            "" => return Err(Failure::Invalid("the payload must be a name".into())),
            name => name,
        };
        let bucket = store::open("default").map_err(refused)?;
        let count = atomics::increment(&bucket, name, 1).map_err(refused)?;
        Ok(format!("{count}\n").into_bytes())
    }
}

fn refused(error: store::Error) -> Failure {
    match error {
        store::Error::NoSuchStore => Failure::Internal("grant the store: keyvalue = [\"default\"]".into()),
        store::Error::AccessDenied => Failure::Denied("the store refuses access".into()),
        store::Error::Other(why) => Failure::Unavailable(why),
    }
}

export!(Function);
