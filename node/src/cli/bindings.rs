//! `moot bindings`: a typed client of a deployed function, written from the types of its component.
//!
//! ```text
//! node ──component──► interface ──┬── typescript, python: over the SDKs' clients
//!        --wit: documentation ────┘── rust (reqwest), go (net/http): over plain HTTP, with all they need in the file
//! ```
//!
//! The same component gives the same text. Each language's file here knows how that language's people write.

mod go;
mod layout;
mod python;
mod rust;
mod typescript;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use moot_record::{Digest, FunctionName};

use super::deploy::unknown_function;
use super::failure::Failure;
use super::options::NodeOption;
use super::terminal::{self, Progress};
use super::text;
use crate::api::FunctionView;
use crate::client::Client;
use crate::interface::{self, Docs, Interface};

/// Write a typed client of a deployed function
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot bindings calculator --lang ts --output src/calculator.ts   needs @folkmoot/sdk\n  \
                  moot bindings calculator --lang python > calculator.py          needs folkmoot\n  \
                  moot bindings calculator --lang rust > src/calculator.rs        needs the crates at its head\n  \
                  moot bindings calculator --lang go > calculator/calculator.go   needs nothing but Go\n\n\
                  It has one function for each export, and a type for each record, variant, enum and set of flags."
)]
pub(crate) struct Bindings {
    /// The function, of kind typed
    name: String,
    /// The language of the client
    #[arg(long, value_enum)]
    lang: Lang,
    /// Write to this file [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder of the WIT that the function was made from; its comments become documentation
    #[arg(long, value_name = "FOLDER")]
    wit: Option<PathBuf>,
    #[command(flatten)]
    node: NodeOption,
}

/// A language that clients are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lang {
    /// TypeScript, over @folkmoot/sdk
    Ts,
    /// Python, over the package folkmoot
    Python,
    /// Rust, over reqwest
    Rust,
    /// Go, over net/http
    Go,
}

/// What a client is written of.
pub(super) struct Subject<'s> {
    pub(super) name: &'s FunctionName,
    /// The lines at the head of a file: what it is, and how it is written anew.
    pub(super) head: Vec<String>,
    pub(super) interface: &'s Interface,
}

impl Bindings {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let name = FunctionName::parse(&self.name).map_err(|error| Failure::usage(error.to_string()))?;
        let docs = match &self.wit {
            Some(folder) => Docs::of_folder(folder)
                .with_context(|| format!("the WIT in {} cannot be read", folder.display()))?,
            None => Docs::default(),
        };
        let client = self.node.client()?;
        let Some(function) = client.function(&name).await? else {
            return Err(unknown_function(&client, &name).await);
        };
        if function.summary.kind != "typed" {
            return Err(untyped(&function).into());
        }
        let component = function.summary.component;
        let progress = Progress::start("Reading", &format!("the component {}", text::short(component)));
        let bytes = component_of(&client, &component).await?;
        let interface = interface::read(&bytes, &docs)?;
        drop(progress);
        if interface.exports.is_empty() {
            return Err(Failure::new(format!("{name} exports no function that can be called")).into());
        }
        let subject = Subject { name: &name, head: head(&function, self.lang), interface: &interface };
        let text = match self.lang {
            Lang::Ts => typescript::write(&subject),
            Lang::Python => python::write(&subject),
            Lang::Rust => rust::write(&subject),
            Lang::Go => go::write(&subject),
        };
        match &self.output {
            Some(path) => {
                std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
                terminal::done(
                    "Wrote",
                    &format!("{}: {} functions", path.display(), interface.exports.len()),
                );
            }
            None => terminal::print_bytes(text.as_bytes())?,
        }
        for (path, why) in &interface.left_out {
            terminal::warn(&format!("{} is left out: {why}", text::line(path)));
        }
        Ok(())
    }
}

async fn component_of(client: &Client, digest: &Digest) -> anyhow::Result<bytes::Bytes> {
    client.component(digest).await?.ok_or_else(|| {
        Failure::new(format!("{} has not the bytes of component {digest}", client.address()))
            .hint("another replica of the network may have them: --node URL")
            .into()
    })
}

/// What there is for a function without types.
fn untyped(function: &FunctionView) -> Failure {
    let (name, route) = (&function.summary.name, &function.summary.route);
    let failure = Failure::new(format!("{name} is of kind {}, and has no types", function.summary.kind));
    match function.summary.kind.as_str() {
        "http" => failure
            .hint(format!("it answers HTTP requests at {route}, to any client"))
            .hint("the SDKs' `request` also names the call and fetches its receipt"),
        _ => failure
            .hint(format!("it takes bytes and answers with bytes: POST /_moot/functions/{name}/call"))
            .hint("in the SDKs: client.invoke(name, payload)"),
    }
}

fn head(function: &FunctionView, lang: Lang) -> Vec<String> {
    let summary = &function.summary;
    let lang = match lang {
        Lang::Ts => "ts",
        Lang::Python => "python",
        Lang::Rust => "rust",
        Lang::Go => "go",
    };
    vec![
        format!("A typed client of the function {}.", summary.name),
        String::new(),
        format!("Written by `moot bindings {} --lang {lang}` from the component", summary.name),
        format!("{}.", summary.component),
        "Write it anew when the function's interface changes; what is changed here is lost then.".to_owned(),
    ]
}
