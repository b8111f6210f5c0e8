//! Keys and secrets: made on first use, refused when others could have read them, never shown.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::sandbox::Sandbox;

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const ACCOUNT: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_account_is_made_once() {
    let sandbox = Sandbox::new();
    sandbox.fails(&["account"], 1, &["there is no key at", "moot account --new"]);
    sandbox.ok(&["account", "--new"]);
    let path = sandbox.path(".config/moot/key");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&path).unwrap();
    sandbox.fails(&["account", "--new"], 1, &["never overwritten"]);
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let public = sandbox.ok(&["account", "--export-public"]).out;
    let public = public.trim();
    assert!(public.len() == 64 && public.chars().all(|c| c.is_ascii_hexdigit()), "{public}");
    sandbox.ok(&["account", "--export-public", "public.txt"]);
    assert_eq!(std::fs::read_to_string(sandbox.path("public.txt")).unwrap().trim(), public);
    assert_eq!(sandbox.json(&["account", "--json"])["account"], public);
}

#[test]
fn case_69_a_key_that_others_can_read_is_refused() {
    // It may be known to others already, so signing with it proves nothing; and the message must not make it worse.
    let sandbox = Sandbox::new();
    let key = sandbox.write("key", format!("moot-key-1 {SEED}\n"));
    let named = key.to_str().unwrap();
    for wrong in [0o644, 0o640, 0o604, 0o660, 0o666] {
        mode(&key, wrong);
        let ran = sandbox.fails(&["account", "--key", named], 1, &["chmod 600", &format!("{wrong:04o}")]);
        assert!(!ran.err.contains(SEED) && !ran.out.contains(SEED));
    }
    mode(&key, 0o600);
    let ran = sandbox.ok(&["account", "--key", named]);
    assert!(ran.out.contains(ACCOUNT) && !ran.out.contains(SEED), "{}", ran.out);
    let ran = sandbox.moot(&["doctor", "--key", named]);
    assert!(!ran.out.contains(SEED));
}

#[test]
fn case_69_a_file_that_is_no_key_is_not_quoted() {
    let sandbox = Sandbox::new();
    let key = sandbox.write("key", "hunter2-is-my-password\n");
    mode(&key, 0o600);
    let ran = sandbox.fails(&["account", "--key", key.to_str().unwrap()], 1, &["does not hold a key"]);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}

#[test]
fn case_69_secrets_that_others_can_read_are_refused() {
    let sandbox = Sandbox::new();
    let secrets = sandbox.write("secrets.toml", "API_KEY = \"hunter2\"\n");
    mode(&secrets, 0o644);
    let ran =
        sandbox.fails(&["up", "--listen", "127.0.0.1:0", "--secrets", "secrets.toml"], 1, &["chmod 600"]);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    mode(&secrets, 0o600);
    std::fs::write(&secrets, "API_KEY = hunter2\n").unwrap();
    let ran =
        sandbox.fails(&["up", "--listen", "127.0.0.1:0", "--secrets", "secrets.toml"], 1, &["is not TOML"]);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}
