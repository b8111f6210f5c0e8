//! Says once a day how much was said in each room, as a value at `/chat-digest/DATE`, and begins to count anew.
//!
//! A schedule makes it run. The numbers are those that the moderator has counted in the store that both share.

wit_bindgen::generate!({ path: ["../../../wit", "../wit"], world: "folkmoot:chat/bot", generate_all });

use exports::moot::function::handler::{Event, Failure, Guest};
use moot::function::ledger;
use wasi::keyvalue::store::{self, Bucket};

/// Pages of the store's list of keys that are looked at: a chat with more rooms needs a longer digest.
const MAX_PAGES: usize = 64;

struct Digest;

impl Guest for Digest {
    fn handle(event: Event) -> Result<Vec<u8>, Failure> {
        let time = event.attributes.iter().find(|(name, _)| name == "time-ms");
        let time_ms: u64 = time
            .and_then(|(_, ms)| ms.parse().ok())
            .ok_or_else(|| Failure::Invalid("the event says no time: a schedule makes this run".into()))?;
        let bucket = store::open("chat").map_err(unavailable)?;
        let mut lines = Vec::new();
        for key in keys(&bucket)? {
            let Some(room) = key.strip_prefix("said ") else { continue };
            let Some(bytes) = bucket.get(&key).map_err(unavailable)? else { continue };
            let count = String::from_utf8_lossy(&bytes).into_owned();
            lines.push(format!("{room}: {count} messages"));
            bucket.delete(&key).map_err(unavailable)?;
        }
        lines.sort();
        let text = if lines.is_empty() { "nobody said anything".to_owned() } else { lines.join("\n") };
        match ledger::write(&format!("/chat-digest/{}", date(time_ms)), text.as_bytes()) {
            Ok(id) => Ok(format!("{id}\n{text}").into_bytes()),
            Err(ledger::Error::Denied(why)) => Err(Failure::Denied(why)),
            Err(error) => Err(Failure::Unavailable(format!("{error:?}"))),
        }
    }
}

fn keys(bucket: &Bucket) -> Result<Vec<String>, Failure> {
    let (mut keys, mut cursor) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let page = bucket.list_keys(cursor).map_err(unavailable)?;
        keys.extend(page.keys);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(keys)
}

fn unavailable(error: store::Error) -> Failure {
    Failure::Unavailable(format!("the store: {error:?}"))
}

/// `2026-03-01` of a time.
fn date(time_ms: u64) -> String {
    let shifted = time_ms / 86_400_000 + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

export!(Digest);
