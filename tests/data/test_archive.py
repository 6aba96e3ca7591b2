"""Archives of logs: what is honest is unpacked, what is not is refused before it reaches the disk."""

import errno
import io
import tarfile

import pytest

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.archive import ArchiveLimits, is_archive, unpacked

KINDS = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)


@pytest.fixture
def make_archive(tmp_path):
    """Makes a tar.gz from (name, content or type, link target) members."""

    def make(*members):
        path = tmp_path / "logs.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, content, *target in members:
                info = tarfile.TarInfo(name)
                if content not in KINDS:
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
                else:
                    info.type = content
                    info.linkname = target[0] if target else ""
                    archive.addfile(info)
        return path

    return make


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_wanted_files_are_unpacked_and_the_folder_goes_away(make_archive):
    archive = make_archive(("data/m/m_MMStar.xlsx", b"cells"), ("data/m/m_MMStar_acc.csv", b"a,b\n"))
    assert is_archive(archive)
    with unpacked(archive) as folder:
        assert files_of(folder) == ["data/m/m_MMStar.xlsx", "data/m/m_MMStar_acc.csv"]
        assert (folder / "data/m/m_MMStar.xlsx").read_bytes() == b"cells"
    assert not folder.exists()


def test_no_pickle_and_no_program_reaches_the_disk(make_archive):
    with unpacked(make_archive(("m/m_MMStar_tmp.pkl", b"x"), ("m/run.sh", b"x"), ("m/m_MMStar.tsv", b"x"))) as folder:
        assert files_of(folder) == ["m/m_MMStar.tsv"]


def test_symbolic_links_are_passed_over_wherever_they_point(make_archive):
    members = (("m/m_MMStar.xlsx", tarfile.SYMTYPE, "/etc/passwd"), ("m/T/m_MMStar.xlsx", b"cells"))
    with unpacked(make_archive(*members)) as folder:
        assert files_of(folder) == ["m/T/m_MMStar.xlsx"]


@pytest.mark.parametrize("name", ["/etc/evil.tsv", "../evil.tsv", "m/../../evil.tsv"])
def test_a_path_that_leaves_the_archive_is_refused(make_archive, tmp_path, name):
    with pytest.raises(SourceError, match="leaves the archive"), unpacked(make_archive((name, b"x"))):
        pass
    assert not list(tmp_path.parent.glob("evil.tsv"))


@pytest.mark.parametrize("kind", KINDS[1:], ids=["hard link", "device", "pipe"])
def test_hard_links_and_devices_are_refused(make_archive, kind):
    with pytest.raises(SourceError, match="link or device"), unpacked(make_archive(("m/a.tsv", kind, "m/b.tsv"))):
        pass


@pytest.mark.parametrize(
    "limits",
    [ArchiveLimits(files=1), ArchiveLimits(unpacked_bytes=1000), ArchiveLimits(ratio=2, free_bytes=1000)],
    ids=["files", "size", "ratio"],
)
def test_an_archive_over_a_limit_is_refused(make_archive, limits):
    archive = make_archive(("m/a.tsv", bytes(50_000)), ("m/b.tsv", bytes(50_000)))
    with pytest.raises(SourceError, match="unpacks to more than"), unpacked(archive, limits=limits):
        pass


def test_what_is_wrong_with_an_archive_is_one_line_that_names_the_archive_and_no_temporary_path(make_archive):
    archive = make_archive(("m/m_MMStar.tsv", b"a"))
    content = archive.read_bytes()
    archive.write_bytes(content[:20] + b"\xff" + content[21:])
    with pytest.raises(
        SourceError, match=r"logs\.tar\.gz is damaged or not a tar archive: [^\n:]*\. Fetch it again\.$"
    ):
        unpacked(archive).__enter__()
    with pytest.raises(SourceError) as refused, unpacked(make_archive((f"m/{'n' * 300}.tsv", b"a"))):
        pass
    assert "logs.tar.gz/m/nnn" in str(refused.value) and "File name too long. Pack the archive" in str(refused.value)
    assert "unpacked" not in str(refused.value).replace("be unpacked", "")
    with pytest.raises(PermissionError) as denied, unpacked(make_archive(("m/a.tsv", b"a"))) as folder:
        raise PermissionError(13, "Permission denied", str(folder / "m" / "a.tsv"))
    assert denied.value.filename == f"{archive}/m/a.tsv"


def test_an_archive_that_fills_the_disk_says_where_there_was_no_space(make_archive, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/new/m")

    monkeypatch.setattr(tarfile.TarFile, "extract", full)
    with pytest.raises(SourceError, match=r"expected space to unpack .*logs\.tar\.gz in .*, found none\..*set TMPDIR"):
        unpacked(make_archive(("m/a.tsv", b"a"))).__enter__()


def test_a_truncated_archive_is_an_error_that_names_it(make_archive):
    archive = make_archive(*((f"m/{n}.tsv", bytes(range(256)) * 400) for n in range(20)))
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=r"logs\.tar\.gz is damaged"), unpacked(archive):
        pass
