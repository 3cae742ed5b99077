here=$(dirname $0)
source $here/deeper.sh
