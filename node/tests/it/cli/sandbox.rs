//! A folder to run `moot` in, and what came of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::shared_code;
use serde_json::Value;

/// No command of these tests may take longer, not even on a machine that is busy with everything else.
const LONGEST: Duration = Duration::from_secs(300);

/// A folder that is home and working folder at once.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    /// Where commands run, below the folder.
    place: PathBuf,
    node: Option<String>,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        Sandbox { folder: tempfile::tempdir().unwrap(), place: PathBuf::new(), node: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(&self.place).join(name)
    }

    /// Commands run in this folder from now on, and paths are below it.
    pub(crate) fn enter(&mut self, name: &str) {
        self.place = self.place.join(name);
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Commands speak to this node from now on.
    pub(crate) fn use_node(&mut self, up: &Up) {
        self.node = Some(up.address.clone());
    }

    /// Commands speak to the node at this address from now on.
    pub(crate) fn use_address(&mut self, address: &str) {
        self.node = Some(address.to_owned());
    }

    /// A command that has not been started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_moot"));
        command.args(arguments).current_dir(self.path("")).env("HOME", self.folder.path());
        let settings = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
        let cargos = |name: &str| name.starts_with("CARGO_") && name != "CARGO_HOME";
        for name in
            settings.filter(|name| name.starts_with("MOOT_") || name.starts_with("OTEL_") || cargos(name))
        {
            command.env_remove(name);
        }
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "RUST_LOG", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        // rustup looks for its toolchains below HOME, and Go for what it keeps: HOME is another one here.
        if let Some(home) = std::env::var_os("HOME") {
            for (name, folder) in [
                ("RUSTUP_HOME", ".rustup"),
                ("CARGO_HOME", ".cargo"),
                ("GOCACHE", ".cache/go-build"),
                ("GOPATH", "go"),
            ] {
                if std::env::var_os(name).is_none() {
                    command.env(name, Path::new(&home).join(folder));
                }
            }
        }
        command.env("MOOT_CODE", shared_code());
        // A port that nothing listens on, unless there is a node.
        command.env("MOOT_NODE", self.node.as_deref().unwrap_or("http://127.0.0.1:9"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn moot(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments))
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.moot(arguments);
        assert_eq!(ran.code, 0, "moot {arguments:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    /// Runs a command that must succeed and print JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.ok(arguments);
        serde_json::from_str(&ran.out)
            .unwrap_or_else(|error| panic!("moot {arguments:?}: {error}\n{}", ran.out))
    }

    /// Runs a command that must fail with this code, and say all of these words on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, words: &[&str]) -> Ran {
        let ran = self.moot(arguments);
        assert_eq!(ran.code, code, "moot {arguments:?}\n{}\n{}", ran.out, ran.err);
        for word in words {
            assert!(ran.err.contains(word), "moot {arguments:?} does not say {word:?}:\n{}", ran.err);
        }
        ran
    }
}

/// Runs a command to its end, with a limit.
pub(crate) fn finish(mut command: Command) -> Ran {
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read_out = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let read_err = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        err.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > LONGEST {
            child.kill().unwrap();
            panic!("{command:?} did not end within {LONGEST:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let output = Output { status, stdout: read_out.join().unwrap(), stderr: read_err.join().unwrap() };
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    // Nothing here is a terminal, so nothing may be coloured or move.
    assert!(!ran.out.contains('\x1b') && !ran.err.contains('\x1b'), "{command:?}: {ran:?}");
    ran
}

/// A node of its own: `moot up` on a free port.
pub(crate) struct Up {
    child: Child,
    pub(crate) address: String,
    pub(crate) ready: Value,
}

impl Up {
    /// Starts a node in the sandbox and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(sandbox: &Sandbox, arguments: &[&str]) -> Up {
        Up::start_with(sandbox, arguments, |_| {})
    }

    /// The same with variables in its environment; what it says is kept for [`Up::stop_and_read`].
    #[track_caller]
    pub(crate) fn start_in(sandbox: &Sandbox, arguments: &[&str], environment: &[(&str, &str)]) -> Up {
        Up::start_with(sandbox, arguments, |command| {
            command.envs(environment.iter().copied()).stderr(Stdio::piped());
        })
    }

    /// The same with a change to its command, such as where its log goes.
    #[track_caller]
    pub(crate) fn start_with(sandbox: &Sandbox, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Up {
        let mut words = vec!["up", "--listen", "127.0.0.1:0", "--json"];
        words.extend(arguments);
        let mut command = sandbox.command(&words);
        command.stderr(Stdio::inherit());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("moot up said {line:?}: {error}"));
        let address = ready["address"].as_str().unwrap().to_owned();
        Up { child, address, ready }
    }

    /// Asks it to stop, waits for that, and reads what it said. A node says little: it fits the pipe.
    pub(crate) fn stop_and_read(mut self) -> (i32, String) {
        let mut said = self.child.stderr.take().unwrap();
        let code = self.stop();
        let mut text = String::new();
        said.read_to_string(&mut text).unwrap();
        (code, text)
    }

    /// Asks it to stop, and waits for that.
    pub(crate) fn stop(mut self) -> i32 {
        self.signal("TERM");
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(began.elapsed() < LONGEST, "the node does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request by hand, for what the command line would not send.
pub(crate) fn http(address: &str, request: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
