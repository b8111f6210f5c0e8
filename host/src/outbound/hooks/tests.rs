//! Requests through the hooks to real servers on this machine.

use super::*;
use crate::Grants;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Empty, Full};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn hooks(allowed: &[&str]) -> Hooks {
    let http = Some(allowed.iter().map(|text| text.parse().unwrap()).collect());
    let policy = Policy { grants: Grants { http, ..Grants::default() }, ..Policy::default() };
    Hooks::new(Arc::new(policy), Touches::default(), CallLog::new(None, 0))
}

fn request(uri: &str) -> Request<WasiBody> {
    Request::get(uri).body(Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync()).unwrap()
}

/// Sends, drives the connection and reads the whole answer.
async fn exchange(
    hooks: &mut Hooks,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<(u16, Bytes), Error> {
    let sent = hooks.send_request(request, options, Box::new(async { Ok(()) }));
    let (response, done) = Pin::from(sent).await?;
    let driver = tokio::spawn(Pin::from(done));
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    driver.abort();
    Ok((status, body))
}

async fn get(hooks: &mut Hooks, uri: &str) -> Result<(u16, Bytes), Error> {
    exchange(hooks, request(uri), None).await
}

/// A server that answers every connection with `answer`, and hands over what it was sent first.
async fn server(
    answer: impl AsRef<[u8]> + Send + 'static,
) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tx, rx) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let _ = tx.send(String::from_utf8_lossy(&head[..read]).into_owned());
            let _ = stream.write_all(answer.as_ref()).await;
        }
    });
    (address, rx)
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn case_35_an_address_inside_is_reached_only_when_it_is_named() {
    let (address, mut requests) = server(HELLO).await;
    let uri = format!("http://{address}/path?q=1");
    let mut granted = hooks(&[&format!("http://{address}")]);
    assert_eq!(get(&mut granted, &uri).await.unwrap(), (200, "hello".into()));
    let seen = requests.recv().await.unwrap();
    assert!(seen.starts_with("GET /path?q=1 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains(&format!("host: {address}\r\n")), "{seen}");

    for allowed in
        [&[][..], &["http://localhost:1"], &["https://api.example.com"], &[&*format!("https://{address}")]]
    {
        let error = get(&mut hooks(allowed), &uri).await.unwrap_err();
        assert!(matches!(error, Error::HttpRequestDenied), "{allowed:?}: {error}");
    }
    assert!(requests.try_recv().is_err(), "a denied request left");
}

/// A resolver that a hostile name server would be: whatever the name, it is this machine.
struct Inward(AtomicUsize);

impl Resolver for Inward {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

#[tokio::test]
async fn case_37_a_granted_name_that_leads_inside_is_refused() {
    static INWARD: Inward = Inward(AtomicUsize::new(0));
    let (address, mut requests) = server(HELLO).await;
    let mut hooks = hooks(&[&format!("http://rebind.example:{}", address.port())]);
    hooks.resolver = &INWARD;
    let error = get(&mut hooks, &format!("http://rebind.example:{}/", address.port())).await.unwrap_err();
    assert!(matches!(error, Error::DestinationIpProhibited), "{error}");
    assert_eq!(INWARD.0.load(Ordering::Relaxed), 1);
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn case_39_a_redirect_is_an_answer_and_is_not_followed() {
    let (secret, mut secret_requests) = server(HELLO).await;
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: http://{secret}/\r\ncontent-length: 0\r\n\r\n");
    let (address, _) = server(answer).await;
    // Even though the place it points to is granted: following is the guest's decision.
    let mut hooks = hooks(&[&format!("http://{address}"), &format!("http://{secret}")]);
    assert_eq!(get(&mut hooks, &format!("http://{address}/")).await.unwrap().0, 302);
    assert!(secret_requests.try_recv().is_err());
}

/// A guest that copies the inbound request's head must not reach what its `Host` names.
#[tokio::test]
async fn case_40_authority_comes_from_the_request_and_never_from_a_host_header() {
    let (address, mut requests) = server(HELLO).await;
    let mut hooks = hooks(&[&format!("http://{address}")]);
    let mut copied = request("/path");
    copied.headers_mut().insert(HOST, HeaderValue::from_str(&address.to_string()).unwrap());
    let error = exchange(&mut hooks, copied, None).await.unwrap_err();
    assert!(matches!(error, Error::HttpRequestUriInvalid), "{error}");

    let mut forged = request(&format!("http://{address}/"));
    forged.headers_mut().append(HOST, HeaderValue::from_static("internal.example"));
    forged.headers_mut().append(HOST, HeaderValue::from_static("second.example"));
    exchange(&mut hooks, forged, None).await.unwrap();
    let seen = requests.recv().await.unwrap();
    assert!(seen.contains(&format!("host: {address}\r\n")) && !seen.contains("example"), "{seen}");
}

#[tokio::test]
async fn case_28_a_timeout_of_zero_is_an_error() {
    let (address, _requests) = server(HELLO).await;
    let zero = Some(Duration::ZERO);
    for options in [
        RequestOptions { connect_timeout: zero, ..RequestOptions::default() },
        RequestOptions { first_byte_timeout: zero, ..RequestOptions::default() },
        RequestOptions { between_bytes_timeout: zero, ..RequestOptions::default() },
    ] {
        let mut hooks = hooks(&[&format!("http://{address}")]);
        let error =
            exchange(&mut hooks, request(&format!("http://{address}/")), Some(options)).await.unwrap_err();
        assert!(
            matches!(&error, Error::InternalError(Some(why)) if why.contains("timeout is zero")),
            "{error}"
        );
        // The shortest and the longest timeouts there are do not panic either.
        for extreme in [Duration::from_nanos(1), Duration::MAX] {
            let all = RequestOptions {
                connect_timeout: Some(Duration::MAX),
                first_byte_timeout: Some(extreme),
                between_bytes_timeout: Some(extreme),
            };
            let _ = exchange(&mut hooks, request(&format!("http://{address}/")), Some(all)).await;
        }
    }
}

#[tokio::test]
async fn every_attempt_is_a_touch_denied_or_not() {
    let (address, _requests) = server(HELLO).await;
    let mut hooks = hooks(&[&format!("http://{address}")]);
    get(&mut hooks, &format!("http://{address}/1")).await.unwrap();
    get(&mut hooks, &format!("http://{address}/2")).await.unwrap();
    get(&mut hooks, "https://Elsewhere.example/").await.unwrap_err();
    let list: Vec<_> = hooks.touched.list().into_iter().map(|touch| (touch.target, touch.count)).collect();
    assert_eq!(list, [(format!("http://{address}"), 2), ("https://elsewhere.example:443".to_owned(), 1)]);
}

#[tokio::test]
async fn a_silent_server_and_a_closed_port_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut hooks = hooks(&[&format!("http://{address}")]);
    let short =
        RequestOptions { first_byte_timeout: Some(Duration::from_millis(50)), ..RequestOptions::default() };
    let error = exchange(&mut hooks, request(&format!("http://{address}/")), Some(short)).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error}");
    drop(listener);
    let error = get(&mut hooks, &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionRefused), "{error}");
}

#[tokio::test]
async fn answers_out_of_bounds_are_errors() {
    let too_long = crate::limits::MAX_OUTBOUND_BODY_BYTES + 1;
    type Expected = fn(&Error) -> bool;
    let cases: [(String, Expected); 5] = [
        (format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(100_000)), |e| {
            matches!(e, Error::HttpResponseHeaderSectionSize(_))
        }),
        (format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: a\r\n".repeat(200)), |e| {
            matches!(e, Error::HttpProtocolError | Error::HttpResponseHeaderSectionSize(_))
        }),
        (format!("HTTP/1.1 200 OK\r\ncontent-length: {too_long}\r\n\r\n"), |e| {
            matches!(e, Error::HttpResponseBodySize(Some(_)))
        }),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello".into(), |e| {
            matches!(e, Error::HttpResponseIncomplete)
        }),
        ("SSH-2.0-OpenSSH\r\n".into(), |e| matches!(e, Error::HttpProtocolError)),
    ];
    for (answer, expected) in cases {
        let head: String = answer.chars().take(60).collect();
        let (address, _requests) = server(answer).await;
        let error = get(&mut hooks(&[&format!("http://{address}")]), &format!("http://{address}/"))
            .await
            .unwrap_err();
        assert!(expected(&error), "{head:?}: {error}");
    }
}

#[tokio::test]
async fn a_request_body_over_the_limit_is_cut_off() {
    let (address, _requests) = server("").await;
    let mut hooks = hooks(&[&format!("http://{address}")]);
    let bytes = Bytes::from(vec![0; crate::limits::MAX_OUTBOUND_BODY_BYTES as usize + 1]);
    let body = Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
    let request = Request::post(format!("http://{address}/")).body(body).unwrap();
    let error = exchange(&mut hooks, request, None).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::HttpRequestBodySize(_) | Error::ConnectionTerminated | Error::HttpResponseIncomplete
        ),
        "{error}"
    );
}

#[tokio::test]
async fn tunnels_and_too_many_open_requests_are_refused() {
    let (address, _requests) = server(HELLO).await;
    let mut hooks = hooks(&[&format!("http://{address}")]);
    let mut tunnel = request(&format!("http://{address}/"));
    *tunnel.method_mut() = Method::CONNECT;
    assert!(matches!(exchange(&mut hooks, tunnel, None).await, Err(Error::HttpRequestMethodInvalid)));

    let mut held = vec![];
    for _ in 0..MAX_OUTBOUND_OPEN {
        let sent =
            hooks.send_request(request(&format!("http://{address}/")), None, Box::new(async { Ok(()) }));
        held.push(Pin::from(sent).await.unwrap());
    }
    let error = get(&mut hooks, &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionLimitReached), "{error}");
    held.pop();
    get(&mut hooks, &format!("http://{address}/")).await.unwrap();
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_tls_error() {
    let (address, _requests) = server(HELLO).await;
    let mut hooks = hooks(&[&format!("https://{address}")]);
    let error = get(&mut hooks, &format!("https://{address}/")).await.unwrap_err();
    assert!(matches!(error, Error::TlsProtocolError | Error::ConnectionTerminated), "{error}");
}

/// A TLS server with a certificate for `name`, and a client configuration that trusts it.
async fn tls_server(name: &str) -> (SocketAddr, Arc<ClientConfig>) {
    let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(HELLO.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    (address, dial::tls(roots))
}

#[tokio::test]
async fn tls_is_checked_against_the_name_and_the_roots() {
    let (address, trusting) = tls_server("localhost").await;
    let uri = format!("https://localhost:{}/", address.port());
    let mut hooks = hooks(&[&uri, &format!("https://{address}")]);

    let untrusted = get(&mut hooks, &uri).await.unwrap_err();
    assert!(matches!(untrusted, Error::TlsCertificateError), "{untrusted}");

    hooks.tls = Some(trusting);
    assert_eq!(get(&mut hooks, &uri).await.unwrap(), (200, "hello".into()));

    let other_name = get(&mut hooks, &format!("https://{address}/")).await.unwrap_err();
    assert!(matches!(other_name, Error::TlsCertificateError), "{other_name}");
}
