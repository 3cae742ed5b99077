"""What the code of real jobs is described by; run as a program, in a process of its own."""

import contextlib
import hashlib
import io
import json
import os
import sys
import traceback
from pathlib import Path

from snakemake_storage_plugin_seqstore import bundled
from snakemake_storage_plugin_seqstore.provenance import canonical
from snakemake_storage_plugin_seqstore.workflow.code.run import run_parts
from snakemake_storage_plugin_seqstore.workflow.code.scripts import script_parts
from snakemake_storage_plugin_seqstore.file_hashes import Contents, FileHashes
from snakemake_storage_plugin_seqstore.workflow.describer import Describer
from snakemake_storage_plugin_seqstore.unknown import Unknown


def load(directory: Path, snakefile: str = "Snakefile", targets=(), resources=None):
    """A workflow with its DAG, as Snakemake builds it; it changes the process."""
    from snakemake.api import ResourceSettings, SnakemakeApi
    from snakemake.settings.types import DAGSettings, OutputSettings

    os.chdir(directory)
    with SnakemakeApi(OutputSettings(quiet=None)) as api:
        workflow_api = api.workflow(
            resource_settings=ResourceSettings(cores=1, **(resources or {})),
            snakefile=directory / snakefile,
            workdir=directory,
        )
        dag_api = workflow_api.dag(DAGSettings(targets=set(targets)))
        with contextlib.redirect_stdout(io.StringIO()):
            dag_api.printrulegraph()
        return workflow_api._workflow


def describer_of(workflow) -> Describer:
    outputs = {os.path.abspath(file) for job in workflow.dag.jobs for file in job.output}

    def is_made(path):
        path = os.path.abspath(path)
        return any(output == path or output.startswith(f"{path}/") for output in outputs)

    contents = Contents(FileHashes(Path(".snakemake/contents.json")))
    return Describer(workflow, contents, lambda rule: False, is_made)


def parts_of(job, describer) -> tuple[str, dict]:
    if job.rule.wrapper and (own := bundled.operation(job.rule.wrapper)):
        return own, {}
    params, _ = job.rule.expand_params(job.wildcards_dict, job.input, job.output, job)
    if job.rule.script or job.rule.notebook or job.rule.wrapper:
        return script_parts(job, params, describer.surroundings)
    return "run", run_parts(job, params, describer.surroundings)


def describe(directory: Path, snakefile: str = "Snakefile") -> dict[str, str]:
    """A digest of the description of each job, or why there is none."""
    workflow = load(directory, snakefile)
    describer = describer_of(workflow)
    found = {}
    for job in workflow.dag.jobs:
        if not job.output:
            continue
        try:
            operation, parts = parts_of(job, describer)
        except Unknown as error:
            found[job.output[0]] = f"unknown: {error}"
        else:
            text = "\n".join(
                [operation, *(canonical(part, str(part[0])) for part in sorted(parts.items()))]
            )
            if os.environ.get("SHOW_PARTS"):
                print(text, file=sys.stderr)
            found[job.output[0]] = f"{operation} {hashlib.sha256(text.encode()).hexdigest()}"
    return found


def in_a_fork(directory: Path, snakefile: str = "Snakefile", what=describe):
    """What a function returns in a process that knows nothing of earlier workflows."""
    import snakemake.api  # noqa: F401  (once, for all forks)

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            result = json.dumps(what(directory, snakefile))
            with os.fdopen(writer, "w") as file:
                file.write(result)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, "see the traceback above"
    return json.loads(text)


if __name__ == "__main__":
    print(json.dumps(describe(Path(sys.argv[1]))))
