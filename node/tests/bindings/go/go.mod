module bindings

go 1.24
