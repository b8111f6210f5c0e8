//! `moot up --replicas`: a network of several replicas on this machine, for trying out.
//!
//! ```text
//!  .moot/net/ ──made once──► replica-0/replica.toml ──► moot up --config ..  (a child each)
//!                            replica-1/ ..
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Instant;

use moot_ledger::{Clock as _, SystemClock};
use serde_json::json;

use super::children::{Ended, Replicas};
use super::stop::Stop;
use super::{USUAL_LISTEN, USUAL_NET, Up, read_listen, this_program};
use crate::cli::failure::Failure;
use crate::cli::terminal::{self, BOLD, DIM};
use crate::cli::text;
use crate::limits::{DEFAULT_HEARTBEAT, NEW_ECONOMY};
use crate::manifest::units::show_duration;
use crate::network::{Address, DATA_ABOVE, GENESIS_FILE, LEDGER_ABOVE, Listen, Plan, ReplicaConfig, make};
use crate::node::StartError;
use crate::worker::CODE_FOLDER;

/// The network of a folder.
struct Local {
    dir: PathBuf,
    replicas: Vec<ReplicaConfig>,
}

pub(super) async fn run(up: Up, replicas: usize) -> anyhow::Result<()> {
    let began = Instant::now();
    let manifest = if up.deploy { Some(up.manifest.load()?) } else { None };
    let mut stop = Stop::new(false)?;
    let local = Local::open(&up, replicas)?;
    let configs: Vec<PathBuf> = local.replicas.iter().map(|replica| replica.path.clone()).collect();
    let program = this_program()?;
    let arguments = up.passed_on(&local.dir)?;
    let mut running = tokio::select! {
        started = Replicas::start(&program, &configs, &arguments) => started?,
        // Dropped half-way, the children that were started are killed.
        () = stop.asked() => return Err(Failure::new("stopped before all replicas were ready").into()),
    };
    if !up.json {
        show(&local, &running, began)?;
    }
    if let (Some(manifest), Some(first)) = (&manifest, running.address(0).map(str::to_owned))
        && let Err(error) = up.deploy_all(manifest, &first).await
    {
        running.stop(stop.asked()).await;
        return Err(error
            .context("the replicas were stopped again, because what they should serve cannot be deployed"));
    }
    if up.json {
        show_json(&local, &running)?;
    }
    serve(&mut running, &mut stop).await
}

/// Until somebody asks to stop, or nobody is left. One that ends is said, and the others go on.
async fn serve(running: &mut Replicas, stop: &mut Stop) -> anyhow::Result<()> {
    let all = running.list.len();
    loop {
        tokio::select! {
            () = stop.asked() => break,
            ended = running.ended() => match ended {
                Some(ended) => lost(&ended, running.running(), all),
                None => return Err(Failure::new("no replica is left")
                    .hint("what they said last is above; `moot up --replicas` starts them again").into()),
            }
        }
    }
    terminal::done(
        "Stopping",
        &format!("{DIM}what was accepted is finished first; Ctrl-C again stops at once{DIM:#}"),
    );
    match running.stop(stop.asked()).await {
        0 => terminal::done("Stopped", ""),
        killed => {
            let killed = text::count(killed, "replica");
            return Err(Failure::new(format!("{killed} had to be killed"))
                .hint("nothing that was acknowledged is lost; the next start finishes what was open")
                .into());
        }
    }
    Ok(())
}

/// Says that a replica has ended, what it said last, and what that means.
fn lost(ended: &Ended, left: usize, all: usize) {
    let Ended { index, how, tail } = ended;
    terminal::warn(&format!("replica {index} has ended by itself ({how}); it is not started again"));
    for line in tail {
        anstream::eprintln!("{DIM}{index}> {line}{DIM:#}");
    }
    let needed = all - all.saturating_sub(1) / 3;
    if left < needed {
        terminal::warn(&format!(
            "{left} of {all} replicas are left, {needed} are needed to agree: nothing becomes final until one comes back"
        ));
    }
}

impl Up {
    /// What the children are told beyond their configuration.
    fn passed_on(&self, dir: &Path) -> anyhow::Result<Vec<String>> {
        // One machine, one user: what one of them has compiled serves them all.
        let code = self.code.code.clone().unwrap_or_else(|| dir.join(CODE_FOLDER));
        let mut arguments = vec!["--code".to_owned(), code.display().to_string()];
        if self.code.wasi_0_3 {
            arguments.push("--wasi-0-3".to_owned());
        }
        for (name, folder) in &self.dirs {
            arguments.extend(["--dir".to_owned(), format!("{name}={}", folder.display())]);
        }
        // They have a configuration each, and are for trying out like a single one.
        let listen = read_listen(self.listen.as_deref().unwrap_or(USUAL_LISTEN))?;
        if self.pays_for_unsigned || listen.ip().is_loopback() {
            arguments.push("--pays-for-unsigned".to_owned());
        }
        if let Some(kept) = self.retention {
            arguments.extend(["--retention".to_owned(), format!("{}ms", kept.as_millis())]);
        }
        if let Some(secrets) = &self.secrets {
            arguments.extend(["--secrets".to_owned(), secrets.display().to_string()]);
        }
        Ok(arguments)
    }
}

impl Local {
    /// The network in the folder, made when there is none.
    fn open(up: &Up, replicas: usize) -> anyhow::Result<Local> {
        let dir = up.data.clone().unwrap_or_else(|| PathBuf::from(USUAL_NET));
        let wanted = up.listen.as_deref().map(read_listen).transpose()?;
        if !dir.join(GENESIS_FILE).exists() {
            let listen = choose(wanted.map_or_else(|| read_listen(USUAL_LISTEN), Ok)?, replicas)?;
            let hosts = listen.iter().map(|listen| listen.ledger.host().to_owned()).collect();
            let (name, time_ms) = (up.network.clone(), SystemClock.now_us() / 1000);
            make(
                &dir,
                &Plan {
                    name,
                    time_ms,
                    listen,
                    hosts,
                    heartbeat: DEFAULT_HEARTBEAT,
                    epoch_blocks: None,
                    accounts: Vec::new(),
                    // Whoever tries it out needs no money either.
                    fund: up.key.load_or_create().map(|key| key.account()).into_iter().collect(),
                    economy: Some(NEW_ECONOMY),
                },
            )?;
        }
        let found = Local::read(dir)?;
        if found.replicas.len() != replicas {
            let (dir, has) = (found.dir.display(), found.replicas.len());
            return Err(Failure::new(format!("{dir} holds a network of {has} replicas, not of {replicas}"))
                .hint(format!("`moot up --replicas {has}` starts it; --data FOLDER makes another"))
                .into());
        }
        if let (Some(wanted), Some(first)) = (wanted, found.replicas.first())
            && wanted.port() != 0
            && Address::from(wanted) != first.listen.gateway
        {
            let has = &first.listen.gateway;
            return Err(Failure::new(format!("the network in {} listens from {has} on, not from {wanted}", found.dir.display()))
                .hint("start it without --listen, change its replica.toml files, or make another with --data FOLDER").into());
        }
        Ok(found)
    }

    fn read(dir: PathBuf) -> anyhow::Result<Local> {
        let folders =
            (0..).map(|index| dir.join(format!("replica-{index}"))).take_while(|folder| folder.is_dir());
        let replicas = folders.map(|folder| ReplicaConfig::load(&folder)).collect::<Result<_, _>>()?;
        Ok(Local { dir, replicas })
    }
}

/// Addresses for the replicas: gateways count up from `first`, or take free ports when its port is 0. The other
/// ports lie where `moot net init` puts them, or anywhere when those are taken.
fn choose(first: SocketAddr, replicas: usize) -> anyhow::Result<Vec<Listen>> {
    let inside = if first.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { first.ip() };
    // Held until all are chosen, so that none is chosen twice.
    let mut held = Vec::new();
    let mut take = |ip: IpAddr, port: u16| -> io::Result<Address> {
        let listener = TcpListener::bind((ip, port))?;
        let address = listener.local_addr()?;
        held.push(listener);
        Ok(Address::from(address))
    };
    let mut listen = Vec::with_capacity(replicas);
    for index in 0..replicas {
        let nth = u16::try_from(index).unwrap_or(u16::MAX);
        let port = if first.port() == 0 { 0 } else { first.port().saturating_add(nth) };
        let at = SocketAddr::new(first.ip(), port);
        let gateway = take(first.ip(), port).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => StartError::AddressInUse { address: at },
            _ => StartError::Listen { address: at, error },
        })?;
        let mut above = |offset: u16| {
            let usual = port.checked_add(offset).filter(|_| port != 0);
            usual.and_then(|usual| take(inside, usual).ok()).map_or_else(|| take(inside, 0), Ok)
        };
        listen.push(Listen { gateway, ledger: above(LEDGER_ABOVE)?, data: above(DATA_ABOVE)? });
    }
    Ok(listen)
}

fn show(local: &Local, running: &Replicas, began: Instant) -> anyhow::Result<()> {
    let took = show_duration(began.elapsed());
    let dir = local.dir.canonicalize().unwrap_or_else(|_| local.dir.clone());
    let mut rows = vec![("data", dir.display().to_string())];
    for (index, replica) in running.list.iter().enumerate() {
        let address = text::line(running.address(index).unwrap_or_default());
        let account = text::short(text::line(replica.ready["account"].as_str().unwrap_or_default()));
        let name = if index == 0 { "replicas" } else { "" };
        rows.push((name, format!("{index}  {BOLD}{address}{BOLD:#}  {DIM}{account}{DIM:#}")));
    }
    let head = format!(
        "\n  {BOLD}moot {}{BOLD:#} {DIM}{} ready in {took}; Ctrl-C stops them{DIM:#}\n\n",
        env!("CARGO_PKG_VERSION"),
        text::count(running.list.len(), "replica"),
    );
    terminal::print(&format!("{head}{}\n", text::fields(2, &rows)))?;
    terminal::hint("`moot status --all` shows them side by side");
    Ok(())
}

fn show_json(local: &Local, running: &Replicas) -> anyhow::Result<()> {
    let replicas = running.list.iter().zip(&local.replicas).enumerate().map(|(index, (replica, config))| {
        json!({
            "replica": index,
            "pid": replica.pid,
            "address": replica.ready["address"],
            "account": replica.ready["account"],
            "config": config.path,
        })
    });
    let network = running.list.first().map(|replica| replica.ready["network"].clone());
    let dir: &Path = &local.dir;
    Ok(terminal::print_json_line(&json!({
        "network": network,
        "data": dir.canonicalize().unwrap_or_else(|_| dir.to_owned()),
        "genesis": dir.join(GENESIS_FILE),
        "replicas": replicas.collect::<Vec<_>>(),
    }))?)
}
