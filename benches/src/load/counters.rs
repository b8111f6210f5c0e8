//! What a process has used so far, as Linux counts it.

use anyhow::{Context as _, Result};
use std::fs::read_to_string;

/// Microseconds in a clock tick: Linux shows 100 ticks a second to programs, on every machine.
const TICK_US: u64 = 10_000;

/// Processor time and disk writes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    /// In user and kernel mode, by all threads.
    pub(crate) cpu_us: u64,
    /// Bytes sent to the disk.
    pub(crate) written_bytes: u64,
}

impl Usage {
    /// Of the process `id`, now.
    pub(crate) fn of(id: u32) -> Result<Usage> {
        let stat = read(id, "stat")?;
        let io = read(id, "io")?;
        parse(&stat, &io).with_context(|| format!("/proc/{id} is not what Linux writes"))
    }

    /// What was used since `before`.
    pub(crate) fn since(&self, before: &Usage) -> Usage {
        Usage {
            cpu_us: self.cpu_us - before.cpu_us,
            written_bytes: self.written_bytes - before.written_bytes,
        }
    }
}

fn read(id: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{id}/{file}");
    read_to_string(&path).with_context(|| format!("cannot read {path}: did the server end?"))
}

/// proc(5): the program's name is in parentheses and may hold anything, so fields are counted after it.
fn parse(stat: &str, io: &str) -> Option<Usage> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?;
    Some(Usage { cpu_us: ticks * TICK_US, written_bytes: written.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_a_strange_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        let io = "rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n";
        assert_eq!(parse(stat, io), Some(Usage { cpu_us: 3_000_000, written_bytes: 4096 }));
    }

    #[test]
    fn this_process_can_be_asked() {
        assert!(Usage::of(std::process::id()).is_ok());
    }
}
