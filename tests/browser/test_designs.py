"""A design as people meet it: a remark by mouse, by thumb, by keyboard and without scripts; zoom, and two versions."""

from typing import Any

import pytest
from playwright.async_api import Locator, Page

from tests.browser.conftest import Visit, Visitor
from tests.browser.test_every_page import access_faults, form_faults

LIST = "/projects/RECALLS/designs"
DESIGN = f"{LIST}/1"


async def look(visit: Visit, who: str = "ada", path: str = DESIGN, **options: Any) -> Visitor:
    visitor = await visit(who, **options)
    await visitor.open(path)
    await visitor.page.locator(".canvas img").evaluate("one => one.decode()")
    return visitor


async def write(page: Page, text: str) -> Locator:
    """Writes the remark for which a place was taken; the remark in the list."""
    field = page.get_by_label("Your remark at this place")
    assert await field.evaluate("one => one === document.activeElement")
    await field.fill(text)
    await page.get_by_role("button", name="Pin the remark").click()
    remark = page.locator(".pin", has_text=text)
    await remark.wait_for()
    return remark


async def share(page: Page, number: str) -> tuple[float, float]:
    """Where a remark's mark is on the picture, as shares of its width and height."""
    box, mark = await page.locator(".canvas img").bounding_box(), await page.locator(f"#mark-{number}").bounding_box()
    assert box
    assert mark
    return ((mark["x"] + mark["width"] / 2 - box["x"]) / box["width"],
            (mark["y"] + mark["height"] / 2 - box["y"]) / box["height"])  # fmt: skip


async def number_of(remark: Locator) -> str:
    return (await remark.locator(".no").inner_text()).strip()


async def width_of(page: Page) -> float:
    box = await page.locator(".canvas img").bounding_box()
    assert box
    return box["width"]


async def test_a_remark_is_pinned_where_the_mouse_clicked(visit: Visit) -> None:
    ada = await look(visit)
    page = ada.page
    box = await page.locator(".canvas img").bounding_box()
    assert box
    await page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.4)
    remark = await write(page, "This could be bolder.")
    place = await share(page, await number_of(remark))
    assert place == pytest.approx((0.25, 0.4), abs=0.02)
    assert "#pin-" in page.url
    assert "Ada Brandt" in await remark.inner_text()


async def test_a_remark_is_pinned_by_a_thumb_on_a_small_screen(visit: Visit) -> None:
    ada = await look(visit, width=360, has_touch=True, is_mobile=True)
    page = ada.page
    picture = page.locator(".canvas img")
    await picture.scroll_into_view_if_needed()
    box = await picture.bounding_box()
    assert box
    await page.touchscreen.tap(box["x"] + box["width"] * 0.7, box["y"] + 60)
    remark = await write(page, "By thumb.")
    left, _ = await share(page, await number_of(remark))
    assert left == pytest.approx(0.7, abs=0.02)
    assert await form_faults(page) == []


async def test_a_remark_is_pinned_by_keyboard_alone(visit: Visit) -> None:
    ada = await look(visit)
    page = ada.page
    await page.locator("#viewer").focus()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp", "ArrowDown"):
        await page.keyboard.press(key)
    assert await page.locator("#where").inner_text() == "49 % from the left, 46 % from the top"
    await page.keyboard.press("Enter")
    remark = await write(page, "By keyboard.")
    assert await share(page, await number_of(remark)) == pytest.approx((0.49, 0.46), abs=0.01)


async def test_a_place_can_be_given_up(visit: Visit) -> None:
    ada = await look(visit)
    await ada.page.locator("#viewer").focus()
    await ada.page.keyboard.press("Enter")
    await ada.page.get_by_role("button", name="Cancel").click()
    assert not await ada.page.locator("#pin-new").is_visible()
    assert await ada.page.locator("#viewer").evaluate("one => one === document.activeElement")


async def test_the_picture_grows_by_button_keyboard_and_wheel_and_marks_stay_at_their_places(visit: Visit) -> None:
    ada = await look(visit)
    page = ada.page
    fit, place = await width_of(page), await share(page, "2")
    await page.get_by_role("button", name="Larger").click()
    assert await width_of(page) == pytest.approx(fit * 1.5, rel=0.01)
    assert await share(page, "2") == pytest.approx(place, abs=0.02)
    await page.locator("#viewer").focus()
    await page.keyboard.press("+")
    assert await width_of(page) == pytest.approx(fit * 2.25, rel=0.01)
    await page.keyboard.press("0")
    assert await width_of(page) == pytest.approx(fit, rel=0.01)
    await page.mouse.move(300, 500)
    await page.keyboard.down("Control")
    await page.mouse.wheel(0, -200)
    await page.keyboard.up("Control")
    await page.wait_for_function(f"document.getElementById('canvas').offsetWidth > {fit} * 2")


async def test_two_fingers_make_the_picture_larger(visit: Visit) -> None:
    ada = await look(visit, width=360, has_touch=True)
    fit = await width_of(ada.page)
    await ada.page.evaluate("""() => {
      const viewer = document.getElementById("viewer"), box = viewer.getBoundingClientRect();
      const at = (id, x) => new Touch({identifier: id, target: viewer, clientX: box.left + x, clientY: box.top + 50});
      const send = (kind, ...touches) => viewer.dispatchEvent(new TouchEvent(kind, {touches, cancelable: true}));
      send("touchstart", at(1, 100), at(2, 150));
      send("touchmove", at(1, 75), at(2, 175));
    }""")
    assert await width_of(ada.page) == pytest.approx(fit * 2, rel=0.01)


async def test_without_scripts_a_remark_is_pinned_and_the_numbers_stand_on_the_picture(visit: Visit) -> None:
    ada = await look(visit, java_script_enabled=False, width=360)
    page = ada.page
    await page.get_by_text("Add a remark: choose its place").click()
    await page.locator("input[type=image]").click(position={"x": 70, "y": 187})
    field = page.get_by_label("Your remark at this place")
    await field.fill("Without a script.")
    await page.get_by_role("button", name="Pin the remark").click()
    remark = page.locator(".pin", has_text="Without a script.")
    assert await share(page, await number_of(remark)) == pytest.approx((0.25, 0.5), abs=0.02)


async def test_two_versions_are_laid_over_each_other(visit: Visit) -> None:
    ada = await look(visit)
    page = ada.page
    for how in ("Side by side", "Slider", "Difference"):
        await page.locator("select[name=how]").select_option(label=how)
        await page.get_by_role("button", name="Compare").click()
        shown = page.locator(".sides img, .over img")
        assert await shown.count() == 2
        boxes = [await shown.nth(at).bounding_box() for at in (0, 1)]
        assert boxes[0]
        assert boxes[1]
        assert (boxes[0]["x"] == boxes[1]["x"]) == (how != "Side by side")
        if how == "Slider":
            await page.locator("#slide").focus()
            await page.keyboard.press("Home")
            clip = await shown.nth(1).evaluate("one => getComputedStyle(one).clipPath")
            assert clip in ("inset(0px)", "inset(0px 0px 0px 0%)", "inset(0px 0px 0px)")
        if how == "Difference":
            assert await shown.nth(1).evaluate("one => getComputedStyle(one).mixBlendMode") == "difference"


async def test_a_conversation_about_a_remark_ends_with_settling_it(visit: Visit) -> None:
    ada, mei = await look(visit), await visit("mei")
    await mei.open(DESIGN)
    for visitor, text in ((mei, "Which shop?"), (ada, "Any shop.")):
        await visitor.open(DESIGN)
        remark = visitor.page.locator("#pin-2")
        await remark.locator("summary").click()
        await remark.get_by_label("Your answer").fill(text)
        await remark.get_by_role("button", name="Send").click()
        await visitor.page.locator(".replies", has_text=text).wait_for()
    await ada.page.locator("#pin-2").get_by_role("button", name="Settle").click()
    await ada.page.locator("#pin-2.settled").wait_for()


async def test_the_client_is_led_from_the_list_to_the_question(visit: Visit) -> None:
    ada = await look(visit, path=DESIGN)
    await ada.open(LIST)
    await ada.page.locator("main .badge", has_text="Waiting for you").wait_for()
    await ada.page.get_by_role("link", name="Search for recalls").click()
    await ada.page.get_by_role("link", name="Decide").click()
    await ada.page.wait_for_url("**/decisions/*")
    assert await ada.page.locator(".shown img").evaluate("one => one.decode().then(() => one.naturalWidth)") == 900


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark"), (1280, "dark"), (360, "light")])
async def test_the_designs_are_for_everybody(visit: Visit, width: int, scheme: Any) -> None:
    ada = await visit("ada", width=width, color_scheme=scheme)
    faults = []
    for path in (LIST, DESIGN, f"{DESIGN}/versions/1", f"{DESIGN}/versions/2?with=1", f"{DESIGN}?with=1&how=slider"):
        await ada.open(path)
        found = await form_faults(ada.page) + await access_faults(ada.page)
        faults += [f"{path}: {fault}" for fault in found]
    assert faults == []
