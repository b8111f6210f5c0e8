//! Whoever else finds the ports that replicas talk on.

use crate::support::{PATIENCE, TestNet};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const ALL: [usize; 4] = [0, 1, 2, 3];

/// The ports of a replica for votes and for batches.
fn inner_ports(net: &TestNet, index: usize) -> [SocketAddr; 2] {
    let gateway = net.remote(index).address;
    [1000, 2000].map(|above| SocketAddr::new(gateway.ip(), gateway.port() + above))
}

/// Bytes that look like nothing; the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Whether the peer closes the connection within the time a handshake may take, and some.
fn is_closed(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let began = Instant::now();
    let mut buffer = [0; 4096];
    while began.elapsed() < PATIENCE {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            // A child that ends elsewhere interrupts a read that has a timeout (signal(7)).
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(_) => return true,
        }
    }
    false
}

#[test]
fn case_61_garbage_and_half_open_handshakes_are_dropped_and_nobody_minds() {
    // The ports are as open as the network they are in: what is not a validator must cost next to nothing.
    let net = TestNet::four();
    net.await_progress(&ALL);
    let mut open = Vec::new();
    for port in ALL.iter().flat_map(|index| inner_ports(&net, *index)) {
        for seed in 0..6u64 {
            let bytes = match seed {
                // Says nothing at all.
                0 => Vec::new(),
                // A length that no frame may have.
                1 => vec![0xff; 64],
                2 => b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
                // Breaks off in the middle of a greeting.
                3 => noise(seed, 7),
                _ => noise(seed, 128 * 1024),
            };
            let mut stream = TcpStream::connect(port).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
            // It may have been closed before everything was sent.
            let _ = stream.write_all(&bytes);
            open.push(stream);
        }
    }
    net.await_progress(&ALL);
    for (index, stream) in open.into_iter().enumerate() {
        assert!(is_closed(stream), "connection {index} stays open");
    }
    net.await_progress(&ALL);
    net.assert_no_fork(&ALL);
}

#[test]
fn a_validator_of_another_network_is_nobody_here() {
    // Its handshake is perfect, and its key is known to no one.
    let mut net = TestNet::four();
    let mut other = TestNet::new(2);
    let theirs = inner_ports(&other, 1);
    let ours = inner_ports(&net, 0);
    other.edit(0, |text| {
        let both = theirs.iter().zip(&ours);
        both.fold(text, |text, (from, to)| text.replace(&from.to_string(), &to.to_string()))
    });
    other.start(0);
    net.await_progress(&ALL);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(other.remote(0).height(), 0, "it agreed on something with strangers");
    assert!(other.runs(0));
    net.await_progress(&ALL);
    net.assert_no_fork(&ALL);
    // It did not wear the door out either.
    net.kill(0);
    net.start(0);
    net.await_progress(&ALL);
}
