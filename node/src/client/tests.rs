//! The client against small servers that misbehave on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

/// Answers every connection with the next of `answers` (the last one again and again); counts the requests.
async fn server(answers: Vec<Vec<u8>>) -> (Client, Arc<AtomicUsize>) {
    let (client, count, _) = listening_server(answers).await;
    (client, count)
}

/// As [`server`], with the heads of the requests that came.
async fn listening_server(
    answers: Vec<Vec<u8>>,
) -> (Client, Arc<AtomicUsize>, mpsc::UnboundedReceiver<String>) {
    let (say, heard) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = NodeAddress::parse(&listener.local_addr().unwrap().to_string()).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap() == 0 {
                    break;
                }
            }
            let _ = say.send(String::from_utf8_lossy(&head).into_owned());
            let index = counter.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let _ = stream.write_all(&answers[index]).await;
        }
    });
    (Client::new(address), count, heard)
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn problem_details_become_words() {
    let body = r#"{"type":"/_moot/problems#no-such-function","title":"No such function","detail":"nobody is called bob"}"#;
    let (client, _) = server(vec![answer("403 Forbidden", "", body)]).await;
    let error = client.status().await.unwrap_err();
    assert_eq!(error.to_string(), "nobody is called bob");
    assert_eq!(error.refusal().unwrap().problem.slug(), "no-such-function");
}

#[tokio::test]
async fn another_program_on_the_port_is_named_as_such() {
    let (client, _) = server(vec![b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()]).await;
    let error = client.status().await.unwrap_err().to_string();
    assert!(error.contains("does not speak the API"), "{error}");
    let (client, _) = server(vec![answer("200 OK", "", "<html>hello</html>")]).await;
    let error = client.status().await.unwrap_err().to_string();
    assert!(error.contains("not the JSON expected"), "{error}");
}

#[tokio::test]
async fn nobody_there() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::new(NodeAddress::parse(&free.to_string()).unwrap());
    let error = client.status().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let (client, _) = server(vec![answer("200 OK", "", &"x".repeat(100_000))]).await;
    let mut ask = Client::ask(Method::GET, "/");
    ask.max_answer_bytes = 1000;
    assert!(matches!(client.send(&ask).await, Err(ClientError::TooLarge { limit: 1000, .. })));
}

#[tokio::test]
async fn a_silent_node_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(NodeAddress::parse(&listener.local_addr().unwrap().to_string()).unwrap());
    let mut ask = Client::ask(Method::GET, "/");
    ask.timeout = Duration::from_millis(50);
    assert!(matches!(client.send(&ask).await, Err(ClientError::Timeout { .. })));
}

#[tokio::test]
async fn case_72_only_a_request_with_a_key_is_sent_again() {
    // Without a key a second try could run the function twice; with one it cannot, so a busy node is tried again.
    let busy = answer("503 Service Unavailable", "retry-after: 0\r\n", "");
    let (client, count) = server(vec![busy.clone(), busy.clone(), answer("200 OK", "", "done")]).await;
    let ask = Client::ask(Method::POST, "/hello");
    assert_eq!(client.send(&ask).await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(count.load(Ordering::SeqCst), 1);

    let ask = ask.header("idempotency-key", "k1").unwrap();
    let answer = client.send(&ask).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, b"done".as_slice()));
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn case_72_each_try_has_a_signature_of_its_own() {
    // A node serves a signed request once: the same signature again would be refused as a replay.
    let wants = answer("401 Unauthorized", "", "");
    let busy = answer("503 Service Unavailable", "retry-after: 0\r\n", "");
    let (client, _, mut heard) = listening_server(vec![wants, busy, answer("200 OK", "", "done")]).await;
    let key: KeySource = Arc::new(|| Ok(Keypair::from_seed([7; 32])));
    let ask = Client::ask(Method::POST, "/hello").header("idempotency-key", "k1").unwrap();
    assert_eq!(client.with_key(key).send(&ask).await.unwrap().status, StatusCode::OK);
    let signature = |head: String| {
        let line = head.lines().find(|line| line.starts_with("signature: ")).map(str::to_owned);
        line.unwrap_or_default()
    };
    let mut said = Vec::new();
    while let Ok(head) = heard.try_recv() {
        said.push(signature(head));
    }
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].is_empty() && !said[1].is_empty() && said[1] != said[2], "{said:?}");
}

#[tokio::test]
async fn what_a_function_answers_is_not_asked_for_again() {
    // A 401 or 504 that comes with its call is the function's own: asking again could only run it twice.
    for status in ["401 Unauthorized", "504 Gateway Timeout"] {
        let own = answer(status, "moot-call: 0-1-0-0-0\r\n", "");
        let (client, count) = server(vec![own]).await;
        let key: KeySource = Arc::new(|| Ok(Keypair::from_seed([7; 32])));
        let ask = Client::ask(Method::POST, "/hello").header("idempotency-key", "k1").unwrap();
        client.with_key(key).send(&ask).await.unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[tokio::test]
async fn a_final_refusal_is_not_tried_again() {
    let (client, count) = server(vec![answer("422 Unprocessable Content", "", "no")]).await;
    let ask = Client::ask(Method::POST, "/hello").header("idempotency-key", "k1").unwrap();
    let answer = client.send(&ask).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (422, b"no".as_slice()));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_header_with_a_line_break_is_refused_before_it_is_sent() {
    let error = Client::ask(Method::GET, "/").header("x-name", "a\r\nb: c").unwrap_err().to_string();
    assert!(error.contains("`x-name`"), "{error}");
    let error = Client::ask(Method::GET, "/").header("bad name", "v").unwrap_err().to_string();
    assert!(error.contains("\"bad name\""), "{error}");
}
