"""What a job was seen to read: run a command under an observer, sum up, check elsewhere.

Nothing here knows Snakemake.

>>> observer = probe()
>>> observation = Observation(observer, directory)       # doctest: +SKIP
>>> subprocess.run([observation.shell, "-c", command])   # doctest: +SKIP
>>> reads = summarise(observation.finish(), places, contents, packages)  # doctest: +SKIP
>>> Checks(contents, packages).files(reads, places_here, product_digests)  # doctest: +SKIP
[]
"""

from snakemake_storage_plugin_seqstore.observe.accesses import Access, Accesses
from snakemake_storage_plugin_seqstore.observe.births import born
from snakemake_storage_plugin_seqstore.observe.checks import Checks
from snakemake_storage_plugin_seqstore.observe.observation import (
    NotObserved,
    Observation,
    ObserverDied,
)
from snakemake_storage_plugin_seqstore.observe.packages import Owner, Packages
from snakemake_storage_plugin_seqstore.observe.places import Kind, Place, Places
from snakemake_storage_plugin_seqstore.observe.strace import Observer, probe
from snakemake_storage_plugin_seqstore.observe.summary import TICK, is_changed, summarise
from snakemake_storage_plugin_seqstore.observe.ways import goes_up

__all__ = [
    "TICK",
    "Access",
    "Accesses",
    "Checks",
    "Kind",
    "NotObserved",
    "Observation",
    "Observer",
    "ObserverDied",
    "Owner",
    "Packages",
    "Place",
    "Places",
    "born",
    "goes_up",
    "is_changed",
    "probe",
    "summarise",
]
