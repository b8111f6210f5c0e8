//! What functions in QuickJS wait for: its own promises never go on, so they run on those that `moot build` puts in.

use super::javascript::{WORLD, event, ready, sandbox};
use super::sandbox::{Sandbox, Up};
use crate::conformance::server;

const WAITS: &str = r#"import { defineFunction, Failure } from "@folkmoot/sdk/guest";

const early = await Promise.resolve("at the top");
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

class Counter {
  #from = 1;
  async *up(to: number) {
    for (let n = this.#from; n <= to; n += 1) {
      await sleep(1);
      yield n;
    }
  }
}

async function deep(left: number): Promise<string> {
  await null;
  if (left === 0) throw new Error("far down", { cause: "a cause" });
  return deep(left - 1);
}

export default defineFunction(async (event) => {
  const order: string[] = [];
  switch (event.text()) {
    case "sum": {
      let sum = 0;
      for await (const n of new Counter().up(4)) sum += n;
      return `${early}: ${sum}`;
    }
    case "order": {
      const said = (word: string) => () => void order.push(word);
      const all = [sleep(30).then(said("30")), sleep(10).then(said("10")), Promise.resolve().then(said("job"))];
      queueMicrotask(said("task"));
      order.push("first");
      await Promise.all(all);
      return order.join();
    }
    case "race":
      return Promise.race([sleep(5000).then(() => "late"), sleep(1).then(() => "early")]);
    case "refuse":
      await sleep(1);
      throw Failure.notFound("no such account");
    case "throw":
      return deep(2);
    case "nobody":
      void deep(0);
      await sleep(1);
      return "went well";
    default:
      return new Promise<string>(() => undefined);
  }
});
"#;

const FETCHES: &str = r#"import { defineFunction } from "@folkmoot/sdk/guest";

export default defineFunction(async (event) => {
  const [what, url = ""] = event.text().split(" ");
  switch (what) {
    case "get": {
      const response = await fetch(url);
      return `${response.status} ${response.ok} ${response.headers.get("Content-Length")} ${await response.text()}`;
    }
    case "post": {
      const body = "x".repeat(300_000);
      const response = await fetch(url, { method: "POST", headers: { "X-Of": "mine" }, body });
      return JSON.stringify(await response.json());
    }
    case "bytes":
      return String((await (await fetch(url)).arrayBuffer()).byteLength);
    default: {
      const texts = [1, 2, 3].map(async (n) => (await fetch(`${url}/${n}`)).text());
      return (await Promise.all(texts)).join();
    }
  }
});
"#;

/// A node with the functions of a manifest, deployed.
fn deployed(sandbox: &mut Sandbox, manifest: &str) -> Up {
    sandbox.write("wit/world.wit", WORLD);
    sandbox.write("moot.toml", manifest);
    let up = Up::start(sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.ok(&["deploy"]);
    up
}

#[test]
fn what_an_async_function_in_quickjs_awaits_comes_or_is_named() {
    if !ready() {
        return;
    }
    let mut sandbox = sandbox();
    sandbox.write("src/waits.ts", WAITS);
    let manifest = event("waits", "").replace("idempotent = true", "deterministic = true");
    let up = deployed(&mut sandbox, &manifest);
    let invoke = |word: &str| sandbox.ok(&["invoke", "waits", "--data", word]).out;
    assert_eq!(invoke("sum"), "at the top: 10");
    assert_eq!(invoke("order"), "first,job,task,10,30");
    // A deterministic function's timers take no time.
    assert_eq!(invoke("race"), "early");
    let calls = sandbox.json(&["ls", "--calls", "--json"]);
    let id = calls["calls"][0]["id"].as_str().unwrap();
    assert!(sandbox.ok(&["replay", id]).out.contains("SAME"));

    sandbox.fails(&["invoke", "waits", "--data", "refuse"], 1, &["no such account", "HTTP 404"]);
    let log = || sandbox.ok(&["logs", "waits"]).out;
    let ran = sandbox.fails(&["invoke", "waits", "--data", "throw"], 1, &["its log says why", "HTTP 500"]);
    assert!(!ran.err.contains("far down"), "{}", ran.err);
    let thrown = log();
    for words in ["Error: far down", "src/waits.ts:18", "caused by a cause"] {
        assert!(thrown.contains(words), "{words}:\n{thrown}");
    }
    assert!(!thrown.contains(".moot") && !thrown.contains("asyncToGenerator"), "{thrown}");

    assert!(!thrown.contains("nobody waits for it"), "{thrown}");
    assert_eq!(invoke("nobody"), "went well");
    assert!(log().contains("a promise was rejected, and nobody waits for it"), "{}", log());

    sandbox.fails(&["invoke", "waits", "--data", "never"], 1, &["its log says why", "HTTP 500"]);
    let never = log();
    assert!(never.contains("the handler of waits waits for something that will never come"), "{never}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_function_in_quickjs_fetches_what_it_is_granted() {
    if !ready() {
        return;
    }
    let server = format!("http://{}", server::start());
    let mut sandbox = sandbox();
    for name in ["fetches", "shut"] {
        sandbox.write(&format!("src/{name}.ts"), FETCHES);
    }
    let granted = format!("{}[functions.fetches.grants]\nhttp = [\"{server}\"]\n", event("fetches", ""));
    let up = deployed(&mut sandbox, &(granted + &event("shut", "")));
    let invoke = |word: &str, path: &str| {
        sandbox.ok(&["invoke", "fetches", "--data", &format!("{word} {server}{path}")]).out
    };
    assert_eq!(invoke("get", "/a?b=c"), "200 true 10 GET /a?b=c");
    assert_eq!(invoke("get", "/teapot"), "418 false 15 short and stout");
    assert_eq!(invoke("bytes", "/long"), "300000");
    assert_eq!(invoke("all", ""), "GET /1,GET /2,GET /3");
    let sent = invoke("post", "/sent");
    assert_eq!(sent, r#"{"method":"POST","bytes":300000,"of":"mine"}"#);

    // What is not granted is refused before a packet leaves, and the log says what would grant it.
    for (name, url, words) in [
        ("fetches", "http://127.0.0.1:1/", r#"http = ["http://127.0.0.1:1"] in moot.toml grants it"#),
        ("fetches", "ftp://127.0.0.1/", "its scheme must be http or https"),
        ("shut", server.as_str(), "no request is granted"),
    ] {
        sandbox.fails(&["invoke", name, "--data", &format!("get {url}")], 1, &["HTTP 500"]);
        let log = sandbox.ok(&["logs", name]).out;
        assert!(log.contains(words), "{words}:\n{log}");
    }
    // And the component of the one without a grant imports nothing that would need one.
    let built = sandbox.json(&["build", "--json"]);
    let imports = |at: usize| built["built"][at]["imports"].to_string();
    assert!(imports(0).contains("wasi:http/outgoing-handler@0.2.10"), "{}", imports(0));
    assert!(!imports(1).contains("wasi:http/"), "{}", imports(1));
    assert_eq!(up.stop(), 0);
}
