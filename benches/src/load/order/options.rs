//! The flags of `--order`.

use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What `--order` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Client-signed bundles at rising rates.
    Sweep,
    /// HTTP calls that wait until they are final.
    Singles,
    /// A network that nobody asks anything.
    Idle,
}

#[derive(Debug, Args)]
pub(crate) struct OrderOptions {
    /// With --order: what is measured
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', default_values_t = [Part::Sweep, Part::Singles, Part::Idle])]
    pub(crate) parts: Vec<Part>,
    /// With --order: calls offered a second, one step each
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [50_000, 100_000, 200_000, 400_000, 600_000, 800_000, 1_000_000, 1_200_000], value_parser = clap::builder::RangedU64ValueParser::<u32>::new().range(1_000..=5_000_000))]
    pub(crate) rates: Vec<u32>,
    /// With --order: calls in a bundle; 995 of 128 bytes make a row just under 128 KiB
    #[arg(long, value_name = "COUNT", default_value_t = 995, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=8_000))]
    pub(crate) bundle: usize,
    /// With --order: seconds that the idle network is watched
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = crate::options::seconds)]
    pub(crate) idle_seconds: f64,
    /// With --order: where the plot of the sweep goes
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

/// A client's process.
#[derive(Debug, Args)]
pub(crate) struct OrderClient {
    /// The gateway that it talks to
    #[arg(long)]
    pub(crate) gateway: SocketAddr,
    /// The network that its bundles are for
    #[arg(long)]
    pub(crate) network: String,
    /// Makes its key unlike the others'
    #[arg(long)]
    pub(crate) number: u8,
    /// Calls in a bundle
    #[arg(long)]
    pub(crate) bundle: usize,
}
