//! A server for outbound requests: it answers every request with its method and path, and ends the connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::time::Duration;

/// Starts it; it runs until the process ends.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut lines = reader.by_ref().lines().map_while(Result::ok);
            let Some(line) = lines.next() else { continue };
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let value = |name: &str| {
                let mut fields = head.iter().filter_map(|line| line.split_once(": "));
                fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            };
            let announced = value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let sent = std::io::copy(&mut reader.take(announced), &mut std::io::sink()).unwrap_or(0);
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let (status, text) = match path {
                "/teapot" => ("418 I'm a teapot", "short and stout".to_owned()),
                "/sent" => {
                    let of = value("x-of").unwrap_or_default();
                    ("200 OK", format!(r#"{{"method":"{method}","bytes":{sent},"of":"{of}"}}"#))
                }
                "/long" => ("200 OK", "0123456789".repeat(30_000)),
                _ => ("200 OK", format!("{method} {path}")),
            };
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            // The other side may have gone: its case says so.
            let _ = (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(text.as_bytes()));
            // Closed with the end of a chunked request unread, the system would reset the connection, and the other side
            // could lose what it has not read yet.
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = std::io::copy(&mut &stream, &mut std::io::sink());
        }
    });
    address
}
