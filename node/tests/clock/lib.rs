//! A clock that is wrong, for a process that knows nothing of it: a library of its own, loaded before all others
//! (`LD_PRELOAD`). Whoever asks the C library for the time of day is answered by as many seconds beside it as
//! `CLOCK_WRONG_BY_S` says. Clocks that only count go on as they are, as they do on a machine whose date is wrong.
//!
//! Part of no crate: a scenario compiles it when it needs it.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::sync::OnceLock;

/// `struct timespec` where both fields have 64 bits.
#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: c_long,
}

type ClockGettime = unsafe extern "C" fn(c_int, *mut Timespec) -> c_int;

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// `RTLD_NEXT`: whoever else has the symbol.
const NEXT: *mut c_void = -1_isize as *mut c_void;
const NAME: &CStr = c"clock_gettime";
/// `CLOCK_REALTIME` and its coarse sister.
const TIME_OF_DAY: [c_int; 2] = [0, 5];

/// The C library's own.
fn real() -> ClockGettime {
    static REAL: OnceLock<ClockGettime> = OnceLock::new();
    *REAL.get_or_init(|| {
        // SAFETY: the name ends with a nought, and what the C library has under it is of this type.
        unsafe { std::mem::transmute::<*mut c_void, ClockGettime>(dlsym(NEXT, NAME.as_ptr())) }
    })
}

fn wrong_by_s() -> i64 {
    static WRONG_BY_S: OnceLock<i64> = OnceLock::new();
    *WRONG_BY_S.get_or_init(|| {
        let said = std::env::var("CLOCK_WRONG_BY_S").ok();
        said.and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
    })
}

/// As clock_gettime(2), but for the time of day.
///
/// # Safety
/// `time` is written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    // SAFETY: whoever calls this has called clock_gettime, and has a place for the time.
    unsafe {
        let answer = real()(clock, time);
        if answer == 0 && TIME_OF_DAY.contains(&clock) {
            (*time).seconds += wrong_by_s();
        }
        answer
    }
}
