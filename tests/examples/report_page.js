// Runs the script of a report's page with just enough of a document, and checks what it draws: that
// letters are readable and inside the page at a width, and that a series of one is drawn. Beside the
// run's own data it draws data made here, of every kind that a report has.
"use strict";
const {readFileSync} = require("node:fs");
const [, , file, width] = process.argv;
const source = readFileSync(file, "utf8");
const [, text] = source.match(/<script type="application\/json" id="data">([^]*?)<\/script>/);
const script = source.match(/<script>([^]*?)<\/script>/)[1];
const failures = [];
const check = (holds, what) => { if (!holds) failures.push(what); };

class Element {
  constructor(tag) {
    this.tag = tag; this.children = []; this.attributes = {}; this.style = {}; this.text = "";
  }
  get textContent() { return this.text; }
  set textContent(text) { this.text = String(text); }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  addEventListener(name, listener) { this["on" + name] = listener; }
  getBoundingClientRect() { return {left: 0, width: 1}; }
  get offsetWidth() { return 300; }
  get offsetHeight() { return 80; }
  * all() { yield this; for (const child of this.children) if (child.all) yield* child.all(); }
}

// The body has 12 pixels on either side on a phone, 20 on a desk.
const room = width < 600 ? width - 24 : Math.min(width, 1020) - 40;

function draw(data) {
  const page = new Element("main"), tip = new Element("div"), holder = new Element("script");
  page.clientWidth = room;
  holder.textContent = data;
  const document = {
    getElementById: (id) => ({page, tip, data: holder})[id],
    createElement: (tag) => new Element(tag), createElementNS: (space, tag) => new Element(tag)};
  new Function("document", "addEventListener", "innerWidth", "innerHeight", script)(
    document, () => {}, width, 800);
  return {page, tip};
}

function check_page({page, tip}, name) {
  for (const picture of [...page.all()].filter((each) => each.tag === "svg")) {
    const [, , wide, high] = picture.attributes.viewBox.split(" ").map(Number);
    check(wide <= room, `${name}: a chart of ${wide} pixels is made smaller to fit into ${room}`);
    for (const each of picture.all()) {
      if (each.tag === "text") {
        // A letter of 12 pixels is 6.7 wide on average in the fonts that are asked for.
        const extent = 6.7 * each.textContent.length;
        const anchor = each.attributes["text-anchor"];
        const left = each.attributes.x - extent * ({end: 1, middle: 0.5}[anchor] ?? 0);
        check(left >= -8 && left + extent <= wide + 8,
          `${name}: "${each.textContent}" reaches from ${left} to ${left + extent} of ${wide}`);
        check(each.attributes.y <= high, `${name}: "${each.textContent}" is below its chart`);
      }
      for (const [key, value] of Object.entries(each.attributes)) {
        check(!/NaN|undefined|Infinity/.test(value), `${name}: ${each.tag} has ${key}="${value}"`);
      }
      if (each.onpointermove) {
        for (const clientX of [0, 0.5, 1]) each.onpointermove({clientX, clientY: 0});
        check(tip.children.length > 1, `${name}: a chart tells nothing when it is touched`);
      }
    }
  }
  return [...page.all()];
}

const of = (elements, tag) => elements.filter((each) => each.tag === tag);
const once = check_page(draw(text), "a run of one epoch");
check(of(once, "circle").length >= 2, "a series of one accuracy is not drawn");

const epochs = 60;
const made = {
  title: "a title of many words that goes on and on, <!--<script>", subtitle: "s",
  tiles: [["62.31 %", "grown, on 1017 test images"]],
  host: Array.from({length: epochs}, (_, i) => 20 + 0.9 * i),
  grown: Array.from({length: epochs}, (_, i) => 20 + i),
  slots: [{name: "r0c0", epochs: Array.from({length: epochs}, (_, i) => ({
    stage: i < 5 ? "dormant" : i < 20 ? "training" : i < 40 ? "blending" : "fossilized",
    alpha: i < 5 ? null : 0.5, gradient_ratio: i === 9 ? 0.75 : null,
    readiness: i === 12 ? -0.25 : null, readiness_error: i === 12 ? 0.75 : null,
    dependence: i > 30 ? 12.5 : null, dependence_error: 1.75,
    contribution: i === 40 ? 1.5 : null, contribution_error: null, interaction: -0.5,
    verdict: "G3 refused: something 0.1 (bound 0.2)"}))}],
  events: [{epoch: 5, slot: "r0c0", text: "it germinated"}]};
const drawn = draw(JSON.stringify(made));
const full = check_page(drawn, "a run of every kind");
check(of(full, "svg").length === 6, "not every series has its chart");
const colour = "var(--training)";
check(of(full, "circle").some((each) => each.attributes.fill === colour),
  "a single gradient ratio is not drawn");
const readiness = of(full, "svg").find((each) =>
  each.attributes["aria-label"] === "readiness of r0c0");
check(of([...readiness.all()], "line").some((each) => each.attributes.stroke === "var(--grown)" &&
  each.attributes.y1 - each.attributes.y2 > 1), "the error of a readiness has no bar");
full.filter((each) => each.onpointermove).at(-1).onpointermove(
  {clientX: 12.5 / epochs, clientY: 0});
check(drawn.tip.children.some((each) => each.text === "readiness -0.25 ± 0.75 points"),
  "a readiness is not told with its error");
made.grown = []; made.slots = []; made.events = [];
check_page(draw(JSON.stringify(made)), "a run that was not finished");

if (failures.length > 0) {
  console.error(`${width} pixels:\n` + [...new Set(failures)].join("\n"));
  process.exit(1);
}
