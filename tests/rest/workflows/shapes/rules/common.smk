wildcard_constraints: s="[A-Z]"
