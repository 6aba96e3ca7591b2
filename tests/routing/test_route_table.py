"""Tables of questions in blocks: every row is decided as its question alone, and a bad row costs only itself."""

import pytest
from PIL import Image

from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.decision import BudgetError, PoolMismatchError
from vlrouterbench.routers.base.spending_curve import spending_curve
from vlrouterbench.routers.encoders.sample_input import RouterInputError
from vlrouterbench.routing import route_table as module
from vlrouterbench.routing.images import ImageFolder
from vlrouterbench.routing.options import RoutingOptions
from vlrouterbench.routing.route_table import route_table


@pytest.fixture(scope="module")
def router(trained_folders):
    return AutoRouter.from_pretrained(trained_folders["flagship"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("images")
    for number in range(3):
        Image.new("RGB", (40 + number, 30), (80 * number, 20, 200)).save(path / f"{number}.png")
    return path


@pytest.fixture(scope="module")
def rows(simulated_table):
    """Questions of the test split, every second one with an image."""
    questions = simulated_table.split("test").column("question")[:11]
    return [
        {"sample_id": f"q{number}", "question": question} | ({"image": f"{number % 3}.png"} if number % 2 else {})
        for number, question in enumerate(questions)
    ]


def problems_of(routed):
    return {bad["row"]: bad["problem"] for bad in routed.bad}


@pytest.mark.parametrize(
    ("family", "budget"),
    [
        ("flagship", {}),
        ("flagship", {"usd_weight": 100.0}),
        ("flagship", {"min_accuracy": 0.7}),
        ("knn", {}),
        ("linear", {}),
        ("mlp", {}),
    ],
)
def test_rows_in_blocks_are_decided_as_each_question_alone(trained_folders, rows, folder, monkeypatch, family, budget):
    monkeypatch.setattr(module, "BLOCK_ROWS", 4)
    router = AutoRouter.from_pretrained(trained_folders[family])
    routed = route_table(router, rows, RoutingOptions(**budget), ImageFolder(folder))
    assert not routed.bad and routed.without_image == 0
    for row, decided in zip(rows, routed.decisions, strict=True):
        alone = router.route(row["question"], folder / row["image"] if "image" in row else None, **budget)
        assert (decided["sample_id"], decided["candidate"]) == (row["sample_id"], alone.candidate)
        assert decided["estimated_cost_usd"] == alone.estimated_cost_usd[alone.candidate]
        if router.calibrated:
            assert decided["estimated_accuracy"] == alone.estimated_accuracy[alone.candidate]


def test_a_stream_decides_a_table_as_it_decides_question_after_question(router, rows, folder):
    curve = spending_curve(router)
    average = curve[0][0] + 0.3 * (curve[-1][0] - curve[0][0])
    stream = router.stream(average)
    alone = [stream.route(row["question"], folder / row["image"] if "image" in row else None) for row in rows]
    routed = route_table(router, rows, RoutingOptions(average_cost_usd=average), ImageFolder(folder))
    assert [row["candidate"] for row in routed.decisions] == [decision.candidate for decision in alone]


def test_a_row_that_cannot_be_encoded_costs_only_itself(trained_folders, monkeypatch):
    router = AutoRouter.from_pretrained(trained_folders["linear"])
    encode = router.encoder.encode

    def refusing(samples):
        if any(sample.question == "bad" for sample in samples):
            raise RouterInputError("not this one.")
        return encode(samples)

    monkeypatch.setattr(router.encoder, "encode", refusing)
    routed = route_table(router, [{"question": text} for text in ("Why?", "bad", "", "How?")])
    assert [row["sample_id"] for row in routed.decisions] == ["1", "4"]
    assert problems_of(routed) == {2: "not this one.", 3: "neither a question nor an image."}


def test_an_id_is_taken_by_the_first_row_that_is_decided(trained_folders):
    router = AutoRouter.from_pretrained(trained_folders["linear"])
    rows = [{"sample_id": "a", "question": text} for text in ("", "Why?", "How?", "When?")]
    routed = route_table(router, rows)
    assert [row["sample_id"] for row in routed.decisions] == ["a"]
    assert list(problems_of(routed)) == [1, 3, 4] and "earlier row" in problems_of(routed)[3]


def test_large_images_close_a_block_early(trained_folders, rows, folder, monkeypatch):
    router, sizes = AutoRouter.from_pretrained(trained_folders["linear"]), []
    encode = router.encoder.encode
    monkeypatch.setattr(router.encoder, "encode", lambda samples: sizes.append(len(samples)) or encode(samples))
    route_table(router, rows, None, ImageFolder(folder))
    monkeypatch.setattr(module, "BLOCK_PIXELS", 1)
    route_table(router, rows, None, ImageFolder(folder))
    # Each image ends the block that it is in; the last row has none.
    assert sizes == [11, 2, 2, 2, 2, 2, 1]


def test_rows_without_a_source_of_images_are_refused_where_they_name_one(trained_folders):
    router = AutoRouter.from_pretrained(trained_folders["linear"])
    routed = route_table(router, [{"question": "Why?", "image": "a.png"}, {"question": "How?"}])
    assert len(routed.decisions) == 1 and "no folder of images" in problems_of(routed)[1]


def test_an_average_over_some_candidates_leaves_the_router_as_it_is(router, rows):
    names = router.config.candidate_names
    average = spending_curve(router)[-1][0]
    routed = route_table(router, rows[:1], RoutingOptions(average_cost_usd=average, candidates=names[:2]))
    assert router.config.candidate_names == names
    assert len(routed) == 1 and set(routed.chosen) <= set(names[:2])


def test_what_no_row_could_be_decided_with_is_refused_at_once(router):
    with pytest.raises(PoolMismatchError, match="nobody"):
        route_table(router, [], RoutingOptions(candidates=["nobody"]))
    with pytest.raises(BudgetError, match="expected one of"):
        route_table(router, [], RoutingOptions(usd_weight=1.0, max_cost_usd=1.0))
    with pytest.raises(BudgetError, match="average_cost_usd or min_accuracy"):
        route_table(router, [], RoutingOptions(min_accuracy=1.0, average_cost_usd=1.0))
