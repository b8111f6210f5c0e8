//! Randomness for guests: real where it is granted, else from the call's seed.
//!
//! The seeded stream is BLAKE3's output stream keyed with the seed, one for each interface, so that it is the same
//! on every machine and in every version.

use crate::call::report::{TouchKind, Touches};
use crate::{Fault, LimitKind, limits};
use rand::{Rng, TryRng};
use std::convert::Infallible;
use wasmtime::component::HasData;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

/// Randomness of one call.
#[derive(Clone)]
pub(crate) struct CallRandom {
    real: bool,
    seed: [u8; 32],
    touched: Touches,
    secure: Option<blake3::OutputReader>,
    insecure: Option<blake3::OutputReader>,
}

/// Marks [`CallRandom`] as what the random interfaces are served from.
pub(crate) struct HasRandom;

impl HasData for HasRandom {
    type Data<'a> = &'a mut CallRandom;
}

/// Which of the two streams.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Secure,
    Insecure,
}

impl CallRandom {
    pub(crate) fn new(real: bool, seed: [u8; 32], touched: Touches) -> CallRandom {
        CallRandom { real, seed, touched, secure: None, insecure: None }
    }

    /// Fills `buffer`.
    pub(crate) fn fill(&mut self, stream: Stream, buffer: &mut [u8]) {
        if self.real {
            self.touched.note(TouchKind::Random, "");
            rand::rng().fill_bytes(buffer);
            return;
        }
        let (reader, tag) = match stream {
            Stream::Secure => (&mut self.secure, b"moot random".as_slice()),
            Stream::Insecure => (&mut self.insecure, b"moot insecure random".as_slice()),
        };
        let seed = &self.seed;
        reader.get_or_insert_with(|| blake3::Hasher::new_keyed(seed).update(tag).finalize_xof()).fill(buffer);
    }

    /// `len` bytes, unless that is more than one host call may ask for.
    pub(crate) fn bytes(&mut self, stream: Stream, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > limits::MAX_RANDOM_BYTES {
            return Err(wasmtime::Error::new(Fault::Limit {
                what: LimitKind::HostCall,
                asked: Some(len),
                limit: limits::MAX_RANDOM_BYTES,
                backtrace: Vec::new(),
            }));
        }
        let mut buffer = vec![0; len as usize];
        self.fill(stream, &mut buffer);
        Ok(buffer)
    }

    /// One number.
    pub(crate) fn u64(&mut self, stream: Stream) -> u64 {
        let mut buffer = [0; 8];
        self.fill(stream, &mut buffer);
        u64::from_le_bytes(buffer)
    }
}

/// One stream as a generator, for WASI 0.3, which draws from its own context.
pub(crate) struct Generator {
    random: CallRandom,
    stream: Stream,
}

impl CallRandom {
    /// A generator that draws as this does, from here on.
    pub(crate) fn generator(&self, stream: Stream) -> Generator {
        Generator { random: self.clone(), stream }
    }
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.random.u64(self.stream) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.random.u64(self.stream))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.random.fill(self.stream, buffer);
        Ok(())
    }
}

impl random::Host for CallRandom {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(Stream::Secure, len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.u64(Stream::Secure))
    }
}

impl insecure::Host for CallRandom {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(Stream::Insecure, len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.u64(Stream::Insecure))
    }
}

impl insecure_seed::Host for CallRandom {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.u64(Stream::Insecure), self.u64(Stream::Insecure)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_streams_repeat_and_differ_from_each_other() {
        let draw = |seed, stream| CallRandom::new(false, [seed; 32], Touches::default()).u64(stream);
        assert_eq!(draw(1, Stream::Secure), draw(1, Stream::Secure));
        assert_ne!(draw(1, Stream::Secure), draw(2, Stream::Secure));
        assert_ne!(draw(1, Stream::Secure), draw(1, Stream::Insecure));
    }

    #[test]
    fn real_randomness_is_noted() {
        let touched = Touches::default();
        let mut random = CallRandom::new(true, [0; 32], touched.clone());
        assert_ne!(random.u64(Stream::Secure), random.u64(Stream::Secure));
        assert_eq!(touched.list()[0].count, 2);
    }
}
