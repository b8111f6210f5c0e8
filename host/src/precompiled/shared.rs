//! One copy in memory of code that several components have.
//!
//! Every function in QuickJS has the interpreter in it, and compiled for one world it is the same to the last byte: what
//! differs is data. Each file maps its own copy, 4 MB and more; with this, those that come later map the first one's.
//!
//! ```text
//!  a.cwasm  [head][ text ][rest]          mapped as it is
//!  b.cwasm  [head]   │    [rest]          its own head and rest
//!                    └─ a's, compared byte for byte
//! ```

use super::map;
use crate::limits::{MAX_REMEMBERED_FILES, MIN_SHARED_BYTES};
use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSection as _};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Weak};
use wasmtime::component::Component;

/// The code that components brought.
#[derive(Default)]
pub(crate) struct SharedCode(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By length: few interpreters have the same, and none by chance.
    by_length: HashMap<usize, Vec<Weak<Brought>>>,
    /// The code that a file of this digest has: it need not be compared again.
    by_file: HashMap<[u8; 32], Weak<Brought>>,
}

/// Code with the component that brought it, which stays mapped for as long as anyone uses it.
pub(crate) struct Brought {
    component: Component,
    text: Range<usize>,
    file: File,
}

/// Held by a function for as long as it has the code.
pub(crate) type UsedCode = Arc<Brought>;

impl SharedCode {
    /// Puts another component's code in the place of this one's where it is the same; else this one's is for others.
    ///
    /// On an error the component must not be used.
    pub(super) fn share(
        &self,
        component: &Component,
        file: &File,
        digest: &[u8; 32],
    ) -> io::Result<Option<UsedCode>> {
        if cfg!(not(target_os = "linux")) {
            return Ok(None);
        }
        let image = map::image(component);
        let Some(text) = text(image).filter(|text| text.len() >= MIN_SHARED_BYTES) else { return Ok(None) };
        // What loading has read of the rest is needed no more.
        map::release(component, text.end..image.len())?;
        let known = self.0.lock().of(digest, text.len());
        let same = match known {
            Candidates::This(brought) => Some(brought),
            // Reads both, once for each file.
            Candidates::Of(brought) => brought.into_iter().find(|one| one.bytes() == &image[text.clone()]),
        };
        let Some(brought) = same else {
            let brought = Arc::new(Brought { component: component.clone(), text, file: file.try_clone()? });
            self.0.lock().add(digest, &brought);
            return Ok(Some(brought));
        };
        map::replace(component, &text, &brought.file, brought.text.start as u64)?;
        self.0.lock().remember(digest, &brought);
        Ok(Some(brought))
    }
}

enum Candidates {
    This(UsedCode),
    Of(Vec<UsedCode>),
}

impl Known {
    fn of(&mut self, digest: &[u8; 32], length: usize) -> Candidates {
        if let Some(brought) = self.by_file.get(digest).and_then(Weak::upgrade) {
            return Candidates::This(brought);
        }
        let Some(all) = self.by_length.get_mut(&length) else { return Candidates::Of(Vec::new()) };
        all.retain(|one| one.strong_count() > 0);
        Candidates::Of(all.iter().filter_map(Weak::upgrade).collect())
    }

    fn add(&mut self, digest: &[u8; 32], brought: &UsedCode) {
        self.by_length.retain(|_, all| all.iter().any(|one| one.strong_count() > 0));
        self.by_length.entry(brought.text.len()).or_default().push(Arc::downgrade(brought));
        self.remember(digest, brought);
    }

    fn remember(&mut self, digest: &[u8; 32], brought: &UsedCode) {
        if self.by_file.len() >= MAX_REMEMBERED_FILES {
            self.by_file.clear();
        }
        self.by_file.insert(*digest, Arc::downgrade(brought));
    }
}

impl Brought {
    fn bytes(&self) -> &[u8] {
        &map::image(&self.component)[self.text.clone()]
    }
}

/// Where the code is in the file, when it is whole pages.
fn text(image: &[u8]) -> Option<Range<usize>> {
    let file = ElfFile64::<object::Endianness>::parse(image).ok()?;
    let (start, length) = file.section_by_name(".text")?.file_range()?;
    let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
    let end = start.checked_add(length).filter(|end| *end <= image.len())?;
    [start, length].iter().all(|bytes| bytes % map::page_bytes() == 0).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use crate::{Arguments, CallContext, Function, Host, HostConfig, Policy};
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};

    /// A component with some megabytes of code, which is the same for every word and every time but for `odd`.
    fn component(word: u32, odd: u32) -> Vec<u8> {
        let mut functions = String::new();
        for number in 0..3_000 {
            let mut body = String::from("local.get 0");
            for step in 0..24 {
                write!(body, " i64.const {} i64.mul local.get 0 i64.xor", number * 31 + step + odd).unwrap();
            }
            writeln!(functions, "(func (param i64) (result i64) {body})").unwrap();
        }
        let data: String = word.to_le_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
        let text = format!(
            r#"(component
                (core module $m
                    (memory (export "memory") 1)
                    (data (i32.const 0) "{data}")
                    (func (export "word") (result i32) (i32.load (i32.const 0)))
                    {functions})
                (core instance $i (instantiate $m))
                (func (export "word") (result u32) (canon lift (core func $i "word"))))"#
        );
        wat::parse_str(text).unwrap()
    }

    struct Compiled {
        path: PathBuf,
        digest: [u8; 32],
    }

    impl Compiled {
        fn new(host: &Host, folder: &Path, word: u32, odd: u32) -> Compiled {
            let code = host.compile(&component(word, odd)).unwrap();
            let path = folder.join(format!("{word}.cwasm"));
            std::fs::write(&path, &code).unwrap();
            Compiled { path, digest: *blake3::hash(&code).as_bytes() }
        }

        fn load(&self, host: &Host) -> Function {
            host.load(&self.path, &self.digest, Policy::default()).unwrap()
        }

        /// How much of the file is mapped to be executed, in bytes.
        fn executed(&self) -> usize {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            let name = self.path.to_str().unwrap();
            let of_it = maps.lines().filter(|line| line.ends_with(name) && line.contains("r-xp"));
            of_it
                .map(|line| {
                    let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
                    usize::from_str_radix(to, 16).unwrap() - usize::from_str_radix(from, 16).unwrap()
                })
                .sum()
        }
    }

    fn word(function: &Function) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let call = function.call_typed(CallContext::new("0-1-0-0-0", "word"), "word", Arguments::Json("[]"));
        runtime.block_on(call).result.unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_same_code_is_in_memory_once_and_each_function_keeps_its_data() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::new(HostConfig { max_instances: 4, ..HostConfig::default() }).unwrap();
        let [one, two, odd] =
            [(1, 0), (2, 0), (3, 7)].map(|(word, odd)| Compiled::new(&host, folder.path(), word, odd));

        let first = one.load(&host);
        let text = one.executed();
        assert!(text > super::MIN_SHARED_BYTES, "{text}");
        let second = two.load(&host);
        assert_eq!((one.executed(), two.executed()), (2 * text, 0), "both execute the first one's");
        let third = odd.load(&host);
        assert_eq!(odd.executed(), text, "other code is its own");
        assert_eq!([&first, &second, &third].map(word), ["1", "2", "3"]);

        // The one that brought the code goes: it stays for the other, and for whoever comes.
        drop(first);
        std::fs::remove_file(&one.path).unwrap();
        assert_eq!(word(&second), "2");
        let again = two.load(&host);
        assert_eq!(two.executed(), 0);
        assert_eq!([&second, &again].map(word), ["2", "2"]);

        // With the last of them the code goes too.
        drop((second, again));
        let again = two.load(&host);
        assert_eq!(two.executed(), text);
        assert_eq!(word(&again), "2");
    }
}
