"""The cases that go wrong where jobs can not be observed: what they read is not plain from code.

``make test-peer`` checks them, and that all others are right.
"""

WRONG = frozenset(
    """\
undeclared file
file as param
file in quoted code
file that comes to be
file beside an input
file in the directory of an input
file by $PWD
file by $(pwd)
file below a changed directory
file by variable
file without suffix by variable
numbered file by variable
glob
bare glob
printed name
words of a variable
where a shell is
braces
two variables
path by variable
path from that of an input
name from that of an input
default of a variable
deep pattern
extended pattern
blank in a name
blank in nested quotes
escaped quotes
comma in an option
find without directory
index by its prefix
program by variable
program of a program
list of files
list that is read
file in settings
file that is included
settings of a shell
commands in a file
program in settings
data of a program
module of a program
package of R
startup file
modules from where a Perl script is
composed name
list without suffixes
declared list
declared sheet
declared settings
replaced by sed
replaced by Python
history of sources
search
profile of a shell
hidden file
script of a script
file of a Python script
file beside a Python script
module of a Perl script
file of an awk script
Makefile
script called mkdir
directory of templates
sourced file
file of a module
""".splitlines()
)
