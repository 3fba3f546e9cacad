"""The terminal as only a browser shows it: pasting, a reload, the editor that vi opens."""

from playwright.sync_api import expect


def test_escape_does_not_lose_what_was_typed_in_the_editor(visit):
    page = visit()
    page.click("#terminals")
    page.keyboard.type("vi note.txt\n")
    dialog = page.get_by_role("dialog", name="Edit note.txt")
    expect(dialog.locator(".cm-content")).to_be_focused()
    page.keyboard.insert_text("precious")
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("status")).to_contain_text("Not saved yet")
    expect(dialog.locator(".cm-content")).to_contain_text("precious")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_million_characters_pasted_are_refused_and_a_few_lines_wait_for_enter(visit):
    page = visit()
    paste = """text => {
        const data = new DataTransfer();
        data.setData('text/plain', text);
        const event = new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true});
        document.querySelector('#terminals textarea').dispatchEvent(event);
    }"""
    expect(page.locator("#terminals")).to_contain_text("learner@laptop")
    page.click("#terminals")
    page.evaluate(paste, "x" * 1_000_000)
    expect(page.locator("#terminals")).to_contain_text("so this was not pasted", timeout=60_000)
    page.evaluate(paste, "echo o''ne\necho t''wo\n")
    expect(page.locator("#terminals")).to_contain_text("echo t''wo")
    expect(page.locator("#terminals")).not_to_contain_text("one")
    page.keyboard.press("Enter")
    expect(page.locator("#terminals")).to_contain_text("two")


def test_the_lines_typed_are_there_after_a_reload(visit):
    page = visit()
    page.click("#terminals")
    page.keyboard.type("echo remem''ber\n")
    expect(page.locator("#terminals")).to_contain_text("remember")
    page.reload()
    expect(page.locator("#terminals")).to_contain_text("learner@laptop")
    page.click("#terminals")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#terminals")).to_contain_text("echo remem''ber")
