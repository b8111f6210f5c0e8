//! The only unsafe code of the crate: trusting machine code that was compiled earlier.
