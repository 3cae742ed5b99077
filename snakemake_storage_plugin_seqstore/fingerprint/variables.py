"""Environment variables that count: those that code names, and what programs read unasked."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache

from snakemake_storage_plugin_seqstore.fingerprint.interpreters import (
    ALL_VARIABLES,
    interpreter,
    plain_name,
)

# How any program is loaded and works.
_OF_ALL = (
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES"),
    "POSIXLY_CORRECT",
)
# By language: where an interpreter finds code, and options that it is given in this way.
_OF_LANGUAGES = {
    "python": ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE"),
    "R": ("R_LIBS", "R_LIBS_USER", "R_LIBS_SITE", "R_PROFILE", "R_PROFILE_USER", "R_ENVIRON_USER"),
    "perl": ("PERL5LIB", "PERL5OPT"),
    "ruby": ("RUBYLIB", "RUBYOPT"),
    "java": ("CLASSPATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"),
    "julia": ("JULIA_LOAD_PATH", "JULIA_PROJECT", "JULIA_DEPOT_PATH"),
    "node": ("NODE_PATH", "NODE_OPTIONS"),
    "lua": ("LUA_PATH", "LUA_CPATH", "LUA_INIT"),
    "tcl": ("TCLLIBPATH",),
    "awk": ("AWKPATH", "AWKLIBPATH"),
    "bash": ("BASH_ENV",),
}
_C = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH")
_HTS = ("REF_PATH", "REF_CACHE", "HTS_PATH")
_XZ = ("XZ_OPT", "XZ_DEFAULTS")
# By program: where it finds data, and such options.
_OF_PROGRAMS = {
    **dict.fromkeys(("gcc", "g++", "cc", "c++", "clang", "clang++"), _C),
    **dict.fromkeys(("make", "gmake"), ("MAKEFLAGS", "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS")),
    **dict.fromkeys(("xz", "unxz", "xzcat"), _XZ),
    "tar": ("TAR_OPTIONS", "GZIP", *_XZ),
    "gzip": ("GZIP",),
    "bzip": ("BZIP", "BZIP2"),
    "zstd": ("ZSTD_CLEVEL",),
    "grep": ("GREP_OPTIONS",),
    **dict.fromkeys(("samtools", "tabix", "bgzip", "htsfile"), _HTS),
    "bcftools": (*_HTS, "BCFTOOLS_PLUGINS"),
    "bowtie": ("BOWTIE_INDEXES", "BOWTIE2_INDEXES"),
    "kraken": ("KRAKEN_DB_PATH", "KRAKEN_DEFAULT_DB", "KRAKEN2_DB_PATH", "KRAKEN2_DEFAULT_DB"),
    **dict.fromkeys(("blastn", "blastp", "blastx", "tblastn", "tblastx"), ("BLASTDB", "BLASTMAT")),
    **dict.fromkeys(("blastdbcmd", "psiblast", "rpsblast", "makeblastdb"), ("BLASTDB", "BLASTMAT")),
}
# Where a job may write temporary files, how many threads it has, where it runs and when, and what
# a shell sets itself, is not part of what the job does.
_UNCOUNTED = re.compile(
    r"TMPDIR|TMP|TEMP|PWD|OLDPWD|_|SHLVL|PATH|\w+_NUM_THREADS|SLURM_\w+|BASH\w*|RANDOM|SRANDOM|"
    r"SECONDS|EPOCH\w+|LINENO|HOSTNAME|PPID|UID|EUID|IFS|OPTARG|OPTIND|FUNCNAME|PIPESTATUS|REPLY"
)
_LOCALE = ("LC_COLLATE", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_MESSAGES")
_PLAIN_LOCALES = ("", "C", "POSIX", "C.UTF-8", "C.utf8")


def counted(
    named: Iterable[str], programs: Iterable[str], languages: Iterable[str] = ()
) -> tuple[str, ...]:
    """Names of the variables that count, sorted.

    Parameters
    ----------
    named : iterable of str
        Variables that the command or its scripts name.
    programs : iterable of str
        Programs in command position, as written.
    languages : iterable of str
        Languages of scripts, as in the table of interpreters.
    """
    found = {name for name in named if not _UNCOUNTED.fullmatch(name)}
    spoken = set(languages)
    for program in programs:
        found.add(f"BASH_FUNC_{program}%%")  # a function that a shell handed on
        found.update(_OF_PROGRAMS.get(plain_name(program), ()))
        if known := interpreter(program):
            spoken.add(known.language)
    for language in spoken:
        found.update(_OF_LANGUAGES.get(language, ()))
    return tuple(sorted(found.union(_OF_ALL)))


def salted(names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Digests of the values of variables, which no table finds again; empty if not set."""
    values = {name: _value(name, environment) for name in names}
    return {name: "" if value is None else _salted(name, value) for name, value in values.items()}


def _value(name: str, environment: Mapping[str, str]) -> str | None:
    if name != ALL_VARIABLES:
        return environment.get(name)
    counted = (item for item in environment.items() if not _UNCOUNTED.fullmatch(item[0]))
    return repr(sorted(counted))


@lru_cache
def _salted(name: str, value: str) -> str:
    salt = f"seqstore {name}".encode()
    text = value.encode(errors="surrogateescape")
    return hashlib.pbkdf2_hmac("sha256", text, salt, 10_000).hex()


def locale(environment: Mapping[str, str]) -> str:
    """The locale in effect and the time zone: sorting and what a character is depend on them."""
    values = {name: environment.get(name, "") for name in ("LC_ALL", "LANG", *_LOCALE)}
    effective = {name: values["LC_ALL"] or values[name] or values["LANG"] for name in _LOCALE}
    plain = ["C" if value in _PLAIN_LOCALES else value for value in effective.values()]
    is_utf8 = effective["LC_CTYPE"].lower().endswith(("utf-8", "utf8"))
    return " ".join([*plain, "UTF-8" if is_utf8 else "-", *time.tzname, str(time.timezone)])
