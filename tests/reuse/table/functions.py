"""Functions and checkpoints."""

from ..step import PQ, Step, Table, clone, copies, differs

CASES = Table()
case = CASES.case

case(
    "input function",
    "an input is chosen by a function of a global variable",
    *differs(
        "K = 'p'\n" + copies(input="lambda wildcards: local(f'{K}/in.txt')"),
        "K = 'q'\n" + copies(input="lambda wildcards: local(f'{K}/in.txt')"),
        "p\n",
        "q\n",
        files=PQ,
    ),
    peer="right",
)
BRANCH = copies(
    "cat {input} > {output}; echo {params} >> {output}",
    "params: lookup('kk', within=config)",
    input="branch(config['kk'] == 'p', then=local('p/in.txt'), otherwise=local('q/in.txt'))",
)
case(
    "branch and lookup",
    "an input is chosen by branch, a param by lookup",
    Step(BRANCH, "p\np\n", ["a"], files=PQ, args=["--config", "kk=p"]),
    clone(BRANCH, "q\nr\n", ["a"], args=["--config", "kk=r"]),
    clone(BRANCH, "p\np\n", args=["--config", "kk=p"]),
    peer="right",
)
CHECKPOINT = """\
checkpoint c:
    input: local('in.txt')
    output: directory('d')
    shell: 'mkdir -p {output}; for f in $(cat {input}); do echo $f > {output}/$f; done'
rule each:
    input: 'd'
    output: 'each/{f}.txt'
    shell: 'cat {input}/{wildcards.f} > {output}'
def found(wildcards):
    d = checkpoints.c.get().output[0]
    return expand('each/{f}.txt', f=sorted(glob_wildcards(d + '/{f,[a-z]+}').f))
rule a:
    input: found
    output: 'x.txt'
    shell: 'cat {input} > {output}'
"""
case(
    "checkpoint",
    "a checkpoint in a clone; then it finds one more file",
    Step(CHECKPOINT, "x\ny\n", ["a", "c", "each", "each"], files={"in.txt": "x y\n"}),
    clone(CHECKPOINT, "x\ny\n"),
    Step(CHECKPOINT, "x\ny\nz\n", ["a", "c", "each", "each", "each"], files={"in.txt": "x y z\n"}),
    Step(CHECKPOINT, "x\ny\n", files={"in.txt": "x y\n"}),
    peer="wrong",
)
