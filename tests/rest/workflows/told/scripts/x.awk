BEGIN { FS = "." } { print $1 "." $2 }
