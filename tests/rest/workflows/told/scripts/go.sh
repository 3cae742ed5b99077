#!/bin/bash
# results go to stdout
echo >> $COMPUTED/bash_script
source scripts/more.sh
cat "$1"; more
