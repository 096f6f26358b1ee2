"use strict";
// What the page does beside being read: numbers under the pointer, and copying. It is whole without.
(function () {
  const space = "http://www.w3.org/2000/svg";

  // A chart's axis, written by Ebb as: kind low high start end.
  function axis(text) {
    const [kind, ...numbers] = text.split(" ");
    const [low, high, start, end] = numbers.map(Number);
    const isLog = kind === "logarithmic";
    const by = isLog ? Math.log10 : (value) => value;
    return {
      start, end,
      place(value) {
        if (!Number.isFinite(value)) return NaN;
        if (isLog && value <= 0) return value === 0 ? start : NaN;
        return start + ((by(value) - by(low)) / (by(high) - by(low))) * (end - start);
      },
    };
  }

  // The numbers of a chart are those of the table below it.
  function numbersOf(chart) {
    const table = chart.closest("figure").querySelector(".numbers table");
    if (!table) return null;
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const rows = [...table.tBodies[0].rows].map((row) =>
      [...row.cells].map((cell) => cell.textContent.trim()));
    return { names, rows, values: rows.map((row) => row.map((text) => (text ? Number(text) : NaN))) };
  }

  function showTooltips(chart) {
    const isLine = chart.dataset.plot === "line";
    const [x, y] = [axis(chart.dataset.x), axis(chart.dataset.y)];
    const box = chart.closest(".picture");
    let numbers, tip, guide, current = -1;

    function hide() {
      if (tip) tip.remove();
      if (guide) guide.remove();
      tip = guide = undefined;
      current = -1;
    }

    function show(index) {
      const row = numbers.rows[index];
      if (!row) return;
      current = index;
      if (!tip) {
        tip = document.createElement("div");
        tip.className = "tip";
        tip.setAttribute("role", "status");
        box.append(tip);
        guide = document.createElementNS(space, isLine ? "line" : "circle");
        guide.setAttribute("class", "guide");
        chart.append(guide);
      }
      const left = x.place(numbers.values[index][0]);
      const set = (values) => {
        for (const [name, value] of Object.entries(values)) guide.setAttribute(name, value);
      };
      if (isLine) {
        set({ x1: left, x2: left, y1: y.start, y2: y.end });
      } else {
        set({ cx: left, cy: y.place(numbers.values[index][1]), r: 6, fill: "none" });
      }
      tip.textContent = numbers.names.map((name, column) => `${name}: ${row[column] || "–"}`)
        .join("\n");
      const scale = chart.getBoundingClientRect().width / chart.viewBox.baseVal.width;
      const wanted = left * scale + 12;
      const room = box.clientWidth - tip.offsetWidth - 4;
      tip.style.left = `${Math.max(0, wanted <= room ? wanted : left * scale - tip.offsetWidth - 12)}px`;
      tip.style.top = `${y.end * scale}px`;
    }

    // Tables are read when they are first needed: pages with many open at once.
    function ready() {
      numbers = numbers || numbersOf(chart);
      return numbers;
    }

    chart.addEventListener("pointermove", (event) => {
      if (!ready()) return;
      const frame = chart.getBoundingClientRect();
      const scale = chart.viewBox.baseVal.width / frame.width;
      const [left, top] = [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
      let [best, distance] = [-1, Infinity];
      numbers.values.forEach((row, index) => {
        const across = x.place(row[0]) - left;
        const down = isLine ? 0 : y.place(row[1]) - top;
        const length = across * across + down * down;
        if (length < distance) [best, distance] = [index, length];
      });
      if (best >= 0 && (isLine || distance < 400)) show(best); else hide();
    });
    chart.addEventListener("pointerleave", hide);
    chart.addEventListener("blur", hide);
    chart.tabIndex = 0;
    chart.addEventListener("keydown", (event) => {
      if (!ready()) return;
      const last = numbers.rows.length - 1;
      const next = { ArrowRight: current + 1, ArrowLeft: current < 0 ? last : current - 1,
        Home: 0, End: last }[event.key];
      if (event.key === "Escape") hide();
      if (next === undefined) return;
      event.preventDefault();
      show(Math.max(0, Math.min(last, next)));
    });
  }

  function copy(text, button) {
    const done = () => {
      const label = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 1200);
    };
    // A page from a file has no clipboard of its own in some browsers.
    const byHand = () => {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      if (document.execCommand("copy")) done();
      area.remove();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand); else byHand();
  }

  function addCopyButton(place, label, text) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = label;
    button.addEventListener("click", () => copy(text(), button));
    place.after(button);
  }

  for (const chart of document.querySelectorAll("svg[data-plot]")) {
    // The name stays in aria-label; as a title it would hide the tooltip.
    chart.querySelector(":scope > title").remove();
    showTooltips(chart);
  }
  for (const table of document.querySelectorAll("details table")) {
    addCopyButton(table.parentElement, "Copy as CSV", () =>
      [...table.rows].map((row) => [...row.cells].map((cell) => {
        const value = cell.textContent.trim();
        return /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
      }).join(",")).join("\n") + "\n");
  }
  for (const command of document.querySelectorAll("pre.command")) {
    addCopyButton(command, "Copy", () => command.textContent);
  }
})();
