// The page of a report: HTML, style and drawing code in one file, with a place for the data.
#pragma once

#include <string_view>

namespace kasmina::examples {

/// Everything before the data (a JSON object without "<") and everything after it. The page needs
/// no network. Charts are as wide as the page and are drawn again when that changes, so that
/// letters have one size on a desk and on a phone. Colours are Okabe and Ito's, told apart by
/// colour-blind readers.
inline constexpr std::string_view report_page_head = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A network that grew</title>
<style>
:root {
  --ground: #ffffff; --panel: #f6f7f9; --ink: #1c2330; --soft: #5b6576; --line: #d7dce3;
  --host: #5b6576; --grown: #d55e00;
  --germinated: #f0e442; --training: #56b4e9; --blending: #e69f00; --holding: #cc79a7;
  --fossilized: #009e73; --cooling: #b8bec8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14181f; --panel: #1d232d; --ink: #e8ebf0; --soft: #a3adbd; --line: #39424f;
    --host: #a3adbd; --grown: #ff8c42;
    --germinated: #b5ab2f; --training: #3b89b8; --blending: #b97f00; --holding: #a85d86;
    --fossilized: #009e73; --cooling: #59616e;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1020px; padding: 28px 20px 60px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 2px; }
h1, p, td, .tile { overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 34px 0 2px; }
p { margin: 0 0 8px; color: var(--soft); max-width: 76ch; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px;
  margin: 18px 0 8px; }
.tile { background: var(--panel); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 24px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 6px 0 2px; font-size: 13px;
  color: var(--soft); }
.legend i { display: inline-block; width: 16px; height: 10px; border-radius: 2px;
  margin-right: 6px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--soft); }
svg .band { fill: #14181f; font-weight: 600; paint-order: stroke; stroke-width: 4px;
  stroke-linejoin: round; }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 6px; }
th, td { text-align: left; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
td:first-child, td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
#tip { position: fixed; display: none; pointer-events: none; background: var(--ground);
  color: var(--ink); border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px;
  font-size: 13px; max-width: min(360px, 100vw - 16px); box-shadow: 0 4px 16px rgb(0 0 0 / 25%); z-index: 2; }
#tip b { display: block; }
p.caption { margin: 10px 0 0; font-size: 13px; }
@media (max-width: 600px) {
  body { padding: 16px 12px 40px; }
  h1 { font-size: 21px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile { padding: 8px 10px; }
  .tile b { font-size: 19px; }
  th, td { padding-right: 8px; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  #tip { display: none !important; }
  section, svg, table { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
</style>
</head>
<body>
<noscript><p>This page draws itself with JavaScript, which is off here.</p></noscript>
<main id="page"></main>
<div id="tip" role="tooltip"></div>
<script type="application/json" id="data">)html";

inline constexpr std::string_view report_page_tail = R"html(</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const page = document.getElementById("page");
const epochs = Math.max(1, data.host.length, data.grown.length);
const left = 52;
let width = 980, right = 90;  // of a chart, in pixels of the page
const narrow = () => width < 600;
const x = (epoch) => left + (epoch - 0.5) * (width - left - right) / epochs;
const edge = (epoch) => left + epoch * (width - left - right) / epochs;
const points = (value) => (value > 0 ? "+" : "") + value.toFixed(2);
const percent = (value) => value == null ? "not measured" : value.toFixed(2) + " %";

function html(tag, parent, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text != null) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}
function svg(tag, parent, attributes = {}, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text != null) made.textContent = text;
  parent.append(made);
  return made;
}
function section(title, text) {
  const made = html("section", page);
  html("h2", made, title);
  if (text) html("p", made, text);
  return made;
}
function caption(parent, text) { html("p", parent, text, {class: "caption"}); }
function legend(parent, entries) {
  const made = html("div", parent, null, {class: "legend"});
  for (const [name, colour] of entries) {
    const entry = html("span", made);
    html("i", entry, null, {style: `background:${colour}`});
    entry.append(name);
  }
}
function chart(parent, height, label) {
  return svg("svg", parent, {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label});
}
function ticks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw / 1.5);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1e-9; at += step) found.push(at);
  return found;
}
/// Axes with room for `values`; returns the vertical scale.
function axes(picture, top, height, values, unit, count = 4) {
  const measured = values.filter((each) => each != null);
  let low = Math.min(...measured), high = Math.max(...measured);
  if (measured.length === 0) { low = 0; high = 1; }
  if (high - low < 1e-9) { low -= 1; high += 1; }
  const margin = 0.06 * (high - low);
  low -= margin; high += margin;
  const y = (value) => top + height * (high - value) / (high - low);
  for (const at of ticks(low, high, count)) {
    svg("line", picture, {x1: left, x2: width - right, y1: y(at), y2: y(at),
      stroke: "var(--line)"});
    svg("text", picture, {x: left - 8, y: y(at) + 4, "text-anchor": "end"},
      +at.toFixed(6) + unit);
  }
  return y;
}
function epoch_axis(picture, y) {
  svg("text", picture, {x: left - 8, y: y + 16, "text-anchor": "end"}, "epoch");
  for (const at of ticks(1, epochs, Math.max(2, Math.min(10, (width - left - right) / 60)))) {
    if (Number.isInteger(at) && at >= 1) {
      svg("text", picture, {x: x(at), y: y + 16, "text-anchor": "middle"}, at);
    }
  }
}
/// A line through what was measured, and a dot where a measurement has no neighbour.
function curve(picture, values, y, colour, dashes = "") {
  let path = "", pen = "M";
  values.forEach((value, i) => {
    if (value == null) { pen = "M"; return; }
    path += `${pen}${x(i + 1).toFixed(1)},${y(value).toFixed(1)}`;
    pen = "L";
    if (values[i - 1] == null && values[i + 1] == null) {
      svg("circle", picture, {cx: x(i + 1), cy: y(value), r: 4, fill: colour});
    }
  });
  svg("path", picture, {d: path, fill: "none", stroke: colour, "stroke-width": 2,
    "stroke-dasharray": dashes, "stroke-linejoin": "round"});
}
function hover(picture, height, describe) {
  const tip = document.getElementById("tip");
  const mark = svg("line", picture, {y1: 0, y2: height, stroke: "var(--soft)", opacity: 0});
  const area = svg("rect", picture, {x: left, y: 0, width: width - left - right, height,
    fill: "transparent", style: "touch-action: pan-y"});
  area.addEventListener("pointermove", (event) => {
    const box = area.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const epoch = Math.min(epochs, Math.max(1, Math.ceil(share * epochs)));
    mark.setAttribute("x1", x(epoch)); mark.setAttribute("x2", x(epoch));
    mark.setAttribute("opacity", 0.7);
    tip.replaceChildren();
    html("b", tip, `epoch ${epoch}`);
    for (const line of describe(epoch)) html("div", tip, line);
    tip.style.display = "block";
    const beside = (at, size, room) => Math.max(8, Math.min(at + 16, room - size - 8)) + "px";
    tip.style.left = beside(event.clientX, tip.offsetWidth, innerWidth);
    tip.style.top = beside(event.clientY, tip.offsetHeight, innerHeight);
  });
  area.addEventListener("pointerleave", () => {
    tip.style.display = "none"; mark.setAttribute("opacity", 0);
  });
}

function draw_head() {
  html("h1", page, data.title);
  html("p", page, data.subtitle);
  const tiles = html("div", page, null, {class: "tiles"});
  for (const [value, label] of data.tiles) {
    const tile = html("div", tiles, null, {class: "tile"});
    html("b", tile, value);
    html("span", tile, label);
  }
}

function draw_accuracies() {
  const part = section("Accuracy on validation images",
    "Both networks start alike, see the same batches and have the same budget.");
  legend(part, [["grown", "var(--grown)"], ["host alone", "var(--host)"]]);
  const picture = chart(part, 300, "validation accuracy of both networks by epoch");
  const y = axes(picture, 8, 262, data.host.concat(data.grown), " %");
  epoch_axis(picture, 274);
  curve(picture, data.host, y, "var(--host)", "6 4");
  curve(picture, data.grown, y, "var(--grown)");
  const ends = [["grown", data.grown], ["host alone", data.host]]
    .filter(([, values]) => values.at(-1) != null)
    .map(([name, values]) => ({name, at: y(values.at(-1))}))
    .sort((a, b) => a.at - b.at);
  if (ends.length === 2 && ends[1].at - ends[0].at < 15) {
    const middle = (ends[0].at + ends[1].at) / 2;
    ends[0].at = middle - 7.5; ends[1].at = middle + 7.5;
  }
  for (const end of narrow() ? [] : ends) {
    svg("text", picture, {x: width - right + 6, y: end.at + 4}, end.name);
  }
  hover(picture, 274, (epoch) => [`grown ${percent(data.grown[epoch - 1])}`,
    `host alone ${percent(data.host[epoch - 1])}`]);
}

const colour_of = {germinated: "var(--germinated)", training: "var(--training)",
  blending: "var(--blending)", holding: "var(--holding)", fossilized: "var(--fossilized)",
  pruned: "var(--cooling)", embargoed: "var(--cooling)", resetting: "var(--cooling)"};
const kinds = [
  ["contribution", "Contribution: points over a network that trained without the seed"],
  ["dependence", "Dependence, which is not help: points lost with the seed's alpha at 0"],
  ["readiness", "Readiness: points that the seed in training would change at its target"]];

function draw_slot(slot) {
  const at = (epoch) => slot.epochs[epoch - 1] ?? {};
  const measured = kinds.filter(([name]) => slot.epochs.some((each) => each[name] != null));
  const tell = (epoch) => {
    const seen = at(epoch);
    const lines = [(seen.stage ?? "not measured") +
      (seen.alpha == null ? "" : `, alpha ${seen.alpha.toFixed(3)}`)];
    if (seen.gradient_ratio != null) lines.push(`gradient ratio ${seen.gradient_ratio.toFixed(3)}`);
    for (const [name] of measured) {
      if (seen[name] == null) continue;
      const error = seen[name + "_error"];
      lines.push(`${name} ${points(seen[name])}` +
        (error == null ? " points" : ` ± ${error.toFixed(2)} points`));
    }
    if (seen.interaction != null) {
      lines.push(`interaction with the other seeds ${points(seen.interaction)} points`);
    }
    if (seen.verdict) lines.push(seen.verdict);
    return lines;
  };
  const part = section(`Slot ${slot.name}`,
    "The band is the stage of its seed; the line in it is alpha, from 0 at the bottom to 1.");
  legend(part, ["germinated", "training", "blending", "holding", "fossilized"]
    .map((stage) => [stage, colour_of[stage]]).concat([["cooling down", "var(--cooling)"]]));
  draw_stages(part, slot, at, tell);
  for (const [name, title] of measured) draw_effect(part, slot, name, title, tell);
  const ratios = slot.epochs.map((each) => each.gradient_ratio);
  if (ratios.some((each) => each != null)) {
    caption(part, "Gradient ratio: the seed's gradient next to the host's");
    const picture = chart(part, 118, `gradient ratio of ${slot.name}`);
    curve(picture, ratios, axes(picture, 8, 82, ratios.concat([0]), "", 2), "var(--training)");
    epoch_axis(picture, 94);
    hover(picture, 94, tell);
  }
}

function draw_stages(part, slot, at, tell) {
  const picture = chart(part, 98, `stages and alpha of ${slot.name}`);
  const labels = [];
  for (let first = 1; first <= epochs;) {
    const stage = at(first).stage;
    let last = first;
    while (last < epochs && at(last + 1).stage === stage) ++last;
    if (colour_of[stage]) {
      svg("rect", picture, {x: edge(first - 1), y: 8, width: edge(last) - edge(first - 1),
        height: 62, fill: colour_of[stage]});
      if (edge(last) - edge(first - 1) > 8 * stage.length) {
        labels.push([{x: (edge(first - 1) + edge(last)) / 2, y: 44, class: "band",
          stroke: colour_of[stage], "text-anchor": "middle"}, stage]);
      }
    }
    first = last + 1;
  }
  svg("rect", picture, {x: left, y: 8, width: width - left - right, height: 62, fill: "none",
    stroke: "var(--line)"});
  svg("text", picture, {x: left - 8, y: 18, "text-anchor": "end"}, "alpha 1");
  svg("text", picture, {x: left - 8, y: 70, "text-anchor": "end"}, "0");
  curve(picture, slot.epochs.map((each) => each.alpha), (alpha) => 70 - 62 * alpha,
    "var(--ink)");
  for (const [attributes, stage] of labels) svg("text", picture, attributes, stage);
  epoch_axis(picture, 74);
  hover(picture, 74, tell);
}

function draw_effect(part, slot, name, title, tell) {
  caption(part, title + " (bars: standard error)");
  const picture = chart(part, 148, `${name} of ${slot.name}`);
  const error = (each) => each[name + "_error"] ?? 0;
  const spans = slot.epochs.filter((each) => each[name] != null)
    .flatMap((each) => [each[name] - error(each), each[name] + error(each)]);
  const y = axes(picture, 8, 112, spans.concat([0]), "", 3);
  slot.epochs.forEach((each, i) => {
    if (each[name] == null) return;
    svg("line", picture, {x1: x(i + 1), x2: x(i + 1), y1: y(each[name] - error(each)),
      y2: y(each[name] + error(each)), stroke: "var(--grown)", "stroke-width": 2});
    svg("circle", picture, {cx: x(i + 1), cy: y(each[name]), r: narrow() ? 3 : 4,
      fill: "var(--grown)"});
  });
  epoch_axis(picture, 124);
  hover(picture, 124, tell);
}

function draw_events() {
  const part = section("What happened");
  if (data.events.length === 0) { html("p", part, "No seed germinated."); return; }
  const table = html("table", part);
  const head = html("tr", html("thead", table));
  for (const name of ["epoch", "slot", "event"]) html("th", head, name);
  const body = html("tbody", table);
  for (const event of data.events) {
    const row = html("tr", body);
    for (const value of [event.epoch, event.slot, event.text]) html("td", row, value);
  }
}

function draw() {
  width = Math.max(260, Math.min(980, page.clientWidth));
  right = narrow() ? 10 : 90;
  page.replaceChildren();
  draw_head();
  draw_accuracies();
  for (const slot of data.slots) draw_slot(slot);
  draw_events();
}
document.title = data.title;
draw();
addEventListener("resize", () => {
  if (Math.max(260, Math.min(980, page.clientWidth)) !== width) draw();
});
</script>
</body>
</html>
)html";

}  // namespace kasmina::examples
