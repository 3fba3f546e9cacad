"""Lesson texts in templates: Markdown to HTML, with raw HTML off (content is data, not markup)."""

from functools import cache
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt  # noqa: PLC0415 (every page loads this library, only lessons use it)

    return MarkdownIt("commonmark", {"html": False})


@register.filter
def words(text: str) -> SafeString:
    """Paragraphs, emphasis, code and lists."""
    return mark_safe(_markdown().render(text))  # noqa: S308 - rendered with html off, so nothing raw gets through


@register.filter
def inline_words(text: str) -> SafeString:
    """The same within one line, without a paragraph around it."""
    return mark_safe(_markdown().renderInline(text))  # noqa: S308 - rendered with html off
