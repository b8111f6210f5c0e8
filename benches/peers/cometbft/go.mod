module folkmoot/benches/peers/cometbft

go 1.22
