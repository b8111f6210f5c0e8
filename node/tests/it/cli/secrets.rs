//! FAULTS 69, end to end: secrets and keys are used, well and wrongly, with everything logged that can be, and then looked
//! for in all that was said and written.
//!
//! ```text
//!  secrets.toml ──► node ──► function ──► the server that the secret is for: there it must arrive
//!                    └──► log, answers, metrics, command line, data folder: there it must not
//! ```

use super::sandbox::{Sandbox, Up, finish};
use crate::support::{PATIENCE, Remote, bundle, keeper};
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use moot_record::{Entry, Transaction};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc;

/// What the function is given, and what every other one would be.
const SECRET: &str = "k33per-of.the~Seal_77Q";
const COMMON: &str = "c0mmon-to.Them~all_18Z";
/// What is no secret: it stands in the manifest, and is looked for to see that looking finds things.
const PUBLIC: &str = "mode-of-the-Public_52R";
/// Files that hold secrets because they are there for it.
const OWN_FILES: [&str; 5] = ["secrets.toml", "node.key", "worker.key", "key", "stranger.key"];

/// Everything that was said, with where.
#[derive(Default)]
struct Told(Vec<(String, Vec<u8>)>);

impl Told {
    fn add(&mut self, place: impl Into<String>, said: impl Into<Vec<u8>>) {
        self.0.push((place.into(), said.into()));
    }

    /// Every file below a folder but those that hold secrets by their purpose.
    fn add_files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                self.add_files(&path);
            } else if !OWN_FILES.iter().any(|own| name == *own) {
                self.add(path.display().to_string(), std::fs::read(&path).unwrap_or_default());
            }
        }
    }

    fn places_of(&self, needle: &[u8]) -> Vec<&str> {
        let has = |said: &[u8]| said.windows(needle.len()).any(|part| part == needle);
        self.0.iter().filter(|(_, said)| has(said)).map(|(place, _)| place.as_str()).collect()
    }

    fn assert_without(&self, what: &str, secret: &[u8]) {
        for form in forms(secret) {
            let places = self.places_of(&form);
            assert!(places.is_empty(), "{what} is told, as {:?}: {places:?}", String::from_utf8_lossy(&form));
        }
    }
}

/// The ways in which bytes get into texts: as they are, encoded, and as `Debug` shows them.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let listed = format!("{secret:?}");
    let mut forms = vec![secret.to_vec(), listed.trim_matches(['[', ']']).into()];
    // Without what depends on the bytes behind it.
    for encoding in [&HEXLOWER, &HEXUPPER, &BASE64, &BASE64URL] {
        forms.push(encoding.encode(&secret[..secret.len() / 3 * 3]).into());
    }
    forms
}

/// A server that hands over what it was asked, and answers or only closes.
fn server(answers: bool) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (say, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = vec![0; 8192];
            let length = stream.read(&mut head).unwrap_or(0);
            if say.send(String::from_utf8_lossy(&head[..length]).into_owned()).is_err() {
                return;
            }
            if answers {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
    (address, asked)
}

struct Scene {
    sandbox: Sandbox,
    remote: Remote,
    told: Told,
}

impl Scene {
    /// Runs a command with all its log, and keeps what it said.
    fn moot(&mut self, words: &[&str]) -> i32 {
        let mut command = self.sandbox.command(words);
        command.env("MOOT_LOG", "trace");
        let ran = finish(command);
        self.told.add(format!("moot {words:?}"), format!("{}\n{}", ran.out, ran.err));
        ran.code
    }

    /// Runs a command whose whole output is to be this.
    #[track_caller]
    fn prints(&mut self, words: &[&str], expected: &str) {
        let code = self.moot(words);
        let said = String::from_utf8_lossy(&self.told.0.last().unwrap().1).into_owned();
        assert_eq!((code, said.lines().next()), (0, Some(expected)), "{words:?}: {said}");
    }

    fn get(&mut self, target: &str) {
        let answer = self.remote.get(target);
        let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        self.told.add(format!("GET {target}"), headers.collect::<String>() + &answer.text());
    }

    /// What a function may do with its secret, and how that may end.
    fn secrets_are_used(&mut self, good: SocketAddr, broken: SocketAddr, closed: SocketAddr) {
        self.prints(&["invoke", "keeper", "length"], &SECRET.len().to_string());
        let to = |address: &dyn std::fmt::Display| format!("\"{address}\"");
        self.prints(&["invoke", "keeper", "send", &to(&good)], "200");
        for failing in [broken, closed] {
            self.prints(&["invoke", "keeper", "send", &to(&failing)], "0");
        }
        self.prints(&["invoke", "keeper", "send", &to(&"127.0.0.1:1")], "0");
        self.prints(&["invoke", "keeper", "misplace", &to(&good)], "0");
        assert_ne!(self.moot(&["invoke", "keeper", "trap"]), 0);
        assert_ne!(self.moot(&["invoke", "keeper", "forever"]), 0);
    }

    /// Deploys and bundles that are refused, each with words about why.
    fn wrong_things_are_refused(&mut self) {
        assert_eq!(self.moot(&["account", "--new", "--key", "stranger.key"]), 0);
        assert_ne!(self.moot(&["deploy", "--key", "stranger.key"]), 0, "the function is another's");
        for grants in ["secrets = [\"NO_SUCH_KEY\"]\nhttp = []", "secrets = [\"API_KEY\"]"] {
            self.sandbox.write("moot.toml", manifest("other", grants));
            assert_ne!(self.moot(&["deploy"]), 0, "{grants}");
        }
        let own = Transaction::Own { path: "/a".into(), owner: None };
        let mut changed = bundle(&self.remote.genesis.network(), 1000, &[Entry::Transaction(own)]);
        changed.header.valid_until += 1;
        let signature = ("signature", "sig1=:AAAA:");
        let input = ("signature-input", "sig1=(\"@method\");created=1;keyid=\"00\"");
        for answer in [
            self.remote.post("/_moot/bundles", &changed.encode()),
            self.remote.ask("PUT", "/_moot/values/a/b", &[signature, input], b"x"),
        ] {
            assert!((400..500).contains(&answer.status), "{}", answer.text());
            self.told.add("a refusal", answer.body);
        }
    }

    /// A worker that the node does not know, and one that expects another replica.
    fn strangers_knock(&mut self, door: &str, replica: &str, other: &str) {
        for expected in [replica, other] {
            let words = ["worker", "--json", "--data", "worker", "--join", door, "--replica", expected];
            let mut command = self.sandbox.command(&words);
            let mut child = command.env("MOOT_LOG", "trace").spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(line.contains("apart"), "{line}");
            self.told.add("a worker that is kept out", [line.into_bytes(), output.stderr].concat());
        }
    }

    /// All that can be looked at.
    fn everybody_looks(&mut self) {
        for target in
            ["metrics", "status", "functions", "openapi.json", "values/a?below", "triggers", "genesis"]
        {
            self.get(&format!("/_moot/{target}"));
        }
        for part in ["", "/logs", "/openapi.json"] {
            self.get(&format!("/_moot/functions/keeper{part}"));
        }
        let calls = self.remote.get("/_moot/calls?limit=1000").json();
        for call in calls["calls"].as_array().unwrap() {
            let id = call["id"].as_str().unwrap();
            for part in ["", "/receipt", "/input", "/output"] {
                self.get(&format!("/_moot/calls/{id}{part}"));
            }
            self.moot(&["show", id]);
        }
        for words in [&["show", "function", "keeper"][..], &["logs", "keeper"], &["status"], &["ls"]] {
            assert_eq!(self.moot(words), 0, "{words:?}");
        }
        // It looks at all of the machine: what it finds is not this test's.
        self.moot(&["doctor"]);
    }
}

fn manifest(name: &str, grants: &str) -> String {
    format!(
        "[functions.{name}]\ncomponent = \"keeper.wasm\"\n[functions.{name}.grants]\n{grants}\n\
         [functions.{name}.limits]\nfuel = 50_000_000\n"
    )
}

/// The seed in a key file.
fn seed(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap();
    HEXLOWER.decode(text.trim().rsplit(' ').next().unwrap().as_bytes()).unwrap()
}

fn private(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.write(name, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn case_69_no_secret_and_no_key_is_told_to_anybody() {
    // Logs are kept, copied and read by many, and what is on the ledger stays: a secret that gets there is none any more.
    let mut sandbox = Sandbox::new();
    private(&sandbox, "secrets.toml", &format!("API_KEY = \"{COMMON}\"\n[keeper]\nAPI_KEY = \"{SECRET}\"\n"));
    sandbox.write("keeper.wasm", keeper());
    let ((good, asked), (broken, _asked)) = (server(true), server(false));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let http = format!("http = [\"http://{good}\", \"http://{broken}\", \"http://{closed}\"]");
    let grants = format!("secrets = [\"API_KEY\"]\n{http}\nenv = {{ MODE = \"{PUBLIC}\" }}");
    sandbox.write("moot.toml", manifest("keeper", &grants));
    let allowed = "66".repeat(32);
    let words = ["--secrets", "secrets.toml", "--workers-listen", "127.0.0.1:0", "--allow-worker", &allowed];
    let log = sandbox.path("node.log");
    let up = Up::start_with(&sandbox, &words, |command| {
        command.env("MOOT_LOG", "trace").stderr(std::fs::File::create(&log).unwrap());
    });
    sandbox.use_node(&up);
    let remote = Remote::at(up.address.trim_start_matches("http://").parse().unwrap());
    let mut scene = Scene { sandbox, remote, told: Told::default() };
    assert_eq!(scene.moot(&["deploy"]), 0);

    scene.secrets_are_used(good, broken, closed);
    // They are real: the server that they are for has got them, in both places.
    let request = asked.recv_timeout(PATIENCE).unwrap();
    assert!(request.contains(&format!("/?key={SECRET} ")), "{request}");
    assert!(request.contains(&format!("authorization: {SECRET}\r\n")), "{request}");
    scene.wrong_things_are_refused();
    let (door, replica) = (up.ready["workers"].as_str().unwrap(), up.ready["account"].as_str().unwrap());
    scene.strangers_knock(door, replica, &allowed);
    scene.everybody_looks();
    assert_eq!(up.stop(), 0);

    let Scene { sandbox, mut told, .. } = scene;
    told.add_files(&sandbox.path(""));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains("TRACE") && log.contains("who knocked as a worker is not let in"),
        "the log is whole"
    );
    let found = told.places_of(PUBLIC.as_bytes());
    assert!(
        found.iter().any(|place| place.contains("/ledger.")),
        "the ledger's files are looked through: {found:?}"
    );
    assert!(!told.places_of(b"it has a user name in its authority").is_empty(), "the mistake is explained");
    for (what, secret) in [("the function's secret", SECRET), ("the secret of the others", COMMON)] {
        told.assert_without(what, secret.as_bytes());
    }
    for key in [".moot/node.key", ".config/moot/key", "worker/worker.key", "stranger.key"] {
        told.assert_without(key, &seed(&sandbox.path(key)));
    }
}
