"""Write reports beside a result."""

import sys
import time

html, json, source = sys.argv[2], sys.argv[4], sys.argv[5]
for name in (html, json):
    with open(name, "w") as out:
        print(time.time(), file=out)
with open(source) as text:
    print(text.read())
