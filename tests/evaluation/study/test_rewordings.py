"""Changed requests: what each change does to a sample, and what a study says of a router that is asked twice."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import run_program
from tests.evaluation.study.workspaces import small_context
from vlrouterbench.core.errors import BenchmarkError, RouterError
from vlrouterbench.evaluation.study.part import TextTable
from vlrouterbench.evaluation.study.parts.rewordings import RewordingsPart
from vlrouterbench.evaluation.study.rewordings import REWORDINGS, Rewording, reworded_features
from vlrouterbench.evaluation.study.study import study, write_study
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.features.given import write_given
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.encoders.block import IMAGE, TEXT
from vlrouterbench.routers.encoders.sample_input import RouterInput
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem

ESTIMATING = "ridge-mf"
MANNERS = ("upper case", "lower case", "double spaces", "no final mark", "could you please", "thank you")
CHANGE_OF = {rewording.name: rewording.change for rewording in REWORDINGS}
PICTURE = Image.effect_noise((30, 20), 90).convert("RGB")
SAMPLE = RouterInput("What is it? Answer in a word.", ("red", "blue"), "a hint", PICTURE)


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


@pytest.fixture(scope="module")
def result(context):
    return study(context, (ESTIMATING, "knn", "mixture"), ("rewordings",))


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("upper case", "WHAT IS IT? ANSWER IN A WORD."),
        ("lower case", "what is it? answer in a word."),
        ("double spaces", "What  is  it?  Answer  in  a  word.\n"),
        ("no final mark", "What is it? Answer in a word"),
        ("could you please", "Could you please help me with this? What is it? Answer in a word."),
        ("thank you", "What is it? Answer in a word. Thank you!"),
        ("in the picture shown", "What is it in the picture shown? Answer in a word."),
        ("instruction, German", "Beantworte die Frage. What is it? Answer in a word."),
    ],
)
def test_a_change_of_words_is_of_the_question_alone(name, question):
    assert CHANGE_OF[name](SAMPLE) == replace(SAMPLE, question=question)


def test_a_sentence_without_a_question_mark_gets_the_picture_before_its_end():
    assert CHANGE_OF["in the picture shown"](replace(SAMPLE, question="Solve for x. ")).question == (
        "Solve for x in the picture shown. "
    )


def test_what_a_change_does_not_apply_to_is_left_out():
    assert CHANGE_OF["lower case"](replace(SAMPLE, question="solve")) is None
    assert CHANGE_OF["in the picture shown"](replace(SAMPLE, image=None)) is None
    assert CHANGE_OF["JPEG 50"](replace(SAMPLE, image=None)) is None


@pytest.mark.parametrize("option", ["all of the above", "Both", "(B)", "None of these"])
def test_options_that_speak_of_others_keep_their_order(option):
    assert CHANGE_OF["options reversed"](SAMPLE).options == ("blue", "red")
    assert CHANGE_OF["options reversed"](replace(SAMPLE, options=("red", option))) is None


def test_images_are_changed_all_of_a_sample_and_png_keeps_every_pixel():
    two = replace(SAMPLE, further=(PICTURE.rotate(90, expand=True),))
    sizes = {
        name: [image.size for image in CHANGE_OF[name](two).images] for name in ("half the size", "twice the size")
    }
    assert sizes == {"half the size": [(15, 10), (10, 15)], "twice the size": [(60, 40), (40, 60)]}
    assert np.array_equal(np.asarray(CHANGE_OF["PNG"](two).image), np.asarray(PICTURE))
    far = {quality: _distance(CHANGE_OF[f"JPEG {quality}"](two).image) for quality in (90, 50)}
    assert 0 < far[90] < far[50]


def _distance(image):
    return np.abs(np.asarray(image, float) - np.asarray(PICTURE, float)).mean()


def test_features_of_a_changed_sample_are_those_that_route_would_make_of_it(context):
    encoder, test = context.features.encoder, context.table.split("test")
    few = test.take(np.argsort(test.rows)[:3])
    same = Rewording("same", TEXT, lambda sample: sample)
    shouted = Rewording("shouted", IMAGE, lambda sample: replace(sample, image=PICTURE))
    unchanged, other = reworded_features(encoder, few, (same, shouted))
    assert np.array_equal(unchanged.features, context.features.of(few).numpy())
    texts = zip(few.column("question"), few.column("options"), few.column("hint"), strict=True)
    asked = [RouterInput(question, tuple(options), hint, PICTURE) for question, options, hint in texts]
    assert np.array_equal(other.features, encoder.encode(asked).numpy()) and other.rows.tolist() == [0, 1, 2]


def test_moves_and_changed_decisions_are_those_of_the_router_asked_twice(context, result):
    test = context.table.split("test")
    test = test.take(np.argsort(test.rows))
    router = context.train(ESTIMATING, context.table, 0)
    wanted = [rewording for rewording in REWORDINGS if rewording.name == "upper case"]
    (changed,) = reworded_features(context.features.encoder, test, wanted)
    before = context.features.of(test)[changed.rows]
    features = [before, before.new_tensor(changed.features)]
    accuracy = [router.estimates(rows).accuracy.detach().numpy().astype(float) for rows in features]
    decisions = [router.decide(rows).numpy() for rows in features]
    moves = np.abs(accuracy[1] - accuracy[0])
    (row,) = (row for row in _rows(result, ESTIMATING) if row["change"] == "upper case")
    assert row["num_samples"] == len(changed.rows) > 0
    assert row["mean_move"] == pytest.approx(moves.mean()) and row["mean_move"] > 0
    assert row["largest_move"] == pytest.approx(moves.max())
    assert row["far_share"] == pytest.approx((moves > 0.1).mean())
    assert row["changed_decisions"] == pytest.approx((decisions[0] != decisions[1]).mean())


def test_every_change_together_counts_each_as_often_as_it_applies(result):
    for router in (ESTIMATING, "knn"):
        for modality in (TEXT, IMAGE):
            rows = [row for row in _rows(result, router) if row["modality"] == modality]
            whole, each = rows[0], rows[1:]
            assert whole["change"] == "every change" and whole["num_samples"] == sum(row["num_samples"] for row in each)
            share = sum(row["changed_decisions"] * row["num_samples"] for row in each) / whole["num_samples"]
            assert whole["changed_decisions"] == pytest.approx(share)
            gained = np.mean([row["minus_original"]["rank_score"] for row in each])
            assert whole["minus_original"]["rank_score"] == pytest.approx(gained)


def test_a_family_without_estimates_has_its_decisions_alone_and_pixels_that_stay_move_nothing(result):
    for row in _rows(result, "knn"):
        assert row["mean_move"] is row["far_share"] is row["largest_move"] is None
    (png,) = (row for row in _rows(result, ESTIMATING) if row["change"] == "PNG")
    assert png["largest_move"] == pytest.approx(0, abs=1e-5)  # a batch of other size may round in another way
    assert png["changed_decisions"] == png["minus_original"]["rank_score"] == 0


def test_page_terminal_and_record_show_the_same_and_name_what_reads_no_requests(result, tmp_path):
    write_study(result, tmp_path / "out")
    page, lines = (tmp_path / "out" / "study.html").read_text(encoding="utf-8"), result.tables()
    assert "Changed requests" in page and "Reads no requests: mixture" in page and "Simulated data" in page
    assert "reads no requests: mixture" in lines
    for row in result.records["rewordings"]["rows"]:
        assert f"<td>{row['change']}</td>" in page
        assert f"{100 * row['changed_decisions']:.2f}" in page


def test_a_saved_router_over_canonical_text_answers_every_manner_of_asking_alike(simulated_table, tmp_path):
    features = encode_benchmark(simulated_table, FeatureOptions(text="builtin+canonical", fusion="text-only"))
    few = simulated_table.take(np.arange(5))
    manners = [rewording for rewording in REWORDINGS if rewording.name in MANNERS]
    for part in reworded_features(features.encoder, few, manners):
        assert len(part.rows) and np.array_equal(part.features, features.values[part.rows].numpy())
    save_router(train_router("knn", Problem(simulated_table, features)), tmp_path / "router")
    router = AutoRouter.from_pretrained(tmp_path / "router")
    asked = [router.route(question).score for question in ("Which one is it?", "Please: WHICH one  is it. Thanks!")]
    assert asked[0] == asked[1]


@pytest.fixture(scope="module")
def beside(context, simulated_table):
    canonical = encode_benchmark(simulated_table, FeatureOptions(text="builtin+canonical", fusion="text-only"))
    return study(replace(context, against=canonical), ("knn",), ("rewordings",))


def test_another_text_encoder_is_compared_on_the_same_requests_as_they_stand_and_changed(beside, result):
    record = beside.records["rewordings"]
    (row,) = record["against"]
    own, other = (router["figures"]["rank_score"] for router in record["routers"])
    assert (row["router"], row["other"]) == ("knn", "knn, text builtin+canonical")
    assert row["as_they_stand"]["rank_score"] == pytest.approx(own - other)
    changed = {
        router["router"]: router["figures"]["rank_score"] + whole["minus_original"]["rank_score"]
        for router in record["routers"]
        for whole in _rows(beside, router["router"])
        if (whole["change"], whole["modality"]) == ("every change", TEXT)
    }
    assert row["changed"]["rank_score"] == pytest.approx(changed["knn"] - changed["knn, text builtin+canonical"])
    assert _rows(beside, "knn") == _rows(result, "knn") and result.records["rewordings"]["against"] == []


def test_the_comparison_of_encoders_stands_on_terminal_and_page(beside):
    (table,) = (line for line in beside.tables() if isinstance(line, TextTable) and line.title.startswith("Rank Score"))
    assert table.title.endswith("less that with text builtin+canonical")
    assert table.rows[0][0] == "knn" and all(cell in beside.page() for cell in table.rows[0][1:])


def test_features_without_texts_are_not_compared_by_their_text_encoder(context, simulated_table):
    images = encode_benchmark(simulated_table, FeatureOptions(fusion="image-only"))
    with pytest.raises(RouterError, match="found features of images alone. Leave --against-text out"):
        RewordingsPart().check(replace(context, against=images), ("knn",))


def test_an_encoder_to_compare_with_is_another_one_and_of_that_part(tmp_path):
    for options in (("--against-text", "builtin", "--part", "rewordings"), ("--against-text", "builtin+canonical")):
        ended = run_program("study", tmp_path, *options)
        assert ended.status == 2 and "--against-text is another text encoder than --text (builtin)" in " ".join(
            ended.err.split()
        )


def test_policies_alone_and_features_without_texts_are_refused(context, tmp_path):
    with pytest.raises(RouterError, match="found policies and decisions of others alone"):
        RewordingsPart().check(context, ("mixture",))
    features = context.features
    write_given(tmp_path, context.table.column("sample_id")[:2], features.values[:2].numpy(), features.encoder)
    with pytest.raises(BenchmarkError, match="brings features in their place"):
        RewordingsPart().check(replace(context, table=replace(context.table, folder=tmp_path)), ("knn",))


def _rows(result, router):
    return [row for row in result.records["rewordings"]["rows"] if row["router"] == router]
