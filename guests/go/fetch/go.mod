module fetch

go 1.25

require moot v0.0.0

require go.bytecodealliance.org/pkg v0.2.3

// Made by `moot build`.
replace moot => ../.moot/build/fetch/go
