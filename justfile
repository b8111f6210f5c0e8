# The few verbs a person needs; `just` alone lists them.

_default:
    @just --list

# Everything that must hold before a change lands.
test *parts:
    cargo xtask test {{parts}}

# One call, end to end, with its receipt checked offline.
demo:
    cargo xtask demo

# Format, lints, and who may know whom.
lint:
    cargo xtask test format rooms lint

# Unit costs, by criterion.
bench *filter:
    cargo bench -p moot-benches -- {{filter}}

# Throughput and latency over HTTP, durable ledger on.
load *options:
    cargo xtask load {{options}}

# Make the code look as the lint wants it.
fmt:
    cargo fmt --all
    cd guests && cargo fmt --all
