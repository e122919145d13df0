// What a reader does with the page, and what it then shows; left in the document for the test.
(() => {
  const report = {};
  const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const labels = (root) => [...root.querySelectorAll("svg .label")].map((n) => [n.textContent, n.getBoundingClientRect()]);
  const clashes = () => [...document.querySelectorAll("svg")].flatMap((svg) => {
    const all = labels(svg);
    return all.flatMap(([a, box], i) => all.slice(i + 1).filter(([, other]) => overlap(box, other)).map(([b]) => `${a} / ${b}`));
  });
  const names = () => [...document.querySelectorAll("#body tr")].map((row) => row.dataset.label);
  const press = (key) => document.querySelector(`th button[data-key="${key}"]`).click();
  report.width = innerWidth;
  report.scrolls = document.documentElement.scrollWidth > innerWidth;
  report.clashes = clashes();
  report.names = names();
  press("l0"); report.by_l0 = names();
  press("l0"); report.by_l0_down = names();
  const mark = document.querySelector('.mark[data-label="topk(K=16)"]');
  mark.dispatchEvent(new MouseEvent("mouseenter", { clientX: 50, clientY: 50 }));
  report.lit = [...document.querySelectorAll(".lit")].map((n) => n.tagName.toLowerCase() + ":" + (n.dataset.label || n.dataset.variant));
  report.tip = document.getElementById("tip").textContent;
  mark.dispatchEvent(new MouseEvent("mouseleave"));
  report.dark = [...document.querySelectorAll(".lit")].length;
  report.hidden = document.getElementById("detail").hidden;
  document.querySelector('.mark[data-label="hostile"]').dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  report.detail = document.getElementById("detail").innerText;
  report.images = document.querySelectorAll("img").length;
  report.charts = document.querySelectorAll("#detail svg").length;
  report.detail_clashes = clashes();
  report.detail_scrolls = document.documentElement.scrollWidth > innerWidth;
  document.getElementById("filter").value = "GATE";
  document.getElementById("filter").dispatchEvent(new Event("input"));
  report.filtered = names();
  report.title = document.title;
  const pre = document.createElement("pre");
  pre.id = "report";
  pre.textContent = JSON.stringify(report);
  document.body.append(pre);
})();
