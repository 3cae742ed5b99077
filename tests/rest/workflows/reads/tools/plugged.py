import importlib

for name in ("a",):
    print(importlib.import_module("plugin_" + name).X)
