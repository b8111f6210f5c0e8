//! A server for outbound requests: it answers every request with its method and path, and ends the connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

/// Starts it; it runs until the process ends.
pub(super) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let Some(line) = lines.next() else { continue };
            // The head's end: what is sent here has no body.
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let (status, text) = match path {
                "/teapot" => ("418 I'm a teapot", "short and stout".to_owned()),
                "/long" => ("200 OK", "0123456789".repeat(30_000)),
                _ => ("200 OK", format!("{method} {path}")),
            };
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            // The other side may have gone: its case says so.
            let _ = (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(text.as_bytes()));
        }
    });
    address
}
