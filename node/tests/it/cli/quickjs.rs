//! What functions in QuickJS wait for: its own promises never go on, so they run on those that `moot build` puts in.

use super::javascript::{WORLD, event, ready, sandbox};
use super::sandbox::{Sandbox, Up, http};
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

const SHAPES: &str = r#"import { defineFunction } from "@folkmoot/sdk/guest";

class Base {
  async name(word: string) {
    await null;
    return `base ${word}`;
  }
  static async make() {
    return "made";
  }
}

class Shape extends Base {
  #secret = "hidden";
  field = async () => {
    await null;
    return this.#secret;
  };
  async #own() {
    await null;
    return this.#secret;
  }
  async name(word: string) {
    return `${await super.name(word)}!`;
  }
  static async make() {
    return (await super.make()) + " here";
  }
  async all() {
    return [await this.#own(), await this.field(), await this.name("x")];
  }
}

async function counted(a: string, b = "b", ...rest: string[]) {
  await null;
  return `${a}${b}${rest.length}`;
}
async function given(..._: unknown[]) {
  return arguments.length;
}
const short = async (x: number) => (await Promise.resolve(x)) + 1;
const refused = async (x = JSON.parse("a default that throws")) => x;
const object = {
  async name() {
    return "object";
  },
  async ["com" + "puted"]() {
    return "computed";
  },
};
const tried = async () => {
  try {
    await Promise.reject(new Error("no"));
  } catch {
    return "caught";
  } finally {
    await null;
  }
};

export default defineFunction(async () => {
  const classes = [...(await new Shape().all()), await Shape.make()];
  const functions = [await counted("a"), counted.length, await given(1, 2, 3), await short(1)];
  const others = [await refused().catch((error: Error) => error.name), await object.name(), await object.computed(), await tried()];
  return JSON.stringify([...classes, ...functions, ...others]);
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

const WEB: &str = r#"const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const bytes = (text: string) => new TextEncoder().encode(text);

export default {
  async fetch(request: Request, env: unknown, context: { waitUntil(work: Promise<unknown>): void }) {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname.slice("/web/".length)) {
      case "plain":
        return new Response(`é ${request.method} ${searchParams.get("a")}`, { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
      case "form": {
        const form = await request.formData();
        return Response.json([...form.keys(), (form.get("file") as File).size]);
      }
      case "written": {
        const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
        const writer = writable.getWriter();
        const work = async () => {
          for (let n = 1; n <= 3; n += 1) {
            await sleep(1);
            await writer.write(bytes(`${n},`));
          }
          await writer.close();
        };
        context.waitUntil(work());
        return new Response(readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()));
      }
      case "later":
        context.waitUntil(sleep(1).then(() => console.log("after the answer")));
        return new Response("now");
      case "long":
        return new Response("0123456789".repeat(30_000));
      case "empty":
        return new Response(null, { status: 204 });
      case "forbidden":
        return new Response("x", { headers: { connection: "close" } });
      case "nothing":
        return undefined as unknown as Response;
      case "throws":
        throw new RangeError("out of the question");
      case "half":
        return new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(bytes("half of it")),
            pull: async () => {
              await sleep(1);
              throw new Error("the other half is gone");
            },
          }),
        );
      case "stopped":
        return new Response(String(await Promise.race([sleep(5000), new Promise((_, no) => AbortSignal.timeout(1).addEventListener("abort", no))]).catch((event: Event) => event.type)));
      default:
        return new Response(`${typeof fetch} ${crypto.randomUUID().length}`);
    }
  },
};
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
    sandbox.write("src/shapes.ts", SHAPES);
    let manifest = event("waits", "").replace("idempotent = true", "deterministic = true");
    let up = deployed(&mut sandbox, &(manifest + &event("shapes", "")));
    let shapes =
        r#"["hidden","hidden","base x!","made here","ab0",1,3,2,"SyntaxError","object","computed","caught"]"#;
    assert_eq!(sandbox.ok(&["invoke", "shapes", "--data", ""]).out, shapes);
    // Those are written as generators; an async generator is left to the bundler, and everything with it.
    let spawns = |name: &str| {
        let bundle =
            std::fs::read_to_string(sandbox.path(&format!(".moot/build/{name}/function.js"))).unwrap();
        bundle.contains("return __moot_spawn(")
    };
    assert!(spawns("shapes") && !spawns("waits"));
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

#[test]
fn what_an_http_function_in_quickjs_has_of_the_web_works() {
    if !ready() {
        return;
    }
    let mut sandbox = sandbox();
    sandbox.write("src/web.ts", WEB);
    let world = "wit = \"wit\"\nworld = \"function\"\n";
    let manifest = event("web", "").replace(world, "warm_up = [\"/web/plain?a=1\"]\n");
    let up = deployed(&mut sandbox, &(manifest + "[functions.web.grants]\nrandom = true\n"));
    let ask = |method: &str, path: &str, rest: &str| {
        http(&up.address, &format!("{method} /web/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{rest}"))
    };
    let get = |path: &str| ask("GET", path, "\r\n");

    let plain = get("plain?a=%C3%A9");
    assert!(plain.starts_with("HTTP/1.1 200") && plain.ends_with("\r\n\r\né GET é"), "{plain}");
    for field in ["set-cookie: a=1", "set-cookie: b=2", "content-type: text/plain;charset=UTF-8"] {
        assert!(plain.to_ascii_lowercase().contains(&field.to_ascii_lowercase()), "{field}:\n{plain}");
    }
    let form = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nxyz\r\n--b--\r\n";
    let head =
        format!("content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n", form.len());
    assert!(ask("POST", "form", &(head + form)).ends_with("[\"a\",\"file\",3]"));
    let written = get("written");
    assert!(["1,", "2,", "3,"].iter().all(|part| written.contains(part)), "{written}");
    assert!(get("later").ends_with("now"));
    assert!(sandbox.ok(&["logs", "web"]).out.contains("after the answer"));
    assert!(get("long").matches("0123456789").count() >= 29_000, "a long body");
    assert!(get("empty").starts_with("HTTP/1.1 204"));
    assert!(get("stopped").ends_with("abort"));
    assert!(get("other").ends_with("function 36"));

    // What goes wrong is the caller's plain 500, and the log's in the function's own lines.
    for (path, words) in [
        ("forbidden", "connection"),
        ("nothing", "fetch must answer with a Response, not with undefined"),
        // The line of its case: the bundle has both in one.
        ("throws", "src/web.ts:38"),
    ] {
        let answer = get(path);
        assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("its log says why"), "{answer}");
        let log = sandbox.ok(&["logs", "web"]).out;
        assert!(log.contains(words), "{words}:\n{log}");
    }
    // An answer whose body breaks off is a call that failed. The node had sent nothing of this one yet.
    let half = get("half");
    assert!(half.starts_with("HTTP/1.1 502") && half.contains("function-trapped"), "{half}");
    assert!(sandbox.ok(&["logs", "web"]).out.contains("the other half is gone"));
    let calls = sandbox.json(&["ls", "--calls", "--json"]);
    assert_ne!(calls["calls"][0]["status"], "ok", "{}", calls["calls"][0]);
    assert_eq!(up.stop(), 0);
}
