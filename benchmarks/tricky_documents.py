"""Tricky texts for the functions of one kind of document: pieces that matter to them, joined at random by a seed.

Every kind is also given what is hard for all of them: empty text, line breaks of every sort, NUL, marks, emoji.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

TEXTS_A_KIND = 130
HARD = [
    "\n", "\n\n", "\r\n", "\r", "\x85", "\u2028", "\u2029", "\x1c", "\x0b", "\x00", "\u0130", "\xa0", "\u3000", "\t",
    "  ", "👩\u200d💻", "\U00020000", "e\u0301", "\u200b", "Σ", "\ufeff", "é", "中",
]  # fmt: skip

TEX = [
    r"\documentclass{article}", r"\begin{document}", r"\end{document}", r"\section{One}", r"\section*{Two}",
    r"\subsection[short]{A long title}", r"\chapter{C}", r"\part{P}", r"\paragraph{Q}", r"\subparagraph{R}",
    r"\paragraph{a}\subparagraph{b}", r"\subsubsection {x}", r"\sections{no}", r"\section", "{", "}", "[", "]",
    "$a%b$", "% a comment", "text % inline", r"50\% off", r"\\% after a break", "%", "%%", "\n%\n", "\n% line\n",
    "line\n", "x%", r"\appendix", r"\appendixname", r"\begin{references}", r"\begin{REFERENCES}",
    r"\begin{thebibliography}{9}", r"\bibliography{refs}", r"\bibliography", r"\bibitem{k} A. Author.",
    r"\newcommand{\R}{\mathbb{R}}" + "\n", r"\newcommand*{\eps}{\varepsilon}" + "\n",
    r"\newcommand{\two}[2]{#1 #2}" + "\n", r"\def\half{1/2}" + "\n", "\\def \\x {y}\n", r"\def\R{again}" + "\n",
    r"\R", r"\R^n", r"\Rn", r"\eps ", r"\half.", r"\x\x", r"$\R$", r"\R\eps", r"\cite{k}", "A sentence of prose. ",
    r"\newcommand{\é}{e}", r"\newcommand{\u}{é中}" + "\n", r"\u ", r"\1 \g<0>",
]  # fmt: skip
TABLES = [
    "\na b\n", "a b\n", "c d\n", "a b c\n", "d e f\n", "g h i\n", "a|b|c\n", "d|e|f\n", "a\tb\n", "c\td\n", "|x|y|\n",
    "|-|-|\n", "1 2 3 4\n", "5 6 7 8\n", "\n\n", "one\n", "two words\n", "more words\n", "a  b\n", "a\xa0b c\n",
    "é 中\n", "ｱ ｲ\n", "x y", "a b c d e f g h\n", "i j k l m n o p\n", "word " * 19 + "end\n",
    "cell " * 19 + "last\n", "||\n", "| |\n", "a b\r\n", "c d\r\n", "a\x1cb c\n",
    "A line of prose with many words in it.\n",
]  # fmt: skip
CODE = [
    "/*", "*/", "/* Copyright 2020 A */\n", "/* copyright (c) B\n * all rights\n */", "/* no notice */", "/**/",
    "/***/", "// Copyright C\n", "// line\n", "# Copyright D\n", "#!/bin/sh\n", "# -*- coding: utf-8 -*-\n",
    "-- sql\n", "--\n", "# Heading\n", " # indented\n", "\n", "import os\n", "int main(void) {\n",
    "  return 0; /* done */\n", "}\n", "COPYRIGHT", "Copyr\u0130ght", "copyrıght", "/* COPYRİGHT */",
    "/* Copyright é中 */", "// é\r\n", "/ *", "* /", "*", "/",
]  # fmt: skip
ADDRESSES = [
    "192.168.0.1", "10.0.0.255", "256.1.1.1", "1.2.3.45678", "01.2.3.4", "1.2.3", "1.2.3.4.5", "0.0.0.0",
    "255.255.255.255", "249.250.251.252", "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "fe80::1", "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:9", "a:b:c:d:e:f:0:1", "g:b:c:d:e:f:0:1", "٣:2:3:4:5:6:7:8", "12345:2:3:4:5:6:7:8",
    "https://192.168.0.1/x", "a@1.2.3.4.com", "first.last@example.com", "A@B.COM", "a@b.c", "x+y@sub.example.org.",
    "http://example.com/a?b=c", "www.example.com", "(http://x.org/a_(b))", "example.com/", "mailto:a@b.co", " ", " ",
    "\n", ",", ".", ":", "/", "v1.2.3.4", "the ", "٣",
]  # fmt: skip
SENTENCES = [
    "This is one. ", "This is one. ", "this is ONE! ", "Is it? ", "Is it? ", "No.", "Yes!", "Mr. Smith came. ",
    "e.g. this ", "U.S. army ", "J. S. Bach. ", "at 3.14 p.m. ", "... ", "......", "……", "…", "。", "今天很好。",
    "今天很好。", "你好！", "吗？", '."', ".”", "’ ", "”", '"Quote." ', "a.b.c ", "http://x.y ", "href=x ",
    "www.a.b ", "file.com ", "//path ", "(etc.) ", "No. 5 ", "St. Mary ", "i.e., ", "z.B. ", "M. Dupont ",
    "Sr. Silva ", "l'an. ", "¿Qué? ", "¡Hola! ", "{x} ", "6 ", "2 ", "x" * 40 + " ", "Donaudampfschifffahrt ",
    "supercalifragilisticexpialidocious, ", "ab ", "a ", "\n", "\n\n", "\n \n", "word ", "Word. Word. ", "the ",
    "of ", "The end.", "\t",
]  # fmt: skip
CHINESE = [
    "头发", "後面", "皇后", "里面", "裡面", "软件", "軟體", "鼠标", "滑鼠", "出租车", "計程車", "意大利", "義大利",
    "乾坤", "干燥", "発展", "図書館", "國家", "国家", "台湾", "臺灣", "香港", "着", "著", "为", "爲", "為", "汉字",
    "漢字", "龥", "龦", "㐀", "\U00020bb7", "，", "。", "、", "！", "“", "”", "（", "）", "《", "》", "·", "％", "%",
    "＆", "A", "z", "9", "９", " ", ".", "-", "—", "abc 123 ", "かな", "한국", "é", "的", "是", "我们", "一", "上",
    "士", "天气很好",
]  # fmt: skip
HTML = [
    "<table>", "</table>", "<TABLE class='a'>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "</th>", "<td>1</td>",
    "<th>h</th>", "<tr><td>a</td><td> b </td></tr>", "<tr><th>x</th><td>y</td></tr>",
    "<table><tr><td>in</td></tr></table>", "<p>", "</p>", "<li>", "</li>", "<ol>", "</ol>", "<li class='x'>", "<br>",
    "<br/>", "<b>bold</b>", "&amp;", "&nbsp;", "&lt;td&gt;", "&#65;", "&#x41;", "&bogus;", "<!-- c -->", "<!--",
    "<script>var a = '<td>';</script>", "<style>td {}</style>", "<a href='x>y'>l</a>", "< ", "a < b", "<unclosed",
    "text ", "\n", "<caption>c</caption>", "<tbody>", "</tbody>", "<div>", "</div>", "<h1>T</h1>",
    "<?xml version='1.0'?>", "<!DOCTYPE html>", "<html><body>", "</body></html>", "<pre> a\n b</pre>",
    "<title>t</title>",
]  # fmt: skip
KINDS = {
    "tex": TEX,
    "tables": TABLES,
    "code": CODE,
    "addresses": ADDRESSES,
    "sentences": SENTENCES,
    "chinese": CHINESE,
    "html": HTML,
}


def texts() -> Iterator[str]:
    """Texts of every kind in turn, short ones first, then one of ten thousand characters each."""
    for name, pieces in KINDS.items():
        yield from pieces
        rng = random.Random(name)
        for i in range(TEXTS_A_KIND):
            yield joined(rng, pieces, rng.randrange(2, 8 + i // 4))
        long = ""
        while len(long) < 10_000:
            long += joined(rng, pieces, 40)
        yield long


def joined(rng: random.Random, pieces: list[str], count: int) -> str:
    """Pieces of the kind; in half of the texts every sixth is one of the hard ones."""
    hard = rng.random() < 0.5
    return "".join(rng.choice(HARD) if hard and rng.random() < 0.17 else rng.choice(pieces) for _ in range(count))
