import sys

name = sys.argv[2]
print(open(name + ".idx").read())
