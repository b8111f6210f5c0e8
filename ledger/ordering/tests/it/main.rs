//! Scenarios of the ordering engine in real files, real time and over real sockets.

mod four;
mod killed;
mod measure;
mod one;
mod pool;
