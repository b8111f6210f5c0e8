//! Options that several verbs share: which node, whose key, which manifest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use moot_record::Keypair;

use super::failure::Failure;
use super::terminal;
use super::text;
use crate::client::{Client, NodeAddress};
use crate::keyfile;
use crate::manifest::{FunctionManifest, Manifest};

/// Which node is spoken to.
#[derive(Debug, Clone, Args)]
pub(crate) struct NodeOption {
    /// The node to speak to
    #[arg(long = "node", value_name = "URL", env = "MOOT_NODE", default_value = "http://127.0.0.1:8080")]
    node: String,
}

impl NodeOption {
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let address = NodeAddress::parse(&self.node).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Client::new(address))
    }

    /// The same, signing with `key` what the node wants signed.
    pub(crate) fn client_with(&self, key: &KeyOption) -> anyhow::Result<Client> {
        let key = key.clone();
        let source = move || {
            let path = key.path().map_err(|error| error.to_string())?;
            if !path.exists() {
                return Err(format!("there is no key at {}; `moot account --new` makes one", path.display()));
            }
            keyfile::load(&path).map_err(|error| error.to_string())
        };
        Ok(self.client()?.with_key(Arc::new(source)))
    }

    /// A node at an address that is known already.
    pub(crate) fn at(address: &str) -> NodeOption {
        NodeOption { node: address.to_owned() }
    }
}

/// What machine code is made of, and where it is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct CodeOption {
    /// Where machine code is kept; your nodes and workers of one version can share a folder, and compile each component once
    /// [default: components in the data folder]
    #[arg(long = "code", value_name = "FOLDER", env = "MOOT_CODE")]
    pub(crate) code: Option<PathBuf>,
    /// Take and run functions of `wasi:http` 0.3 too; a network's replicas and workers must all do so, or those without do not
    /// serve them
    #[arg(long = "wasi-0-3", env = "MOOT_WASI_0_3", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) wasi_0_3: bool,
}

/// Whose key signs.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyOption {
    /// File with the key that signs [default: ~/.config/moot/key]; made by `moot account --new`, `moot up` or the first
    /// `moot deploy`
    #[arg(long = "key", value_name = "FILE", env = "MOOT_KEY")]
    key: Option<PathBuf>,
}

impl KeyOption {
    /// The file, whether it exists or not.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.key {
            return Ok(path.clone());
        }
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        let config = config.ok_or_else(|| {
            Failure::new("there is no home folder to keep a key in")
                .hint("name a file with --key FILE or MOOT_KEY")
        })?;
        Ok(config.join("moot").join("key"))
    }

    /// The key; made when there is none yet, and then said so.
    pub(crate) fn load_or_create(&self) -> anyhow::Result<Keypair> {
        let path = self.path()?;
        let (key, made) = keyfile::load_or_create(&path)?;
        if made {
            terminal::done(
                "Made",
                &format!("the key of account {} in {}", text::short(key.account()), path.display()),
            );
            terminal::hint(
                "keep a copy of it: who has it owns what it deploys, and nobody can make it again",
            );
        }
        Ok(key)
    }
}

/// Which manifest.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManifestOption {
    /// The manifest [default: moot.toml here or in a folder above]
    #[arg(long = "manifest", short = 'f', value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl ManifestOption {
    /// Reads it.
    pub(crate) fn load(&self) -> anyhow::Result<Manifest> {
        let path = match &self.manifest {
            // People name the folder as readily as the file.
            Some(path) if path.is_dir() => path.join(crate::manifest::FILE_NAME),
            Some(path) => path.clone(),
            None => Self::find()?.ok_or_else(|| {
                let here = std::env::current_dir().unwrap_or_default();
                Failure::new(crate::manifest::LoadError::Missing { folder: here }.to_string())
                    .hint("`moot new NAME` makes a function with one; -f FILE names one elsewhere")
            })?,
        };
        Ok(Manifest::load(&path)?)
    }

    /// The manifest of the current folder, if there is one. Its path is as short as it can be shown.
    pub(crate) fn find() -> anyhow::Result<Option<PathBuf>> {
        let here = std::env::current_dir()?;
        let found = Manifest::find(&here);
        Ok(found.map(|path| path.strip_prefix(&here).map(Path::to_owned).unwrap_or(path)))
    }
}

/// The functions `names` of a manifest; an unknown one is an error with a suggestion.
pub(crate) fn select<'m>(
    manifest: &'m Manifest,
    names: &[String],
) -> anyhow::Result<Vec<&'m FunctionManifest>> {
    manifest.select(names).map_err(|unknown| {
        let hint = match &unknown.near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("it has: {}", unknown.known),
        };
        Failure::new(unknown.to_string()).hint(hint).into()
    })
}
