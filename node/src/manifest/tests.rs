//! A whole manifest, and every way to get one wrong.

use std::path::Path;

use moot_record::{Access, FunctionKind, Payer, PayloadMode, Spec, SpecDir, SpecLimits};

use super::*;

const ACCOUNT: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn parse(text: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(text, Path::new("some/moot.toml"))
}

/// A function with further lines in its own table.
fn with(lines: &str) -> Result<Manifest, ManifestError> {
    parse(&format!("[functions.hello]\ncomponent = \"a.wasm\"\n{lines}"))
}

/// What is wrong with a function that has these further lines, at which line of the file.
#[track_caller]
fn wrong(lines: &str) -> (usize, String) {
    let error = with(lines).expect_err(lines);
    let shown = error.to_string();
    assert!(shown.contains("some/moot.toml:"), "{shown}");
    assert_eq!(error.problems.len(), 1, "{shown}");
    let help = error.problems[0].help.clone().unwrap_or_default();
    (error.problems[0].line, format!("{} | {help}", error.problems[0].message))
}

#[test]
fn the_smallest() {
    let manifest = with("").unwrap();
    assert_eq!(manifest.folder(), Path::new("some"));
    let [function] = manifest.functions.as_slice() else { panic!() };
    assert_eq!(function.component, Path::new("some/a.wasm"));
    assert_eq!(function.build, None);
    assert_eq!(function.spec, Spec::new(FunctionKind::Event, "/hello"));
}

#[test]
fn the_largest() {
    let manifest = with(&format!(
        r#"build = "make"
route = "/greet/"
access = ["{ACCOUNT}", "{ACCOUNT}"]
payer = "caller"
idempotent = true
upgradable = false
destructible = true
payloads = "keep"
retention = "30d"
[functions.hello.grants]
http = ["https://b.example:8443", "https://a.example:443"]
env = {{ B = "2", A = "1" }}
secrets = ["KEY", "API_KEY"]
keyvalue = ["default"]
dirs = [{{ name = "assets", at = "/assets", write = true }}]
clock = true
random = true
ledger = true
[functions.hello.limits]
fuel = 5_000_000
deadline = "1.5s"
memory = "32MiB"
request = "1MiB"
response = 2048
log = "16KiB"
"#
    ))
    .unwrap();
    let function = &manifest.functions[0];
    let spec = &function.spec;
    assert_eq!(function.build, Some(Build::Command("make".to_owned())));
    assert_eq!(spec.route, "/greet");
    assert_eq!(spec.access, Access::Accounts(vec![ACCOUNT.parse().unwrap()]));
    assert_eq!(spec.payer, Payer::Caller);
    assert!(spec.idempotent && !spec.lifecycle.upgradable && spec.lifecycle.destructible);
    assert_eq!(spec.payloads, PayloadMode::Keep { retention_s: 30 * 86_400 });
    assert_eq!(spec.grants.http.as_deref().unwrap(), ["https://a.example:443", "https://b.example:8443"]);
    assert_eq!(spec.grants.env, [("A".into(), "1".into()), ("B".into(), "2".into())]);
    assert_eq!(spec.grants.secrets, ["API_KEY", "KEY"]);
    assert_eq!(spec.grants.key_value, ["default"]);
    assert_eq!(spec.grants.dirs, [SpecDir { name: "assets".into(), at: "/assets".into(), write: true }]);
    assert!(spec.grants.clock && spec.grants.random && spec.grants.ledger);
    let limits = SpecLimits {
        fuel: 5_000_000,
        deadline_ms: 1_500,
        memory_bytes: 32 << 20,
        request_bytes: 1 << 20,
        response_bytes: 2048,
        log_bytes: 16 << 10,
    };
    assert_eq!(spec.limits, limits);
    assert_eq!(spec.check(), Ok(()));
}

#[test]
fn an_access_by_rule_is_kept_as_it_is_written() {
    let rule = "auth.account != null && balance(auth.account) >= 10";
    let access = |lines: &str| with(lines).unwrap().functions[0].spec.access.clone();
    assert_eq!(access(&format!("access = {{ rule = \"{rule}\" }}")), Access::Rule(rule.to_owned()));
    assert_eq!(
        access(&format!("[functions.hello.access]\nrule = \"{rule}\"")),
        Access::Rule(rule.to_owned())
    );
}

#[test]
fn an_empty_list_of_hosts_is_not_no_list() {
    let grants = |text| with(text).unwrap().functions[0].spec.grants.http.clone();
    assert_eq!(grants("[functions.hello.grants]\nhttp = []"), Some(vec![]));
    assert_eq!(grants("[functions.hello.grants]"), None);
}

#[test]
fn several_functions_in_the_order_of_the_file() {
    let manifest =
        parse("[functions.zebra]\ncomponent = \"z\"\n[functions.ant]\ncomponent = \"a\"\nroute = \"/a/b\"")
            .unwrap();
    let names = |list: Vec<&FunctionManifest>| list.iter().map(|f| f.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(manifest.select(&[]).unwrap()), ["zebra", "ant"]);
    assert_eq!(names(manifest.select(&["ant".into(), "ant".into()]).unwrap()), ["ant"]);
    let unknown = manifest.select(&["zerba".into()]).unwrap_err();
    assert_eq!((unknown.near.as_deref(), unknown.known.as_str()), (Some("zebra"), "zebra, ant"));
}

#[test]
fn unknown_keys_are_refused_with_a_suggestion_and_their_line() {
    for (lines, line, words) in [
        ("componnent = \"b\"", 3, ["`componnent`", "did you mean `component`?"]),
        ("\n\nbiuld = \"make\"", 5, ["`biuld`", "did you mean `build`?"]),
        ("timeout = \"1s\"", 3, ["`timeout`", "`deadline` in [functions.hello.limits]"]),
        ("memory = \"1MiB\"", 3, ["`memory`", "`memory` in [functions.hello.limits]"]),
        ("http = []", 3, ["`http`", "`http` in [functions.hello.grants]"]),
        ("elephant = 1", 3, ["`elephant`", "known here: kind, program, component, build, route"]),
        ("engine = \"quickjs\"", 3, ["`engine`", "`engine` in [functions.hello.build]"]),
        (
            "[functions.hello.build]\nlanguage = \"go\"\nsorce = \"x\"",
            5,
            ["`sorce` in [functions.hello.build]", "did you mean `source`?"],
        ),
        ("[functions.hello.limits]\ndeadlin = \"1s\"", 4, ["`deadlin`", "did you mean `deadline`?"]),
        ("[functions.hello.grants]\nkeyvalues = []", 4, ["`keyvalues`", "did you mean `keyvalue`?"]),
        ("[functions.hello.grants]\nenviron = []", 4, ["`environ`", "known here: http, env"]),
        ("[functions.hello.grant]\nhttp = []", 3, ["`grant`", "did you mean `grants`?"]),
        ("[function.hello]\ncomponent = \"x\"", 3, ["`function`", "did you mean `functions`?"]),
        ("[package]\nname = \"x\"", 3, ["`package`", "known here: functions"]),
    ] {
        let (at, message) = wrong(lines);
        assert_eq!(at, line, "{lines}: {message}");
        assert!(words.iter().all(|word| message.contains(word)), "{lines}: {message}");
    }
}

#[test]
fn a_language_and_how_it_is_built() {
    let built = |lines: &str| {
        let manifest = with(&format!("[functions.hello.build]\n{lines}")).unwrap();
        let [function] = manifest.functions.as_slice() else { panic!() };
        let Some(Build::Language(build)) = function.build.clone() else { panic!("{:?}", function.build) };
        build
    };
    let all = built(
        "language = \"javascript\"\nsource = \"src/index.ts\"\nwit = \"wit\"\nworld = \"function\"\nengine = \"quickjs\"",
    );
    let interfaces = Interfaces { wit: "wit".to_owned(), world: "function".to_owned() };
    assert_eq!(
        all,
        LanguageBuild {
            language: Language::JavaScript,
            source: "src/index.ts".to_owned(),
            interfaces: Some(interfaces),
            engine: Engine::QuickJs,
            warm_up: Vec::new(),
        }
    );
    let warm = built("language = \"javascript\"\nsource = \"a.js\"\nwarm_up = [\"/\", \"/books?page=1\"]");
    assert_eq!(warm.warm_up, ["/", "/books?page=1"]);
    let least = built("language = \"rust\"");
    assert_eq!((least.source.as_str(), least.interfaces, least.engine), (".", None, Engine::StarlingMonkey));
}

#[test]
fn wrong_types_are_named() {
    for (lines, words) in [
        (
            "build = 1",
            "`build` must be a command in quotes, or a table: [functions.<name>.build], not the number 1",
        ),
        ("[functions.hello.build]\nlanguage = 1", "`language` must be \"rust\", \"javascript\""),
        ("[functions.hello.build]\nlanguage = \"python\"\nsource = 1", "`source` must be the file, module"),
        (
            "[functions.hello.build]\nlanguage = \"javascript\"\nsource = \"a\"\nwarm_up = \"/\"",
            "`warm_up` must be a list of paths",
        ),
        ("route = true", "not true"),
        ("deterministic = \"yes\"", "`deterministic` must be true or false, not the text \"yes\""),
        ("access = 5", "a list of accounts"),
        ("access = [5]", "not the number 5"),
        ("grants = 5", "`grants` must be a table"),
        ("[functions.hello.grants]\nhttp = \"https://a:443\"", "must be a list of hosts"),
        ("[functions.hello.grants]\nenv = [\"A=1\"]", "must be a table"),
        ("[functions.hello.grants]\nenv = { A = 1 }", "`A` must be a text in quotes, not the number 1"),
        ("[functions.hello.grants]\nclock = 1", "`clock` must be true or false"),
        ("[functions.hello.grants]\ndirs = [\"assets\"]", "must be a list of tables"),
        ("[functions.hello.limits]\nfuel = \"10G\"", "`fuel` must be a whole number"),
        ("[functions.hello.limits]\ndeadline = 10", "`deadline` must be a duration with its unit"),
        ("[functions.hello.limits]\nmemory = 1.5", "`memory` must be a size"),
    ] {
        let (_, message) = wrong(lines);
        assert!(message.contains(words), "{lines}: {message}");
    }
}

#[test]
fn wrong_values_are_named() {
    let long = format!("route = \"/{}\"", "a".repeat(3000));
    let paths = vec!["\"/\""; 33].join(", ");
    let many = format!("build = {{ language = \"javascript\", source = \"a\", warm_up = [{paths}] }}");
    for (lines, words) in [
        ("build = \" \"", "`build` is empty"),
        ("[functions.hello.build]", "does not name a language"),
        ("build = { language = \"cobol\" }", "not \"cobol\""),
        ("build = { language = \"ts\", source = \"a.ts\" }", "did you mean \"javascript\"?"),
        ("build = { language = \"javascript\" }", "does not say what is to be built"),
        ("build = { language = \"python\", source = \"\" }", "`source` is empty"),
        ("build = { language = \"go\", engine = \"quickjs\" }", "`engine` is for JavaScript alone"),
        ("build = { language = \"javascript\", source = \"a\", engine = \"v8\" }", "not \"v8\""),
        ("build = { language = \"go\", warm_up = [\"/\"] }", "`warm_up` is for HTTP functions in JavaScript"),
        (
            "build = { language = \"javascript\", source = \"a\", wit = \"w\", world = \"v\", warm_up = [\"/\"] }",
            "which have no `world`",
        ),
        (
            "build = { language = \"javascript\", source = \"a\", warm_up = [\"books\"] }",
            "a path begins with /",
        ),
        (many.as_str(), "`warm_up` has 33 paths; at most 32"),
        ("build = { language = \"go\", wit = \"wit\" }", "`wit` needs a `world`"),
        ("build = { language = \"go\", world = \"x\" }", "`world` needs a `wit`"),
        ("route = \"hello\"", "must begin with"),
        ("route = \"/_moot/x\"", "belongs to the node itself"),
        ("route = \"/_moot\"", "belongs to the node itself"),
        ("route = \"/a//b\"", "empty label"),
        ("route = \"/a/../b\"", "\"..\""),
        ("route = \"/a?b\"", "letters, digits"),
        (long.as_str(), "longer than"),
        ("access = \"everyone\"", "\"anyone\""),
        ("access = [\"abc\"]", "is not an account"),
        ("access = []", "nobody could call"),
        ("access = {}", "`access` must be \"anyone\", a list of accounts"),
        ("access = { rule = 5 }", "`rule` must be an expression in CEL"),
        ("access = { rule = \"true\", rul = 1 }", "unknown key `rul`"),
        ("access = { rule = \"auth.account ==\" }", "the rule cannot be read"),
        ("access = { rule = \"value == 1\" }", "\"value\" is not known here; there are auth, now, height"),
        ("access = { rule = \"now < 'x'\" }", "`now` is an int, and `\"x\"` is a string"),
        ("payer = \"me\"", "\"owner\" or \"caller\""),
        ("payloads = \"store\"", "\"keep\", \"inline\" or \"digest\""),
        ("payloads = \"digest\"\nretention = \"7d\"", "`retention` is for payloads = \"keep\" alone"),
        ("retention = \"99999d\"", "must be between"),
        ("[functions.hello.grants]\nhttp = [\"api.example.com\"]", "https://api.example.com:443"),
        ("[functions.hello.grants]\nenv = { \"A B\" = \"1\" }", "is not a name"),
        ("[functions.hello.grants]\nsecrets = [\"1KEY\"]", "is not a name"),
        ("[functions.hello.grants]\nkeyvalue = [\"My Store\"]", "is not a name"),
        ("[functions.hello.grants]\ndirs = [{ name = \"a\" }]", "a directory needs"),
        ("[functions.hello.grants]\ndirs = [{ name = \"a\", at = \"assets\" }]", "must begin with"),
        ("[functions.hello.grants]\ndirs = [{ name = \"a\", at = \"/x/../y\" }]", "\"..\""),
        (
            "[functions.hello.grants]\ndirs = [{ name = \"a\", at = \"/x\" }, { name = \"a\", at = \"/y\" }]",
            "granted twice",
        ),
        (
            "[functions.hello.grants]\ndirs = [{ name = \"a\", at = \"/x\" }, { name = \"b\", at = \"/x\" }]",
            "two directories",
        ),
        ("deterministic = true\n[functions.hello.grants]\nclock = true\nrandom = true", "clock, random"),
        ("replicas_k = 3", "`replicas_k = 3` is for deterministic functions"),
        ("deterministic = true\nreplicas_k = 8", "`replicas_k` must be between 1 and 7"),
        ("deterministic = true\nreplicas_k = 0", "`replicas_k` must be between 1 and 7"),
        ("deterministic = true\nreplicas_k = 3\n[functions.hello.grants]\nhttp = []", "the grant http"),
        (
            "deterministic = true\nreplicas_k = 3\n[functions.hello.limits]\ndeadline = \"6m\"",
            "a deadline above",
        ),
        ("[functions.hello.limits]\nfuel = 0", "`fuel` must be between 1"),
        ("[functions.hello.limits]\nfuel = -5", "`fuel` must be between 1"),
        ("[functions.hello.limits]\nfuel = 99999999999999999999999", "`fuel` must be between 1"),
        ("[functions.hello.limits]\ndeadline = \"2h\"", "`deadline` must be between"),
        ("[functions.hello.limits]\ndeadline = \"0s\"", "`deadline` must be between"),
        ("[functions.hello.limits]\ndeadline = \"10\"", "is not a duration"),
        ("[functions.hello.limits]\nmemory = \"64M\"", "64MiB"),
        ("[functions.hello.limits]\nmemory = \"8GiB\"", "`memory` must be between"),
        ("[functions.hello.limits]\nlog = \"a lot\"", "is not a size"),
    ] {
        let (_, message) = wrong(lines);
        assert!(message.contains(words), "{lines}: {message}");
    }
}

#[test]
fn a_component_must_be_named() {
    for (text, words) in [
        ("[functions.hello]\nroute = \"/x\"", "does not say where its component is"),
        ("[functions.hello]\ncomponent = \"\"", "`component` is empty"),
        ("[functions.hello]\ncomponent = 1", "`component` must be the path"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.problems.len(), 1, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn names_and_routes() {
    for name in ["Hello", "\"my function\"", "a_b", "\"\"", "9lives", "a-", "a--b"] {
        let error = parse(&format!("[functions.{name}]\ncomponent = \"a\"")).unwrap_err();
        assert!(error.to_string().contains("function name"), "{name}: {error}");
    }
    let error = parse("[functions.a]\ncomponent = \"a\"\nroute = \"/b\"\n[functions.b]\ncomponent = \"b\"")
        .unwrap_err();
    assert!(error.to_string().contains("both have the route \"/b\""), "{error}");
    let error = parse("[functions.a]\ncomponent = \"a\"\n[functions.a]\ncomponent = \"b\"").unwrap_err();
    assert!(error.to_string().contains("this is not TOML"), "{error}");
}

#[test]
fn files_that_are_no_manifest() {
    for (text, words) in [
        ("", "there is no function in this file"),
        ("[functions]", "1 to 1024 functions"),
        ("functions = 3", "must be a table of functions"),
        ("[functions]\nhello = 3", "must be a table of functions"),
        ("[functions.hello\n", "this is not TOML"),
        ("\u{1}\u{2}", "this is not TOML"),
        ("component = \"a.wasm\"", "there is no function in this file"),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.to_string().contains(words), "{text:?}: {error}");
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let error = with("routte = \"/x\"\npayer = 1\n[functions.hello.limits]\nfuel = 0").unwrap_err();
    let lines: Vec<usize> = error.problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [3, 4, 6], "{error}");
}

#[test]
fn found_above_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let path = dir.path().join(FILE_NAME);
    std::fs::write(&path, "[functions.hello]\ncomponent = \"a.wasm\"").unwrap();
    assert_eq!(Manifest::find(&below).as_deref(), Some(path.as_path()));
    assert_eq!(Manifest::load(&path).unwrap().functions.len(), 1);
    std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    assert!(matches!(Manifest::load(&path), Err(LoadError::TooLarge { .. })));
    assert!(matches!(Manifest::load(dir.path()), Err(LoadError::Io { .. })));
}

proptest::proptest! {
    #[test]
    fn any_text_is_answered_not_feared(text in "[ -~\\n\u{e9}]{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_value_in_any_place_is_answered(
        key in "(component|build|route|access|payer|deterministic|payloads|retention|grants|limits|x)",
        value in "([0-9]{1,3}|\"[ -!#-\\[\\]-~]{0,9}\"|true|\\[\\]|\\[1, \"a\"\\]|\\{ a = 1 \\}|1\\.5|1979-05-27)",
    ) {
        let _ = with(&format!("{key} = {value}"));
    }
}
