"""What is asked or started that nobody can look at, and texts that take long to search."""

import pytest

from snakemake_storage_plugin_seqstore.workflow import lists, mentions, replaced, unseen
from snakemake_storage_plugin_seqstore.workflow.code import followed, reading
from snakemake_storage_plugin_seqstore.unknown import Unknown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("git rev-parse HEAD", "git rev-parse"),
        ("cd x; git -C . --no-pager log -1", "git -C . --no-pager log"),
        ("/usr/bin/docker --debug run image", "docker --debug run"),
        ("singularity -s exec x.sif tool", "singularity -s exec"),
        ("source activate env", "source activate"),
        ("ml samtools", "ml s"),
        ("uv run tool.py", "uv run"),
        ("seqstore --root store get seqstore://files/x y", "seqstore --root store get"),
    ],
)
def test_what_is_refused_in_a_text(text, said):
    with pytest.raises(Unknown, match=f"it runs `{said}"):
        unseen.refuse(text)


@pytest.mark.parametrize(
    "text",
    [
        "git clone url",
        "git push origin show",
        "echo digit log",
        "cat git-log",
        "legit show",
        "conda install run",
        ". venv/bin/activate",
        "tool --ml x",
        "html x",
        "x.ml a",
    ],
)
def test_what_is_not_refused(text):
    unseen.refuse(text)
    unseen.refuse_calls(set(text.split()) - {"git", "conda"})


def test_what_is_refused_word_by_word():
    with pytest.raises(Unknown, match="it runs `git log`"):
        unseen.refuse_calls({"git", "-C", "log", "x"})
    unseen.refuse_calls({"git", "clone"})
    unseen.refuse_calls({"log", "run"})


LONG = 300_000  # characters
PARTS = ("a;b(", "a/", "$(", "sub(", "sub('", "sub(     ", "s/a", "s,a,", "git ", "git -a -b ")
PARTS += ("`", "$((", "list.files(", " ", "bash ", "-a ", "grep -r ", "'", "x='")


@pytest.mark.parametrize("part", PARTS)
def test_no_text_takes_long_to_search(part):
    """Patterns that try all ends for all beginnings would take hours."""
    text = part * (LONG // len(part))
    unseen._IN_TEXT.search(text)
    replaced.replaces(text)
    mentions.lists_here(text)
    reading.names_in(text)
    followed._SOURCED.findall(text)
    lists._WORD.findall(text)
