//! The only unsafe code of the crate: running machine code that was compiled earlier, and where it lies in memory.
#![allow(unsafe_code, reason = "deserialising machine code is unsafe; the digest is what makes it sound")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::ptr::NonNull;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a checked file.
pub(super) fn component(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file has the digest that the caller recorded when this crate's compiler wrote it, so it holds what the
    // compiler made. That it is not changed while mapped is the caller's promise, stated above this module.
    unsafe { Component::deserialize_file(engine, path) }
}

/// The bytes of the file that the component was mapped from.
pub(super) fn image(component: &Component) -> &[u8] {
    let range = component.image_range();
    let length = range.end.addr() - range.start.addr();
    let Some(start) = NonNull::new(range.start.cast_mut()) else { return &[] };
    // SAFETY: the range is mapped and readable for as long as the component lives, which the result borrows. It is code
    // and constants: the engine does not write to it, and the file does not change, as everywhere here.
    unsafe { std::slice::from_raw_parts(start.as_ptr(), length) }
}

/// Puts the same bytes of another file in the place of a part of the component's mapping.
///
/// On an error the component must not be used.
#[cfg(target_os = "linux")]
pub(super) fn replace(
    component: &Component,
    part: &Range<usize>,
    file: &File,
    offset: u64,
) -> io::Result<()> {
    use rustix::mm::{MapFlags, ProtFlags, mmap};
    let start = image(component)[part.clone()].as_ptr();
    let protection = ProtFlags::READ | ProtFlags::EXEC;
    // SAFETY: the part is whole pages of a private mapping that belongs to this component alone, and goes with it; the
    // caller compared the bytes, so that neither the engine nor a call in progress finds anything else there. The old
    // pages were readable and executable, and nobody writes to them.
    let placed = unsafe {
        mmap(
            start.cast_mut().cast(),
            part.len(),
            protection,
            MapFlags::PRIVATE | MapFlags::FIXED,
            file,
            offset,
        )?
    };
    debug_assert_eq!(placed.addr(), start.addr(), "a fixed mapping is where it was asked for");
    Ok(())
}

/// Gives back the memory of a part of the component's mapping: what was read once, when it was loaded. It is read from
/// the file again where it is needed after all, as the names for a backtrace are.
#[cfg(target_os = "linux")]
pub(super) fn release(component: &Component, part: Range<usize>) -> io::Result<()> {
    use rustix::mm::{Advice, madvise};
    let part = &image(component)[part.start.next_multiple_of(page_bytes())..part.end];
    // SAFETY: the mapping is private and was not written to since it was made, so that each page is the file's.
    unsafe { madvise(part.as_ptr().cast_mut().cast(), part.len(), Advice::LinuxDontNeed)? };
    Ok(())
}

/// What a mapping begins and ends at multiples of.
#[cfg(target_os = "linux")]
pub(super) fn page_bytes() -> usize {
    rustix::param::page_size()
}

/// Elsewhere every function has its own copy.
#[cfg(not(target_os = "linux"))]
pub(super) fn replace(_: &Component, _: &Range<usize>, _: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What a mapping begins and ends at multiples of: nothing is replaced here.
#[cfg(not(target_os = "linux"))]
pub(super) fn page_bytes() -> usize {
    usize::MAX
}
