"""A page that is put together of parsed parts is what nbconvert's parser makes of the whole, or there is none."""

from __future__ import annotations

from functools import cache

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter

from cnn_assignment.nbgrader_course.pages.headers import PageExporter
from cnn_assignment.nbgrader_course.pages.parsed import as_parsed


@cache
def exporter_of(kind: type[HTMLExporter]) -> HTMLExporter:
    return kind(raw_template="{{ resources.page }}")


def by_nbconvert(page: str, kind: type[HTMLExporter] = HTMLExporter) -> str:
    made, _ = exporter_of(kind).from_notebook_node(nbformat.v4.new_notebook(), resources={"page": page})
    return made


PLAIN = {
    "document": '<!DOCTYPE html>\n<html>\n<head><meta charset="utf-8" />\n<title>cnn</title></head><body></body></html>\n',
    "comment": "<p>a</p> <!-- Loading mathjax macro --> <p>b</p>",
    "code": '<pre><span></span><span class="n">x</span>  \n\n <span class="o">=</span>\t</pre>\n\n  <br><br/>',
    "colours": '<div><pre><span></span><span class="s1">&#39;a&#39;</span> \n <span class="o">&amp;&lt;</span>\n</pre></div>',
    "colours of another kind": '<pre><span></span><span class="n">a</span>&nbsp;<span class="n x">&copy; </span> > \n</pre>',
    "classes": '<div class=" highlight  hl-ipython3 " id=\'a\' class="b"><p/></div>',
    "references": "<p>a &lt; b &amp;&amp; &quot;c&quot; &#39;d&#x27; &nbsp;e > f &foo; &copy;</p>",
    "style": "<style>\n\n</style><style>a > b { content: '&amp;<'; }</style><script>if (a < b && c > d) {}</script>",
    "attributes": '<a href="x?a=1&amp;b=2" title="it\'s &quot;so&quot;">a</a><input disabled type="checkbox"/>',
    "picture": '<p><img src="a.png" alt=""/><img alt="b" src="data:image/png;base64,AAAA"></p>',
    "blanks": "<div> \n <p>  </p>\t<pre>\n \n</pre>\xa0</div>",
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_pages_need_no_parser(name):
    made = as_parsed(PLAIN[name])
    assert made is not None
    assert made == by_nbconvert(PLAIN[name])


HARD = {
    "unclosed": "<p><b>a</p>",
    "closed twice": "<p>a</p></p>",
    "end of a void element": "<br></br>",
    "never closed": "<div><p>a</p>",
    "no tag": "<p>a < b</p>",
    "no reference": "<p>a & b &c</p>",
    "blanks as numbers": "<p>&#32;&#10;</p>",
    "unquoted": "<a href=x>a</a>",
    "tag in an attribute": '<a title="<b>">a</a>',
    "capitals": "<DIV>a</DIV>",
    "own language": "<svg viewBox='0 0 1 1'><a/></svg>",
    "raw text": "<textarea> <b>a </textarea>",
    "reference in a title": "<title>a &amp; b</title>",
    "script in a script": "<script>'<!-- <script> </script>'</script>",
    "end of a script in code": "<pre><script> </script></pre>",
    "declaration": "<![CDATA[a]]><?php a ?>",
    "comment": "<!-- a --!> <b> -->",
    "described by nbconvert": '<img src="a.png"/>',
    "focused by nbconvert": '<div class="jp-Notebook"><div class="jp-OutputArea-output">a</div></div>',
}


@pytest.mark.parametrize("name", HARD)
def test_what_a_parser_must_judge_is_left_to_it(name):
    assert as_parsed(HARD[name]) is None
    by_us = by_nbconvert(HARD[name], PageExporter)
    assert by_us.partition('">')[2] == by_nbconvert(HARD[name])  # after what the browser may do


PARTS = st.sampled_from(
    [*" \n\t\r\f<>&;'\"/=!-#ax9ü\xa0\0", "&amp;", "&lt", "&#39;", "&#x20;", "&#10;", "&nbsp;", "&foo;", "&a-b;", "&;", "</"]
    + [f"<{slash}{name}>" for slash in ("", "/") for name in ("p", "b", "div", "span", "pre", "br", "style", "i", "A")]
    + ["<pre><span></span>", '<span class="n">', '<pre><span></span><span class="s1">&quot;</span> </pre>']
    + ["<br/>", "<p/>", "<br />", '<p class="">', '<p class=" a  b ">', '<b a="1" b a="2">', "<b a='\"'>", '<b a="&quot;">']
    + ['<a href="&lt;&amp;&x">', '<img alt="a">', "<img>", '<b a=""c="">', "<p title=a>", '<b\n\tx="1"  >', "<!-- a b -->"]
    + ["<!---->", "<!-->", "<!DOCTYPE html>", "<script>", "</script>", "<script>a<b&amp;</script>", "<style> </style>"]
    + ["<title>a</title>", "<textarea>", "</textarea>", '<meta charset="latin-1">', "<li>", "</li>", "<td>", "</td>"]
)  # fmt: skip


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(["p", "div", "pre", "span", "ul", "li", "table", "body"])
    return st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", names, st.lists(inner | PARTS, max_size=5)
    )


@given(
    st.lists(st.recursive(PARTS, nested, max_leaves=20), max_size=8).map(lambda parts: "".join(parts).lstrip("\r\n"))
)  # as the exporter does it
def test_no_page_is_another_than_the_parser_makes(page):
    made = as_parsed(page)
    if made is not None:
        assert made == by_nbconvert(page)


def test_a_large_picture_is_not_remembered():
    from cnn_assignment.nbgrader_course.pages.parsed import _open

    as_parsed("<p></p>")
    before = _open.cache_info().currsize
    page = f'<p><img alt="a" src="data:image/png;base64,{"A" * 100_000}"/></p>'
    assert as_parsed(page) == by_nbconvert(page)
    assert _open.cache_info().currsize == before
