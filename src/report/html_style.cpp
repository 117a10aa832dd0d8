// The fixed text of report.html; see html_style.h.
#include "report/html_style.h"

namespace weft::report {
namespace {

constexpr std::string_view kStyle = R"css(:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #171a21; --soft: #565d6b; --rule: #e2e5eb;
  --grid: #eceef2; --c1: #2457d6; --c2: #c2410c; --level: #6b7280; --bad: #b42318;
  --bad-card: #fef3f2; --good: #1a7f4b; --code: #f3f4f7;
  --m1: #2457d6; --m2: #0f8b8d; --m3: #c2410c; --m4: #8a5cc9; --m5: #b58105; --m6: #64748b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1216; --card: #171b21; --ink: #e7eaf0; --soft: #9aa3b2; --rule: #2a3038;
    --grid: #282f38; --c1: #7aa2ff; --c2: #ff9d5c; --level: #8b94a3; --bad: #ff8a80;
    --bad-card: #2c1715; --good: #5fd39a; --code: #11151a;
    --m1: #7aa2ff; --m2: #4fc3c5; --m3: #ff9d5c; --m4: #b794f4; --m5: #e3b341; --m6: #8b98a9;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
main, header { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
.name { display: flex; align-items: center; gap: 12px; flex-wrap: wrap; }
.name svg { width: 30px; height: 30px; flex: none; }
h1 {
  font-size: 1.55rem; line-height: 1.2; margin: 0; letter-spacing: -0.015em;
  overflow-wrap: anywhere;
}
h2 { font-size: 1.05rem; margin: 0 0 14px; letter-spacing: -0.005em; }
h3 { font-size: 0.95rem; margin: 0; font-weight: 600; }
h3 small, .tile small { font-weight: 400; color: var(--soft); font-size: 0.8rem; }
.tile small { font-size: 0.75rem; }
.subtitle { color: var(--soft); margin: 6px 0 0; overflow-wrap: anywhere; }
.state {
  border: 1px solid currentColor; border-radius: 99px; padding: 1px 11px; font-size: 0.8rem;
  font-weight: 600;
}
.state.running { color: var(--c1); }
.state.finished { color: var(--good); }
.state.stopped { color: var(--c2); }
.state.diverged { color: var(--bad); }
section {
  background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 20px;
  margin: 16px 0;
}
.tiles {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 10px;
  margin: 20px 0 16px; padding: 0; list-style: none;
}
.tile {
  background: var(--card); border: 1px solid var(--rule); border-radius: 12px;
  padding: 12px 11px; min-width: 0;
}
.tile span { display: block; color: var(--soft); font-size: 0.82rem; }
.tile b {
  display: block; font-size: 1.35rem; line-height: 1.4; font-weight: 650;
  letter-spacing: -0.02em; font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
.tile.bad b { color: var(--bad); }
.alarm-box { background: var(--bad-card); border-color: var(--bad); }
.alarm-box h2 { color: var(--bad); }
ul.events { margin: 0; padding: 0; list-style: none; }
ul.events li { padding: 5px 0; border-top: 1px solid var(--rule); overflow-wrap: anywhere; }
ul.events li:first-child { border-top: 0; }
ul.events b { font-variant-numeric: tabular-nums; font-weight: 600; margin-right: 8px; }
figure { margin: 0; min-width: 0; }
figcaption {
  display: flex; flex-wrap: wrap; gap: 4px 18px; justify-content: space-between;
  margin-bottom: 10px;
}
.legend {
  display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0; padding: 0; list-style: none;
  color: var(--soft); font-size: 0.85rem;
}
.key {
  display: inline-block; width: 16px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle; background: currentColor;
}
.c1 { color: var(--c1); stroke: var(--c1); }
.c2 { color: var(--c2); stroke: var(--c2); }
.faint { opacity: 0.36; }
.plot { position: relative; height: 190px; margin: 8px 10px 26px 50px; touch-action: pan-y; }
.tall .plot { height: 340px; }
.plot svg {
  position: absolute; inset: 0; width: 100%; height: 100%; display: block; overflow: visible;
}
.plot path { fill: none; vector-effect: non-scaling-stroke; }
.grid { stroke: var(--grid); stroke-width: 1; }
.line { stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.line.faint { stroke-width: 1.2; }
.dots { stroke-width: 7; stroke-linecap: round; }
.level { stroke: var(--level); stroke-width: 1.2; stroke-dasharray: 5 4; }
.alarm { stroke: var(--bad); stroke-width: 1.6; }
.plot span {
  position: absolute; font-size: 0.78rem; line-height: 1; color: var(--soft);
  white-space: nowrap; font-variant-numeric: tabular-nums;
}
.plot .y { right: 100%; transform: translateY(-50%); padding-right: 8px; }
.plot .x { top: 100%; transform: translateX(-50%); padding-top: 8px; }
.plot .x-name { right: 100%; top: 100%; padding: 8px 8px 0 0; font-style: italic; }
.plot .level-name {
  right: 0; transform: translateY(-125%); color: var(--ink); background: var(--card);
  padding: 1px 4px; border-radius: 4px;
}
.cursor {
  position: absolute; top: 0; bottom: 0; width: 1px; background: var(--soft);
  pointer-events: none;
}
.tip {
  position: absolute; top: 4px; z-index: 2; background: var(--card);
  border: 1px solid var(--rule); border-radius: 8px; padding: 6px 10px; font-size: 0.8rem;
  pointer-events: none; max-width: 60%; box-shadow: 0 4px 14px rgb(0 0 0 / 0.14);
  font-variant-numeric: tabular-nums;
}
.tip i { font-style: normal; color: var(--soft); }
.tip div { display: flex; justify-content: space-between; gap: 14px; }
.caveat { margin: 4px 0 0; font-size: 0.85rem; color: var(--bad); }
.charts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr));
  gap: 22px 28px;
}
.split {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr));
  gap: 10px 36px; align-items: start;
}
.pair {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(380px, 100%), 1fr));
  gap: 16px; margin: 16px 0;
}
.pair section { margin: 0; }
.pair th { white-space: nowrap; width: 1%; }
.bar {
  display: flex; height: 22px; border-radius: 6px; overflow: hidden; background: var(--grid);
  margin-bottom: 14px; gap: 1px;
}
.bar i { display: block; min-width: 1px; }
.m1 { background: var(--m1); } .m2 { background: var(--m2); } .m3 { background: var(--m3); }
.m4 { background: var(--m4); } .m5 { background: var(--m5); } .m6 { background: var(--m6); }
.swatch {
  display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px;
}
table {
  border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.9rem;
}
th, td {
  padding: 5px 14px 5px 0; text-align: left; border-top: 1px solid var(--rule);
  vertical-align: top; font-weight: 400;
}
td { overflow-wrap: anywhere; }
tr:first-child > * { border-top: 0; }
thead th { font-weight: 600; color: var(--soft); font-size: 0.82rem; white-space: nowrap; }
tbody th { color: var(--soft); }
tfoot > tr > *, tfoot > tr:first-child > * {
  font-weight: 600; border-top: 1px solid var(--soft);
}
.number, .numbers td, .numbers th { text-align: right; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
.scroll { overflow: auto; max-height: 460px; }
.scroll:focus-visible, summary:focus-visible {
  outline: 2px solid var(--c1); outline-offset: 2px; border-radius: 6px;
}
caption { text-align: left; color: var(--soft); font-size: 0.85rem; padding-bottom: 6px; }
.compare { margin-top: 34px; }
.compare th { white-space: nowrap; width: 1%; }
.compare td:last-child { width: 1%; }
.compare i {
  display: block; height: 12px; margin-top: 5px; border-radius: 4px; background: var(--m6);
}
.compare tr:first-child i { background: var(--c1); }
.compare tr:first-child > * { font-weight: 600; color: var(--ink); }
pre {
  margin: 0; padding: 14px 16px; background: var(--code); border-radius: 8px;
  font: 0.84rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  tab-size: 4;
}
.samples { display: grid; gap: 16px; }
.sample p { margin: 0 0 4px; color: var(--soft); font-size: 0.82rem; }
.sample pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.sample pre b { font-weight: 650; color: var(--c1); }
details summary { cursor: pointer; color: var(--soft); font-size: 0.9rem; }
details[open] summary { margin-bottom: 10px; }
h2 + details summary { margin-top: -4px; }
details.more { margin-top: 14px; }
footer {
  max-width: 1080px; margin: 0 auto; padding: 4px 20px 40px; color: var(--soft);
  font-size: 0.82rem;
}
@media (max-width: 520px) {
  main, header { padding: 0 12px; }
  header { padding-top: 20px; }
  section { padding: 16px 14px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
  .tile { padding: 10px 12px; }
  .tile b { font-size: 1.25rem; }
  .tall .plot { height: 260px; }
  .plot { margin-left: 46px; }
}
@media print {
  body { background: none; }
  section, .tile { break-inside: avoid; }
  .scroll { max-height: none; }
}
)css";

constexpr std::string_view kScript = R"js('use strict';
const element = (parent, tag, css, text) => {
  const made = document.createElement(tag);
  made.className = css;
  made.textContent = text;
  return parent.appendChild(made);
};
const nearest = (xs, x) => {
  let low = 0, high = xs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle + 1; else high = middle;
  }
  return low > 0 && x - xs[low - 1] < xs[low] - x ? low - 1 : low;
};
for (const plot of document.querySelectorAll('.plot')) {
  const data = JSON.parse(plot.querySelector('script').textContent);
  const cursor = element(plot, 'div', 'cursor', ''), tip = element(plot, 'div', 'tip', '');
  cursor.hidden = tip.hidden = true;
  const show = event => {
    const box = plot.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const first = data.curves.find(curve => curve.x.length > 0);
    const step = first.x[nearest(first.x, data.low + share * (data.high - data.low))];
    const at = (step - data.low) / (data.high - data.low);
    tip.textContent = '';
    element(tip, 'b', '', 'step ' + step);
    for (const curve of data.curves) {
      if (curve.x.length === 0) continue;
      const i = nearest(curve.x, step);
      const row = element(tip, 'div', '', '');
      element(row, 'i', '', curve.name + (curve.x[i] === step ? '' : ' at ' + curve.x[i]));
      element(row, 'b', '', curve.y[i]);
    }
    cursor.hidden = tip.hidden = false;
    cursor.style.left = 100 * at + '%';
    tip.style.left = at < 0.5 ? 'calc(' + 100 * at + '% + 10px)' : 'auto';
    tip.style.right = at < 0.5 ? 'auto' : 'calc(' + 100 * (1 - at) + '% + 10px)';
  };
  plot.addEventListener('pointermove', show);
  plot.addEventListener('pointerdown', show);
  plot.addEventListener('pointerleave', () => { cursor.hidden = tip.hidden = true; });
}
)js";

constexpr std::string_view kMark =
    R"svg(<svg viewBox="0 0 32 32" aria-hidden="true"><g fill="none" stroke-width="4" stroke-linecap="round">
<path stroke="var(--m6)" d="M8 4v24M16 4v3M16 14v4M16 25v3M24 4v24"/>
<path stroke="var(--c1)" d="M4 10.5h1M12 10.5h8M27 10.5h1M4 21.5h1M12 21.5h8M27 21.5h1M4 16h8M20 16h8"/>
</g></svg>
)svg";

}  // namespace

std::string_view page_style() {
  return kStyle;
}

std::string_view page_script() {
  return kScript;
}

std::string_view page_script_hash() {
  return "sha256-awAp/307r8ecjPTaYSl1CSV+anEE6wJJA8uaKg0jBFE=";
}

std::string_view page_mark() {
  return kMark;
}

}  // namespace weft::report
