import os
import sys

print(open(os.path.join(os.path.expanduser(sys.argv[1]), ".toolrc")).read())
