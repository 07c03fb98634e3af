"""A launchpad whose kernel is slow: what a person did is never overwritten by what was before."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.slow_form import AT, Form
from tests.browser.slow_kernel import SlowKernel

SLOW = 400  # ms; more than the form waits before it tells what is typed


@pytest.fixture
def form(page):
    made = Form(page)
    yield made
    made.pad.close()


def test_no_control_falls_back_to_an_older_state(form):
    form.type("count", "12")
    form.row("on").locator("input").check()
    form.row("off").locator("input").uncheck()
    form.type("share", "1e-3")
    form.field("grade").select_option("c")
    form.type("word", "new")
    form.type("inner/deep", "7")
    form.type("numbers/1", "22")
    form.type("free", "12")
    expected = [
        ("count", "12"), ("on", True), ("off", False), ("grade", "2"), ("word", "new"),
        ("inner/deep", "7"), ("numbers/1", "22"), ("free", "12"),
    ]  # fmt: skip
    assert len(form.kernel.asked) >= 9  # a slow browser sends what is typed in two parts
    form.answer_each(*expected)
    assert form.config["on"] is True
    assert form.config["numbers"] == [1, 22, 3]
    assert form.shown("share") == "0.001"  # answered: as the kernel writes it


def test_what_is_clicked_twice_stays_as_it_was_clicked_last(form):
    box = form.row("on").locator("input")
    box.check()
    box.uncheck()
    box.check()
    form.answer_each(("on", True))
    form.field("grade").select_option("b")
    form.field("grade").select_option("c")
    form.answer_each(("grade", "2"))
    assert (form.config["on"], form.config["grade"]) == (True, "c")


def test_steps_of_a_number_follow_each_other_without_an_answer(form):
    for _ in range(5):
        form.field("count").press("ArrowUp")
    form.field("count").blur()
    form.answer_each(("count", "6"))
    assert form.config["count"] == 6


def test_a_field_that_is_left_after_the_kernel_was_told_is_not_told_again(form):
    form.field("count").fill("5")
    form.page.wait_for_timeout(2 * SLOW)
    form.field("count").blur()
    assert len(form.kernel.asked) == 1
    form.field("count").fill("6")
    form.field("count").blur()
    form.answer_each(("count", "6"))
    assert form.config["count"] == 6


def test_typing_goes_on_while_an_older_text_is_answered(form):
    form.field("word").press("End")
    form.field("word").press_sequentially("yz")
    form.page.wait_for_timeout(SLOW)
    form.field("word").press_sequentially("a")
    form.field("count").focus()
    form.kernel.answer(1)
    assert form.shown("word") == "xyza"
    form.answer_each(("word", "xyza"))
    assert form.config["word"] == "xyza"


def test_what_is_typed_while_the_row_becomes_another_is_kept(form):
    form.row("maybe").get_by_role("button", name="give a value").click()
    form.type("word", "new")
    form.kernel.answer(1)
    form.type("maybe", "5")
    form.answer_each(("maybe", "5"), ("word", "new"))
    form.row("either").get_by_label("kind of either").select_option("text")
    form.row("either").locator("input").fill("12")
    form.kernel.answer(1)
    assert form.row("either").locator("input").input_value() == "12"
    form.row("either").locator("input").blur()
    form.kernel.answer()
    assert form.config["either"] == "12"
    assert form.row("either").locator("input").input_value() == "12"


def test_a_control_that_changes_its_kind_keeps_the_hands_on_it(form):
    form.pad.config = {"ops": {"everything": {"config": {"count": [1]}}}}
    form.kernel.show()
    field = form.field("count")
    field.click()
    field.fill("1")
    form.page.wait_for_timeout(SLOW)
    field.press("2")
    form.kernel.answer(1)
    field.press("3")
    form.page.wait_for_timeout(SLOW)
    form.kernel.answer()
    form.field("count").press("4")
    form.page.wait_for_timeout(SLOW)
    form.kernel.answer()
    assert form.config["count"] == 1234
    assert form.shown("count") == "1234"


def test_what_is_typed_goes_to_the_entry_that_was_seen_though_it_moved(form):
    form.row("numbers/0").get_by_role("button", name="Remove").click()
    form.field("numbers/2").fill("33")  # the third, which will be the second
    form.page.wait_for_timeout(SLOW)
    form.kernel.answer(1)
    assert [form.shown(f"numbers/{n}") for n in range(2)] == ["2", "33"]
    form.page.keyboard.type("3")  # the hands are still on it
    form.page.wait_for_timeout(SLOW)
    form.answer_each(("numbers/1", "333"))
    assert form.config["numbers"] == [2, 333]
    form.row("numbers/1").get_by_role("button", name="Move up").click()
    form.type("numbers/0", "5")  # seen first, will be second
    form.kernel.answer(1)
    form.answer_each(("numbers/0", "333"), ("numbers/1", "5"))
    assert form.config["numbers"] == [333, 5]


def test_what_is_typed_into_an_entry_that_goes_away_is_lost_and_no_other_is_changed(form):
    form.row("numbers/1").get_by_role("button", name="Remove").click()
    form.type("numbers/1", "99")
    form.kernel.answer()
    assert form.config["numbers"] == [1, 3]
    assert form.shown("numbers/1") == "3"


def test_a_value_typed_under_an_older_key_goes_to_the_key_as_it_is_now(form):
    key = form.row("weights/light").locator(".jl-key")
    key.fill("heavy")
    key.blur()
    form.row("weights/light").locator(".jl-number").fill("7")
    form.row("weights/light").locator(".jl-number").blur()
    form.kernel.answer()
    assert form.config["weights"] == {"heavy": 7}
    assert form.row("weights/heavy").locator(".jl-number").input_value() == "7"


def test_the_yaml_is_left_alone_until_the_kernel_has_read_it(form):
    form.type("count", "5")
    form.page.get_by_role("tab", name="YAML").click()
    yaml = form.page.get_by_label("config as YAML")
    yaml.fill("# one\nops: {everything: {config: {count: 6}}}\n")
    form.page.wait_for_timeout(2 * SLOW)
    yaml.fill("# two\nops: {everything: {config: {count: 7}}}\n")
    form.page.wait_for_timeout(2 * SLOW)
    last = yaml.input_value()
    assert [ask["ask"] for ask in form.kernel.asked if ask["ask"] in ("edit", "yaml")] == [
        "edit",
        "yaml",
        "yaml",
    ]
    while form.kernel.answer(1):
        assert yaml.input_value() == last
    yaml.blur()
    form.page.evaluate("() => new Promise(requestAnimationFrame)")
    assert yaml.input_value() == last
    assert form.config == {"count": 7}


def test_tags_selection_and_partition_are_shown_before_they_are_answered(form):
    page = form.page
    form.type("count", "5")
    tag = page.get_by_label("add a tag")
    for text in ("a: 1", "b: 2"):
        tag.fill(text)
        tag.blur()
    steps, partition = page.get_by_label("Steps"), page.get_by_label("Partition")
    steps.fill("everything")
    partition.select_option("b")
    page.get_by_role("button", name="remove the tag a").click()
    while True:
        assert page.locator(".jl-chips").inner_text().count("b: 2") == 1
        assert "a: 1" not in page.locator(".jl-chips").inner_text()
        assert (steps.input_value(), partition.input_value()) == ("everything", "b")
        if not form.kernel.answer(1):
            break
    assert form.pad.state.tags == {"b": "2"}
    assert (form.pad.selection, form.pad.partition_key) == ("everything", "b")


def test_what_is_refused_gives_the_control_back_to_the_kernel(form):
    form.pad.form.state.edit = None  # whatever goes wrong inside
    form.row("on").locator("input").check()
    form.kernel.answer()
    assert form.shown("on") is False
    assert form.page.locator(".jl-status").inner_text() != ""


def test_nothing_moves_between_the_press_and_the_release_of_a_button(form):
    form.type("count", "x")
    button = form.row("numbers").get_by_role("button", name="Add item")
    box = button.bounding_box()
    form.page.mouse.move(box["x"] + 5, box["y"] + 5)
    form.page.mouse.down()
    form.kernel.answer()  # the mistake would be told above, and push the button down
    assert button.bounding_box() == box
    form.page.mouse.up()
    form.page.wait_for_timeout(100)
    assert button.bounding_box() != box
    form.kernel.answer()
    assert form.config["numbers"] == [1, 2, 3, 0]


def test_two_views_of_a_form_each_wait_for_their_own_deeds(form, browser):
    second = browser.new_page()
    other = SlowKernel(second, form.pad.form)
    form.row("on").locator("input").check()
    box = second.locator(f'[data-row="{AT}/off"] input')
    box.uncheck()
    form.kernel.answer()
    other.show()
    assert box.is_checked() is False
    assert second.locator(f'[data-row="{AT}/on"] input').is_checked()
    other.answer()
    form.kernel.show()
    assert form.shown("off") is False
    second.close()


def test_it_is_told_that_the_kernel_does_not_answer_until_it_does(form):
    late = form.page.locator(".jl-late")
    expect(late).to_have_text("")
    form.row("on").locator("input").check()
    form.row("off").locator("input").uncheck()
    expect(late).to_have_text("The kernel has not answered yet; what you did waits for it.")
    form.kernel.answer(1)
    expect(late).not_to_have_text("")
    form.kernel.answer()
    expect(late).to_have_text("")
