//! What a call touched outside its sandbox.

use serde::{Deserialize, Serialize};

use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::{MAX_TOUCH_TARGET_BYTES, MAX_TOUCHED_BYTES, MAX_TOUCHES};
use crate::text::numbered;

/// A kind of target and the target, with how often it was touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touch {
    /// What kind of thing.
    pub kind: TouchKind,
    /// Which: `https://api.example.com:443`, a store's or a directory's name, a function. [`Touch::REST`] stands
    /// for targets that had no room.
    pub target: String,
    /// How often, at least once; `u32::MAX` means that often or more.
    pub count: u32,
}

numbered! {
    /// What kind of thing was touched.
    pub enum TouchKind("kind of touch") {
        /// An outbound HTTP request.
        Http = 0, "http";
        /// A key-value store.
        KeyValue = 1, "key-value";
        /// A directory.
        Directory = 2, "directory";
        /// Another function.
        Function = 3, "function";
        /// A value written to a path.
        Value = 4, "value";
        /// The real clock.
        Clock = 5, "clock";
        /// Real randomness.
        Random = 6, "random";
    }
}

impl Touch {
    /// The target that stands for all targets of a kind that had no room in the receipt.
    pub const REST: &'static str = "*";

    /// Sorts and merges touches into the form that a receipt takes.
    ///
    /// What exceeds [`MAX_TOUCHES`], [`MAX_TOUCHED_BYTES`] or [`MAX_TOUCH_TARGET_BYTES`] is counted under
    /// [`Touch::REST`] of its kind: the receipt then says that there was more, rather than hide it.
    #[must_use]
    pub fn gather(touches: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut all: Vec<Self> = touches.into_iter().filter(|t| t.count > 0).collect();
        for touch in &mut all {
            if check_target(&touch.target).is_err() {
                Self::REST.clone_into(&mut touch.target);
            }
        }
        merge(&mut all);
        let bytes: usize = all.iter().map(|t| t.target.len()).sum();
        if all.len() > MAX_TOUCHES || bytes > MAX_TOUCHED_BYTES {
            // Room for one rest of each kind.
            let (mut left, mut room) =
                (MAX_TOUCHES - TouchKind::ALL.len(), MAX_TOUCHED_BYTES - TouchKind::ALL.len());
            for touch in &mut all {
                if left > 0 && touch.target.len() <= room {
                    left -= 1;
                    room -= touch.target.len();
                } else {
                    Self::REST.clone_into(&mut touch.target);
                }
            }
            merge(&mut all);
        }
        all
    }
}

fn merge(touches: &mut Vec<Touch>) {
    touches.sort_unstable();
    touches.dedup_by(|next, kept| {
        let same = next.kind == kept.kind && next.target == kept.target;
        if same {
            kept.count = kept.count.saturating_add(next.count);
        }
        same
    });
}

fn check_target(target: &str) -> Result<(), Invalid> {
    let plain = !target.chars().any(char::is_control);
    if plain && (1..=MAX_TOUCH_TARGET_BYTES).contains(&target.len()) {
        return Ok(());
    }
    let shown: String = target.chars().take(80).collect();
    let why =
        format!("{shown:?} is not 1 to {MAX_TOUCH_TARGET_BYTES} bytes of text without control characters");
    Err(Invalid::new("receipt.touched.target", why))
}

pub(crate) fn check_touches(touches: &[Touch]) -> Result<(), Invalid> {
    if touches.len() > MAX_TOUCHES {
        let why = format!("{} touches; at most {MAX_TOUCHES}, use Touch::gather", touches.len());
        return Err(Invalid::new("receipt.touched", why));
    }
    let mut bytes = 0;
    for touch in touches {
        check_target(&touch.target)?;
        if touch.count == 0 {
            return Err(Invalid::new("receipt.touched.count", "0; what was not touched is not listed"));
        }
        bytes += touch.target.len();
    }
    if bytes > MAX_TOUCHED_BYTES {
        let why = format!("{bytes} bytes of targets; at most {MAX_TOUCHED_BYTES}, use Touch::gather");
        return Err(Invalid::new("receipt.touched", why));
    }
    if !touches.is_sorted_by(|a, b| (a.kind, &a.target) < (b.kind, &b.target)) {
        return Err(Invalid::new(
            "receipt.touched",
            "not sorted by kind and target, each once; use Touch::gather",
        ));
    }
    Ok(())
}

impl Item for Touch {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        self.kind.write(out);
        cbor::text(out, &self.target);
        cbor::uint(out, self.count);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        Ok(Self {
            kind: TouchKind::read(r)?,
            target: r.text(MAX_TOUCH_TARGET_BYTES)?.to_owned(),
            count: r.small()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(kind: TouchKind, target: &str, count: u32) -> Touch {
        Touch { kind, target: target.into(), count }
    }

    #[test]
    fn gather_sorts_and_merges() {
        let gathered = Touch::gather([
            touch(TouchKind::Clock, "wall", 2),
            touch(TouchKind::Http, "https://b:443", 1),
            touch(TouchKind::Clock, "wall", u32::MAX),
            touch(TouchKind::Http, "https://a:443", 1),
            touch(TouchKind::Random, "real", 0),
        ]);
        assert_eq!(
            gathered,
            [
                touch(TouchKind::Http, "https://a:443", 1),
                touch(TouchKind::Http, "https://b:443", 1),
                touch(TouchKind::Clock, "wall", u32::MAX),
            ]
        );
        assert_eq!(check_touches(&gathered), Ok(()));
    }

    #[test]
    fn gather_states_what_had_no_room() {
        let many = (0..1000).map(|i| touch(TouchKind::Http, &format!("https://host-{i:04}.example:443"), 1));
        let gathered = Touch::gather(many.chain([touch(TouchKind::Value, "/a", 1)]));
        assert_eq!(check_touches(&gathered), Ok(()));
        let rest = gathered.iter().find(|t| t.kind == TouchKind::Http && t.target == Touch::REST).unwrap();
        assert_eq!(gathered.iter().map(|t| t.count).sum::<u32>(), 1001);
        assert!(rest.count > 900);
        let long = Touch::gather((0..60).map(|i| touch(TouchKind::Directory, &format!("{i:0>270}"), 1)));
        assert_eq!(check_touches(&long), Ok(()));
        assert_eq!(long.iter().map(|t| t.count).sum::<u32>(), 60);
        let odd = Touch::gather([touch(TouchKind::Http, "bad\u{7}", 1), touch(TouchKind::Http, "", 1)]);
        assert_eq!(odd, [touch(TouchKind::Http, Touch::REST, 2)]);
    }
}
