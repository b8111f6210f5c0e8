//! What a store holds during one call, and how the standard interfaces see it.

pub(crate) mod clock;
mod context;
pub(crate) mod limiter;
pub(crate) mod link;
pub(crate) mod logs;
pub(crate) mod random;

use crate::call::report::Touches;
use crate::outbound::Hooks;
use crate::{CallContext, Policy, limits};
use clock::CallClock;
use limiter::Limiter;
use logs::{CallLog, Std};
use random::{CallRandom, Stream};
use std::sync::Arc;
use std::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_io::IoView;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// The data of the store of one call.
pub(crate) struct State {
    /// Resources that the guest holds handles to.
    pub(crate) table: ResourceTable,
    /// The rules of the function.
    pub(crate) policy: Arc<Policy>,
    /// What the call is told about itself.
    pub(crate) context: CallContext,
    /// What the call reached outside.
    pub(crate) touched: Touches,
    pub(crate) limiter: Limiter,
    pub(crate) log: CallLog,
    pub(crate) clock: CallClock,
    pub(crate) random: CallRandom,
    /// When the call must be over.
    pub(crate) deadline: Instant,
    /// Made when first asked for: many calls never do.
    wasi: Option<Box<WasiCtx>>,
    http: WasiHttpCtx,
    hooks: Hooks,
}

impl State {
    pub(crate) fn new(policy: &Arc<Policy>, context: CallContext, deadline: Instant) -> State {
        let grants = &policy.grants;
        let touched = Touches::default();
        let real = !policy.deterministic;
        let clock = if grants.clock && real {
            CallClock::real(touched.clone())
        } else {
            CallClock::at(context.time_us, grants.touches_outside())
        };
        let mut table = ResourceTable::new();
        table.set_max_capacity(policy.limits.handles as usize);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits::MAX_FIELDS_BYTES);
        let log = CallLog::new(context.logs.clone(), policy.limits.log_bytes);
        State {
            table,
            policy: policy.clone(),
            limiter: Limiter::new(&policy.limits),
            hooks: Hooks::new(policy.clone(), touched.clone(), log.clone()),
            log,
            clock,
            random: CallRandom::new(grants.random && real, context.seed, touched.clone()),
            deadline,
            wasi: None,
            http,
            context,
            touched,
        }
    }

    /// The context for `wasi:cli` and `wasi:filesystem`. Clocks and randomness in it are never linked in version 0.2;
    /// in version 0.3 they are what guests see, so they are the call's own too.
    fn wasi_ctx(&mut self) -> WasiCtx {
        let mut wasi = WasiCtx::builder();
        let grants = &self.policy.grants;
        for (name, value) in &grants.env {
            wasi.env(name, value);
        }
        for (name, secret) in &grants.secrets {
            wasi.env(name, secret.expose());
        }
        wasi.stdout(self.log.stream(Std::Out)).stderr(self.log.stream(Std::Err));
        wasi.max_random_size(limits::MAX_RANDOM_BYTES);
        if !grants.random || self.policy.deterministic {
            let mut seed = [0; 16];
            self.random.fill(Stream::Insecure, &mut seed);
            wasi.insecure_random_seed(u128::from_le_bytes(seed));
        }
        for dir in &grants.dirs {
            let perms = if dir.write { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            // Checked when the function was loaded. Should it be gone since, the guest does not see it.
            if let Err(error) = wasi.preopened_dir(&dir.dir, &dir.at, perms) {
                tracing::warn!(dir = %dir.dir.display(), %error, "a granted directory cannot be opened");
            }
        }
        wasi.build()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        if self.wasi.is_none() {
            self.wasi = Some(Box::new(self.wasi_ctx()));
        }
        let State { wasi, table, .. } = self;
        let ctx = wasi.get_or_insert_with(|| Box::new(WasiCtx::builder().build()));
        WasiCtxView { ctx, table }
    }
}

impl IoView for State {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}
