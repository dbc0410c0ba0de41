#!/usr/bin/env python3
"""The picture of docs/growth.md: dependence and contribution of one seed, from a line of `growth`.

picture.py FILE LABEL SEED > docs/pictures/dependence.svg
"""
import json
import sys

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 56, 150, 48, 48
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #222; }
  .title { font-weight: 600; font-size: 15px; }
  .grid { stroke: #ddd; } .zero { stroke: #888; }
  .dependence { stroke: #b35900; } .contribution { stroke: #0b62a4; }
  text.dependence { fill: #b35900; stroke: none; } text.contribution { fill: #0b62a4; stroke: none; }
  .band { fill: #0b62a4; fill-opacity: .18; stroke: none; }
  .event { stroke: #888; stroke-dasharray: 3 3; }
  polyline { fill: none; stroke-width: 2.2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd; } .grid { stroke: #444; } .zero { stroke: #999; }
    .dependence { stroke: #ffa94d; } .contribution { stroke: #74c0fc; }
    text.dependence { fill: #ffa94d; } text.contribution { fill: #74c0fc; } .band { fill: #74c0fc; }
  }
"""


def find(name, label, seed):
    with open(name, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("{"):
                run = json.loads(line)
                if run["label"] == label and run["seed"] == seed:
                    return run
    sys.exit(f"picture.py: {name} has no run {label} of seed {seed}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    run = find(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    slot = run["contribution"][0][1]
    end = next((c[0] for c in run["changes"] if c[1] == slot and c[2] in ("pruned", "fossilized")),
               len(run["validation"]))
    begin = next(c[0] for c in run["changes"] if c[1] == slot and c[2] == "blending")
    dependence = [(e, v) for e, s, v in run["dependence"] if s == slot and e <= end]
    judged = [(e, v, error) for e, s, v, error in run["contribution"] if s == slot and e <= end]
    sure = [row for row in judged if row[2] is not None]
    values = [v for _, v in dependence] + [v - 2 * e for _, v, e in sure] + [0]
    low, high = min(values) - 1, max([v for _, v in dependence] + [v + 2 * e for _, v, e in sure]) + 1
    step = 10 if high - low > 30 else 5
    first, last = begin, end

    def x(epoch):
        return LEFT + (epoch - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def points(pairs):
        return " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in pairs)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
           "<title>Dependence and contribution of one seed</title>", f"<style>{STYLE}</style>",
           f'<text class="title" x="{LEFT}" y="22">{sys.argv[2]}, seed {run["seed"]}: '
           "points of validation accuracy</text>"]
    tick = -(-low // step) * step
    while tick <= high:
        kind = "zero" if tick == 0 else "grid"
        out.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" '
                   f'y2="{y(tick):.1f}"/><text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" '
                   f'text-anchor="end">{f"{tick:+.0f}" if tick else "0"}</text>')
        tick += step
    for epoch in range(first, last + 1):
        if epoch % 5 == 0:
            out.append(f'<text x="{x(epoch):.1f}" y="{HEIGHT - BOTTOM + 20}" '
                       f'text-anchor="middle">{epoch}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" '
               'text-anchor="middle">epoch</text>')
    for epoch, _, stage, *_ in [c for c in run["changes"] if c[1] == slot]:
        if first < epoch <= last and stage in ("holding", "pruned", "fossilized"):
            out.append(f'<line class="event" x1="{x(epoch):.1f}" x2="{x(epoch):.1f}" y1="{TOP}" '
                       f'y2="{HEIGHT - BOTTOM}"/><text x="{x(epoch):.1f}" y="{TOP - 6}" '
                       f'text-anchor="middle">{stage}</text>')
    if sure:
        band = [(e, v + 2 * error) for e, v, error in sure]
        band += [(e, v - 2 * error) for e, v, error in reversed(sure)]
        out.append(f'<polygon class="band" points="{points(band)}"/>')
    out.append(f'<polyline class="dependence" points="{points(dependence)}"/>')
    out.append(f'<polyline class="contribution" points="{points([r[:2] for r in judged])}"/>')
    out.append(f'<text class="dependence" x="{WIDTH - RIGHT + 8}" '
               f'y="{y(dependence[-1][1]) + 4:.1f}">dependence</text>')
    out.append(f'<text class="contribution" x="{WIDTH - RIGHT + 8}" '
               f'y="{y(judged[-1][1]) + 4:.1f}">contribution</text>')
    out.append(f'<text class="contribution" x="{WIDTH - RIGHT + 8}" '
               f'y="{y(judged[-1][1]) + 20:.1f}">± 2 errors</text>')
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    main()
