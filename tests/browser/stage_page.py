"""What every test of the stage does with its page."""


def send(page, target, source="visitor"):
    """Fills the form above the stage and sends."""
    page.select_option("#send-from", label=source)
    page.fill("#send-to", target)
    page.click("#send button[type=submit]")


def to_end(page, played):
    """Jumps to the end of the trace that is on the stage, once it is there."""
    page.wait_for_selector("html.has-trace", state="attached")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("End")
    played(page)
