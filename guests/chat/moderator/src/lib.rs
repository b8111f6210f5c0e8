//! Looks at every message of a chat: counts it, and warns when it has a bad word.
//!
//! A trigger on `/chat/$room/$message` makes it run; the warning is a value at `/chat-moderation/ROOM/MESSAGE`.

wit_bindgen::generate!({ path: ["../../../wit", "../wit"], world: "folkmoot:chat/bot", generate_all });

use exports::moot::function::handler::{Event, Failure, Guest};
use moot::function::ledger;
use wasi::keyvalue::{atomics, store};

/// Words that nobody wants to read here.
const BAD_WORDS: [&str; 3] = ["darn", "heck", "drat"];

struct Moderator;

impl Guest for Moderator {
    fn handle(event: Event) -> Result<Vec<u8>, Failure> {
        let (room, message) = place(&event.source)
            .ok_or_else(|| Failure::Invalid(format!("{} is no message of a room", event.source)))?;
        let bucket = store::open("chat").map_err(|e| Failure::Internal(format!("the store: {e:?}")))?;
        atomics::increment(&bucket, &format!("said {room}"), 1)
            .map_err(|e| Failure::Unavailable(format!("the store: {e:?}")))?;
        let text = String::from_utf8_lossy(&event.payload).to_lowercase();
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        let Some(bad) = words.find(|word| BAD_WORDS.contains(word)) else { return Ok(b"fine".to_vec()) };
        let who = event.attributes.iter().find(|(name, _)| name == "account");
        let who = who.map_or("nobody", |(_, account)| account.as_str());
        let warning = format!("{who} said {bad:?}: please keep it friendly");
        let path = format!("/chat-moderation/{room}/{message}");
        match ledger::write(&path, warning.as_bytes()) {
            Ok(id) => Ok(format!("warned: {id}").into_bytes()),
            Err(ledger::Error::Denied(why)) => Err(Failure::Denied(why)),
            Err(error) => Err(Failure::Unavailable(format!("{path}: {error:?}"))),
        }
    }
}

/// Room and message of `value:/chat/ROOM/MESSAGE`.
fn place(source: &str) -> Option<(&str, &str)> {
    let (room, message) = source.strip_prefix("value:/chat/")?.split_once('/')?;
    (!message.contains('/')).then_some((room, message))
}

export!(Moderator);
