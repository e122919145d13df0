  // Plots with one line per variant: differences from a baseline, and metrics without an L0.
  // `write.py` puts it into page.js, whose functions and content it uses.

  // The frame of a forest plot: one line per variant, names on the left, numbers on the right.
  function lined(count, low, high, label, wanted) {
    const left = 0.27 * W, right = (NARROW.matches ? 0.72 : 0.8) * W, step = 22, top = 8, bottom = top + step * count;
    const x = (value) => left + (right - left) * (clamp(Math.min(high, value), low) - low) / (high - low), y = (index) => top + step * (index + 0.5);
    const svg = make("svg", { viewBox: `0 0 ${W} ${bottom + 44}`, role: "img", "aria-label": label });
    const marks = wanted.map((some) => ticks(low, high, some)).find((one, n, all) => one.found.length > 2 || n === all.length - 1);
    for (const value of marks.found) {
      svg.append(make("line", { class: "grid", x1: x(value), x2: x(value), y1: top, y2: bottom }), make("text", { class: "label", x: x(value), y: bottom + 16, "text-anchor": "middle" }, (Math.abs(value) < 1e-9 * high ? 0 : value).toFixed(marks.digits)));
    }
    svg.append(make("text", { class: "label", x: W / 2, y: bottom + 36, "text-anchor": "middle" }, label));
    return { svg, x, y, left, right, top, bottom };
  }

  function effects(found) {
    const word = $("filter").value.trim().toLowerCase(), lines = found.lines.filter((line) => !word || line.variant.toLowerCase().includes(word));
    const figure = make("figure", { id: "effects" }, make("figcaption", {}, found.title));
    if (!lines.length) return figure;
    const limit = effectLimit(found), frame = lined(lines.length, -limit, limit, NARROW.matches ? "difference, 95 % interval" : found.axis, NARROW.matches ? [3, 4] : [4]);
    const { svg, x, top, bottom } = frame;
    svg.prepend(make("path", { class: "band", d: `M${x(-found.margin)},${top}H${x(found.margin)}V${bottom}H${x(-found.margin)}z` }));
    svg.append(make("line", { class: "zero", x1: x(0), x2: x(0), y1: top, y2: bottom }));
    if (found.noise_floor !== null && found.noise_floor < limit) {
      for (const edge of [-found.noise_floor, found.noise_floor]) svg.append(make("line", { class: "front", x1: x(edge), x2: x(edge), y1: top, y2: bottom }));
    }
    lines.forEach((line, index) => svg.append(effect(line, found, frame.y(index), { ...frame, limit })));
    const floor = found.noise_floor === null ? "" : " Dotted: noise floor.", more = found.left_out ? ` Not drawn: ${found.left_out} more.` : "";
    figure.append(svg, make("p", { class: "note" }, `Filled: better or worse. Band: margin of ±${found.margin}.${floor}${more}`));
    return figure;
  }

  // A metric of a sandbox that has no L0: one line per row, best first, mean and spread over seeds.
  function strip(panel) {
    const sign = panel.better === "lower" ? 1 : -1, mean = (row) => row.metrics[panel.key].mean;
    const rows = shownRows().filter((row) => row.metrics[panel.key]).sort((a, b) => sign * (mean(a) - mean(b)) || (a.label < b.label ? -1 : 1));
    const figure = make("figure", { class: "strip" }, make("figcaption", {}, panel.title));
    if (!rows.length) { figure.append(make("p", { class: "note" }, "not measured")); return figure; }
    const [low, high] = limits(rows.flatMap((row) => reach(row.metrics[panel.key])), 2 * 10 ** -panel.digits);
    const frame = lined(rows.length, low, high, panel.y, NARROW.matches ? [3, 4] : [5]);
    rows.forEach((row, index) => {
      const spread = row.metrics[panel.key], y = frame.y(index), group = make("g", { class: `effect ${row.kind}`, variant: row.variant, "data-label": row.label });
      const numbers = `${format(spread.mean, panel.digits)}${spread.sd ? ` ±${format(spread.sd, panel.digits)}` : ""}`;
      group.append(make("text", { class: "label", x: frame.left - 8, y: y + 4, "text-anchor": "end" }, shortened(row.label)));
      if (spread.sd) group.append(make("line", { class: "interval", x1: frame.x(spread.mean - spread.sd), x2: frame.x(spread.mean + spread.sd), y1: y, y2: y }));
      group.append(make("path", { class: row.stale ? "point open" : "point", d: SHAPES[row.kind](frame.x(spread.mean), y) }), make("text", { class: "label", x: frame.right + 8, y: y + 4 }, numbers));
      group.append(hit(row, y, `${row.label}\n${panel.title} ${numbers}\n${seedsOf(row.seeds.length)}`, () => light(row)));
      frame.svg.append(group);
    });
    figure.append(frame.svg, ...(panel.note ? [make("p", { class: "note" }, panel.note)] : []));
    return figure;
  }

  const seedsOf = (count) => `${count} seed${count > 1 ? "s" : ""}`;

  // The largest difference on either side of 0; what is beyond ends in an arrow (effects.py).
  function effectLimit(found) {
    const sizes = found.lines.map((line) => Math.abs(line.mean)).sort((a, b) => a - b), middle = sizes[Math.floor(sizes.length / 2)];
    const most = Math.max(5 * middle, 2 * found.margin, found.noise_floor || 0);
    const ends = found.lines.flatMap((line) => [line.low, line.high]).filter((end) => end !== null).map(Math.abs).filter((end) => end <= 2 * most);
    return 1.08 * Math.max(...sizes.filter((size) => size <= most), ...ends, 2 * found.margin);
  }

  function shortened(name) {
    const most = NARROW.matches ? 13 : 18, half = Math.floor(most / 2);
    return name.length <= most ? name : `${name.slice(0, half)}…${name.slice(1 - half)}`;
  }

  // The whole line of a forest plot reacts to pointer and keys. row: undefined if the table has none.
  function hit(row, y, said, lit) {
    return make("path", {
      class: "hit", d: `M0,${y - 11}H${W}V${y + 11}H0z`, tabindex: 0, role: "button", "aria-label": said.replaceAll("\n", ", "),
      onmouseenter: (event) => { lit(); tip(said, event.clientX, event.clientY); }, onmouseleave: () => { light(null); tip(null); },
      onfocus: (event) => { const box = event.target.getBoundingClientRect(); lit(); tip(said, box.left + 40, box.bottom); }, onblur: () => { light(null); tip(null); },
      onclick: () => { if (row) choose(row); }, onkeydown: (event) => { if (row && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); choose(row); } },
    });
  }

  function effect(line, found, y, at) {
    const group = make("g", { class: `effect ${line.kind}`, variant: line.variant, "data-variant": line.variant }), low = line.low ?? line.mean, high = line.high ?? line.mean;
    const numbers = `${signed(line.mean, found.digits)}${line.low === null ? "" : ` [${signed(line.low, found.digits)}, ${signed(line.high, found.digits)}]`}`;
    group.append(make("text", { class: "label", x: at.left - 8, y: y + 4, "text-anchor": "end" }, shortened(line.variant)));
    if (at.x(high) > at.x(low)) group.append(make("line", { class: "interval", x1: at.x(low), x2: at.x(high), y1: y, y2: y }));
    if (low < -at.limit) group.append(make("path", { class: "end", d: `M${at.left},${y}l7,-4v8z` }));
    if (high > at.limit) group.append(make("path", { class: "end", d: `M${at.right},${y}l-7,-4v8z` }));
    const filled = /^(better|worse)/.test(line.verdict);
    if (Math.abs(line.mean) <= at.limit) group.append(make("path", { class: filled ? "point" : "point open", d: SHAPES[line.kind](at.x(line.mean), y) }));
    group.append(make("text", { class: "label", x: at.right + 8, y: y + 4 }, line.verdict.split(" with ")[0]));
    const row = content.rows.find((one) => one.variant === line.variant && !one.stale) || content.rows.find((one) => one.variant === line.variant);
    group.append(hit(row, y, `${line.variant}\n${numbers}, ${seedsOf(line.seeds)}\n${line.verdict}`, () => lightVariant(line.variant)));
    return group;
  }

  const signed = (value, digits) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
