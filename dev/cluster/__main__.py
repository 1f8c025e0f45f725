import sys
import build
assert sys.argv[1]=="binaries"
print(build.binaries(*sys.argv[2:]))
