"""The report's style sheet."""

STYLE = """
:root { color-scheme: light dark; --page: #fff; --panel: #f6f7f8; --rule: #e3e6ea; --text: #16181b; --muted: #5d6570;
  --c0: #1667c7; --c1: #b86a00; --c2: #1d8a5f; --c3: #8a4bb0; --c4: #6b7480; --c5: #b0416a; }
@media (prefers-color-scheme: dark) { :root { --page: #0e0f11; --panel: #16181b; --rule: #26292e; --text: #e7e9ec;
  --muted: #9aa1ab; --c0: #3b9eff; --c1: #e39a3b; --c2: #3fb98a; --c3: #b98be0; --c4: #9aa1ab; --c5: #e27a9f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px; font-variant-numeric: tabular-nums; }
h1 { font-size: 22px; font-weight: 600; margin: 0 0 4px; }
h2 { font-size: 17px; font-weight: 600; margin: 40px 0 4px; padding-top: 16px; border-top: 1px solid var(--rule); }
h3 { font-size: 14px; font-weight: 600; margin: 24px 0 8px; }
p { margin: 8px 0; max-width: 80ch; }
.muted, figcaption, small, dd { color: var(--muted); }
.wide { overflow-x: auto; margin-top: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { text-align: left; font-weight: 500; color: var(--muted); white-space: nowrap; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
td { white-space: nowrap; }
.n { text-align: right; }
small { display: block; font-size: 11px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; margin: 12px 0;
  font-size: 13px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px;
  background: var(--c); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 16px; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 12px; align-items: end; }
details { margin-top: 16px; } summary { cursor: pointer; color: var(--c0); }
figure { margin: 0; }
figcaption { font-size: 12px; }
.cases img { display: block; width: 100%; max-height: 220px; object-fit: contain; background: var(--panel); }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 10px; fill: var(--muted); }
.x { text-anchor: middle; } .y { text-anchor: end; }
.grid, .axis, .rule { stroke: var(--rule); fill: none; } .axis { stroke: var(--muted); }
.rule { stroke: var(--muted); stroke-dasharray: 3 3; }
.s0 { --c: var(--c0); } .s1 { --c: var(--c1); } .s2 { --c: var(--c2); }
.s3 { --c: var(--c3); } .s4 { --c: var(--c4); } .s5 { --c: var(--c5); }
.line { fill: none; stroke: var(--c); stroke-width: 1.5; }
.band, .area { fill: var(--c); fill-opacity: 0.18; } .area { stroke: var(--c); stroke-width: 1.5; }
.dot, .bar { fill: var(--c); } .whisker { stroke: var(--text); }
dt { font-weight: 500; } dd { margin: 0 0 8px; }
"""
