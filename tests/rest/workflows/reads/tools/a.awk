BEGIN { print f() }
