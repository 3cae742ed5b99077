"""What well-known programs read without being told: variables, and files of fixed names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache

from snakemake_storage_plugin_seqstore.workflow.mentions import words

# How any program is loaded and works.
OF_ALL = (
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "DYLD_LIBRARY_PATH",
    "DYLD_INSERT_LIBRARIES",
    "POSIXLY_CORRECT",
)
R_LIBRARIES = ("R_LIBS", "R_LIBS_USER", "R_LIBS_SITE")
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_BLAST = ("BLASTDB", "BLASTMAT")
_HTS = ("REF_PATH", "REF_CACHE", "HTS_PATH")
_C = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH")
_R = (*R_LIBRARIES, "R_PROFILE", "R_PROFILE_USER", "R_ENVIRON_USER")
_XZ = ("XZ_OPT", "XZ_DEFAULTS")
# By the name of a program without the version at its end: where it finds libraries and data, and
# options that it is given in this way.
_VARIABLES = {
    "python": ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "MATPLOTLIBRC"),
    "perl": ("PERL5LIB", "PERL5OPT"),
    "ruby": ("RUBYLIB", "RUBYOPT"),
    "java": ("CLASSPATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"),
    "julia": ("JULIA_LOAD_PATH", "JULIA_PROJECT", "JULIA_DEPOT_PATH"),
    "node": ("NODE_PATH", "NODE_OPTIONS"),
    "lua": ("LUA_PATH", "LUA_CPATH", "LUA_INIT"),
    "tclsh": ("TCLLIBPATH",),
    **dict.fromkeys(("R", "Rscript"), _R),
    **dict.fromkeys(("awk", "gawk"), ("AWKPATH", "AWKLIBPATH")),
    **dict.fromkeys(("gcc", "g++", "cc", "c++", "clang", "clang++"), _C),
    **dict.fromkeys(("make", "gmake"), ("MAKEFLAGS", "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS")),
    **dict.fromkeys(("xz", "unxz", "xzcat"), _XZ),
    "tar": ("TAR_OPTIONS", "GZIP", *_XZ),
    "gzip": ("GZIP",),
    "bzip": ("BZIP", "BZIP2"),
    "zstd": ("ZSTD_CLEVEL",),
    "grep": ("GREP_OPTIONS",),
    **dict.fromkeys(("samtools", "cramtools", "htsfile", "tabix", "bgzip"), _HTS),
    "bcftools": (*_HTS, "BCFTOOLS_PLUGINS"),
    "bowtie": ("BOWTIE_INDEXES", "BOWTIE2_INDEXES"),
    "kraken": ("KRAKEN_DB_PATH", "KRAKEN_DEFAULT_DB", "KRAKEN2_DB_PATH", "KRAKEN2_DEFAULT_DB"),
    **dict.fromkeys(("blastn", "blastp", "blastx", "blastdbcmd", "psiblast", "rpsblast"), _BLAST),
    **dict.fromkeys(("tblastn", "tblastx", "rpstblastn", "deltablast", "makeblastdb"), _BLAST),
}
_FILES = {
    **dict.fromkeys(("make", "gmake"), MAKEFILES),
    **dict.fromkeys(("R", "Rscript"), (".Rprofile", ".Renviron", "~/.Rprofile", "~/.Renviron")),
    "python": ("matplotlibrc", "~/.config/matplotlib/matplotlibrc"),
    "sqlite": ("~/.sqliterc",),
    "julia": ("~/.julia/config/startup.jl",),
    "gnuplot": (".gnuplot", "~/.gnuplot"),
    "octave": (".octaverc", "~/.octaverc"),
    "curl": ("~/.curlrc",),
    "wget": ("~/.wgetrc",),
    **dict.fromkeys(("npm", "npx", "yarn"), ("package.json", "package-lock.json", "yarn.lock")),
    "cargo": ("Cargo.toml", "Cargo.lock"),
    "cmake": ("CMakeLists.txt",),
    "snakemake": ("Snakefile", "workflow/Snakefile"),
    "nextflow": ("nextflow.config", "~/.nextflow/config"),
}
_LOGIN_SHELL = re.compile(r"(?<![\w.-])(?:ba|da|k|z)?sh[ \t]+-(?:-login|\w*[li])")
_PROFILES = ("~/.bash_profile", "~/.bash_login", "~/.profile", "~/.bashrc")


def variables(names: frozenset[str]) -> set[str]:
    """Names of the variables that programs among some names may read."""
    return {name for program in _programs(names) for name in _VARIABLES.get(program, ())}


def files(command: str) -> Iterator[str]:
    """Files that the programs of a command may read, whether they are there or not."""
    programs = sorted(_programs(words(command)))
    names = [name for program in programs for name in _FILES.get(program, ())]
    if _LOGIN_SHELL.search(command):
        names += _PROFILES
    return map(os.path.expanduser, names)


@lru_cache
def _programs(names: frozenset[str]) -> set[str]:
    return {os.path.basename(name).rstrip("0123456789.") for name in names}
