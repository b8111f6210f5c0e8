//! The `fetch` guest against real servers on this machine, granted and refused.

use crate::support::{cx, get, guest, host, load, refused};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use moot_host::{AdmissionError, Function, Grants, Policy, Report, TouchKind};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn fetch(allowed: &[String]) -> Function {
    let http = Some(allowed.iter().map(|text| text.parse().unwrap()).collect());
    load(
        host(),
        &guest("fetch"),
        Policy { grants: Grants { http, ..Grants::default() }, ..Policy::default() },
    )
}

/// A server that counts its requests; `/big` is 3 MiB, `/away` redirects to `elsewhere`.
async fn server(elsewhere: Option<SocketAddr>) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicU32::new(0));
    let seen = requests.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = seen.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                seen.fetch_add(1, Ordering::Relaxed);
                let host =
                    request.headers().get("host").map_or(Default::default(), |host| host.as_bytes().to_vec());
                let answer = match request.uri().path() {
                    "/big" => http::Response::new(Full::new(Bytes::from(vec![7; 3 << 20]))),
                    "/away" => {
                        let to = format!("http://{}/secret", elsewhere.unwrap());
                        http::Response::builder()
                            .status(302)
                            .header("location", to)
                            .body(Full::default())
                            .unwrap()
                    }
                    path => {
                        let text = format!("{path} of {}", String::from_utf8_lossy(&host));
                        http::Response::new(Full::new(Bytes::from(text)))
                    }
                };
                async move { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (address, requests)
}

async fn ask(function: &Function, url: &str) -> (u16, Bytes, Report) {
    let mut path = String::from("/fetch?url=");
    url.bytes().for_each(|byte| path.push_str(&format!("%{byte:02x}")));
    let answer = function.call_http(cx(), get(&path)).await.unwrap();
    let status = answer.response.status().as_u16();
    let body = answer.response.into_body().collect().await.unwrap().to_bytes();
    (status, body, answer.report.await)
}

#[tokio::test]
async fn a_granted_host_is_fetched_and_streamed_on() {
    let (address, requests) = server(None).await;
    let function = fetch(&[format!("http://{address}")]);
    let (status, body, report) = ask(&function, &format!("http://{address}/hello")).await;
    assert_eq!((status, &*body), (200, format!("/hello of {address}").as_bytes()));
    let [touch] = &report.touched[..] else { panic!("{:?}", report.touched) };
    assert_eq!((touch.kind, &touch.target, touch.count), (TouchKind::Http, &format!("http://{address}"), 1));

    let (status, body, _) = ask(&function, &format!("http://{address}/big")).await;
    assert_eq!((status, body.len()), (200, 3 << 20));
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}

/// What is not granted is refused before a packet leaves, whatever form the address is written in, and listed.
#[tokio::test]
async fn case_35_36_what_is_not_granted_is_refused() {
    let (address, requests) = server(None).await;
    let function = fetch(&["https://api.example.com".to_owned()]);
    let port = address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "100.64.0.1",
        "[fc00::1]",
    ] {
        let (status, body, _) = ask(&function, &format!("http://{host}:{port}/")).await;
        assert_eq!(status, 502, "{host}: {body:?}");
    }
    let (_, _, report) = ask(&function, &format!("http://127.0.0.1:{port}/")).await;
    assert_eq!(report.touched[0].target, format!("http://127.0.0.1:{port}"));
    assert_eq!(requests.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn case_39_a_redirect_to_a_private_address_is_not_followed() {
    let (secret, secret_requests) = server(None).await;
    let (address, _) = server(Some(secret)).await;
    let function = fetch(&[format!("http://{address}")]);
    let (status, _, report) = ask(&function, &format!("http://{address}/away")).await;
    assert_eq!(status, 302);
    assert_eq!(report.touched.len(), 1);
    assert_eq!(secret_requests.load(Ordering::Relaxed), 0);
}

/// An empty list lets a component in that only might reach outside, and denies every request.
#[tokio::test]
async fn an_empty_list_denies_and_no_list_refuses_the_component() {
    let (status, body, _) = ask(&fetch(&[]), "http://192.0.2.1/").await;
    assert_eq!(status, 502, "{body:?}");
    let error = refused(&guest("fetch"), &Policy::default());
    assert!(
        matches!(&error, AdmissionError::NotGranted { import, .. } if import.starts_with("wasi:http/outgoing-handler")),
        "{error}"
    );
}

#[tokio::test]
async fn a_dead_server_is_an_error_the_guest_can_tell() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (status, body, _) = ask(&fetch(&[format!("http://{address}")]), &format!("http://{address}/")).await;
    assert_eq!(status, 502);
    assert!(String::from_utf8_lossy(&body).contains("ConnectionRefused"), "{body:?}");
}
