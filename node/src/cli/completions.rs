//! `moot completions`: a script that makes a shell complete the command line.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::terminal;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  bash  moot completions bash > ~/.local/share/bash-completion/completions/moot\n  \
                        zsh   moot completions zsh > \"${fpath[1]}/_moot\"\n  \
                        fish  moot completions fish > ~/.config/fish/completions/moot.fish"
)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Command::command(), "moot", &mut script);
        Ok(terminal::print_bytes(&script)?)
    }
}
