"""Images of logs, however their table names them: in the cell, as files, several; what lost ones lead to."""

import base64
import json
import tarfile

import pytest

from tests.data.sources.test_inside import snapshot_of
from tests.data.sources.vlmevalkit.log_trees import choice_rows, picture, write_choice_logs, write_tsv
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.table import load_table

COUNT = 10
PICTURES = [picture((20 * n, 90, 90)) for n in range(COUNT)]


@pytest.fixture
def tree(tmp_path):
    """A work folder: two models on a dataset of ten questions, whose images lie in files; no table names them yet."""
    source = tmp_path / "work"
    for model, hits in (("one", [1, 0] * 5), ("two", [1, 1, 1, 0, 0] * 2)):
        write_choice_logs(source / model, model, "Wide-World", hits)
    (source / "candidates.csv").write_text("name,input_price,output_price\none,1,1\ntwo,2,2\n")
    images = source / "TSV_images" / "images" / "Wide-World"
    images.mkdir(parents=True)
    for n, text in enumerate(PICTURES):
        (images / f"{n}.png").write_bytes(base64.b64decode(text))
    return source


def write_table(tree, cells, stem="Wide-World", column="image_path"):
    rows = [{k: v for k, v in row.items() if k not in ("hit", "prediction")} for row in choice_rows([1] * COUNT)]
    return write_tsv(
        tree / "TSV_images" / f"{stem}.tsv", [row | {column: cell} for row, cell in zip(rows, cells, strict=True)]
    )


def files(pattern="images/Wide-World/{}.png"):
    return [pattern.format(n) for n in range(COUNT)]


def build(tree, **options):
    report = build_benchmark(tree, tree.parent / "out", BuildOptions(**options))
    return report, load_table(tree.parent / "out")


def images_of(table):
    return {name: image and image["bytes"] for name, image in zip(table.column("sample_id"), raw(table), strict=True)}


def raw(table):
    return [None if image is None else {"bytes": image} for image in table.iter_images()]


def assert_whole(tree, several=0, **reasons):
    report, table = build(tree)
    assert report["images"] == {"ok": COUNT, "bad": 0} | ({"several": several} if several else {})
    assert report["datasets"] == {"Wide-World": COUNT}
    counted = {}
    for entry in report["left_out"]:
        counted[entry["reason"]] = counted.get(entry["reason"], 0) + 1
    assert counted == reasons
    found = images_of(table)
    assert found == {f"Wide-World/{n + 1}": base64.b64decode(text) for n, text in enumerate(PICTURES)}


@pytest.mark.parametrize("stem", ["Wide-World", "Wide-World_local"])
@pytest.mark.parametrize("kind", ["relative", "bare", "absolute", "moved", "backslashes", "drive", "share", "quoted"])
def test_images_in_files_are_read_beside_their_table(tree, kind, stem):
    patterns = {
        "relative": "images/Wide-World/{}.png",
        "bare": "{}.png",
        "absolute": str(tree.resolve() / "TSV_images" / "images" / "Wide-World" / "{}.png"),
        "moved": "/elsewhere/LMUData/images/Wide-World/{}.png",
        "backslashes": "images\\Wide-World\\{}.png",
        "drive": "D:\\LMUData\\images\\Wide-World\\{}.png",
        "share": "\\\\server\\LMUData\\images\\Wide-World\\{}.png",
        "quoted": ' "images/Wide-World/{}.png" ',
    }
    write_table(tree, files(patterns[kind]), stem)
    assert_whole(tree)


@pytest.mark.parametrize("column", ["image", "image_path"])
@pytest.mark.parametrize(
    "written",
    [
        lambda n: str([f"images\\Wide-World\\{n}.png"]),
        lambda n: json.dumps([f"images\\Wide-World\\{n}.png"]),
        lambda n: f'["images\\Wide-World\\{n}.png"]',
        lambda n: f"['C:\\users\\images\\Wide-World\\{n}.png']",
        lambda n: f"['\\101\\images\\Wide-World\\{n}.png']",
    ],
    ids=["Python", "JSON", "plain", "plain with a drive", "plain with a number"],
)
def test_lists_of_paths_of_windows_are_read_however_their_backslashes_stand(tree, written, column):
    write_table(tree, [written(n) for n in range(COUNT)], column=column)
    assert_whole(tree)


def test_a_url_is_not_fetched_and_named_as_one(tree):
    write_table(tree, ["https://example.org/0.png", *files()[1:]])
    report, _ = build(tree)
    (named,) = report["left_out"]
    assert '"https://example.org/0.png" is a URL: nothing is fetched' in named["detail"]


@pytest.mark.parametrize("damage", ["UTF-16", "no index"])
def test_a_table_of_images_that_cannot_be_used_counts_as_images_lost(tree, damage):
    path = write_table(tree, PICTURES, column="image")
    if damage == "UTF-16":
        path.write_bytes(path.read_text().encode("utf-16"))
    else:
        path.write_text(path.read_text().replace("index", "number", 1))
    with pytest.raises(SourceError, match="found 10 of 10 that are not"):
        build(tree)


def test_a_path_may_stand_in_the_image_column(tree):
    write_table(tree, files(), column="image")
    assert_whole(tree)


def test_a_row_without_an_image_cell_takes_its_path(tree):
    path = write_table(tree, files())
    header, *lines = path.read_text().splitlines()
    cells = [*PICTURES[:5], *[""] * 5]
    path.write_text("\n".join([f"{header}\timage", *(f"{a}\t{b}" for a, b in zip(lines, cells, strict=True))]) + "\n")
    assert_whole(tree)


def test_of_several_files_all_are_kept_in_their_order(tree):
    write_table(tree, [str([name, "images/Wide-World/0.png"]) for name in files()])
    assert_whole(tree, several=COUNT)


@pytest.mark.parametrize(
    "written",
    [
        lambda text: base64.encodebytes(base64.b64decode(text)).decode(),
        lambda text: base64.encodebytes(base64.b64decode(text)).decode().replace("\n", "\r\n"),
        lambda text: f"data:image/png;base64,{text}",
        lambda text: f" {text}",
        lambda text: text.rstrip("="),
        lambda text: text.translate(str.maketrans("+/", "-_")),
        lambda text: f"b'{text}'",
    ],
    ids=["lines", "lines of Windows", "data URL", "space", "no padding", "for URLs", "Python's bytes"],
)
def test_base64_is_read_as_people_write_it(tree, written):
    write_table(tree, list(map(written, PICTURES)), column="image")
    assert_whole(tree)


def test_the_own_table_of_a_dataset_comes_before_its_local_one(tree):
    write_table(tree, PICTURES, column="image")
    write_table(tree, files("gone/{}.png"), "Wide-World_local")
    report, _ = build(tree)
    assert report["images"] == {"ok": COUNT, "bad": 0}
    assert [(e["file"], e["reason"], e["detail"]) for e in report["left_out"]] == [
        ("TSV_images/Wide-World_local.tsv", "superseded_run", "TSV_images/Wide-World.tsv was read instead")
    ]


def test_an_archive_holds_its_image_files(tree):
    write_table(tree, files("/elsewhere/LMUData/images/Wide-World/{}.png"), "Wide-World_local")
    archive = tree.parent / "logs.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tree, ".")
    report = build_benchmark(archive, tree.parent / "out", BuildOptions(candidates=tree / "candidates.csv"))
    assert report["images"] == {"ok": COUNT, "bad": 0}


def test_the_digest_follows_image_files(tree):
    write_table(tree, files())
    before = build(tree)[0]["source_sha256"]
    (tree / "TSV_images" / "images" / "Wide-World" / "3.png").write_bytes(base64.b64decode(picture()))
    assert build(tree)[0]["source_sha256"] != before


def test_a_file_that_is_not_there_is_named_by_sample(tree):
    write_table(tree, ["images/gone.png", *files()[1:]])
    report, table = build(tree)
    assert [(e["file"], e["reason"], e["sample_id"], e["detail"]) for e in report["left_out"]] == [
        ("TSV_images/Wide-World.tsv", "image", "Wide-World/1", 'no such file: "images/gone.png"')
    ]
    assert report["images"] == {"ok": COUNT - 1, "bad": 1}
    assert images_of(table)["Wide-World/1"] is None


def test_an_image_outside_the_source_is_named_and_not_read(tree):
    (tree.parent / "secret.png").write_bytes(base64.b64decode(picture()))
    write_table(tree, [str(tree.parent / "secret.png"), *files()[1:]])
    report, table = build(tree)
    assert ["leads outside the source" in e["detail"] for e in report["left_out"]] == [True]
    assert images_of(table)["Wide-World/1"] is None


@pytest.mark.parametrize(("num_lost", "fails"), [(2, False), (3, True)])
def test_a_build_ends_where_more_than_a_fifth_of_the_named_images_is_lost(tree, num_lost, fails):
    write_table(tree, [f"gone/{n}.png" for n in range(num_lost)] + files()[num_lost:])
    if fails:
        message = (
            r'found 3 of 10 that are not \(more than 20%\)\. First: Wide-World/1: no such file: "gone/0\.png"; '
            r'Wide-World/2: no such file: "gone/1\.png"; Wide-World/3: .*--allow-missing-images'
        )
        with pytest.raises(SourceError, match=message):
            build(tree)
        assert not (tree.parent / "out").exists()
    report, _ = build(tree, allow_missing_images=fails)
    assert report["images"] == {"ok": COUNT - num_lost, "bad": num_lost}


def test_damaged_files_count_as_lost_too(tree):
    write_table(tree, files())
    for n in range(3):
        (tree / "TSV_images" / "images" / "Wide-World" / f"{n}.png").write_bytes(b"rubbish")
    with pytest.raises(SourceError, match="found 3 of 10 that are not"):
        build(tree)


def test_rows_that_name_no_image_are_not_lost_ones(tree):
    write_table(tree, ["", "", "", "", *files()[4:]])
    report, _ = build(tree)
    assert report["images"] == {"ok": 6, "bad": 4}


def test_a_snapshot_of_the_hub_builds_the_benchmark_of_its_logs(tree, tmp_path):
    """Every file of a snapshot, the images too, is a link into the contents of its repository."""
    write_table(tree, files())
    report, plain = build(tree)
    snapshot = snapshot_of(tree, tmp_path / "datasets--me--logs")
    linked_report = build_benchmark(snapshot, tmp_path / "linked")
    assert linked_report["left_out"] == report["left_out"] == []
    linked = load_table(tmp_path / "linked")
    assert linked.report["source_sha256"] == plain.report["source_sha256"]
    assert images_of(linked) == images_of(plain) and None not in images_of(plain).values()
