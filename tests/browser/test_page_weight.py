"""What the live page costs on the wire."""

from __future__ import annotations

from live_page import LivePage, wait_for

WEIGHT_LIMIT_BYTES = 60_000
REQUESTS_LIMIT = 45
STREAMS = ("/video_feed", "/api/events")


def test_live_page_weighs_at_most_60_kb_with_all_its_files(new_context, turret):
    """Bytes as they came over the wire, heads included, from an empty cache; the streams themselves left out."""
    live = LivePage(new_context().new_page(), turret)
    live.log_in()
    live.expect_live()
    urls: dict[str, str] = {}
    weights: dict[str, float] = {}
    session = live.page.context.new_cdp_session(live.page)
    session.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
    session.on(
        "Network.loadingFinished", lambda event: weights.update({event["requestId"]: event["encodedDataLength"]})
    )
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    live.go("/")
    live.expect_live()
    live.wait_for_newer(live.marks())

    def files() -> set[str]:
        return {request for request, url in urls.items() if not any(part in url for part in STREAMS)}

    wait_for(lambda: (live.page.evaluate("0"), files() - weights.keys())[1], lambda coming: not coming)
    total_bytes = sum(weights[request] for request in files())
    for request, url in urls.items():
        print(f"{weights.get(request, 0):8.0f} {url.removeprefix(turret.url)}")
    print(f"{total_bytes:8.0f} bytes in {len(urls)} requests")
    assert total_bytes <= WEIGHT_LIMIT_BYTES
    assert len(urls) <= REQUESTS_LIMIT, sorted(urls.values())
    assert {url.removeprefix(turret.url)[:1] for url in urls.values()} == {"/"}
