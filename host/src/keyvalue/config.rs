//! `wasi:config/store` over the granted environment: the same pairs that `wasi:cli/environment` shows.

use crate::Grants;
use crate::state::State;
use wasmtime::component::{HasData, Linker};

wasmtime::component::bindgen!({
    path: "../wit",
    world: "wasi:config/imports@0.2.0-rc.1",
    imports: { default: trappable },
});

/// The pairs a guest may read.
pub(super) struct ConfigView<'a>(&'a Grants);

struct HasConfig;

impl HasData for HasConfig {
    type Data<'a> = ConfigView<'a>;
}

/// Adds `wasi:config/store` to a linker.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasi::config::store::add_to_linker::<_, HasConfig>(linker, |state| ConfigView(&state.policy.grants))
}

impl wasi::config::store::Host for ConfigView<'_> {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, wasi::config::store::Error>> {
        Ok(Ok(pairs(self.0).find(|(name, _)| *name == key).map(|(_, value)| value.to_owned())))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, wasi::config::store::Error>> {
        Ok(Ok(pairs(self.0).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

fn pairs(grants: &Grants) -> impl Iterator<Item = (&str, &str)> {
    let env = grants.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    env.chain(grants.secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose())))
}
