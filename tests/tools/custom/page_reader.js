// What a reader does with the page of a custom sandbox; left in the document for the test.
(() => {
  const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const clashes = [...document.querySelectorAll("svg")].flatMap((svg) => {
    const all = [...svg.querySelectorAll(".label")].map((n) => [n.textContent, n.getBoundingClientRect()]);
    return all.flatMap(([a, one], i) => all.slice(i + 1).filter(([, two]) => overlap(one, two)).map(([b]) => `${a} / ${b}`));
  });
  const report = {
    clashes, scrolls: document.documentElement.scrollWidth > innerWidth,
    titles: [...document.querySelectorAll("figcaption")].map((n) => n.textContent),
    strip: [...document.querySelector(".strip").querySelectorAll(".effect")].map((n) => n.dataset.label),
    head: [...document.querySelectorAll("#head th")].map((n) => n.textContent),
    names: [...document.querySelectorAll("#body tr")].map((n) => n.dataset.label),
    effects: [...document.querySelectorAll("#effects .effect")].map((n) => n.dataset.variant),
    minor: document.getElementById("minors").hidden, hint: document.getElementById("hint").innerText,
  };
  document.querySelector(".strip .hit").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  report.detail = document.getElementById("detail").innerText;
  report.images = document.querySelectorAll("img").length;
  const pre = document.createElement("pre");
  pre.id = "report";
  pre.textContent = JSON.stringify(report);
  document.body.append(pre);
})();
