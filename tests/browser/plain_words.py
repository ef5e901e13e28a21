"""What Markdown, HTML, LaTeX and Streamlit's own additions would make something of."""

WORDS = (
    "**b** _i_ `c` ~~s~~ __u__ ***x***", "[l](https://example.org) ![i](https://example.org/x.png) [r][1] [^1]",
    "<b>x</b><img src=x onerror=alert(1)><script>alert(1)</script><!-- c -->", "$x^2$ $$y$$ \\(y\\) \\[z\\]",
    ":red[r] :material/face: :heart: :smile: :+1: :streamlit: :rainbow[x] :small[y] :blue-badge[z]",
    "https://example.org www.example.org a@example.org http://x.y:8080/a_b_c",
    "a -> b <- c <-> d -- e >= f <= g ~= h ---- i",
    "# h", "1. one", "2) two", "- li", "+ li", "* li", "> q", "---", "===", "&lt;b&gt; &amp; &nbsp;x &#65;",
    "x\ny\n\nz", "\tcode",
    "    indented", "| a | b |\n|--|--|\n| 1 | 2 |", "```\nfence\n```", "\\* \\\\ \\n", "Team *A* & <B> -> $C$",
)  # fmt: skip
