//! `moot genesis`: the file that a verifier needs, saved from a node.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::options::NodeOption;
use super::terminal;

/// Print the network's genesis: what `moot verify` checks receipts against
#[derive(Debug, Args)]
#[command(
    after_help = "Who verifies must trust this file: take it from somebody you trust, or compare the network's digest \
                        with what they say."
)]
pub(crate) struct Genesis {
    /// Write it to a file instead
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    node: NodeOption,
}

impl Genesis {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let text = self.node.client()?.genesis().await?;
        match self.output {
            None => terminal::print_bytes(&text)?,
            Some(path) => {
                std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
                terminal::done("Saved", &format!("the genesis in {}", path.display()));
            }
        }
        Ok(())
    }
}
