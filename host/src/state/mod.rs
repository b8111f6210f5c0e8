//! What a store holds during one call, and how the standard interfaces see it.

pub(crate) mod clock;
mod context;
pub(crate) mod limiter;
pub(crate) mod link;
pub(crate) mod logs;
pub(crate) mod random;
pub(crate) mod sockets;

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
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wasmtime_wasi_io::IoView;

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
    /// Whether the guest is there. What goes wrong from then on is its doing, also where none of its functions is running:
    /// it may have answered with a place that is not in its memory.
    pub(crate) reached: bool,
    /// Whether the engine serves WASI 0.3.
    concurrent: bool,
    /// Made when first asked for: many calls never do.
    wasi: Option<Box<WasiCtx>>,
    http: WasiHttpCtx,
    hooks: Hooks,
}

impl State {
    pub(crate) fn new(
        policy: &Arc<Policy>,
        context: CallContext,
        deadline: Instant,
        concurrent: bool,
    ) -> State {
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
            reached: false,
            concurrent,
            wasi: None,
            http,
            context,
            touched,
        }
    }

    /// The context for `wasi:cli` and `wasi:filesystem`.
    fn wasi_ctx(&self) -> WasiCtx {
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
        if self.concurrent {
            clocks_and_randomness(&mut wasi, &self.clock, &self.random);
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

/// In WASI 0.3 guests see the clocks and randomness of the context; in 0.2 those in the state itself.
fn clocks_and_randomness(wasi: &mut WasiCtxBuilder, clock: &CallClock, random: &CallRandom) {
    let mut seed = [0; 16];
    random.clone().fill(Stream::Insecure, &mut seed);
    wasi.insecure_random_seed(u128::from_le_bytes(seed));
    wasi.secure_random(random.generator(Stream::Secure));
    wasi.insecure_random(random.generator(Stream::Insecure));
    wasi.wall_clock(clock.clone()).monotonic_clock(clock.clone());
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let made = match self.wasi.take() {
            Some(wasi) => wasi,
            None => Box::new(self.wasi_ctx()),
        };
        WasiCtxView { ctx: self.wasi.insert(made), table: &mut self.table }
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
