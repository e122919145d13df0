"use strict";
// Draws the given content and makes no requests. Untrusted text is inserted as text, never as HTML.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const NARROW = matchMedia("(max-width: 600px)"), PAD = { left: 58, right: 14, top: 12, bottom: 44 };
  const $ = (id) => document.getElementById(id);
  let W = 560, H = 360;  // Size of a plot, in units of about one pixel.
  let content = null, order = null, chosen = null;

  function make(tag, attributes = {}, ...children) {
    const svg = ["svg", "g", "path", "line", "text", "title"].includes(tag);
    const node = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "variant") tint(node, content.colours[value]);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  // Every variant has a color of its own, which the style sheet adapts to a dark page.
  function tint(node, colour) {
    node.classList.add("tinted");
    node.style.setProperty("--own", colour);
  }

  const SHAPES = {
    custom: (x, y) => `M${x - 4.5},${y}a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0`,
    baseline: (x, y) => `M${x - 4},${y - 4}h8v8h-8z`,
    control: (x, y) => `M${x},${y - 6}l6,6l-6,6l-6,-6z`,
  };
  const KINDS = { custom: "variant", baseline: "baseline (packaged)", control: "control (untrained)" };

  function key() {
    const there = Object.keys(KINDS).filter((kind) => content.rows.some((row) => row.kind === kind));
    return there.map((kind) => make("span", { class: kind }, make("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, make("path", { d: SHAPES[kind](7, 7) })), KINDS[kind]));
  }

  const format = (value, digits) => value === null || value === undefined ? "–" : value.toFixed(digits);

  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough);
    const found = [];
    for (let at = Math.ceil(low / step) * step; at <= high + 1e-12; at += step) found.push(at);
    const size = Math.floor(Math.log10(step) + 1e-9), halves = Math.abs(step / 10 ** size - 2.5) < 1e-6;
    return { found, digits: Math.max(0, -size) + (halves && size < 1 ? 1 : 0) };
  }

  function logTicks(low, high) {
    const decades = Array.from({ length: 13 }, (_, n) => 10 ** (n - 7)), within = (steps) => decades.flatMap((ten) => steps.map((n) => +(n * ten).toPrecision(2))).filter((at) => at >= low && at <= high);
    // A narrow range gets finer steps, so that the axis has at least four ticks.
    const coarse = [[1], [1, 3], [1, 2, 3, 5], [1, 1.5, 2, 3, 4, 5, 6, 8]].map(within);
    return coarse.find((found) => found.length >= 4) || coarse[3];
  }

  // The rows that plots and table show. Tries made while searching for an L0 are hidden by default.
  function shownRows() {
    const word = $("filter").value.trim().toLowerCase(), minor = $("minor").checked;
    return content.rows.filter((row) => (minor || !row.minor) && (!word || row.label.toLowerCase().includes(word)));
  }

  // A row's x value, and whether it can be shown in a panel: a log scale cannot show 0.
  const across = (row) => row.metrics[content.x.key].mean;
  const isShown = (row, panel) => Boolean(row.metrics[panel.key] && row.metrics[content.x.key] && across(row) > 0)
    && (panel.scale !== "log" || row.metrics[panel.key].mean > 0);

  function limits(values, floor) {
    const low = Math.min(...values), high = Math.max(...values), margin = Math.max(0.06 * (high - low), (floor - high + low) / 2);
    return [low - margin, high + margin];
  }

  function plot(panel) {
    const rows = shownRows().filter((row) => isShown(row, panel)), isLog = panel.scale === "log";
    const figure = make("figure", {}, make("figcaption", {}, panel.title));
    if (!rows.length) { figure.append(make("p", { class: "note" }, "not measured")); return figure; }
    const places = rows.map(across), scaled = isLog ? Math.log : (value) => value;
    const [left, right] = [Math.min(...places) / 1.15, Math.max(...places) * 1.15];
    const [bottom, top] = isLog ? logLimits(rows.map((row) => row.metrics[panel.key].mean)) : limits(heights(rows, panel), 0.01);
    const x = (value) => PAD.left + (W - PAD.left - PAD.right) * Math.log(value / left) / Math.log(right / left);
    const y = (value) => H - PAD.bottom - (H - PAD.bottom - PAD.top) * (scaled(clamp(value, isLog ? bottom : value)) - scaled(bottom)) / (scaled(top) - scaled(bottom));
    const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${panel.title}: ${content.x.name} against ${panel.y}` });
    axes(svg, panel, { left, right, bottom, top, x, y, isLog });
    if (panel.reference !== null && panel.reference <= top && panel.reference >= bottom) {
      svg.append(make("line", { class: "reference", x1: PAD.left, x2: W - PAD.right, y1: y(panel.reference), y2: y(panel.reference) }));
    }
    if (panel.better !== "neither") drawFront(svg, rows, panel, x, y);
    for (const [variant, some] of grouped(rows)) {
      const whole = some.filter((row) => !row.minor).sort((a, b) => across(a) - across(b));
      const path = whole.map((row) => `${x(across(row))},${y(clamp(row.metrics[panel.key].mean, bottom))}`);
      if (whole.length > 1) svg.append(make("path", { class: `series ${some[0].kind}`, variant, "data-variant": variant, d: `M${path.join("L")}` }));
    }
    for (const row of rows) svg.append(mark(row, panel, x, y, bottom));
    figure.append(svg, ...(panel.note ? [make("p", { class: "note" }, panel.note)] : []));
    return figure;
  }

  function logLimits(values) {
    const low = Math.min(...values), high = Math.max(...values), margin = Math.max(high / low, 1.1) ** 0.08;
    return [low / margin, high * margin];
  }

  // The axis includes the control unless it is far below all others; then it is drawn at the edge.
  function heights(rows, panel) {
    const of = (some) => some.flatMap((row) => reach(row.metrics[panel.key]));
    const all = of(rows), competing = of(rows.filter((row) => row.kind !== "control"));
    if (!competing.length) return all;
    const high = Math.max(...competing), width = high - Math.min(...competing);
    return high - Math.min(...all) <= panel.floor * width ? all : competing;
  }

  const reach = (spread) => [spread.mean - (spread.sd || 0), spread.mean + (spread.sd || 0)];
  const clamp = (value, bottom) => Math.max(value, bottom);
  function grouped(rows) {
    const found = new Map();
    for (const row of rows) found.set(row.variant, [...(found.get(row.variant) || []), row]);
    return found;
  }

  function axes(svg, panel, at) {
    const vertical = at.isLog ? { found: logTicks(at.bottom, at.top) } : ticks(at.bottom, at.top, 6);
    for (const value of vertical.found) {
      svg.append(make("line", { class: "grid", x1: PAD.left, x2: W - PAD.right, y1: at.y(value), y2: at.y(value) }));
      svg.append(make("text", { class: "label", x: PAD.left - 6, y: at.y(value) + 4, "text-anchor": "end" }, at.isLog ? String(value) : value.toFixed(vertical.digits)));
    }
    for (const value of logTicks(at.left, at.right)) {
      svg.append(make("line", { class: "grid", x1: at.x(value), x2: at.x(value), y1: PAD.top, y2: H - PAD.bottom }));
      svg.append(make("text", { class: "label", x: at.x(value), y: H - PAD.bottom + 16, "text-anchor": "middle" }, String(value)));
    }
    svg.append(make("text", { class: "label", x: (W + PAD.left) / 2, y: H - 6, "text-anchor": "middle" }, content.x.label));
    const middle = (H - PAD.bottom + PAD.top) / 2;
    svg.append(make("text", { class: "label", x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, panel.y));
  }

  function drawFront(svg, rows, panel, x, y) {
    const sign = panel.better === "higher" ? 1 : -1, quality = (row) => sign * row.metrics[panel.key].mean;
    let sparsest = Infinity, path = "";
    const competing = rows.filter((row) => row.kind !== "control" && !row.minor), best = [];
    // Best first; a point is on the front unless a better one has no more latents (pareto.py).
    for (const row of competing.sort((a, b) => quality(b) - quality(a) || across(a) - across(b))) {
      if (sparsest <= across(row) * content.same_l0) continue;
      sparsest = Math.min(sparsest, across(row));
      best.unshift(row);
    }
    for (const row of best) {
      const place = x(across(row)), height = y(row.metrics[panel.key].mean);
      path += path ? `H${place}V${height}` : `M${place},${height}`;
    }
    svg.append(make("path", { class: "front", d: path || "M0,0" }));
  }

  /*FORESTS*/

  function mark(row, panel, x, y, bottom) {
    const spread = row.metrics[panel.key], cx = x(across(row)), low = spread.mean < bottom, cy = y(clamp(spread.mean, bottom));
    const group = make("g", { class: row.kind, variant: row.variant });
    if (spread.sd && !low) group.append(make("line", { class: "bar", x1: cx, x2: cx, y1: y(spread.mean - spread.sd), y2: y(spread.mean + spread.sd) }));
    const shape = low ? `M${cx - 5},${cy - 9}h10l-5,8z` : SHAPES[row.kind](cx, cy);
    const said = `${row.label}\n${content.x.name} ${format(across(row), content.x.digits)}, ${panel.y} ${format(spread.mean, panel.digits)}${spread.sd ? ` ±${format(spread.sd, panel.digits)}` : ""}\n${row.seeds.length} seed${row.seeds.length > 1 ? "s" : ""}${low ? ", below the plot" : ""}`;
    group.append(make("path", {
      class: `mark ${row.kind}${row.minor ? " minor" : ""}`, variant: row.variant, d: shape, tabindex: 0, role: "button", "aria-label": said.replaceAll("\n", ", "), "data-label": row.label, "data-variant": row.variant,
      onmouseenter: (event) => { light(row); tip(said, event.clientX, event.clientY); },
      onmouseleave: () => { light(null); tip(null); },
      onfocus: (event) => { const box = event.target.getBoundingClientRect(); light(row); tip(said, box.right, box.bottom); },
      onblur: () => { light(null); tip(null); },
      onclick: () => choose(row), onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(row); } },
    }));
    return group;
  }

  function lightVariant(variant) {
    light(null);
    for (const node of document.querySelectorAll("[data-variant]")) if (node.dataset.variant === variant) node.classList.add("lit");
  }

  function light(row) {
    for (const node of document.querySelectorAll(".lit")) node.classList.remove("lit");
    if (!row) return;
    for (const node of document.querySelectorAll("[data-label], [data-variant]")) {
      const mine = node.dataset.label ? node.dataset.label === row.label : node.dataset.variant === row.variant;
      if (mine) node.classList.add("lit");
    }
  }

  function tip(text, x, y) {
    const node = $("tip");
    node.hidden = !text;
    if (!text) return;
    node.textContent = text;
    const box = node.getBoundingClientRect();
    node.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - box.width - 4))}px`;
    node.style.top = `${Math.max(4, Math.min(y + 12, innerHeight - box.height - 4))}px`;
  }

  function sortValue(row, key) {
    if (key === "label") return row.label;
    if (key === "seeds") return row.seeds.length;
    if (key === "verdict" || key === "change") return row[key] || "";
    return row.metrics[key] ? row.metrics[key].mean : -Infinity;
  }

  // The column with this key: its description, and the initial direction of sorting (best first).
  const columnOf = (key) => content.columns.find((one) => one.key === key) || { down: key !== "label", about: "" };

  function table() {
    const columns = [["label", "variant"], ["seeds", "seeds"], ...content.columns.map((c) => [c.key, c.title]), ["change", "change"], ["verdict", "verdict"]]
      .filter(([key]) => !["change", "verdict"].includes(key) || content.rows.some((row) => row[key]));
    $("head").replaceChildren(...columns.map(([key, title]) => make("th", { scope: "col", "aria-sort": order.key === key ? (order.down ? "descending" : "ascending") : "none" },
      make("button", { type: "button", "data-key": key, title: columnOf(key).about || null, onclick: () => { order = { key, down: order.key === key ? !order.down : columnOf(key).down }; table(); } }, title + (order.key === key ? (order.down ? " ↓" : " ↑") : "")))));
    const rows = shownRows().sort((a, b) => {
      const [one, other] = [sortValue(a, order.key), sortValue(b, order.key)];
      return (one < other ? -1 : one > other ? 1 : a.label < b.label ? -1 : 1) * (order.down ? -1 : 1);
    });
    $("body").replaceChildren(...rows.map((row) => make("tr", { "data-label": row.label, class: row.kind, variant: row.variant, onmouseenter: () => light(row), onmouseleave: () => light(null) }, ...columns.map(([key]) => cell(row, key)))));
    $("count").textContent = `${rows.length} of ${content.rows.length} rows`;
  }

  // A long name may break only between its words.
  const breakable = (name) => name.split(/(?<=_)|(?=\()/).flatMap((part) => [make("wbr"), part]);

  function cell(row, key) {
    if (key === "label") return make("td", {}, make("button", { type: "button", onclick: () => choose(row) }, ...breakable(row.label), row.stale ? " *" : null));
    if (key === "seeds") return make("td", {}, String(row.seeds.length));
    if (key === "verdict" || key === "change") return make("td", { title: row[`${key}_reason`] }, row[key] || "–");
    const spread = row.metrics[key], column = content.columns.find((one) => one.key === key);
    if (!spread) return make("td", {}, "–");
    return make("td", {}, format(spread.mean, column.digits), spread.sd === null ? null : make("small", {}, ` ±${format(spread.sd, column.digits)}`));
  }

  function choose(row) {
    chosen = row;
    const detail = $("detail"), saes = content.saes.filter((sae) => sae.label === row.label);
    detail.hidden = false;
    detail.replaceChildren(make("h2", { tabindex: -1 }, row.label), ...(row.stale ? [make("p", { class: "note" }, `* ${row.stale}`)] : []),
      ...(row.verdict ? [make("p", {}, `${row.verdict}: ${row.verdict_reason || ""}`)] : []), ...(row.change_reason ? [make("p", { class: "note" }, row.change_reason)] : []));
    if (!saes.length) { detail.append(make("p", { class: "note" }, "For seeds, curves and receipts, open the HTML page in results/page/.")); return; }
    if (content.density) detail.append(make("div", { class: "cards" }, card("Training loss, as reported by the variant's own process; not measured", saes.some((sae) => sae.curve) ? curves(saes) : null), card("Feature density", saes.some((sae) => sae.density) ? density(saes) : null)));
    detail.append(make("div", { class: "cards" }, ...saes.map(seedCard)));
    for (const sha of new Set(saes.map((sae) => sae.source))) {
      if (content.sources[sha]) detail.append(make("h3", {}, `Source at the time of ${content.density ? "training" : "scoring"} (${sha.slice(0, 12)})`), make("pre", {}, content.sources[sha]));
    }
    detail.querySelector("h2").focus({ preventScroll: true });
    detail.scrollIntoView({ block: "start" });
  }

  const card = (title, inside) => make("div", { class: "card" }, make("h3", {}, title), inside || make("p", { class: "note" }, "not recorded"));

  function chart(lines, x, y, note) {
    const w = NARROW.matches ? 340 : 420, h = 190, pad = 46, xs = lines.flat().map((p) => p[0]), ys = lines.flat().map((p) => p[1]);
    const [left, right] = [Math.min(...xs), Math.max(...xs)], [bottom, top] = [Math.min(0, ...ys), Math.max(...ys, 1e-9)];
    const px = (v) => pad + (w - pad - 10) * (v - left) / Math.max(1e-9, right - left), py = (v) => h - 34 - (h - 46) * (v - bottom) / (top - bottom);
    const svg = make("svg", { viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": note });
    const tall = ticks(bottom, top, 4);
    for (const value of tall.found) {
      svg.append(make("line", { class: "grid", x1: pad, x2: w - 10, y1: py(value), y2: py(value) }), make("text", { class: "label", x: pad - 5, y: py(value) + 4, "text-anchor": "end" }, y(value, tall.digits)));
    }
    for (const share of [0, 0.5, 1]) svg.append(make("text", { class: "label", x: px(left + share * (right - left)), y: h - 18, "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle" }, x(left + share * (right - left))));
    lines.forEach((line, index) => svg.append(make("path", { class: "series lit custom", style: `opacity:${1 - 0.25 * Math.min(index, 3)}`, d: `M${line.map((p) => `${px(p[0])},${py(p[1])}`).join("L")}` })));
    svg.append(make("text", { class: "label", x: (w + pad) / 2, y: h - 3, "text-anchor": "middle" }, note));
    return svg;
  }

  const curves = (saes) => chart(saes.map((sae) => sae.curve).filter(Boolean), (v) => `${Math.round(v / 1000)}k`, (v, d) => v.toFixed(d), "training tokens; one line per seed");

  function density(saes) {
    const kept = saes.map((sae) => sae.density).filter(Boolean), first = Math.log10(content.density.rarest), step = 1 / content.density.bins_per_decade;
    const lines = kept.map((bins) => bins.slice(1).map((count, index) => [first + step * (index + 0.5), count]));
    const dead = kept.map((bins) => bins[0]).join(", ");
    const power = (v) => `1e${Math.round(v)}`;
    return make("div", {}, chart(lines, power, (v, d) => v.toFixed(d), "number of latents, by share of tokens on which they fire"), make("p", { class: "note" }, `never fired: ${dead}`));
  }

  function seedCard(sae) {
    const list = make("dl");
    for (const [name, value] of sae.facts) list.append(make("dt", {}, name), make("dd", {}, value));
    return make("div", { class: "card" }, make("h3", {}, `seed ${sae.seed}`), list);
  }

  function draw() {
    [W, H] = NARROW.matches ? [380, 300] : [560, 360];
    $("plots").replaceChildren(...content.panels.map(content.x ? plot : strip), ...(content.effects ? [effects(content.effects)] : []));
    $("key").replaceChildren(...key());
    table();
    if (chosen && !content.rows.includes(chosen)) $("detail").hidden = true;
  }

  function show(given) {
    content = given;
    order = order || { ...content.order };
    document.title = `${content.sandbox} · fumehood`;
    $("title").textContent = content.sandbox;
    $("subtitle").textContent = content.subtitle;
    $("warnings").replaceChildren(...content.warnings.map((text) => make("li", {}, text)));
    $("curves").hidden = !content.density;
    $("minors").hidden = !content.rows.some((row) => row.minor);
    $("legend").textContent = content.legend;
    $("definitions").replaceChildren(...content.definitions.map((text) => make("p", {}, text)));
    draw();
  }

  $("filter").addEventListener("input", draw);
  $("minor").addEventListener("change", draw);
  NARROW.addEventListener("change", () => { if (content) draw(); });

  // In an MCP client the data arrive with the tool's result (MCP Apps, JSON-RPC over postMessage).
  function listen() {
    let next = 1;
    const send = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
    const size = () => send({ method: "ui/notifications/size-changed", params: { width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight } });
    addEventListener("message", (event) => {
      const message = event.data || {};
      if (event.source !== parent || message.jsonrpc !== "2.0") return;
      if (message.id === 1 && message.result) send({ method: "ui/notifications/initialized", params: {} });
      if (message.method === "ui/notifications/tool-result") {
        const found = ((message.params || {})._meta || {})["fumehood/benchmarks"];
        if (found) { show(found); size(); }
      }
      if (message.method === "ping") send({ id: message.id, result: {} });
    });
    send({ id: next++, method: "ui/initialize", params: { appInfo: { name: "fumehood", version: "1" }, appCapabilities: {}, protocolVersion: "2026-01-26" } });
  }

  const inline = $("data").textContent.trim();
  if (inline.startsWith("{")) show(JSON.parse(inline));
  else listen();
})();
