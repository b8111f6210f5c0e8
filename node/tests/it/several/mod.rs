//! Networks of several replicas, in real processes over real TCP.

mod accounts;
mod bundles;
mod clocks;
mod deploying;
mod diverged;
mod epochs;
mod faults;
mod fees;
mod full_disk;
mod history;
mod init;
mod kill;
mod local;
mod namespaces;
mod revoking;
mod rogues;
mod split;
mod staking;
mod strangers;
