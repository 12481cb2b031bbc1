"""What is read from a folder, and what is refused."""

import os
from pathlib import Path

import pytest

from agentkit.errors import CorpusError
from agentkit.knowledge import documents
from agentkit.knowledge.documents import Document, Skipped, read_folder


def read(folder: Path) -> tuple[dict[str, Document], dict[str, str]]:
    items = list(read_folder(folder))
    return (
        {item.source: item for item in items if isinstance(item, Document)},
        {item.path: item.reason for item in items if isinstance(item, Skipped)},
    )


def test_text_and_markdown_are_read_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in ("one.md", "a/two.TXT", "a/b/three.markdown", "a/b/four.rst", "five.pdf", ".hidden.md", ".git/six.md"):
        (tmp_path / name).write_text("text")
    found, skipped = read(tmp_path)
    assert list(found) == ["one.md", "a/two.TXT", "a/b/four.rst", "a/b/three.markdown"]
    assert [d.markdown for d in found.values()] == [True, False, False, True]
    assert not skipped


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("café".encode(), "café"),
        ("café".encode("utf-8-sig"), "café"),
        ("café".encode("utf-16"), "café"),
        ("\ufeffcafé".encode("utf-16-be"), "café"),
        ("\ufeffcafé".encode("utf-32-le"), "café"),
        (b"one\r\ntwo\rthree", "one\ntwo\nthree"),
    ],
)
def test_unicode_encodings_are_recognised(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    found, _ = read(tmp_path)
    assert (found["a.txt"].text, found["a.txt"].notice) == (text, "")


@pytest.mark.parametrize(("data", "name"), [(b"caf\xe9 \x80", "Windows-1252"), (b"caf\xe9 \x81", "Latin-1")])
def test_other_encodings_are_read_as_western_with_a_notice(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    found, _ = read(tmp_path)
    assert found["a.txt"].text.startswith("café")
    assert f"read as {name}" in found["a.txt"].notice


def test_files_that_hold_no_text_are_named_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 1000)
    (tmp_path / "good.md").write_text("text")
    (tmp_path / "binary.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (tmp_path / "control.txt").write_bytes(bytes(range(1, 32)) * 5)
    (tmp_path / "damaged.txt").write_bytes(b"\xff\xfeab\x00\xd8")
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "huge.txt").write_text("x" * 1001)
    os.mkfifo(tmp_path / "pipe.txt")
    found, skipped = read(tmp_path)
    assert list(found) == ["good.md"]
    assert {path: reason.split(";")[0] for path, reason in skipped.items()} == {
        "binary.txt": "is binary, not text",
        "control.txt": "is binary, not text",
        "damaged.txt": "is damaged: starts as UTF-16 text but isn't",
        "empty.md": "is empty",
        "huge.txt": "is larger than 0 MB",
        "pipe.txt": "is not a regular file",
    }


def test_symbolic_links_are_named_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.md").write_text("text")
    (folder / "file.md").symlink_to(outside / "secret.md")
    (folder / "away").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "dangling.txt").symlink_to(folder / "nowhere.txt")
    found, skipped = read(folder)
    assert list(found) == ["good.md"]
    assert set(skipped) == {"file.md", "away", "loop", "dangling.txt"}
    assert set(skipped.values()) == {"is a symbolic link, which is not followed"}


def test_a_file_that_vanishes_or_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "b.md").write_text("text")
    (tmp_path / "c.md").write_text("text")
    open_file = Path.open

    def deny(path: Path, mode: str) -> object:
        if path.name == "b.md":
            path.unlink()
        if path.name == "c.md":  # as root no permission would do it
            raise PermissionError(13, "Permission denied", str(path))
        return open_file(path, mode)

    monkeypatch.setattr(Path, "open", deny)
    found, skipped = read(tmp_path)
    assert list(found) == ["a.md"]
    assert skipped == {"b.md": "can't be read: No such file or directory", "c.md": "can't be read: Permission denied"}


def test_a_name_that_is_not_valid_text_is_shown_with_replacements(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md"))).write_text("text")
    found, _ = read(tmp_path)
    assert list(found) == ["caf\ufffd.md"]


def test_a_missing_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no folder of documents at '.*nowhere'; check the path"):
        list(read_folder(tmp_path / "nowhere"))
    (tmp_path / "a.md").write_text("text")
    with pytest.raises(CorpusError, match=r"is a file, not a folder"):
        list(read_folder(tmp_path / "a.md"))
