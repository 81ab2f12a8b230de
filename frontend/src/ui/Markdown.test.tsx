import { render } from "@testing-library/react";
import { expect, test } from "vitest";
import { Markdown } from "./Markdown";

const htmlOf = (text: string): string => render(<Markdown text={text} />).container.firstElementChild?.innerHTML ?? "";

test("headings, lists, emphasis and code become elements", () => {
  expect(htmlOf("# Cells\n\n- one *mask*\n- **each**\n\n`x`")).toBe("<h3>Cells</h3><ul><li><p>one <em>mask</em></p></li><li><p><strong>each</strong></p></li></ul><p><code>x</code></p>");
  expect(htmlOf("3. three\n4. four")).toContain('<ol start="3">');
});

test("tags stay text", () => {
  const { container } = render(<Markdown text={'<img src=x onerror="alert(1)">\n\n<script>alert(1)</script> <b>b</b>'} />);
  expect(container.querySelectorAll("img, script, b").length).toBe(0);
  expect(container.textContent).toContain('<img src=x onerror="alert(1)">');
});

test.each(["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "/api/projects", "//elsewhere.org"])(
  "%s is no link",
  (url) => {
    const { container } = render(<Markdown text={`[here](<${url}>) and [there][t]\n\n[t]: <${url}>`} />);
    expect(container.querySelector("a")).toBeNull();
    expect(container.textContent).toBe("here and there");
  },
);

test("links to the web open apart and tell the other side nothing", () => {
  const { container } = render(<Markdown text="[here](https://example.org/a?b) ![a picture](https://example.org/p.png)" />);
  const link = container.querySelector("a");
  expect([link?.getAttribute("href"), link?.getAttribute("rel"), link?.target]).toEqual(["https://example.org/a?b", "noopener noreferrer nofollow", "_blank"]);
  expect(container.querySelector("img")).toBeNull();
});
