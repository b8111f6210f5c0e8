//! Networks of several replicas, in real processes over real TCP.

mod accounts;
mod bundles;
mod deploying;
mod epochs;
mod faults;
mod init;
mod kill;
mod local;
mod split;
mod staking;
mod strangers;
