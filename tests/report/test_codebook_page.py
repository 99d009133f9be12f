"""The codebook page says what the dictionary says, and nothing of it is markup."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from types import MappingProxyType

from meta.evidence.codebook import codebook_markdown, form
from meta.evidence.dictionary import Dictionary, load_dictionary
from meta.report.codebook import codebook_context
from meta.report.environment import environment
from meta.report.wording import COLOURS


def rendered(dictionary: Dictionary) -> str:
    page = environment().get_template("codebook.html.j2")
    return page.render(colours=COLOURS, **codebook_context(dictionary))


def plain(text: str) -> str:
    """Text of HTML or of inline Markdown, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", text)).replace("`", "").split())


def test_every_field_has_its_meaning_form_rule_values_and_example() -> None:
    dictionary = load_dictionary()
    parts = re.split(r'<div class="field" id="([^"]*)">', rendered(dictionary))
    said = {name: plain(part) for name, part in zip(parts[1::2], parts[2::2], strict=True)}
    names = [f"{table.name}.{field}" for table in dictionary for field in table.fields]
    assert list(said) == names
    for table in dictionary:
        for field in table.fields.values():
            text = said[f"{table.name}.{field.name}"]
            wanted = [field.label, field.meaning, field.rule, form(field), *(field.values or {})]
            wanted += (field.values or {}).values()
            for each in wanted:
                assert plain(html.escape(each)) in text, (field.name, each)
            assert f"Example: {' '.join(str(field.example).split())}" in text


def test_page_and_markdown_tell_of_the_same_tables_and_guidance() -> None:
    dictionary = load_dictionary()
    page, markdown = rendered(dictionary), codebook_markdown(dictionary)
    tables = re.findall(r"^## (\w+)$", markdown, re.MULTILINE)
    ids = re.findall(r'<section id="([^"]*)">', page)
    assert [name for name in ids if name != "for-coders"] == [t for t in tables if t != "Tables"]
    text = plain(page)
    for sentence in dictionary.codebook.guidance:
        assert plain(html.escape(sentence)) in text
        assert sentence in markdown


def test_code_is_set_as_code_and_html_is_text() -> None:
    dictionary = load_dictionary()
    table = dictionary["coders"]
    odd = "<script>alert(1)</script> `n_trials` & <b>"
    fields = {name: replace(field, meaning=odd, rule=odd) for name, field in table.fields.items()}
    tables = {"coders": replace(table, meaning=odd, fields=MappingProxyType(fields))}
    page = rendered(Dictionary(MappingProxyType(tables), dictionary.codebook))
    assert "<script" not in page and "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; <code>n_trials</code> &amp; &lt;b&gt;" in page
