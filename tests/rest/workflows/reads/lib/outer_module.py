import inner_module

X = inner_module.X
