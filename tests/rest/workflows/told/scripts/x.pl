my @w = split(/\./, <>); print $w[0] . "." . "w";
