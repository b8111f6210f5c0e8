#!/usr/bin/env bash
# CometBFT beside Folkmoot's `cargo xtask load --order`: four validators with the built-in key-value store on the
# loopback address, 256-byte transactions over their RPC, transactions in committed blocks a second.
#
#   benches/peers/cometbft.sh [seconds] [connections a node, separated by commas]
#
# Needs go. Installs CometBFT 1.0.1 into a folder of its own with `go install`, and erases that folder and the nodes'
# data at the end. What can be compared with our figures and what cannot is in benches/README.md.
set -euo pipefail

version=v1.0.1
seconds=${1:-20}
connections=${2:-4,16,64}
here=$(cd "$(dirname "$0")" && pwd)
base=$here/../../target/bench-data
mkdir -p "$base"
work=$(mktemp -d "$base/cometbft-XXXXXX")
nodes=()

finish() {
    for node in "${nodes[@]}"; do kill "$node" 2>/dev/null || true; done
    for node in "${nodes[@]}"; do wait "$node" 2>/dev/null || true; done
    chmod -R u+w "$work" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

if [ "$(stat -f -c %T "$work")" = tmpfs ]; then
    echo "$work is in memory: fsync costs nothing there; put the checkout on a disk" >&2
    exit 1
fi
echo "installing CometBFT $version" >&2
GOBIN=$work/bin go install "github.com/cometbft/cometbft/cmd/cometbft@$version"
comet=$work/bin/cometbft
"$comet" testnet --v 4 --n 0 --o "$work/net" --populate-persistent-peers=false >/dev/null

peers=
for n in 0 1 2 3; do
    id=$("$comet" show-node-id --home "$work/net/node$n")
    peers="$peers${peers:+,}$id@127.0.0.1:$((36600 + n * 10))"
done
for n in 0 1 2 3; do
    config=$work/net/node$n/config/config.toml
    p2p=$((36600 + n * 10)) rpc=$((36601 + n * 10))
    # All on one address; an open door for transactions; nothing else is tuned.
    sed -i \
        -e "s|^laddr = \"tcp://0.0.0.0:26656\"|laddr = \"tcp://127.0.0.1:$p2p\"|" \
        -e "s|^laddr = \"tcp://127.0.0.1:26657\"|laddr = \"tcp://127.0.0.1:$rpc\"|" \
        -e "s|^laddr = \"tcp://0.0.0.0:26657\"|laddr = \"tcp://127.0.0.1:$rpc\"|" \
        -e "s|^persistent_peers = .*|persistent_peers = \"$peers\"|" \
        -e 's|^addr_book_strict = .*|addr_book_strict = false|' \
        -e 's|^allow_duplicate_ip = .*|allow_duplicate_ip = true|' \
        -e 's|^pprof_laddr = .*|pprof_laddr = ""|' \
        -e 's|^size = 5000$|size = 100000|' \
        "$config"
    "$comet" start --home "$work/net/node$n" --proxy_app=kvstore --log_level error >"$work/node$n.log" 2>&1 &
    nodes+=($!)
done

cd "$here/cometbft"
GOFLAGS=-mod=mod GOBIN=$work/bin go build -o "$work/bin/drive" .
"$work/bin/drive" -seconds "$seconds" -connections "$connections" \
    -rpc http://127.0.0.1:36601,http://127.0.0.1:36611,http://127.0.0.1:36621,http://127.0.0.1:36631 || {
    tail -n 5 "$work"/node*.log >&2
    exit 1
}
