"""Which files are found, and which of them are refused before they are read."""

import os
from pathlib import Path

import pytest

from agentkit.errors import CorpusError
from agentkit.knowledge.documents import File, Skipped, check_folder, find
from agentkit.knowledge.formats import ENDINGS
from agentkit.knowledge.formats.content import Unreadable


def found(root: Path, label: str = "") -> tuple[list[str], dict[str, str]]:
    items = list(find(root, label=label))
    return (
        [item.source for item in items if isinstance(item, File)],
        {item.path: item.reason for item in items if isinstance(item, Skipped)},
    )


def test_documents_are_found_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    names = ("one.md", "a/two.TXT", "a/b/three.markdown", "a/b/four.rst", "five.exe", ".hidden.md", ".git/six.md")
    for name in names:
        (tmp_path / name).write_text("text")
    sources, skipped = found(tmp_path)
    assert sources == ["one.md", "a/two.TXT", "a/b/four.rst", "a/b/three.markdown"]
    assert not skipped
    assert found(tmp_path, "docs")[0][1] == "docs/a/two.TXT"
    assert found(tmp_path / "one.md")[0] == ["one.md"]


def test_every_format_has_its_endings(tmp_path: Path) -> None:
    for ending in sorted(ENDINGS):
        (tmp_path / f"a{ending}").write_text("text")
    assert found(tmp_path)[0] == [f"a{ending}" for ending in sorted(ENDINGS)]
    assert {".pdf", ".docx", ".html", ".csv", ".jsonl", ".md", ".txt"} <= ENDINGS


def test_files_too_large_links_and_pipes_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(200_000_000)
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "link.txt").symlink_to(tmp_path / "secret.txt")
    reasons: dict[str, str] = {}
    for item in find(tmp_path):
        assert isinstance(item, File)
        try:
            item.read()
        except Unreadable as error:
            reasons[item.source] = str(error)
    assert reasons == {
        "huge.txt": "is larger than 8 MB, the most that is read of text; split it into smaller files",
        "pipe.txt": "is not a regular file",
        "link.txt": "is a symbolic link, which is not followed",
    }


def test_documents_of_kinds_that_are_not_read_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "sums" / ".old").mkdir(parents=True)
    names = ("a.md", "b.xlsx", "sums/c.XLSX", "sums/~$c.xlsx", "sums/.old/d.xlsx", "notes.odt", "photo.jpg", "run")
    for name in names:
        (tmp_path / name).write_text("text")
    sources, left_out = found(tmp_path, label="office")
    assert sources == ["office/a.md"]
    assert left_out == {
        "office/*.xlsx": "2 files are of a kind that isn't read; save as .csv",
        "office/*.odt": "1 file is of a kind that isn't read; save as .docx",
    }


def test_linked_folders_are_named_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.md").write_text("text")
    (folder / "away").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    assert found(folder) == (["good.md"], dict.fromkeys(("away", "loop"), "is a symbolic link, which is not followed"))


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.md").write_text("text")
    scan = os.scandir

    def deny(path: str) -> object:
        if str(path).endswith("closed"):  # as root no permission would do it
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", deny)
    assert found(tmp_path) == (["a.md"], {"closed": "can't be listed: Permission denied"})


def test_names_that_are_not_valid_text_are_shown_and_told_apart(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md"))).write_text("text")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xea.md"))).write_text("another")
    assert found(tmp_path)[0] == [r"caf\xe9.md", r"caf\xea.md"]


def test_a_missing_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no folder of documents at '.*nowhere'; check the path"):
        check_folder(tmp_path / "nowhere")
    (tmp_path / "a.md").write_text("text")
    with pytest.raises(CorpusError, match=r"is a file, not a folder"):
        check_folder(tmp_path / "a.md")
