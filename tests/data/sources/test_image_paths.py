"""A path in a table -> a file inside the source, or the reason why not."""

import pytest

from vlrouterbench.data.sources.image_paths import (
    ImagePathError,
    find_image_file,
    image_bases,
    listed,
    looks_like_image_file,
)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    for name in ("TSV_images/images/Set/0.png", "TSV_images/1.png", "photos/2.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "secret.png").write_bytes(b"secret")
    return folder


def find(source, name):
    tables = source / "TSV_images"
    found = find_image_file(name, root=source, bases=image_bases(tables, "Set", source))
    return found.relative_to(source).as_posix()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("1.png", "TSV_images/1.png"),
        ("images/Set/0.png", "TSV_images/images/Set/0.png"),
        ("0.png", "TSV_images/images/Set/0.png"),
        ("Set/0.png", "TSV_images/images/Set/0.png"),
        ("Set\\0.png", "TSV_images/images/Set/0.png"),
        ("photos/2.png", "photos/2.png"),
        ("../photos/2.png", "photos/2.png"),
        ("images\\Set\\0.png", "TSV_images/images/Set/0.png"),
        (" photos\\2.png ", "photos/2.png"),
        ("/elsewhere/LMUData/images/Set/0.png", "TSV_images/images/Set/0.png"),
        ("C:\\LMUData\\images\\Set\\0.png", "TSV_images/images/Set/0.png"),
    ],
)
def test_a_path_is_sought_beside_its_table_and_in_the_source(source, name, file):
    assert find(source, name) == file


@pytest.mark.parametrize("tree", ["", "vlm_router_data"])
@pytest.mark.parametrize(
    "name", ["Set/0.png", "Set\\0.png", "0.png", "images/Set/0.png", "/elsewhere/LMUData/images/Set/0.png"]
)
@pytest.mark.parametrize("place", ["TSV_images/images", "images"])
def test_images_lie_below_the_folder_images_of_the_tables_or_of_the_tree_that_holds_them(tmp_path, tree, name, place):
    """A relative path is read where an absolute one of another machine with the same end is."""
    path = tmp_path / tree / place / "Set" / "0.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    bases = image_bases(tmp_path / tree / "TSV_images", "Set", tmp_path)
    assert find_image_file(name, root=tmp_path, bases=bases) == path


def test_an_absolute_path_is_read_where_it_leads_inside(source):
    assert find(source, str((source / "photos" / "2.png").resolve())) == "photos/2.png"


def test_a_file_whose_name_has_a_backslash_is_found_by_it(source):
    (source / "photos\\2.png").write_bytes(b"named so")
    assert find(source, "photos\\2.png") == "photos\\2.png"


@pytest.mark.parametrize("name", ["../../secret.png", "../secret.png", "ABSOLUTE", "link.png", "links/secret.png"])
def test_nothing_outside_is_read_by_path_or_link(source, name):
    (source / "link.png").symlink_to(source.parent / "secret.png")
    (source / "links").symlink_to(source.parent)
    name = str(source.parent / "secret.png") if name == "ABSOLUTE" else name
    with pytest.raises(ImagePathError, match="leads outside the source"):
        find(source, name)


@pytest.mark.parametrize("name", ["gone.png", "images", "images/Set", "a\0b.png", "x" * 5000, "", "images/", "."])
def test_what_is_no_file_is_a_reason_not_a_crash(source, name):
    with pytest.raises(ImagePathError, match="no such file"):
        find(source, name)


def test_a_name_that_ends_like_an_image_is_no_base64():
    assert looks_like_image_file("a/b.PNG") and looks_like_image_file("x" * 5000 + ".jpeg\n")
    assert not any(map(looks_like_image_file, ("12", "12.0", "iVBORw0KGgo", "", "png", "a.txt")))


@pytest.mark.parametrize(("text", "items"), [("['a', 1]", ["a", "1"]), ('["a"]', ["a"]), ("[]", []), ("[a, b]", None)])
def test_a_list_is_json_or_pythons_form(text, items):
    assert listed(text) == items
