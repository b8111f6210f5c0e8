//! A network of several replicas: real processes, real sockets on the loopback address.
//!
//! Every process is ended by its own handle, also when an assertion fails; and each ends by itself when the pipe to
//! its standard input closes, so that none outlives the tests.

use super::node::Remote;
use moot_record::{AccountId, Genesis};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// Long enough for a machine that is busy with everything else; what takes this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Where tests keep machine code: to compile each guest once for every node that they start would take most of their time.
/// Tests of compiling have folders of their own.
pub(crate) fn shared_code() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("code")
}

/// `moot` with nothing of this machine's settings.
pub(crate) fn moot(dir: &Path) -> Command {
    moot_by(dir, &[])
}

/// The same, run by another command if there is one.
fn moot_by(dir: &Path, before: &[String]) -> Command {
    const MOOT: &str = env!("CARGO_BIN_EXE_moot");
    let mut command = Command::new(before.first().map_or(MOOT, String::as_str));
    command.args(before.iter().skip(1)).args((!before.is_empty()).then_some(MOOT));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MOOT_")) {
        command.env_remove(name);
    }
    command.current_dir(dir).env("HOME", dir).env("MOOT_CODE", shared_code()).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A base port with room for `replicas`: every port that they will listen on is free now.
pub(crate) fn free_base(replicas: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Below the ports that systems give to outgoing connections; spread, so that test runs seldom meet. Within one run
    // no two networks share a port: sixty times sixteen is less than the thousand between a replica's ports.
    let first = 12_000 + (std::process::id() % 5) as u16 * 3000;
    for _ in 0..60 {
        let base = first + NEXT.fetch_add(1, Ordering::Relaxed) % 60 * 16;
        let ports = (0..replicas).flat_map(|i| [base + i, base + 1000 + i, base + 2000 + i]);
        if ports.map(|port| TcpListener::bind(("127.0.0.1", port))).all(|bound| bound.is_ok()) {
            return base;
        }
    }
    panic!("no free ports");
}

/// One replica's process, or none.
struct Slot {
    config: PathBuf,
    gateway: SocketAddr,
    running: Option<Running>,
}

struct Running {
    child: Child,
    _stdin: Option<ChildStdin>,
    ready: mpsc::Receiver<String>,
    log: Arc<Mutex<String>>,
}

/// A network in a folder that goes when the test ends.
pub(crate) struct TestNet {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) genesis: Genesis,
    slots: Vec<Slot>,
    own_code: bool,
}

impl TestNet {
    /// Makes a network; nothing runs yet.
    pub(crate) fn new(replicas: u16) -> TestNet {
        TestNet::made(replicas, &["--free"])
    }

    /// The same where everything is charged, and these accounts have a million million units.
    pub(crate) fn charging(replicas: u16, funded: &[AccountId]) -> TestNet {
        let funded: Vec<String> = funded.iter().map(|account| format!("{account}=1000000000000")).collect();
        let words: Vec<&str> = funded.iter().flat_map(|one| ["--fund", one]).collect();
        TestNet::made(replicas, &words)
    }

    /// The same with a committee that may change at the end of every so many blocks.
    pub(crate) fn with_epochs(replicas: u16, blocks: u64) -> TestNet {
        TestNet::made(replicas, &["--free", "--epoch-blocks", &blocks.to_string()])
    }

    /// The same, where stake says who votes: as many seats as replicas, a lock-up of an epoch, and one account with
    /// units, whose key is the file `ada`.
    pub(crate) fn by_stake(replicas: u16, blocks: u64, funds: u64) -> (TestNet, String) {
        let dir = tempfile::tempdir().unwrap();
        let said = |words: &[&str]| {
            let done = moot(dir.path()).args(words).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8_lossy(&done.stdout).trim().to_owned()
        };
        said(&["account", "--new", "--key", "ada"]);
        let ada = said(&["account", "--key", "ada", "--export-public"]);
        let (fund, blocks, seats) = (format!("{ada}={funds}"), blocks.to_string(), replicas.to_string());
        let more =
            ["--fund", &fund, "--epoch-blocks", &blocks, "--seats", &seats, "--lockup-blocks", &blocks];
        (TestNet::made_in(dir, replicas, &more), ada)
    }

    fn made(replicas: u16, more: &[&str]) -> TestNet {
        TestNet::made_in(tempfile::tempdir().unwrap(), replicas, more)
    }

    fn made_in(dir: tempfile::TempDir, replicas: u16, more: &[&str]) -> TestNet {
        // Room for one that joins.
        let base = free_base(replicas + 1);
        let (count, port) = (replicas.to_string(), base.to_string());
        let words = ["net", "init", "--replicas", &count, "--port", &port, "--heartbeat", "100ms", "net"];
        let made = moot(dir.path()).args(words).args(more).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let text = std::fs::read_to_string(dir.path().join("net/genesis.json")).unwrap();
        let slots = (0..replicas).map(|index| Slot {
            config: dir.path().join(format!("net/replica-{index}/replica.toml")),
            gateway: SocketAddr::from(([127, 0, 0, 1], base + index)),
            running: None,
        });
        TestNet { genesis: Genesis::from_json(&text).unwrap(), slots: slots.collect(), dir, own_code: false }
    }

    /// Makes the folder of another replica, from one that there is; its number.
    pub(crate) fn join(&mut self, of: usize) -> usize {
        let index = self.len();
        let port = self.remote(0).address.port() + u16::try_from(index).unwrap();
        let (folder, of, shown) =
            (format!("net/replica-{index}"), format!("net/replica-{of}"), port.to_string());
        let words = ["net", "join", &folder, "--of", &of, "--port", &shown];
        let made = moot(self.dir.path()).args(words).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.slots.push(Slot {
            config: self.dir.path().join(folder).join("replica.toml"),
            gateway: SocketAddr::from(([127, 0, 0, 1], port)),
            running: None,
        });
        index
    }

    /// Takes up the folder of a replica that was made otherwise; its number.
    pub(crate) fn adopt(&mut self, folder: &str) -> usize {
        let config = self.dir.path().join(folder).join("replica.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let listen = text.lines().find_map(|line| line.strip_prefix("gateway = ")).unwrap();
        let gateway = listen.split('"').nth(1).unwrap().parse().unwrap();
        self.slots.push(Slot { config, gateway, running: None });
        self.len() - 1
    }

    /// The same replica once more, as if its folder had been copied: the same key, other ports. Before the first start.
    pub(crate) fn twin_of(&self, index: usize) -> TestNet {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("twin");
        std::fs::create_dir(&folder).unwrap();
        for entry in std::fs::read_dir(self.folder(index)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        let (own, base) = (self.remote(index).address.port(), free_base(1));
        let config = folder.join("replica.toml");
        let mut text = std::fs::read_to_string(&config).unwrap();
        for above in [0, 1000, 2000] {
            text =
                text.replace(&format!("127.0.0.1:{}", own + above), &format!("127.0.0.1:{}", base + above));
        }
        std::fs::write(&config, text).unwrap();
        let slot = Slot { config, gateway: SocketAddr::from(([127, 0, 0, 1], base)), running: None };
        TestNet { genesis: self.genesis.clone(), slots: vec![slot], dir, own_code: self.own_code }
    }

    /// A network of four that runs.
    pub(crate) fn four() -> TestNet {
        let mut net = TestNet::new(4);
        net.start_all();
        net
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn folder(&self, index: usize) -> PathBuf {
        self.slots[index].config.parent().unwrap().to_owned()
    }

    pub(crate) fn config(&self, index: usize) -> &Path {
        &self.slots[index].config
    }

    /// Changes a replica's configuration.
    pub(crate) fn edit(&self, index: usize, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.config(index)).unwrap();
        std::fs::write(self.config(index), change(text)).unwrap();
    }

    pub(crate) fn remote(&self, index: usize) -> Remote {
        Remote { address: self.slots[index].gateway, genesis: self.genesis.clone() }
    }

    pub(crate) fn remotes(&self) -> Vec<Remote> {
        (0..self.len()).map(|index| self.remote(index)).collect()
    }

    pub(crate) fn start_all(&mut self) {
        let all: Vec<usize> = (0..self.len()).collect();
        self.start_these(&all);
    }

    /// Starts some at once, and waits for all of them.
    pub(crate) fn start_these(&mut self, replicas: &[usize]) {
        replicas.iter().for_each(|index| self.spawn(*index, Vec::new()));
        replicas.iter().for_each(|index| self.await_ready(*index));
    }

    pub(crate) fn start(&mut self, index: usize) {
        self.start_by(index, Vec::new());
    }

    /// Starts a replica by a command that takes the rest of its words for another one.
    pub(crate) fn start_by(&mut self, index: usize, before: Vec<String>) {
        self.spawn(index, before);
        self.await_ready(index);
    }

    /// Gives a replica another IP address, in its own configuration and in those of the others. Before the first start.
    pub(crate) fn move_to(&mut self, index: usize, ip: IpAddr) {
        let port = self.slots[index].gateway.port();
        for other in 0..self.len() {
            self.edit(other, |text| {
                [0, 1000, 2000].iter().fold(text, |text, above| {
                    let port = port + above;
                    text.replace(&format!("\"127.0.0.1:{port}\""), &format!("\"{ip}:{port}\""))
                })
            });
        }
        self.slots[index].gateway.set_ip(ip);
    }

    /// Replicas that are started from now on have machine code of their own.
    pub(crate) fn keep_code_apart(&mut self) {
        self.own_code = true;
    }

    /// The process of a replica that runs.
    pub(crate) fn pid(&self, index: usize) -> u32 {
        self.slots[index].running.as_ref().unwrap().child.id()
    }

    /// Starts a replica that must be refused; what it said.
    pub(crate) fn refused(&mut self, index: usize) -> String {
        self.spawn(index, Vec::new());
        let mut running = self.slots[index].running.take().unwrap();
        until("the refusal", || running.child.try_wait().unwrap().is_some());
        let status = running.child.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{}", said(&running));
        said(&running)
    }

    fn spawn(&mut self, index: usize, before: Vec<String>) {
        let slot = &mut self.slots[index];
        let mut command = moot_by(self.dir.path(), &before);
        command.args(["up", "--attached", "--json", "--config"]).arg(&slot.config).stdin(Stdio::piped());
        if self.own_code {
            command.env_remove("MOOT_CODE");
        }
        let mut child = command.spawn().unwrap();
        let (say, ready) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            if let Some(Ok(line)) = lines.next() {
                let _ = say.send(line);
            }
            lines.for_each(drop);
        });
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().unwrap();
        let kept = log.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(bytes @ 1..) = stderr.read(&mut buffer) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..bytes]));
            }
        });
        let stdin = child.stdin.take();
        slot.running = Some(Running { child, _stdin: stdin, ready, log });
    }

    #[track_caller]
    fn await_ready(&mut self, index: usize) {
        let running = self.slots[index].running.as_ref().unwrap();
        if let Err(error) = running.ready.recv_timeout(PATIENCE) {
            panic!("replica {index} did not become ready ({error}): {}", said(running));
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, index: usize) {
        let mut running = self.slots[index].running.take().unwrap();
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    /// Asks it to stop as its parent would, and waits.
    pub(crate) fn stop(&mut self, index: usize) {
        let (code, said) = self.end(index);
        assert_eq!(code, Some(0), "{said}");
    }

    /// The same for one that need not be well: its exit code, and what it said.
    pub(crate) fn end(&mut self, index: usize) -> (Option<i32>, String) {
        let mut running = self.slots[index].running.take().unwrap();
        running._stdin = None;
        until("a replica stops", || running.child.try_wait().unwrap().is_some());
        let status = running.child.wait().unwrap();
        (status.code(), said(&running))
    }

    /// What a replica that runs has said so far.
    pub(crate) fn log(&self, index: usize) -> String {
        self.slots[index].running.as_ref().unwrap().log.lock().unwrap().clone()
    }

    /// Whether the process still runs.
    pub(crate) fn runs(&mut self, index: usize) -> bool {
        self.slots[index].running.as_mut().is_some_and(|running| running.child.try_wait().unwrap().is_none())
    }

    /// The block of a height at a replica; none when it has none.
    pub(crate) fn block(&self, index: usize, height: u64) -> Option<serde_json::Value> {
        let answer = self.remote(index).get(&format!("/_moot/blocks/{height}"));
        if answer.status != 200 {
            return None;
        }
        let mut block = answer.json();
        // Any three of four are a quorum: replicas may well have certificates of different ones.
        block.as_object_mut().unwrap().remove("voters");
        Some(block)
    }

    /// Has a replica dial another one elsewhere.
    pub(crate) fn redirect(&self, index: usize, from: SocketAddr, to: SocketAddr) {
        let at = |address: SocketAddr, above: u16| SocketAddr::new(address.ip(), address.port() + above);
        self.edit(index, |text| {
            [1000, 2000].iter().fold(text, |text, above| {
                text.replace(&format!("\"{}\"", at(from, *above)), &format!("\"{}\"", at(to, *above)))
            })
        });
    }

    /// The height of a replica that may be down.
    pub(crate) fn try_height(&self, index: usize) -> Option<u64> {
        std::net::TcpStream::connect(self.slots[index].gateway).ok()?;
        Some(self.remote(index).height())
    }

    /// Waits until a replica has this height.
    #[track_caller]
    pub(crate) fn await_height(&self, index: usize, height: u64) {
        until(&format!("replica {index} reaches height {height}"), || self.remote(index).height() >= height);
    }

    /// Waits for three more blocks at each of `replicas`.
    #[track_caller]
    pub(crate) fn await_progress(&self, replicas: &[usize]) {
        let newest = replicas.iter().map(|index| self.remote(*index).height()).max().unwrap();
        replicas.iter().for_each(|index| self.await_height(*index, newest + 3));
    }

    /// No two of the replicas have different blocks at one height.
    #[track_caller]
    pub(crate) fn assert_no_fork(&self, replicas: &[usize]) {
        self.assert_no_fork_from(replicas, 1);
    }

    /// The same from a height on, for those who have let older blocks go.
    #[track_caller]
    pub(crate) fn assert_no_fork_from(&self, replicas: &[usize], first: u64) {
        let common = replicas.iter().map(|index| self.remote(*index).height()).min().unwrap();
        for height in first..=common {
            let blocks: Vec<_> = replicas.iter().map(|index| self.block(*index, height)).collect();
            for (index, block) in replicas.iter().zip(&blocks) {
                assert!(block.is_some(), "replica {index} has no block {height}");
                assert_eq!(
                    block, &blocks[0],
                    "replicas {} and {index} differ at height {height}",
                    replicas[0]
                );
            }
        }
    }
}

fn said(running: &Running) -> String {
    // What was written just before the end may still be on its way: its reader holds the log until there is no more.
    let began = Instant::now();
    while Arc::strong_count(&running.log) > 1 && began.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(10));
    }
    running.log.lock().unwrap().clone()
}

impl Drop for TestNet {
    fn drop(&mut self) {
        for slot in &mut self.slots {
            if let Some(mut running) = slot.running.take() {
                let _ = running.child.kill();
                let _ = running.child.wait();
                if std::thread::panicking() {
                    eprintln!("--- {}\n{}", slot.config.display(), said(&running));
                }
            }
        }
    }
}
