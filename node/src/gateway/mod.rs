//! The front door: HTTP on one listener.
