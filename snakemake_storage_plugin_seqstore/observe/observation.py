"""One job that is observed."""

from __future__ import annotations

from pathlib import Path

from snakemake_storage_plugin_seqstore.errors import SeqstoreError
from snakemake_storage_plugin_seqstore.observe.accesses import Accesses
from snakemake_storage_plugin_seqstore.observe.strace import Observer


class ObserverDied(SeqstoreError):
    """The observer ended before the job: the job may have gone wrong without a word."""


class NotObserved(SeqstoreError):
    """Nothing was started by the observation's shell, and nothing was attached to."""


class Observation:
    """One job, or one attached ``run:`` block.

    Parameters
    ----------
    observer : Observer
        An observer that is available.
    directory : Path
        A directory to be made for this job alone; its parent is there.
    """

    shell: str  # path of the `bash` to start instead of the real one

    def __init__(self, observer: Observer, directory: Path) -> None:
        raise NotImplementedError

    def attach(self) -> None:
        """Observe this process too, all its threads and what they start, from now on.

        Raises
        ------
        NotObserved
            If the system forbids it.
        """
        raise NotImplementedError

    def detach(self) -> None:
        """End what `attach` began; nothing happens if it did not begin.

        Raises
        ------
        ObserverDied
            If the observer had ended before.
        """
        raise NotImplementedError

    def finish(self, timeout: float = 10.0) -> Accesses:
        """What was done, once the job has ended; removes the directory.

        Background processes that outlive the job's shell are not waited for: what they did until
        the shell ended counts.

        Parameters
        ----------
        timeout : float
            How long the observer may need to write what it has seen, in seconds.

        Raises
        ------
        ObserverDied
            If the observer ended before the job: what the job made must not be used.
        NotObserved
            If no process of the job was observed.
        """
        raise NotImplementedError

    def discard(self) -> None:
        """Remove the directory; what was seen is not wanted."""
        raise NotImplementedError
