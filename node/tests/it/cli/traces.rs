//! Traces by OpenTelemetry, at a collector of the test's own: the standard variables, the standard's encoding.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use super::components::calculator;
use super::sandbox::{Sandbox, Up};
use crate::support::{Conn, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What reached a collector.
#[derive(Default)]
struct Collected {
    paths: Vec<String>,
    keys: Vec<String>,
    service: Vec<KeyValue>,
    spans: Vec<Span>,
}

/// Takes traces on the loopback address for as long as the test's process lives.
fn collect(listener: TcpListener) -> Arc<Mutex<Collected>> {
    let collected = Arc::new(Mutex::new(Collected::default()));
    let shared = collected.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            take(stream.unwrap(), &shared);
        }
    });
    collected
}

fn take(stream: TcpStream, collected: &Mutex<Collected>) {
    let mut reader = BufReader::new(&stream);
    let (mut length, mut path, mut key) = (0, String::new(), String::new());
    reader.read_line(&mut path).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap()
            }
            Some((name, value)) if name.eq_ignore_ascii_case("x-key") => value.clone_into(&mut key),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let mut collected = collected.lock().unwrap();
    collected.paths.push(path.trim().to_owned());
    collected.keys.push(key);
    for resource in request.resource_spans {
        collected.service = resource.resource.unwrap().attributes;
        collected.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
    (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{name} is {other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A node that sends its traces to `collector`, with the calculator deployed.
fn node(sandbox: &mut Sandbox, collector: SocketAddr) -> Up {
    let endpoint = format!("http://{collector}");
    let up = Up::start_in(
        sandbox,
        &[],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=let-me-in"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ],
    );
    sandbox.use_node(&up);
    sandbox.write("calculator.wasm", calculator(0));
    sandbox.write("moot.toml", "[functions.calculator]\ncomponent = \"calculator.wasm\"\n");
    sandbox.ok(&["deploy"]);
    up
}

fn call(up: &Up, export: &str, arguments: &str, traceparent: &str) -> crate::support::Answer {
    let mut conn = Conn::open(up.address.trim_start_matches("http://").parse().unwrap());
    let target = format!("/calculator/{export}?token=mine");
    conn.request("POST", &target, &[("traceparent", traceparent)], arguments.as_bytes());
    conn.answer().unwrap()
}

#[test]
fn a_request_and_its_call_are_spans_of_the_callers_trace() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let collector = listener.local_addr().unwrap();
    let collected = collect(listener);
    let mut sandbox = Sandbox::new();
    let up = node(&mut sandbox, collector);

    let unsampled = call(&up, "add", "[1, 1]", &format!("00-{TRACE}-{PARENT}-00"));
    assert!(
        unsampled.header("traceparent").unwrap().ends_with("-00"),
        "the caller's word on sampling counts"
    );
    let answer = call(&up, "add", "[1, 2]", &format!("00-{TRACE}-{PARENT}-01"));
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"));
    let trapped = call(&up, "divide", "[1, 0]", &format!("00-{TRACE}-{PARENT}-01"));
    assert_eq!(trapped.status, 502, "{}", trapped.text());

    let of_trace = |span: &&Span| hex(&span.trace_id) == TRACE;
    until("the spans are there", || collected.lock().unwrap().spans.iter().filter(of_trace).count() >= 4);
    assert_eq!(up.stop(), 0);
    let collected = collected.lock().unwrap();
    let spans: Vec<_> = collected.spans.iter().filter(of_trace).collect();
    assert_eq!(spans.len(), 4, "two requests with a call each: {spans:#?}");

    for (answer, status, failed) in [(&answer, "200", false), (&trapped, "502", true)] {
        let ours = &answer.header("traceparent").unwrap()[36..52];
        let request = spans.iter().find(|span| hex(&span.span_id) == ours).unwrap();
        assert_eq!((request.name.as_str(), request.kind), ("POST /calculator", 2), "of kind server");
        assert_eq!(hex(&request.parent_span_id), PARENT);
        let said = |name| attribute(&request.attributes, name);
        assert_eq!(said("http.response.status_code").as_deref(), Some(status));
        assert_eq!(said("http.route").as_deref(), Some("/calculator"));
        assert!(said("url.path").unwrap().starts_with("/calculator/"), "and no query");
        assert_eq!(request.status.as_ref().map_or(0, |status| status.code), if failed { 2 } else { 0 });

        let run = spans.iter().find(|span| span.parent_span_id == request.span_id).unwrap();
        assert_eq!(run.name, "calculator");
        let said = |name| attribute(&run.attributes, name);
        assert_eq!(said("faas.invocation_id").as_deref(), answer.header("moot-call"));
        assert_eq!(said("moot.fuel").as_deref(), answer.header("moot-fuel"));
        assert_eq!(said("moot.status").as_deref(), Some(if failed { "trapped" } else { "ok" }));
        assert!(request.start_time_unix_nano <= run.start_time_unix_nano);
        assert!(run.end_time_unix_nano <= request.end_time_unix_nano);
    }
    let said = format!("{:?}", collected.spans);
    assert!(!said.contains("token") && !said.contains("mine"), "a query holds what people send: {said}");

    assert!(collected.paths.iter().all(|line| line == "POST /v1/traces HTTP/1.1"), "{:?}", collected.paths);
    assert!(collected.keys.iter().all(|key| key == "let-me-in"), "{:?}", collected.keys);
    let service = |name| attribute(&collected.service, name);
    assert_eq!(service("service.name").as_deref(), Some("moot"));
    assert_eq!(service("deployment.environment.name").as_deref(), Some("test"));
    assert!(service("service.instance.id").is_some());
}

/// A node is not down because its collector is.
#[test]
fn a_collector_that_is_away_is_said_once_and_takes_traces_later() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut sandbox = Sandbox::new();
    let up = node(&mut sandbox, collector);
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    for _ in 0..5 {
        assert_eq!(call(&up, "add", "[1, 2]", &traceparent).text(), "3");
        // Longer than a batch waits.
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    let collected = collect(TcpListener::bind(collector).unwrap());
    until("the collector is used", || {
        assert_eq!(call(&up, "add", "[1, 2]", &traceparent).text(), "3");
        !collected.lock().unwrap().spans.is_empty()
    });
    let (code, said) = up.stop_and_read();
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("traces are dropped").count(), 1, "{said}");
    assert!(!said.contains("ExportError"), "nor by the library, with each batch: {said}");
    assert!(said.contains(&collector.to_string()) && said.contains("takes traces again"), "{said}");
    assert!(!said.contains("let-me-in"), "the collector's key is nobody's business: {said}");
}

#[test]
fn a_protocol_that_is_not_spoken_is_said_and_the_node_serves() {
    let sandbox = Sandbox::new();
    let up = Up::start_in(
        &sandbox,
        &[],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
    );
    let (code, said) = up.stop_and_read();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("no traces are sent") && said.contains("http/protobuf"), "{said}");
}
