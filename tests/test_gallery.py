"""The pages of the media library as the server writes them, and their words."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from fakes import PASSWORD, basic
from library_by_hand import FACTS, jpeg_of

from settings.media import RetentionSettings
from store.accounts import Role
from store.media import Filter, Kind, Order
from web.retention_words import rules
from web.words import count_text, day_text, label_text, length_text, size_text

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
PAGE = {"Authorization": basic(), "Accept": "text/html"}


@pytest.fixture
def library(rig):
    return rig.library


def add(library, name: str, hours: float = 0, shade: int = 128):
    return library.add_photo(jpeg_of(shade), FACTS, name, NOON - timedelta(hours=hours))


def get(client, path: str, status: int = 200) -> str:
    answer = client.get(path, headers=PAGE)
    assert answer.status_code == status, answer.text
    return answer.text


def names_in(page: str) -> list[str]:
    return re.findall(r'aria-label="Select ([^"]+)\.jpg"', page.partition("<template")[0])


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1234, "1 kB"), (812_400, "812 kB"), (999_500, "1.0 MB"),
     (1_234_567, "1.2 MB"), (99_960_000, "100 MB"), (41_240_000_000, "41.2 GB"), (2_000_000_000_000_000, "2000 TB")],
)  # fmt: skip
def test_sizes_in_words(size_bytes, text):
    assert size_text(size_bytes) == text


@pytest.mark.parametrize(
    ("length_s", "text"), [(None, ""), (0.4, "0:00"), (59.6, "1:00"), (725, "12:05"), (3723, "1:02:03")]
)
def test_lengths_in_words(length_s, text):
    assert length_text(length_s) == text


def test_days_and_counts_in_words():
    today = date(2026, 3, 14)
    days = [today, date(2026, 3, 13), date(2026, 3, 12), date(2025, 3, 14)]
    assert [day_text(day, today) for day in days] == ["Today", "Yesterday", "Thursday 12 March", "Friday 14 March 2025"]
    assert [count_text(count, "photo") for count in (0, 1, 1200)] == ["0 photos", "1 photo", "1,200 photos"]


def test_a_made_up_name_is_not_worth_showing():
    assert label_text("2026-03-14_12-00-00-2.jpg", 2000) == "2 kB"
    assert label_text("2026-03-14 at noon.jpg", 2000) == "2026-03-14 at noon.jpg"


def test_retention_in_sentences():
    assert rules(RetentionSettings(), None) == ["Nothing is removed by itself."]
    found = rules(RetentionSettings(photo_days=1, video_count=50, video_gb=2.5), 10**9)
    assert found == [
        "When less than 1.0 GB is free, the oldest items go first until there is room again.",
        "Photos are removed after 1 day.",
        "Videos are removed beyond 50 of them and beyond 2.5 GB together.",
        "Protected items are never removed.",
    ]


def test_table_is_sorted_by_any_column(library):
    for name, hours, shade in (("Bee", 2, 0), ("ant", 1, 90), ("cow", 3, 200)):
        add(library, name, hours, shade)

    def stems(order: Order, is_descending: bool) -> list[str]:
        return [media.filename.removesuffix(".jpg") for media in library.table(order, is_descending, 0, 10)]

    assert stems(Order.NAME, False) == ["ant", "Bee", "cow"]
    assert stems(Order.DATE, True) == ["ant", "Bee", "cow"]
    assert stems(Order.DATE, False) == ["cow", "Bee", "ant"]
    sizes = [media.size_bytes for media in library.table(Order.SIZE, True, 0, 10)]
    assert sizes == sorted(sizes, reverse=True)
    assert [media.filename for media in library.table(Order.NAME, False, 1, 1)] == ["Bee.jpg"]


def test_newer_is_the_neighbour_among_those_that_are_wanted(library):
    items = [add(library, f"shot {number}", number) for number in range(3)]
    assert library.newer(items[2]) == items[1]
    assert library.newer(items[0]) is None
    assert library.newer(items[2], Filter(text="shot 0")) == items[0]
    assert library.newer(items[2], Filter(kind=Kind.VIDEO)) is None
    twin = library.add_photo(jpeg_of(), FACTS, "twin", items[1].date)
    assert library.newer(items[1]) == twin


def test_gallery_pages_through_everything_by_its_links(client, library):
    for number in range(130):
        add(library, f"shot {number}", number)
    found, path = [], "/gallery"
    for _ in range(3):
        page = get(client, path)
        found += names_in(page)
        link = re.search(r'rel="next" data-part="older" href="([^"]+)"', page)
        path = link[1].replace("&amp;", "&")
    assert found == [f"shot {number}" for number in range(130)]
    assert 'data-part="more" hidden' in page


@pytest.fixture
def zone(monkeypatch):
    """The clock of the machine's own time zone."""

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


def test_days_are_those_of_the_machine_for_who_has_no_scripts(client, library, zone):
    zone("Pacific/Auckland")  # 13 hours ahead of UTC in March
    for number in range(30):
        add(library, f"shot {number}", number)
    page = get(client, "/gallery?from=2026-03-14&to=2026-03-14")
    assert names_in(page) == [f"shot {number}" for number in range(2, 26)]
    assert "Saturday 14 March" in page


def test_filter_by_kind_and_text_and_nothing_left(client, library):
    add(library, "cat")
    add(library, "dog", 1)
    assert names_in(get(client, "/gallery?text=CA")) == ["cat"]
    assert "Nothing matches" in get(client, "/gallery?kind=video")


@pytest.mark.parametrize("query", ["kind=song", "from=yesterday", "to=2026-13-01", "item=x", "item=0", "cursor=zz"])
def test_nonsense_in_the_address_is_a_400_that_names_it(client, query):
    value = query.partition("=")[2]
    assert value in get(client, f"/gallery?{query}", 400)


def test_the_opened_item_of_a_later_page_is_the_first_of_its_page(client, library):
    items = [add(library, f"shot {number}", number) for number in range(70)]
    page = get(client, f"/gallery?item={items[65].id}")
    assert names_in(page)[0] == "shot 65"
    assert f"item={items[64].id}" in page  # newer
    assert f"item={items[66].id}" in page  # older
    assert "To the newest" in page


def test_names_that_look_like_html_stay_text(client, library):
    add(library, "<b>bold</b> & 'quoted'")
    page = get(client, "/gallery")
    assert "<b>bold" not in page
    assert "&amp;" in page


@pytest.mark.parametrize("name", ["player", "timelapse", "confirm"])
def test_panels_that_come_late(client, name):
    assert "<dialog" in get(client, f"/gallery/panel/{name}")


def test_other_panels_are_not_there(client):
    get(client, "/gallery/panel/../base", 404)


def test_shooting_without_scripts_goes_on_to_the_item(make_site):
    client = make_site().app.test_client()
    answer = client.post("/gallery/shoot", headers=PAGE, data={"what": "photo"})
    assert (answer.status_code, answer.location) == (303, "/gallery?item=1")
    assert 'class="opened"' in get(client, answer.location)
    assert client.post("/gallery/shoot", headers=PAGE, data={"what": "end"}).status_code == 409
    assert client.post("/gallery/shoot", headers=PAGE, data={"what": "song"}).status_code == 400
    assert client.post("/gallery/shoot", headers={**PAGE, "Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_database_page_is_for_admins_and_says_so(client, rig):
    rig.accounts.add("vera", PASSWORD, Role.VIEWER)
    answer = client.get("/database", headers={"Authorization": basic("vera"), "Accept": "text/html"})
    assert answer.status_code == 403
    assert "needs admin" in answer.text
    assert client.get("/gallery", headers={"Authorization": basic("vera")}).status_code == 200


def test_database_page_sorts_and_pages(client, library):
    for number in range(120):
        add(library, f"shot {number:03d}", number)
    first = get(client, "/database?sort=name&way=up")
    assert names_in(first) == [f"shot {number:03d}" for number in range(100)]
    assert 'aria-sort="ascending"' in first
    last = get(client, "/database?sort=name&way=up&page=99")
    assert names_in(last) == [f"shot {number:03d}" for number in range(100, 120)]
    assert "page 2 of 2" in last
    get(client, "/database?sort=taste", 400)
    get(client, "/database?page=minus", 400)
