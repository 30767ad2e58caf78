"""Sentences come from real documentation, each once, and never as code."""

from __future__ import annotations

from pathlib import Path

from benchmarks.texts import sentences_in

MODULE = '''
"""Opens a file that somebody else wrote. It is then read from the first line to the last.

>>> this line of a doctest is no sentence at all and must never be found here
"""

# A comment that goes on over two lines
# is one sentence, and is read as one by everybody.
x = 1  # too short
'''


def test_docstrings_and_comments_are_cut_into_sentences(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    assert set(sentences_in(tmp_path)) == {
        "It is then read from the first line to the last.",
        "A comment that goes on over two lines is one sentence, and is read as one by everybody.",
    }


def test_a_folder_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "module.py").write_text(MODULE)
    assert not list(sentences_in(tmp_path, skip="inner"))
    assert len(list(sentences_in(tmp_path))) == 2


def test_files_that_are_no_python_do_not_stop_the_search(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "def :\n# But its comments are read like those of others.\n"
    )
    assert list(sentences_in(tmp_path)) == ["But its comments are read like those of others."]
