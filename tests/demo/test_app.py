"""The running app, by browser and by client: what visitors do, what they send, and what they must never see."""

import json
import re

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.browsing import SIZES
from tests.demo.bad_files import bomb_bytes, image_bytes, zip_of
from tests.demo.conftest import NUM_SAMPLES
from vlrouterbench.data.table import load_table

TABS = ("Route", "Explore", "Leaderboard", "Batch")
CHOICE, TABLE = "#choice .vrb-ask strong", "#candidates input[data-candidate]"


@pytest.fixture(scope="module")
def client(app):
    from gradio_client import Client

    return Client(app.url, verbose=False, download_files=str(app.folder.parent / "downloads"))


@pytest.fixture
def page(app, browser, request):
    """The page at a size and in a scheme ("desk", "light" unless a test asks for others), quiet to the end."""
    size, scheme = getattr(request, "param", ("desk", "light"))
    width, height = SIZES[size]
    opened = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    requests, complaints = [], []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(app.url)
    opened.wait_for_selector(CHOICE)
    yield opened
    own = (app.url, "data:", "blob:")
    assert not [url for url in requests if not url.startswith(own)] and not complaints
    opened.close()


def open_tab(page, name):
    page.get_by_role("tab", name=name).locator("visible=true").first.click()


def toast(page):
    """What the page says of an error; it holds no trace of the program."""
    shown = page.get_by_test_id("toast-body").first
    shown.wait_for()
    text = shown.inner_text()
    assert "Traceback" not in text and ".py" not in text and "/uploads" not in text
    return text


def upload(page, field, path):
    page.locator(f"{field} input[type=file]").set_input_files(str(path))


class TestInTheBrowser:
    pytestmark = pytest.mark.browser

    @pytest.mark.parametrize("page", [(size, scheme) for size in SIZES for scheme in ("light", "dark")], indirect=True)
    def test_every_tab_fits_its_window_in_light_and_dark(self, page, request):
        width, height = page.viewport_size["width"], page.viewport_size["height"]
        for name in TABS:
            open_tab(page, name)
            page.wait_for_timeout(300)
            wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            assert wide <= width
            assert width < 1000 or high <= height
            assert page.locator("#data-note").is_visible()
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor").strip("rgb()").split(",")
        light = sum(int(part) for part in dark[:3]) > 384
        assert light == (request.node.callspec.params["page"][1] == "light")
        assert "simulated data" in page.locator("#data-note").inner_text()
        open_tab(page, "Leaderboard")
        page.wait_for_selector(".vrb-paper svg")
        paper = page.evaluate("getComputedStyle(document.querySelector('.vrb-paper')).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('.vrb-paper svg')).fill")
        brightness = [sum(map(int, colour[4:-1].split(",")[:3])) for colour in (paper, ink)]
        assert (brightness[0] > brightness[1]) == light

    def test_every_control_has_a_name(self, page):
        for name in TABS:
            open_tab(page, name)
            nameless = page.evaluate(
                """() => [...document.querySelectorAll('input:not([type=file]), textarea, button, select')]
                .filter((e) => e.offsetParent !== null)
                .filter((e) => !(e.getAttribute('aria-label') || e.title || e.innerText.trim() ||
                                 (e.labels && [...e.labels].some((l) => l.innerText.trim()))))
                .map((e) => e.outerHTML.slice(0, 160))"""
            )
            assert not nameless

    def test_an_image_and_a_question_are_decided(self, page, tmp_path):
        (tmp_path / "mine.png").write_bytes(image_bytes(size=(200, 150)))
        before = page.locator("#points svg").inner_html()
        page.get_by_label("Remove Image").locator("visible=true").first.click()
        upload(page, "#image", tmp_path / "mine.png")
        page.locator("#question textarea, #question input").fill("How many squares are blue?")
        page.keyboard.press("Enter")
        page.wait_for_function("old => document.querySelector('#points svg').innerHTML !== old", arg=before)
        assert page.locator(CHOICE).inner_text()

    def test_the_slider_moves_the_choice_from_cheapest_to_most_accurate(self, page):
        slider = page.locator("#trade-off input[type=range]")
        slider.focus()
        costs, led_to = [], []
        for key, end in (("Home", 0), ("End", 100)):
            page.keyboard.press(key)
            page.wait_for_function(
                "end => document.querySelector('#trade-off input[type=range]').value == end", arg=end
            )
            page.wait_for_timeout(800)
            costs.append(float(page.locator("#candidates .vrb-row-chosen td").nth(1).inner_text()))
            led_to.append(float(re.search(r"at [$](\S+)", page.locator("#leads-to").inner_text())[1]))
        every = [float(text) for text in page.locator("#candidates tbody tr td:nth-child(3)").all_inner_texts()]
        first = page.locator("#candidates tbody tr").first
        assert led_to[0] < led_to[1] and "validation split" in page.locator("#leads-to").inner_text()
        assert costs[0] == min(every) and "vrb-row-chosen" in first.get_attribute("class")

    def test_a_budget_is_kept(self, page):
        page.get_by_label("Budget", exact=True).locator("visible=true").first.check()
        every = sorted(float(t) for t in page.locator("#candidates tbody tr td:nth-child(3)").all_inner_texts())
        page.locator("#dollar-budget input").fill(str(every[3]))
        page.wait_for_function(
            "most => Number(document.querySelector('#candidates .vrb-row-chosen td:nth-child(3)').innerText) <= most",
            arg=every[3],
        )

    def test_an_impossible_objective_clears_the_choice_and_another_brings_one_back(self, page):
        page.get_by_label("Objective", exact=True).locator("visible=true").first.check()
        page.locator("#objective input").locator("visible=true").click()
        page.get_by_role("option", name="average budget").click()
        page.get_by_label("At most, USD per 10K").locator("visible=true").fill("0.000001")
        page.locator("#choice").get_by_text("the cheapest that this router can have is").wait_for()
        assert page.locator(CHOICE).count() == page.locator("#candidates .vrb-row-chosen").count() == 0
        page.locator("#objective input").locator("visible=true").click()
        page.get_by_role("option", name="highest accuracy").click()
        page.wait_for_selector(CHOICE)
        assert "Wanted: accuracy, whatever it costs." in page.locator("#leads-to").inner_text()

    def test_a_candidate_is_excluded_by_its_box_and_the_focus_stays(self, page):
        first = page.locator(CHOICE).inner_text()
        box = page.locator(f'#candidates input[data-candidate="{first}"]')
        box.focus()
        page.keyboard.press("Space")
        page.wait_for_function("old => document.querySelector('#choice .vrb-ask strong').innerText !== old", arg=first)
        assert not box.is_checked()
        assert page.evaluate("document.activeElement.dataset.candidate") == first
        box.check()
        page.wait_for_function("old => document.querySelector('#choice .vrb-ask strong').innerText === old", arg=first)

    def test_excluding_everyone_is_answered_in_words(self, page):
        for place in range(page.locator(TABLE).count()):
            page.evaluate(
                "n => { const b = document.querySelectorAll('#candidates input')[n]; b.checked = false; }", place
            )
        page.locator(TABLE).first.dispatch_event("change")
        assert "Allow at least one" in toast(page)

    def test_an_example_is_decided_by_one_click(self, page):
        before = page.locator("#question textarea, #question input").input_value()
        page.locator(".vrb-example").nth(1).click()
        page.wait_for_function(
            "old => document.querySelector('#question textarea, #question input').value !== old", arg=before
        )

    @pytest.mark.parametrize("content", [b"no image at all", bomb_bytes()], ids=["text", "bomb"])
    def test_a_bad_image_is_answered_in_words(self, page, tmp_path, content):
        (tmp_path / "bad.png").write_bytes(content)
        page.get_by_label("Remove Image").locator("visible=true").first.click()
        upload(page, "#image", tmp_path / "bad.png")
        assert "cannot be read" in toast(page)

    def test_markup_in_a_question_does_nothing(self, page):
        page.locator("#question textarea, #question input").fill("<img src=x onerror='window.bad=1'>{{constructor}}")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
        assert page.evaluate("window.bad") is None and page.locator("#choice img").count() == 0

    def test_without_endpoints_the_buttons_say_what_they_need(self, page):
        for button in ("#ask-it", "#ask-all"):
            page.locator(button).click()
            page.locator("#asked").get_by_text("vlrouterbench demo --endpoints FILE").wait_for()
            page.locator(".vrb-example").nth(1).click()
            page.locator("#asked .vrb-card").wait_for(state="detached")

    def test_explore_filters_a_gallery_and_opens_a_sample_by_its_tile(self, page):
        open_tab(page, "Explore")
        whole = page.locator("#count").inner_text()
        page.locator("#outcome input").click()
        page.get_by_role("option", name="router wrong").click()
        page.wait_for_function("old => document.querySelector('#count').innerText !== old", arg=whole)
        assert ": wrong." in page.locator("#sample").inner_text()
        assert "wrong" in page.locator("#sample-candidates .vrb-row-chosen").inner_text()
        first = page.locator("#sample").inner_text()
        page.locator(".vrb-tile").nth(1).focus()
        page.keyboard.press("Enter")
        page.wait_for_function("old => document.querySelector('#sample').innerText !== old", arg=first)
        assert ": wrong." in page.locator("#sample").inner_text()
        assert page.locator(".vrb-tile[aria-pressed=true]").count() == 1

    def test_explore_turns_its_pages(self, page):
        open_tab(page, "Explore")
        page.get_by_text("page 1 of").wait_for()
        first = page.locator(".vrb-tile").first.get_attribute("data-row")
        page.locator("#next").click()
        page.get_by_text("page 2 of").wait_for()
        assert page.locator(".vrb-tile").first.get_attribute("data-row") != first
        page.locator("#split input").click()
        page.get_by_role("option", name="train", exact=True).click()
        page.get_by_text("learnt from this sample").wait_for()

    def test_a_submission_is_placed_and_a_bad_one_answered_in_words(self, page, app, tmp_path):
        open_tab(page, "Leaderboard")
        upload(page, "#submission", decisions_file(app, tmp_path / "decisions.parquet"))
        page.wait_for_selector("#ranking .vrb-row-chosen")
        assert "<b>mine" in page.locator("#ranking .vrb-row-chosen th").inner_text()
        page.get_by_label("Remove").or_(page.get_by_label("Clear")).locator("visible=true").first.click()
        page.wait_for_selector("#ranking .vrb-row-chosen", state="detached")
        upload(page, "#submission", decisions_file(app, tmp_path / "bad.parquet", candidate="nobody"))
        assert "unknown candidate" in toast(page)

    def test_a_batch_gives_a_file_and_lists_its_bad_rows(self, page, tmp_path):
        open_tab(page, "Batch")
        (tmp_path / "table.csv").write_text("question,image\nWhat?,a.png\nWhere?,none.png\n")
        upload(page, "#batch-table", tmp_path / "table.csv")
        upload(page, "#batch-zip", zip_of(tmp_path / "images.zip", {"a.png": image_bytes()}))
        page.get_by_text("images.zip").or_(page.get_by_text("images")).first.wait_for()
        page.locator("#batch-words").get_by_text("2 rows").wait_for()
        page.locator("#batch-start").click()
        page.get_by_text("1 of 2 rows decided").wait_for()
        assert "not in the archive" in page.locator("#batch-words").inner_text()
        page.wait_for_selector("#batch-decisions a[download]")
        assert page.locator("#batch-decisions a[download]").count() == 2
        with page.expect_download() as taken:
            page.locator("#batch-sample-file").click()
        assert taken.value.path().read_text().startswith("sample_id,question,options,image")


def decisions_file(app, path, *, candidate=None):
    table = load_table(app.folder / "benchmark").split("test")
    names = table.take(table.complete).column("sample_id")
    row = {"router": "<b>mine", "candidate": candidate or table.pool.names[0]}
    pq.write_table(pa.Table.from_pylist([row | {"sample_id": name} for name in names]), path)
    return path


class TestFromAProgram:
    def test_the_three_endpoints_and_no_other_are_offered(self, client):
        assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {
            "/route",
            "/route_batch",
            "/leaderboard",
        }

    def test_route_decides_as_the_router_does(self, client, app, tmp_path):
        from gradio_client import handle_file

        from vlrouterbench.routers.auto import AutoRouter

        (tmp_path / "a.png").write_bytes(image_bytes(size=(90, 60)))
        router = AutoRouter.from_pretrained(app.folder / "routers" / "flagship")
        kept = router.config.candidate_names[1:]
        expected = router.route("What is it?", tmp_path / "a.png", min_accuracy=0.7, candidates=kept)
        image = handle_file(str(tmp_path / "a.png"))
        excluded = router.config.candidate_names[:1]
        found = client.predict(
            question="What is it?", image=image, min_accuracy=0.7, exclude=excluded, api_name="/route"
        )
        assert found["candidate"] == expected.candidate
        assert found["estimated_accuracy"] == pytest.approx(expected.estimated_accuracy, rel=1e-5)
        assert "simulated data" in found["trained_on"]

    def test_a_batch_comes_back_as_a_file_with_its_bad_rows(self, client, tmp_path):
        from gradio_client import handle_file

        (tmp_path / "t.csv").write_text("sample_id,question,image\na,What?,x.png\nb,Why?,\n")
        path, report = client.predict(table=handle_file(str(tmp_path / "t.csv")), trade_off=0, api_name="/route_batch")
        assert pq.read_table(path)["sample_id"].to_pylist() == ["b"]
        assert report["decided"] == 1 and report["bad"][0]["row"] == 1

    def test_the_leaderboard_places_a_submission(self, client, app, tmp_path):
        from gradio_client import handle_file

        path = decisions_file(app, tmp_path / "decisions.parquet")
        records = client.predict(decisions=handle_file(str(path)), api_name="/leaderboard")
        assert [record["router"] for record in records if record["submitted"]] == ["<b>mine"]
        assert {"flagship", "oracle", "mixture"} <= {r["router"] for r in client.predict(api_name="/leaderboard")}

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"question": " "}, "Type a question"),
            ({"question": "a" * 4001}, "4,001 characters"),
            ({"question": "a", "max_cost_usd": 1e-12}, "Raise the budget"),
            ({"question": "a", "trade_off": 1, "min_accuracy": 0.5}, "Give one of"),
            ({"question": "a", "trade_off": -1}, "from 0 to 100"),
            ({"question": "a", "min_accuracy": 2}, "expected a number from 0 to 1"),
            ({"question": "a", "exclude": ["nobody"]}, "Unknown candidates: nobody"),
            ({"question": "a", "exclude": {"a": 1}}, "expected a list"),
        ],
    )
    def test_wrong_input_is_answered_in_words(self, client, given, said):
        from gradio_client.exceptions import AppError

        with pytest.raises(AppError, match=re.escape(said)) as caught:
            client.predict(**given, api_name="/route")
        assert "Traceback" not in str(caught.value)

    @pytest.mark.parametrize("path", ["/etc/passwd", "made.json", "../../etc/passwd"])
    def test_no_path_of_the_server_is_read(self, app, path):
        """Not by a client, which uploads what it is given, but by the request itself."""
        path = str(app.folder / path) if path == "made.json" else path
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        said = raw_call(app, "route", ["a", file, None, None, None, None])
        assert "event: error" in said and "Traceback" not in said and "cannot be read" not in said
        answer = httpx.get(f"{app.url}gradio_api/file={path}")
        assert answer.status_code in (403, 404)

    def test_a_file_over_the_limit_is_not_taken(self, app):
        files = {"files": ("big.png", bytes(65 * 2**20))}
        assert httpx.post(f"{app.url}gradio_api/upload", files=files, timeout=60).status_code == 413

    def test_the_served_page_states_the_data_before_anything_runs(self, app):
        assert "trained on simulated data" in httpx.get(app.url).text

    def test_nothing_is_written_outside_the_apps_folder(self, app, client):
        client.predict(question="Where?", api_name="/route")
        assert not [path for path in app.elsewhere.rglob("*") if path.is_file()]
        assert (app.folder / "made.json").is_file()
        assert json.loads((app.folder / "made.json").read_text())["num_samples"] == NUM_SAMPLES


def raw_call(app, name, data):
    """The events of a call that is made by hand."""
    answer = httpx.post(f"{app.url}gradio_api/call/{name}", json={"data": data})
    answer.raise_for_status()
    return httpx.get(f"{app.url}gradio_api/call/{name}/{answer.json()['event_id']}", timeout=30).text
