//! How many tests passed: read from what a test runner prints, while it is passed on.

use crate::step::describe;
use anyhow::{Context as _, Result, bail, ensure};
use std::io::{BufRead as _, BufReader};
use std::ops::AddAssign;
use std::process::{Command, Stdio};

/// Tests that passed, failed and were skipped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Runs a test runner, and adds up what `read` finds in the lines that it prints. A runner that failed, counted a
    /// failure or ran nothing is an error.
    pub(crate) fn of(command: &mut Command, read: impl Fn(&mut Counts, &str)) -> Result<Counts> {
        let name = describe(command);
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{name}`"))?;
        let stdout = child.stdout.take().context("the tests' output")?;
        let mut counts = Counts::default();
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            read(&mut counts, &line);
        }
        let status = child.wait()?;
        if !status.success() || counts.failed > 0 {
            bail!("`{name}` ended with {status}: {} passed, {} failed", counts.passed, counts.failed);
        }
        ensure!(counts.passed > 0, "`{name}` ran no test");
        Ok(counts)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Counts) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;
    use std::process::Command;

    fn count(script: &str) -> anyhow::Result<Counts> {
        Counts::of(Command::new("/bin/sh").args(["-c", script]), |counts, line| match line {
            "good" => counts.passed += 1,
            "bad" => counts.failed += 1,
            _ => {}
        })
    }

    #[test]
    fn a_runner_that_failed_is_not_believed() {
        assert_eq!(count("echo good; echo good; echo x").unwrap(), Counts { passed: 2, ..Counts::default() });
        for (script, said) in [
            ("echo good; exit 3", "exit status: 3"),
            ("echo good; echo bad", "1 failed"),
            ("true", "no test"),
        ] {
            let error = count(script).unwrap_err().to_string();
            assert!(error.contains(said), "{script}: {error}");
        }
    }
}
