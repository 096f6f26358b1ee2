"use strict";
// Shows the numbers that Ebb computed for some rows of one network. Nothing is learned or
// differentiated here: the script formats, and multiplies two numbers where an equation shows it.
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const layers = data.layers;
  const last = layers.length - 1;
  const hasOutputFunction = data.outputFunction !== "identity";
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  // ---- Text and elements

  const typographic = (text) => text.replace(/-/g, "−");

  /** A number to some significant digits. */
  function num(value, digits = 4) {
    if (value === null || value === undefined) return "not finite";
    if (value === 0) return "0";
    const size = Math.abs(value);
    return typographic(
      size >= 1e6 || size < 1e-4
        ? value.toExponential(digits - 1).replace("e+", "e").replace(/\.?0+e/, "e")
        : String(Number(value.toPrecision(digits))));
  }

  /** A probability: close to 1, what is missing from 1 is what matters. */
  const chance = (value) =>
    num(value, value > 0.99 && value < 1 ? Math.min(9, 4 + Math.floor(-Math.log10(1 - value))) : 4);

  /** A number as a factor: with brackets where a sign would stand beside an operator. */
  const factor = (value) => (value < 0 ? `(${num(value)})` : num(value));

  /** A number that fits a circle. */
  function tiny(value) {
    if (value === null || value === undefined) return "?";
    const size = Math.abs(value);
    let text;
    if (size === 0) text = "0";
    else if (size >= 9999.5 || size < 0.00095) text = value.toExponential(0).replace("e+", "e");
    else if (size >= 9.95) text = String(Math.round(value));
    else if (size >= 0.995) text = value.toFixed(1);
    else text = value.toFixed(size < 0.00995 ? 3 : 2).replace("0.", ".");
    return typographic(text);
  }

  const percent = (value) => `${num(100 * value, value > 0.9995 && value < 1 ? 5 : 3)} %`;
  const subscript = (n) => String(n).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d]);
  const count = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  /** An HTML element; names from the data only ever become text. */
  function el(tag, attributes = {}, ...children) {
    return fill(document.createElement(tag), attributes, children);
  }
  function svg(tag, attributes = {}, ...children) {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  }
  function fill(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "on") for (const [event, f] of Object.entries(value)) node.addEventListener(event, f);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  // ---- The numbers

  /** Where a picture's pixel of each feature is. */
  const cells = [];
  data.picture?.features.forEach((feature, place) => { cells[feature] = place; });

  const places = data.weights.map((w) =>
    w.rows && { row: new Map(w.rows.map((u, i) => [u, i])), column: new Map(w.columns.map((u, i) => [u, i])) });

  /** A weight as in a = W h + b; undefined if this page does not hold it. */
  function weight(k, i, j) {
    if (!places[k]) return data.weights[k].values[i * layers[k].inputs + j];
    const row = places[k].row.get(i), column = places[k].column.get(j);
    if (row === undefined || column === undefined) return undefined;
    return data.weights[k].values[row * data.weights[k].columns.length + column];
  }

  /** A product as the network's precision rounds it. */
  const product = (x, y) =>
    data.precision === "single" ? Math.fround(Math.fround(x) * Math.fround(y)) : x * y;

  /** `fresh`: nothing was stepped yet; the page shows all numbers, and a step leads to the first. */
  const state = {
    row: 0, step: 0, fresh: true, playing: false, pinned: null, hovered: null, arrived: true, strip: null,
  };
  const row = () => data.rows[state.row];
  const values = (k) => (k < 0 ? row().inputs : row().layers[k].h ?? row().layers[k].a);
  const valueGradients = (k) => (k < 0 ? row().inputGradients : row().layers[k].dh ?? row().layers[k].da);
  const blame = (k) => row().layers[k].da;
  const slope = (k, i) => row().layers[k].slopes?.[i] ?? 1;
  const weightGradient = (k, i, j) => product(blame(k)[i], values(k - 1)[j]);
  const hasFunction = (k) => layers[k].functions.length > 0;
  const functionName = (k) => layers[k].functions.join(", then ");
  const outputName = (i) =>
    data.classes.length === layers[last].units ? data.classes[i]
      : layers[last].units > 1 ? ""
        : data.classes.length === 2 ? `p(${data.classes[1]})` : data.target ?? "";
  const inputName = (j) => data.inputNames[j] ?? "";
  const neuronName = (k, i) => `${layers[k].name}[${i}]`;
  const inputElement = (j) => `${data.inputValue}[${j}]`;
  const belowName = (k, j) => (k === 0 ? inputName(j) || inputElement(j) : neuronName(k - 1, j));
  const original = (value) => value * (data.targetScale ?? 1) + (data.targetMean ?? 0);
  const sumSymbol = (k) => `a${subscript(k + 1)}`;
  const valueSymbol = (k) =>
    k < 0 ? "x" : hasFunction(k) ? `h${subscript(k + 1)}`
      : k === last && !hasOutputFunction ? "ŷ" : sumSymbol(k);
  const blameSymbol = (k) => `δ${subscript(k + 1)}`;
  const weightSymbol = (k) => `W${subscript(k + 1)}`;

  /** The largest magnitude among numbers, for colours and widths. */
  const largest = (numbers) => numbers.reduce((most, x) => Math.max(most, Math.abs(x ?? 0)), 0) || 1;
  const largestIndex = (numbers) =>
    numbers.reduce((best, x, i) => (Math.abs(x ?? 0) > Math.abs(numbers[best] ?? 0) ? i : best), 0);

  /** What a row is, and what the network made of it: texts for people. */
  function verdict(r) {
    const name = r.name.replace(/ \(.*/, "");
    if (r.label !== undefined) {
      const truth = data.classes[r.label] ?? `class ${r.label}`;
      const answer = data.classes[r.predicted] ?? `class ${r.predicted}`;
      return { name, truth, answer, right: r.label === r.predicted };
    }
    const list = (numbers) => numbers.map((x) => num(original(x))).join(", ");
    const truth = r.givenTargets ? r.givenTargets.map((x) => num(x)).join(", ") : list(r.targets);
    return { name, truth, answer: list(r.predictions), right: null };
  }

  // ---- The steps

  const at = { sums: [], fn: [], dh: [], da: [], dw: [] };
  const steps = [];
  function addStep(kind, k, phase) { return steps.push({ kind, k, phase }) - 1; }
  addStep("inputs", -1, "forward");
  layers.forEach((_, k) => {
    at.sums[k] = addStep("sums", k, "forward");
    if (hasFunction(k)) at.fn[k] = addStep("function", k, "forward");
  });
  if (hasOutputFunction) at.predictions = addStep("predictions", last, "forward");
  at.loss = addStep("loss", layers.length, "loss");
  (hasFunction(last) ? at.dh : at.da)[last] = addStep("start", last, "backward");
  if (hasFunction(last)) at.da[last] = addStep("slope", last, "backward");
  for (let k = last; k >= 0; k--) {
    at.dw[k] = addStep("weights", k, "backward");
    const carried = addStep("carry", k, "backward");
    if (k === 0) at.dx = carried;
    else if (hasFunction(k - 1)) {
      at.dh[k - 1] = carried;
      at.da[k - 1] = addStep("slope", k - 1, "backward");
    } else at.da[k - 1] = carried;
  }
  addStep("done", -1, "done");

  /** The neuron that a step's equation is about: the selected one if it has a part, else the largest. */
  function subjectUnit(k, numbers) {
    const chosen = current();
    if (chosen?.k === k && chosen.i !== undefined) return chosen.i;
    if (k < 0 && chosen?.type === "input") return chosen.j;
    return largestIndex(numbers);
  }

  /** A sum of products with its largest terms written out: "0.4 · 1.2 + … (61 others: 0.1)". */
  function sumText(terms, most = 3) {
    const known = terms.filter((t) => t.x !== undefined && t.y !== null);
    const order = known.map((t) => ({ ...t, p: t.x * t.y })).sort((s, t) => Math.abs(t.p) - Math.abs(s.p));
    const named = order.slice(0, most);
    const text = named.map((t) => `${factor(t.x)} · ${factor(t.y)}`).join(" + ");
    return { text: text || "0", named, others: terms.length - named.length };
  }

  function incoming(k, i) {
    const below = values(k - 1);
    return below.map((y, j) => ({ x: weight(k, i, j), y, j }));
  }
  /** What a value below a layer hears from above: each weight with the blame of the neuron it feeds. */
  function outgoing(k, j) {
    return blame(k).map((y, i) => ({ x: weight(k, i, j), y, i }));
  }
  /** Equation of a sum: the terms named, the others in one number, so that it adds up. */
  function sumEquation(terms, total, extra = 0, extraName = "") {
    const { text, named, others } = sumText(terms);
    const rest = total - extra - named.reduce((s, t) => s + t.p, 0);
    return text + (others > 0 ? ` + ${others} other${others === 1 ? "" : "s"}: ${factor(rest)}` : "")
      + (extraName ? ` + ${extraName} ${factor(extra)}` : "") + ` = ${num(total)}`;
  }
  const sumOf = (k, i) => sumEquation(
    incoming(k, i), row().layers[k].a[i], layers[k].bias?.[i] ?? 0, layers[k].bias ? "b" : "");
  const carriedTo = (k, j) => sumEquation(outgoing(k, j), valueGradients(k - 1)[j]);

  const lossEquations = {
    "softmax-cross-entropy": ["L = −log ŷₜ,  t the true class", "∂L/∂a = ŷ − y"],
    "binary-cross-entropy": ["L = −y log ŷ − (1 − y) log(1 − ŷ)", "∂L/∂a = ŷ − y"],
    "squared-error": ["L = Σ (ŷ − y)²", "∂L/∂ŷ = 2 (ŷ − y)"],
    "absolute-error": ["L = Σ |ŷ − y|", "∂L/∂ŷ = sign(ŷ − y)"],
    huber: ["L = Σ ½ r² for |r| ≤ d, else d (|r| − ½ d),  r = ŷ − y", "∂L/∂ŷ = r, held within ±d"],
    smoothed: ["L = −Σ y log ŷ,  y smoothed", "∂L/∂a = ŷ − y"],
  };
  const lossText = lossEquations[
    data.loss.smoothing !== undefined ? "smoothed" : data.loss.kind.replace(/:.*/, "")];

  function lossNumbers() {
    const r = row(), t = r.label;
    if (data.loss.kind === "softmax-cross-entropy") {
      return `L = −log ${chance(r.predictions[t])} = ${num(r.loss)}`;
    }
    const shown = hasOutputFunction ? chance : num;
    const pairs = r.predictions.map((p, i) => `ŷ ${shown(p)}, y ${num(r.targets[i])}`);
    return `${pairs.slice(0, 3).join("; ")}${pairs.length > 3 ? "; …" : ""}: L = ${num(r.loss)}`;
  }

  /** What stands beside the drawing when the page opens, with all numbers in it. */
  function overview() {
    const v = verdict(row());
    return {
      title: "One row, forward and back",
      words: `${sentence(v.name)}: the network says ${v.answer}, the truth is ${v.truth}. In each circle stands the value`
        + " that flowed forward, below it the gradient that ebbed back.",
      symbols: "x → … → ŷ → L,  then back: ∂L/∂W",
      numbers: "Press play, or →, to see from the start how each number comes about.",
    };
  }

  /** Title, words, symbols and numbers of a step for the current row. */
  function describe(step) {
    if (state.fresh) return overview();
    const r = row(), k = step.k, v = verdict(r);
    switch (step.kind) {
      case "inputs": {
        const j = subjectUnit(-1, r.inputs);
        return {
          title: "The row arrives",
          words: `${sentence(v.name)}: ${data.target ?? "the truth"} is ${v.truth}. The network is not told;`
            + ` it gets ${count(r.inputs.length, "number")}, and has its weights${data.trained ? " as training left them" : ""}.`,
          symbols: "x: the row's numbers", numbers: inputSentence(j),
        };
      }
      case "sums": {
        const i = subjectUnit(k, blame(k));
        return {
          title: `${layers[k].name}: sums`,
          words: `Each of the ${count(layers[k].units, "neuron")} of ${layers[k].name} multiplies the`
            + ` ${count(layers[k].inputs, "value")} that it gets by its weights and adds them up`
            + (layers[k].bias ? ", and its bias." : "."),
          symbols: `${valueSymbol(k) === "ŷ" ? "ŷ = " : ""}${sumSymbol(k)} = ${weightSymbol(k)} ${valueSymbol(k - 1)}`
            + (layers[k].bias ? ` + b${subscript(k + 1)}` : ""),
          numbers: `${neuronName(k, i)}: ${sumOf(k, i)}`,
        };
      }
      case "function": {
        const i = subjectUnit(k, blame(k)), a = r.layers[k].a, h = r.layers[k].h;
        return {
          title: `${layers[k].name}: ${functionName(k)}`,
          words: functionWords(k),
          symbols: `${valueSymbol(k)} = g(${sumSymbol(k)}),  g = ${functionName(k)}`,
          numbers: `${neuronName(k, i)}: ${functionName(k)}(${num(a[i])}) = ${num(h[i])}`,
        };
      }
      case "predictions": {
        const i = subjectUnit(last, r.predictions), p = r.predictions;
        const softmax = data.outputFunction === "softmax";
        const order = p.map((_, n) => n).sort((m, n) => p[n] - p[m]).slice(0, 2);
        return {
          title: `Predictions: ${data.outputFunction}`,
          words: softmax
            ? `softmax turns the sums into shares of 100 %: ${order.map((n) => `${outputName(n) || n} gets ${percent(p[n])}`).join(", ")}.`
            : `sigmoid turns the sum into a probability: ${p.map(percent).join(", ")} for ${data.classes[1] ?? "yes"}.`,
          symbols: softmax ? "ŷ = softmax(a) = eᵃ / Σ eᵃ" : "ŷ = σ(a) = 1 / (1 + e⁻ᵃ)",
          numbers: `${neuronName(last, i)}: a ${num(values(last)[i])} becomes ŷ ${chance(p[i])}`,
        };
      }
      case "loss": return {
        title: "The loss",
        words: v.right === null
          ? `The network says ${v.answer}, the truth is ${v.truth}. How far off is that? One number: the loss.`
          : `The network says ${v.answer}, the truth is ${v.truth}: ${v.right ? "right" : "wrong"}. The loss says how`
            + " surprised it is by the truth; 0 would be not at all.",
        symbols: lossText[0], numbers: lossNumbers(),
      };
      case "start": {
        const gradients = valueGradients(last), i = subjectUnit(last, gradients);
        const direction = gradients[i] > 0 ? "lower" : "higher";
        return {
          title: "Blame starts at the outputs",
          words: "Now backwards. Each output is told how the loss would move if it were a little higher:"
            + ` ${outputName(i) ? `${neuronName(last, i)} (${outputName(i)})` : neuronName(last, i)} should be ${direction}.`,
          symbols: (hasFunction(last) ? "" : `${blameSymbol(last)} = `) + lossText[1],
          numbers: startNumbers(i),
        };
      }
      case "weights": {
        const i = subjectUnit(k, blame(k));
        const chosen = current();
        const j = chosen?.type === "weight" && chosen.k === k ? chosen.j : largestIndex(values(k - 1));
        return {
          title: `${layers[k].name}: gradients of the weights`,
          words: `A weight's gradient is the blame of the neuron it feeds, times the value it carried.`
            + ` That makes ${count(layers[k].units * layers[k].inputs, "gradient")} here`
            + (layers[k].bias ? "; a bias carries 1, so its gradient is the blame itself." : "."),
          symbols: `∂L/∂${weightSymbol(k)} = ${blameSymbol(k)} ${valueSymbol(k - 1)}ᵀ`
            + (layers[k].bias ? `,  ∂L/∂b${subscript(k + 1)} = ${blameSymbol(k)}` : ""),
          numbers: `${layers[k].name}.weight[${i},${j}]: ${factor(blame(k)[i])} · ${factor(values(k - 1)[j])}`
            + ` = ${num(weightGradient(k, i, j))}`,
        };
      }
      case "carry": {
        const gradients = valueGradients(k - 1), j = subjectUnit(k - 1, gradients);
        const target = k === 0 ? "the inputs" : layers[k - 1].name;
        return {
          title: k === 0 ? "Back to the inputs" : `Back through ${layers[k].name}'s weights`,
          words: `Each value of ${target} collects the blame of every neuron that it feeds, by the weights`
            + ` in between: the same weights, walked backwards.`
            + (k === 0 ? " It tells which inputs the loss listens to." : ""),
          symbols: `${k > 0 && !hasFunction(k - 1) ? `${blameSymbol(k - 1)} = ` : ""}∂L/∂${valueSymbol(k - 1)} = ${weightSymbol(k)}ᵀ ${blameSymbol(k)}`,
          numbers: `${belowName(k, j)}: ${carriedTo(k, j)}`,
        };
      }
      case "slope": {
        const i = subjectUnit(k, blame(k));
        const still = r.layers[k].slopes.filter((s) => s === 0).length;
        return {
          title: `Back through ${functionName(k)}`,
          words: `The blame of a value becomes the blame of its sum: times the slope of ${functionName(k)} there.`
            + (still > 0 ? ` For ${count(still, "neuron")} of ${layers[k].units} the slope is 0: no blame passes, their weights learn nothing from this row.`
              : ` The steepest slope here is ${num(Math.max(...r.layers[k].slopes))}.`),
          symbols: `${blameSymbol(k)} = ∂L/∂${valueSymbol(k)} ⊙ g′(${sumSymbol(k)})`,
          numbers: `${neuronName(k, i)}: ${factor(valueGradients(k)[i])} · ${factor(slope(k, i))} = ${num(blame(k)[i])}`,
        };
      }
      default: return {
        title: "Every weight has its gradient",
        words: "One walk forward, one walk back. A training step now moves each weight a little against its"
          + " gradient, so that this row's loss falls; usually many rows are averaged first.",
        symbols: "W ← W − η ∂L/∂W", numbers: "Pick any neuron or weight to see its numbers.",
      };
    }
  }

  function inputSentence(j) {
    const r = row(), name = inputName(j), raw = r.original?.[j];
    const scaled = raw !== undefined && Math.abs(raw - r.inputs[j]) > 1e-6;
    return `${name || inputElement(j)}: x = ${num(r.inputs[j])}${scaled ? `, in the data ${num(raw)}` : ""}`;
  }

  function startNumbers(i) {
    const r = row(), g = valueGradients(last)[i], p = r.predictions[i], y = r.targets[i];
    if (data.loss.kind === "squared-error") {
      return `${neuronName(last, i)}: 2 · (${num(p)} − ${factor(y)}) = ${num(g)}`;
    }
    if (hasOutputFunction) return `${neuronName(last, i)}: ${chance(p)} − ${factor(y)} = ${num(g)}`;
    const name = data.loss.delta === undefined ? "sign(" : "held(";
    return `${neuronName(last, i)}: ${name}${num(p)} − ${factor(y)}) = ${num(g)}`;
  }

  function functionWords(k) {
    const h = row().layers[k].h, n = layers[k].units;
    const name = functionName(k);
    if (name === "relu") {
      const silent = h.filter((x) => x === 0).length;
      return `relu lets through what is above zero: ${count(n - silent, "neuron")} of ${n} speak, ${silent} stay silent on this row.`;
    }
    const flat = row().layers[k].slopes.filter((s) => Math.abs(s) < 0.05).length;
    return `Each sum goes through ${name}`
      + (flat > 0 ? `; ${count(flat, "neuron")} of ${n} sit where it is nearly flat (slope below 0.05).` : ".");
  }

  // ---- The drawing

  const network = byId("network");
  let drawing = null;

  const current = () => state.hovered ?? state.pinned;
  const effectiveStep = (c) =>
    !state.arrived && targetColumn(steps[state.step]) === c ? state.step - 1 : state.step;

  /** The column whose numbers a step brings; columns count the inputs as 0 and the loss as the last. */
  function targetColumn(step) {
    if (step.kind === "loss") return layers.length + 1;
    if (step.kind === "carry") return step.k;
    if (step.kind === "weights" || step.kind === "done") return null;
    return step.k + 1;
  }

  /** The value that a column shows at a step; null before it has one. */
  function forwardOf(c, s) {
    const k = c - 1;
    if (k < 0) return { symbol: "x", numbers: row().inputs };
    if (k === last && hasOutputFunction && s >= at.predictions) {
      return { symbol: "ŷ", numbers: row().predictions };
    }
    if (hasFunction(k) && s >= at.fn[k]) return { symbol: valueSymbol(k), numbers: row().layers[k].h };
    if (s < at.sums[k]) return null;
    return { symbol: hasFunction(k) || k === last && hasOutputFunction ? sumSymbol(k) : valueSymbol(k),
      numbers: row().layers[k].a };
  }
  /** The gradient that a column shows at a step; null before it has one. */
  function backwardOf(c, s) {
    const k = c - 1;
    if (k < 0) return s >= at.dx ? { symbol: "∂L/∂x", numbers: row().inputGradients } : null;
    if (s >= at.da[k]) return { symbol: blameSymbol(k), numbers: blame(k) };
    return s >= at.dh[k] ? { symbol: `∂L/∂${valueSymbol(k)}`, numbers: valueGradients(k) } : null;
  }

  /** The units drawn in a column: those that stand out, and the selected one. */
  function shownUnits(c) {
    const units = row().shown[c].slice(), pin = state.pinned;
    const add = (unit) => unit !== undefined && !units.includes(unit) && units.push(unit);
    if (pin && pin.k === c - 1) add(pin.i);
    if (pin && pin.type === "weight" && pin.k === c) add(pin.j);
    if (pin && pin.type === "input" && c === 0) add(pin.j);
    return units.sort((a, b) => a - b);
  }

  /** Widths that fill a room: each as wide as all, but for those that need more. */
  function spread(needs, room) {
    let wide = [], share = room / needs.length;
    for (let n = 0; n < needs.length; n++) {
      wide = needs.filter((need) => need > share);
      if (wide.length === needs.length) return needs;
      share = (room - wide.reduce((sum, need) => sum + need, 0)) / (needs.length - wide.length);
    }
    return needs.map((need) => Math.max(need, share));
  }

  /** Where the columns stand, at least so far apart that none touches the next. */
  function layout(room, compact, picture, names) {
    const left = picture ? picture / 2 + 2 : compact ? 37 : 160, right = compact ? 28 : 44;
    const needs = (radius) => Array.from({ length: layers.length + 1 }, (_, c) => {
      const plain = radius === 20 ? 80 : 60;
      if (c === 0 && picture) return Math.max(plain, picture / 2 + radius + (compact ? 24 : 50));
      return c === layers.length ? Math.max(plain, names + 2 * radius + 24) : plain;
    });
    const fits = (radius) => needs(radius).reduce((sum, need) => sum + need, left + right) <= room;
    const radius = fits(20) ? 20 : 18;
    const gaps = spread(needs(radius), room - left - right);
    const x = gaps.reduce((places, gap) => [...places, places.at(-1) + gap], [left]);
    return { x, radius, total: Math.max(room, Math.ceil(x.at(-1) + right - 0.01)), gap: Math.min(...gaps) };
  }

  function draw() {
    const room = network.clientWidth, width = Math.max(300, room), compact = width < 620;
    const columns = layers.length + 2;
    const picture = data.picture && (compact ? Math.min(110, width * 0.28) : 200);
    // Where names do not fit beside the circles, they stand above.
    const above = compact && (!picture && data.inputNames.length > 0
      || layers[last].units <= 20 && data.classes.some((name) => name.length > 3));
    const longest = Math.max(0, ...row().shown[layers.length].map((i) => outputName(i).length));
    const { x: xs, radius, total, gap } =
      layout(width, compact, picture, above ? 0 : 6.6 * Math.min(12, longest));
    const pitch = 2 * radius + (above ? 25 : 12);
    const shown = Array.from({ length: columns - 1 }, (_, c) => shownUnits(c));
    const sizes = [row().inputs.length, ...layers.map((layer) => layer.units)];
    const more = shown.map((units, c) => sizes[c] - units.length);
    const rows = Math.max(3, ...shown.map((units, c) =>
      c === 0 && picture ? 0 : units.length + (more[c] > 0 ? 0.9 : 0)));
    const top = 46, height = Math.max(top + rows * pitch + 8, picture ? picture + 110 : 0);
    const middle = top + (height - top) / 2 - 6;
    const x = (c) => xs[c];
    const root = svg("svg", {
      viewBox: `0 0 ${total} ${height}`, width: total, height, role: "group",
      "aria-label": `The network: ${sizes.join(", ")} values from the inputs to the outputs, then the loss`,
    });
    const edgeLayer = svg("g"), hitLayer = svg("g"), dotLayer = svg("g", { class: "dots" });
    const nodeLayer = svg("g");
    root.append(edgeLayer, hitLayer, dotLayer, nodeLayer);
    drawing = { edges: [], nodes: [], dots: dotLayer, room, x, width, pixels: null, loss: null };

    const y = shown.map((units, c) => {
      const slots = units.length + (more[c] > 0 ? 0.9 : 0);
      return new Map(units.map((unit, n) => [unit, middle + (n - (slots - 1) / 2) * pitch]));
    });
    if (picture) drawPicture(nodeLayer, x(0), middle, picture, shown[0], y[0]);

    const heads = [picture ? "" : "inputs", ...layers.map((layer) => layer.name), "loss"];
    heads.forEach((name, c) => {
      const tight = gap < 70 ? " tight" : "";
      if (name) nodeLayer.append(svg("text", { x: x(c), y: 16, class: `head${tight}` }, name));
      if (c > 0 && c <= layers.length) {
        const functions = [...layers[c - 1].functions];
        if (c - 1 === last && hasOutputFunction) functions.push(data.outputFunction);
        if (functions.length) {
          const words = functions.join(" · "), most = Math.floor(gap / (tight ? 5.2 : 5.8));
          nodeLayer.append(svg("text", { x: x(c), y: 30, class: `sub${tight}` },
            words.length > most ? `${words.slice(0, most - 1)}…` : words));
        }
      }
    });

    shown.forEach((units, c) => {
      if (c === 0 && picture) return;
      units.forEach((unit) => drawNode(nodeLayer, c, unit, [x(c), y[c].get(unit)], radius, above && gap));
      if (more[c] > 0) {
        const place = middle + (units.length - ((units.length + 0.9) - 1) / 2) * pitch - 4;
        nodeLayer.append(moreButton(c, more[c], x(c), place, gap < 84));
      }
    });
    drawLoss(nodeLayer, x(columns - 1), middle, radius);

    layers.forEach((_, k) => {
      for (const i of shown[k + 1]) {
        for (const j of shown[k]) {
          if (weight(k, i, j) === undefined) continue;
          const from = k === 0 && picture ? pixelPlace(j, x(0), middle, picture)
            : [x(k) + radius, y[k].get(j)];
          drawEdge(edgeLayer, hitLayer, k, i, j, from, [x(k + 1) - radius, y[k + 1].get(i)]);
        }
      }
    });
    shown[layers.length].forEach((i) => {
      edgeLayer.append(svg("line", {
        x1: x(layers.length) + radius, y1: y[layers.length].get(i), x2: x(columns - 1) - radius - 4,
        y2: middle, class: "tie",
      }));
    });
    const focused = document.activeElement?.dataset?.key;
    network.replaceChildren(root);
    if (focused) root.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
    refresh();
  }

  /** What makes an element of the drawing selectable by pointer and keyboard. */
  function selectable(node, selection, key) {
    node.dataset.key = key;
    node.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && hover(selection));
    node.addEventListener("pointerleave", () => hover(null));
    node.addEventListener("click", () => pin(selection));
    return node;
  }
  function focusable(node, selection, key, kind) {
    fill(node, { tabindex: 0, role: "img", "aria-roledescription": kind }, []);
    node.addEventListener("focus", () => pin(selection));
    return selectable(node, selection, key);
  }

  function drawNode(parent, c, unit, [x, y], radius, above) {
    const body = svg("circle", { r: radius, class: "body" });
    const ring = svg("circle", { r: radius + 4, class: "ring" });
    const number = svg("text", { class: "number" });
    const tag = svg("text", { class: "tag", y: 10 });
    const node = svg("g", { class: "node", transform: `translate(${x} ${y})` }, ring, body, number, tag);
    const name = c === 0 ? inputName(unit) : c === layers.length ? outputName(unit) : "";
    if (name) {
      const most = above ? Math.floor(above / 5) : c === 0 ? 18 : 12;
      const text = name.length > most ? `${name.slice(0, most - 1)}…` : name;
      node.append(above ? svg("text", {
        class: `label above${c === 0 ? " after" : ""}`, x: c === 0 ? -radius : 0, y: -radius - 8,
      }, text)
        : c === 0 ? svg("text", { class: "label before", x: -radius - 9, y: 4 }, text)
          : svg("text", { class: "label after", x: radius + 9, y: 4 }, text));
    }
    const selection = c === 0 ? { type: "input", j: unit } : { type: "neuron", k: c - 1, i: unit };
    parent.append(focusable(node, selection, `n${c}-${unit}`, c === 0 ? "input" : "neuron"));
    drawing.nodes.push({ node, number, tag, c, unit });
  }

  function drawLoss(parent, x, y, radius) {
    const number = svg("text", { class: "number", y: 4 });
    const node = svg("g", { class: "node loss", transform: `translate(${x} ${y})` },
      svg("rect", { x: -radius - 5, y: -radius, width: 2 * radius + 10, height: 2 * radius, rx: 6, class: "body" }),
      number, svg("text", { class: "sub", y: radius + 13 }, "L"));
    parent.append(focusable(node, { type: "loss" }, "loss", "loss"));
    drawing.loss = { node, number };
  }

  function drawEdge(edges, hits, k, i, j, [x1, y1], [x2, y2]) {
    const line = svg("line", { x1, y1, x2, y2, class: "edge" });
    const hit = svg("line", { x1, y1, x2, y2, class: "hit" });
    edges.append(line);
    hits.append(selectable(hit, { type: "weight", k, i, j }, `w${k}-${i}-${j}`));
    drawing.edges.push({ line, k, i, j, from: [x1, y1], to: [x2, y2] });
  }

  function moreButton(c, n, x, y, short) {
    const open = () => { state.strip = state.strip === c ? null : c; strip(); };
    const name = c === 0 ? "inputs" : `neurons of ${layers[c - 1].name}`;
    const node = svg("g", {
      class: "more", transform: `translate(${x} ${y})`, tabindex: 0, role: "button",
      "aria-label": `${n} more ${name}: show all`, "data-key": `more${c}`,
      on: { click: open, keydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        open();
      } },
    });
    const half = short ? 24 : 37;
    node.append(svg("rect", { x: -half, y: -11, width: 2 * half, height: 22, rx: 11 }),
      svg("text", { y: 4 }, short ? `+${n}` : `+${n} more`));
    return node;
  }

  /** Scrolls a drawing that is too wide to where a step happens. */
  function follow() {
    if (network.scrollWidth <= network.clientWidth) return;
    const step = steps[state.step], c = targetColumn(step) ?? (step.kind === "weights" ? step.k + 1 : 0);
    const from = Math.max(0, c - 1), to = step.kind === "carry" ? c + 1 : c;
    const middle = (drawing.x(from) + drawing.x(Math.min(to, layers.length + 1))) / 2;
    network.scrollTo({ left: middle - network.clientWidth / 2, behavior: calm.matches ? "auto" : "smooth" });
  }

  // ---- Inputs that are a picture

  function pixelPlace(j, x, y, size) {
    const { width, height } = data.picture, cell = size / Math.max(width, height);
    return [x - width * cell / 2 + (cells[j] % width + 0.5) * cell,
      y - height * cell / 2 + (Math.floor(cells[j] / width) + 0.5) * cell];
  }

  function drawPicture(parent, x, y, size, shown) {
    const { width, height } = data.picture, cell = size / Math.max(width, height);
    const darkness = pictureShades(row());
    const marks = [];
    const group = svg("g", { class: "picture" });
    row().inputs.forEach((_, j) => {
      const [px, py] = pixelPlace(j, x, y, size);
      const pixel = svg("rect", {
        x: px - cell / 2, y: py - cell / 2, width: cell, height: cell, class: "pixel",
        style: `--ink:${(100 * darkness[j]).toFixed(1)}%`,
      });
      const g = svg("g", { class: "place" }, pixel);
      const selection = { type: "input", j };
      if (shown.includes(j)) focusable(g, selection, `n0-${j}`, "input");
      else selectable(g, selection, `n0-${j}`);
      group.append(g);
      const mark = svg("rect", { class: "mark" });
      marks.push({ mark, place: g, px, py, j });
    });
    parent.append(group, ...marks.map((m) => m.mark));
    const note = svg("text", { x, y: y + height * cell / 2 + 20, class: "sub" });
    const note2 = svg("text", { x, y: y + height * cell / 2 + 34, class: "sub" });
    parent.append(note, note2, svg("text", { x, y: 16, class: "head" }, "inputs"));
    drawing.pixels = { marks, cell, note, note2 };
  }

  /** How dark each pixel is, 0 to 1, from the numbers in the data. */
  function pictureShades(r) {
    const numbers = r.original ?? r.inputs;
    const low = Math.min(...numbers), high = Math.max(...numbers);
    return numbers.map((x) => (high > low ? (x - low) / (high - low) : 0));
  }

  /** Squares where a pixel adds, discs where it takes away; the larger, the more. */
  function refreshPicture() {
    const { marks, cell, note, note2 } = drawing.pixels, s = effectiveStep(0), chosen = current();
    const first = chosen && chosen.k === 0 && chosen.i !== undefined ? chosen.i : null;
    const r = row();
    let numbers = null, lines = ["", ""];
    if (s >= at.dx && first === null) {
      numbers = r.inputs.map((x, j) => x * r.inputGradients[j]);
      lines = ["gradient × input", "■ raises the loss  ● lowers it"];
    } else if (first !== null && weight(0, first, 0) !== undefined && data.weights[0].values.length >= r.inputs.length) {
      numbers = r.inputs.map((x, j) => x * weight(0, first, j));
      lines = [`weight × input of ${neuronName(0, first)}`, "■ adds  ● takes away"];
    }
    [note.textContent, note2.textContent] = drawing.width < 620 ? [lines[0] && "■ up  ● down", ""] : lines;
    const most = numbers ? largest(numbers) : 1;
    for (const { mark, px, py, j } of marks) {
      const value = numbers?.[j] ?? 0, size = cell * 0.86 * Math.sqrt(Math.abs(value) / most);
      fill(mark, {
        x: px - size / 2, y: py - size / 2, width: size, height: size, rx: value < 0 ? size / 2 : 0,
        class: `mark ${value < 0 ? "negative" : "positive"}`,
      }, []);
    }
  }

  // ---- Showing a step

  function shade(node, value, most, prefix) {
    const share = value === null || value === undefined ? 0 : Math.abs(value) / most;
    node.style.setProperty(`--${prefix}`, `${Math.round(100 * Math.sqrt(share))}%`);
    return share;
  }
  const sign = (value) => (value > 0 ? "positive" : value < 0 ? "negative" : "zero");

  /** Everything that depends on step and selection; the elements stay. */
  function refresh() {
    if (!drawing) return;
    const chosen = current(), step = steps[state.step];
    for (const { node, number, tag, c, unit } of drawing.nodes) {
      const s = effectiveStep(c), forward = forwardOf(c, s), backward = backwardOf(c, s);
      const value = forward?.numbers[unit], gradient = backward?.numbers[unit];
      const share = forward ? shade(node, value, largest(forward.numbers), "value") : 0;
      if (backward) shade(node, gradient, largest(backward.numbers), "gradient");
      node.setAttribute("class", ["node", forward ? sign(value) : "empty",
        Math.sqrt(share) > 0.62 ? "deep" : "", backward ? `ring-${sign(gradient)}` : "",
        isChosen(chosen, c, unit) ? "chosen" : "", isTruth(c, unit) ? "truth" : "",
        targetColumn(step) === c ? "active" : ""].join(" "));
      number.textContent = forward ? tiny(value) : "";
      number.setAttribute("y", backward ? -2 : 3.5);
      tag.textContent = backward ? tiny(gradient) : "";
      node.classList.toggle("long", number.textContent.length > 5);
      node.setAttribute("aria-label", nodeLabel(c, unit, forward, backward));
    }
    if (drawing.pixels) {
      refreshPicture();
      for (const { place, j } of drawing.pixels.marks) {
        place.setAttribute("class", `place${isChosen(chosen, 0, j) ? " chosen" : ""}`);
        if (place.hasAttribute("tabindex")) {
          place.setAttribute("aria-label", nodeLabel(0, j, forwardOf(0, 0), backwardOf(0, state.step)));
        }
      }
    }
    const lossKnown = effectiveStep(layers.length + 1) >= at.loss;
    drawing.loss.number.textContent = lossKnown ? tiny(row().loss) : "";
    drawing.loss.node.setAttribute("class", `node loss ${lossKnown ? "" : "empty"} ${chosen?.type === "loss" ? "chosen" : ""}`);
    drawing.loss.node.setAttribute("aria-label", lossKnown ? `loss: ${num(row().loss)}` : "loss: not computed yet");
    refreshEdges(chosen, step);
  }

  function nodeLabel(c, unit, forward, backward) {
    const name = c === 0 ? inputName(unit) || inputElement(unit) : neuronName(c - 1, unit);
    const extra = c === layers.length && outputName(unit) ? ` (${outputName(unit)})` : "";
    const parts = [forward ? `${forward.symbol} ${num(forward.numbers[unit])}` : "not computed yet"];
    if (backward) parts.push(`gradient ${num(backward.numbers[unit])}`);
    if (isTruth(c, unit)) parts.push("the truth");
    return `${name}${extra}: ${parts.join(", ")}`;
  }
  const isTruth = (c, unit) =>
    c === layers.length && layers[last].units > 1 && row().label === unit;
  const isChosen = (chosen, c, unit) => Boolean(chosen) && (
    chosen.type === "neuron" && chosen.k === c - 1 && chosen.i === unit
    || chosen.type === "input" && c === 0 && chosen.j === unit
    || chosen.type === "weight" && (chosen.k === c - 1 && chosen.i === unit || chosen.k === c && chosen.j === unit));

  /** What an edge stands for at a step: the weight, what flows along it, or its gradient. */
  function edgeMeaning(k, step) {
    if (step.kind === "sums" && step.k === k) return (i, j) => weight(k, i, j) * values(k - 1)[j];
    if (step.kind === "carry" && step.k === k) return (i, j) => weight(k, i, j) * blame(k)[i];
    if (step.kind === "weights" && step.k === k || step.kind === "done") {
      return (i, j) => weightGradient(k, i, j);
    }
    return (i, j) => weight(k, i, j);
  }

  function refreshEdges(chosen, step) {
    const path = pathEdges(chosen);
    layers.forEach((_, k) => {
      const edges = drawing.edges.filter((edge) => edge.k === k), meaning = edgeMeaning(k, step);
      const numbers = edges.map(({ i, j }) => meaning(i, j)), most = largest(numbers);
      const active = ["sums", "carry", "weights"].includes(step.kind) && step.k === k || step.kind === "done";
      edges.forEach((edge, n) => {
        const share = Math.abs(numbers[n] ?? 0) / most;
        edge.share = share;
        edge.number = numbers[n];
        const touches = touchesEdge(chosen, edge), onPath = path.has(`${k}-${edge.i}-${edge.j}`);
        edge.line.setAttribute("class", ["edge", sign(numbers[n]), active ? "active" : "",
          touches ? "hot" : "", onPath ? "path" : "", chosen && !touches && !onPath ? "faint" : ""].join(" "));
        edge.line.style.strokeWidth = (0.5 + (active || touches ? 4 : 2.5) * share).toFixed(2);
      });
    });
  }
  function touchesEdge(chosen, { k, i, j }) {
    if (!chosen) return false;
    if (chosen.type === "weight") return chosen.k === k && chosen.i === i && chosen.j === j;
    if (chosen.type === "input") return k === 0 && chosen.j === j;
    if (chosen.type !== "neuron") return false;
    return chosen.k === k && chosen.i === i || chosen.k === k - 1 && chosen.i === j;
  }
  /** The edges of the largest path from the selected neuron or weight to the loss. */
  function pathEdges(chosen) {
    const path = chosen?.k !== undefined && row().paths[chosen.k].of[chosen.i]?.[0];
    const keys = new Set();
    path?.[0].slice(1).forEach((unit, n) => keys.add(`${chosen.k + 1 + n}-${unit}-${path[0][n]}`));
    return keys;
  }

  // ---- Numbers that travel

  let frame = 0;
  function animate() {
    cancelAnimationFrame(frame);
    drawing.dots.replaceChildren();
    const step = steps[state.step];
    const travels = step.kind === "sums" || step.kind === "carry";
    if (calm.matches || !travels || document.hidden) { state.arrived = true; return refresh(); }
    state.arrived = false;
    refresh();
    const edges = drawing.edges.filter((edge) => edge.k === step.k && edge.share > 0.02);
    const dots = edges.map((edge) => {
      const dot = svg("circle", { r: (1.6 + 3.2 * Math.sqrt(edge.share)).toFixed(2), class: `dot ${sign(edge.number)}` });
      drawing.dots.append(dot);
      return { dot, from: step.kind === "sums" ? edge.from : edge.to, to: step.kind === "sums" ? edge.to : edge.from };
    });
    const duration = 1000 / rate();
    let start = null;
    const tick = (time) => {
      start ??= time;
      const t = Math.min(1, (time - start) / duration), e = t < 0.5 ? 2 * t * t : 1 - 2 * (1 - t) * (1 - t);
      for (const { dot, from, to } of dots) {
        dot.setAttribute("cx", from[0] + (to[0] - from[0]) * e);
        dot.setAttribute("cy", from[1] + (to[1] - from[1]) * e);
      }
      if (t < 1) { frame = requestAnimationFrame(tick); return; }
      drawing.dots.replaceChildren();
      state.arrived = true;
      refresh();
    };
    frame = requestAnimationFrame(tick);
  }

  // ---- The inspector

  const inspector = byId("inspector");
  /** A line of an equation: symbols, then numbers; dimmed while its step has not come. */
  function line(symbols, numbers, from) {
    const later = from !== undefined && from > state.step;
    return el("p", { class: `equation${later ? " later" : ""}` },
      el("span", { class: "symbols" }, symbols), " ", el("span", { class: "numbers" }, numbers));
  }
  const heading = (text) => el("h3", {}, text);
  const note = (text) => el("p", { class: "note" }, text);

  /** A table of products; each row leads to its weight. */
  function termTable(columns, terms, select, name) {
    const known = terms.filter((t) => t.x !== undefined);
    if (known.length === 0) {
      return note("The weights of this neuron are not in this page, which holds those between drawn neurons only.");
    }
    const order = known.map((t) => ({ ...t, p: t.x * t.y })).sort((s, t) => Math.abs(t.p) - Math.abs(s.p));
    const most = Math.abs(order[0].p) || 1;
    return el("table", {},
      el("thead", {}, el("tr", {}, ...columns.map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, ...order.slice(0, 5).map((t) => el("tr", {},
        el("td", {}, el("button", { class: "link", on: { click: () => pin(select(t), true) } }, name(t))),
        el("td", {}, num(t.x, 3)), el("td", {}, num(t.y, 3)),
        el("td", {}, num(t.p, 3), el("span", {
          class: `bar ${sign(t.p)}`, style: `--share:${(100 * Math.abs(t.p) / most).toFixed(0)}%`, "aria-hidden": "true",
        }))))));
  }

  function pathList(k, i, carried) {
    const { of, count: total } = row().paths[k], found = of[i];
    if (!found) return [note("Paths are in this page for drawn neurons only.")];
    if (found.length === 0) {
      return [note("Every path to the loss adds exactly 0: somewhere on each, a slope is 0.")];
    }
    const scale = carried ?? 1;
    return [
      note((total === 1 ? "The one path" : `The largest of ${count(total, "path")}`)
        + `: slopes and weights along it, times ${valueSymbol(last) === "ŷ" ? "∂L/∂ŷ" : `∂L/∂${valueSymbol(last)}`} at its end`
        + (carried === undefined ? "." : `, times the carried ${num(carried)}.`)
        + " In double precision."),
      el("ol", { class: "paths" }, ...found.map(([units, factors, contribution]) => el("li", {},
        el("span", {}, units.map((unit, n) => neuronName(k + n, unit)).join(" → ") + " → L"),
        el("span", { class: "numbers" },
          [...factors, ...(carried === undefined ? [] : [carried])].map(factor).join(" · ")
          + (factors.length > 1 || carried !== undefined ? ` = ${num(contribution * scale)}` : ""))))),
    ];
  }

  /** What a gradient says, in words. */
  function reading(what, gradient) {
    if (gradient === 0) return note(`Gradient 0: a small change of ${what} leaves this row's loss as it is.`);
    return note(`Raise ${what} by 0.01 and the loss ${gradient > 0 ? "rises" : "falls"} by about`
      + ` ${num(Math.abs(gradient) * 0.01, 3)} (0.01 × gradient).`);
  }

  function command(flag) {
    if (!data.command) return null;
    const number = /^row (\d+)/.exec(row().name)?.[1];
    return el("p", { class: "note" }, "As text: ",
      el("code", {}, `${data.command}${number ? ` --row ${number}` : ""} ${flag}`));
  }

  function neuronPanel(k, i) {
    const r = row(), layer = layers[k], isOutput = k === last;
    const name = neuronName(k, i), label = isOutput && outputName(i);
    const parts = [
      el("h2", {}, name), note(`${label ? `${data.target && layer.units > 1 ? `${data.target} ` : ""}${label}: n` : "N"}euron ${i} of the ${layer.units}`
        + ` in ${layer.name}, counted from 0${isTruth(k + 1, i) ? "; the true class" : ""}`),
      heading("Forward"),
      line(`${sumSymbol(k)} = `, sumOf(k, i), at.sums[k]),
    ];
    if (hasFunction(k)) {
      parts.push(line(`${valueSymbol(k)} = ${functionName(k)}(${sumSymbol(k)}) = `, num(r.layers[k].h[i]), at.fn[k]));
    }
    if (isOutput && hasOutputFunction) {
      parts.push(line(`ŷ = ${data.outputFunction}(a) = `, chance(r.predictions[i]), at.predictions));
      parts.push(line("y = ", num(r.targets[i]), at.loss));
    }
    parts.push(termTable(["from", "weight", "value", "product"], incoming(k, i),
      (t) => ({ type: "weight", k, i, j: t.j }), (t) => belowName(k, t.j)));
    parts.push(heading("Backward"));
    const gradients = valueGradients(k);
    if (!isOutput) parts.push(line(`∂L/∂${valueSymbol(k)} = `, carriedTo(k + 1, i), at.dh[k] ?? at.da[k]));
    else if (hasOutputFunction) {
      parts.push(line("∂L/∂ŷ = ", num(r.predictionGradients[i]), at.loss));
      parts.push(line(`∂L/∂a = ŷ − y = `, num(gradients[i]), at.dh[k] ?? at.da[k]));
    } else parts.push(line("∂L/∂ŷ = ", startNumbers(i).replace(/^.*?: /, ""), at.dh[k] ?? at.da[k]));
    if (hasFunction(k)) {
      parts.push(line("g′(a) = ", num(slope(k, i)), at.da[k]));
      parts.push(line(`${blameSymbol(k)} = ∂L/∂${valueSymbol(k)} · g′(a) = `,
        `${factor(gradients[i])} · ${factor(slope(k, i))} = ${num(blame(k)[i])}`, at.da[k]));
    }
    if (layer.bias) parts.push(line(`∂L/∂b = ${blameSymbol(k)} = `, num(blame(k)[i]), at.dw[k]));
    if (!isOutput) {
      parts.push(termTable(["to", "weight", blameSymbol(k + 1), "product"], outgoing(k + 1, i),
        (t) => ({ type: "weight", k: k + 1, i: t.i, j: i }), (t) => neuronName(k + 1, t.i)));
    }
    parts.push(reading(`${name}'s sum`, blame(k)[i]), heading("Paths to the loss"), ...pathList(k, i));
    if (layer.bias) parts.push(command(`--weight "${layer.name}.bias[${i}]"`));
    return parts;
  }

  function weightPanel(k, i, j) {
    const name = `${layers[k].name}.weight[${i},${j}]`, w = weight(k, i, j);
    const carried = values(k - 1)[j], gradient = weightGradient(k, i, j);
    const back = (selection, text) => el("button", { class: "link", on: { click: () => pin(selection, true) } }, text);
    return [
      el("h2", {}, name),
      el("p", { class: "note" }, "The weight from ",
        back(k === 0 ? { type: "input", j } : { type: "neuron", k: k - 1, i: j }, belowName(k, j)), " to ",
        back({ type: "neuron", k, i }, neuronName(k, i))),
      heading("Forward"),
      line(`w = `, w === undefined ? "not in this page" : num(w), 0),
      w === undefined ? null
        : line(`w · ${valueSymbol(k - 1)} = `, `${factor(w)} · ${factor(carried)} = ${num(w * carried)}`, at.sums[k]),
      heading("Backward"),
      line(`∂L/∂w = ${blameSymbol(k)} · ${valueSymbol(k - 1)} = `,
        `${factor(blame(k)[i])} · ${factor(carried)} = ${num(gradient)}`, at.dw[k]),
      reading("this weight", gradient),
      carried === 0 ? note("It carried 0: whatever the blame, this row teaches it nothing.")
        : blame(k)[i] === 0 ? note("The neuron it feeds takes no blame on this row: it learns nothing from it.") : null,
      heading("Paths to the loss"), ...pathList(k, i, carried),
      command(`--weight "${name}"`),
    ];
  }

  function inputPanel(j) {
    const r = row(), x = r.inputs[j], gradient = r.inputGradients[j], name = inputName(j) || inputElement(j);
    return [
      el("h2", {}, name), note(`${inputElement(j)}, an input`),
      heading("Forward"),
      r.original ? line("in the data: ", num(r.original[j]), 0) : null,
      line("x = ", num(x), 0),
      r.original && Math.abs(r.original[j] - x) > 1e-6
        ? note("The network gets it standardised: less the training rows' mean, divided by their spread; a column that never changed is 0.") : null,
      heading("Backward"),
      line("∂L/∂x = ", carriedTo(0, j), at.dx),
      line("gradient × input = ", `${factor(gradient)} · ${factor(x)} = ${num(gradient * x)}`, at.dx),
      termTable(["to", "weight", blameSymbol(0), "product"], outgoing(0, j),
        (t) => ({ type: "weight", k: 0, i: t.i, j }), (t) => neuronName(0, t.i)),
      reading("this input", gradient),
    ];
  }

  function lossPanel() {
    const r = row(), v = verdict(r);
    return [
      el("h2", {}, "The loss"), note(`${v.name}: the network says ${v.answer}, the truth is ${v.truth}`),
      line(`${lossText[0]}:  `, lossNumbers(), at.loss), line(lossText[1], "", at.loss + 1),
      el("table", {},
        el("thead", {}, el("tr", {}, ...["output", "ŷ", "y", "∂L/∂a"].map((t) => el("th", { scope: "col" }, t)))),
        el("tbody", {}, ...r.predictions.map((p, i) => [p, i]).slice(0, 20).map(([p, i]) => el("tr", {},
          el("td", {}, el("button", { class: "link", on: { click: () => pin({ type: "neuron", k: last, i }, true) } },
            `${neuronName(last, i)}${outputName(i) ? ` ${outputName(i)}` : ""}`)),
          el("td", {}, num(p, 3)), el("td", {}, num(r.targets[i], 3)), el("td", {}, num(valueGradients(last)[i], 3)))))),
    ];
  }

  function inspect() {
    const chosen = current();
    const parts = chosen?.type === "neuron" ? neuronPanel(chosen.k, chosen.i)
      : chosen?.type === "weight" ? weightPanel(chosen.k, chosen.i, chosen.j)
        : chosen?.type === "input" ? inputPanel(chosen.j) : lossPanel();
    inspector.replaceChildren(...parts.filter(Boolean));
  }

  function hover(selection) {
    state.hovered = selection;
    refresh();
    inspect();
    captions();
  }
  /** Keeps an element selected; from a link, the focus stays in the inspector. */
  function pin(selection, fromLink = false) {
    const units = shownUnitsKey();
    state.pinned = selection;
    state.hovered = null;
    if (units !== shownUnitsKey()) draw(); else refresh();
    inspect();
    captions();
    if (fromLink) {
      const title = inspector.querySelector("h2");
      title.tabIndex = -1;
      title.focus({ preventScroll: true });
    }
  }
  const shownUnitsKey = () =>
    Array.from({ length: layers.length + 1 }, (_, c) => shownUnits(c).join()).join(";");

  // ---- All units of a wide layer

  function strip() {
    const box = byId("strip"), c = state.strip;
    box.hidden = c === null;
    if (c === null) return box.replaceChildren();
    const forward = forwardOf(c, state.step), backward = backwardOf(c, state.step);
    const size = c === 0 ? row().inputs.length : layers[c - 1].units;
    const mosts = [forward, backward].map((shown) => (shown ? largest(shown.numbers) : 1));
    let units = Array.from({ length: size }, (_, i) => i);
    if (size > 600) {
      const weightOf = (i) => Math.max(Math.abs(forward?.numbers[i] ?? 0) / mosts[0], Math.abs(backward?.numbers[i] ?? 0) / mosts[1]);
      units = units.sort((i, j) => weightOf(j) - weightOf(i)).slice(0, 600).sort((i, j) => i - j);
    }
    const cells = units.map((i) => {
      const cell = el("button", {
        class: `cell ${forward ? sign(forward.numbers[i]) : "empty"} ${backward ? `ring-${sign(backward.numbers[i])}` : ""}`,
        title: nodeLabel(c, i, forward, backward), "aria-label": nodeLabel(c, i, forward, backward),
        on: { click: () => pin(c === 0 ? { type: "input", j: i } : { type: "neuron", k: c - 1, i }) },
      }, el("i", {}, forward && forward.numbers[i] !== 0 ? (forward.numbers[i] > 0 ? "+" : "−") : "0"),
      el("b", {}, backward ? (backward.numbers[i] > 0 ? "+" : backward.numbers[i] < 0 ? "−" : "0") : ""));
      if (forward) shade(cell, forward.numbers[i], mosts[0], "value");
      if (backward) shade(cell, backward.numbers[i], mosts[1], "gradient");
      return cell;
    });
    box.replaceChildren(
      el("p", { class: "strip-head" }, el("strong", {}, c === 0 ? "All inputs" : `All neurons of ${layers[c - 1].name}`),
        `: above the value, below the gradient${size > 600 ? `; the largest 600 of ${size}` : ""}. `,
        el("button", { class: "link", on: { click: () => {
          state.strip = null;
          strip();
          network.querySelector(`[data-key="more${c}"]`)?.focus();
        } } }, "close")),
      el("div", { class: "cells" }, ...cells));
  }

  // ---- Captions and controls

  const rate = () => Number(byId("rate").value);
  const phaseNames = { forward: "→ Forward", loss: "The loss", backward: "← Backward", done: "Done" };

  function captions() {
    const text = describe(steps[state.step]), step = steps[state.step];
    const set = (id, value) => { if (byId(id).textContent !== value) byId(id).textContent = value; };
    set("phase", state.fresh ? `All ${steps.length} steps at a glance`
      : `${phaseNames[step.phase]} · step ${state.step + 1} of ${steps.length}`);
    byId("phase").className = step.phase;
    set("title", text.title);
    set("words", text.words);
    byId("equations").replaceChildren(el("p", { class: "symbols" }, text.symbols), el("p", { class: "numbers" }, text.numbers));
    byId("position").setAttribute("aria-valuetext", `${state.step + 1} of ${steps.length}: ${text.title}`);
  }

  const icons = {
    first: "M5 4h2v12H5zM16 4v12L8 10z", back: "M14 4v12L6 10z", play: "M6 3.5v13l11-6.5z",
    pause: "M5 4h3.5v12H5zM11.5 4H15v12h-3.5z", forward: "M6 4v12l8-6z", last: "M13 4h2v12h-2zM4 4v12l8-6z",
  };
  function setIcon(id, icon) {
    byId(id).replaceChildren(svg("svg", { viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" }, svg("path", { d: icons[icon] })));
  }

  function go(to, isPlaying = false) {
    if (!isPlaying) pause();
    state.step = Math.max(0, Math.min(steps.length - 1, to));
    state.fresh = false;
    show();
    follow();
  }
  /** One step on; from the page's first view to the first step. */
  const goOn = () => go(state.fresh ? 0 : state.step + 1);

  /** Everything that depends on the step. */
  function show() {
    byId("position").value = state.step;
    for (const id of ["first", "back"]) byId(id).disabled = state.step === 0;
    for (const id of ["forward", "last"]) {
      byId(id).disabled = state.step === steps.length - 1 && !(state.fresh && id === "forward");
    }
    showPlaying();
    captions();
    legend();
    inspect();
    strip();
    animate();
  }

  let timer = 0;
  function play() {
    state.playing = true;
    showPlaying();
    if (state.step === steps.length - 1) go(0, true);
    schedule();
  }
  function schedule() {
    timer = setTimeout(() => {
      go(state.step + 1, true);
      if (state.step === steps.length - 1) pause(); else schedule();
    }, 3200 / rate());
  }
  function pause() {
    clearTimeout(timer);
    state.playing = false;
    showPlaying();
  }
  function showPlaying() {
    setIcon("play", state.playing ? "pause" : "play");
    const inviting = state.fresh && !state.playing;
    byId("play").setAttribute("aria-label", state.playing ? "Pause" : inviting ? "Play from the start" : "Play");
    if (inviting) byId("play").append(el("span", {}, "Play", el("span", { class: "wide" }, " from the start")));
  }

  /** Moves the focus to the neuron above or below in its column. */
  function moveFocus(key, by) {
    const column = key.split("-")[0];
    const nodes = [...network.querySelectorAll(`[tabindex][data-key^="${column}-"]`)];
    const place = nodes.findIndex((node) => node.dataset.key === key);
    nodes[place + by]?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const target = event.target, key = target.dataset?.key;
    if (target.matches?.("input, select, textarea")) return;
    if (event.key === " " && target.matches?.("button, summary, a")) return;
    const actions = {
      ArrowRight: goOn, ArrowLeft: () => go(state.step - 1),
      Home: () => go(0), End: () => go(steps.length - 1), " ": () => (state.playing ? pause() : play()),
    };
    if (key?.startsWith("n")) {
      actions.ArrowUp = () => moveFocus(key, -1);
      actions.ArrowDown = () => moveFocus(key, 1);
    }
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });

  // ---- Rows

  function thumbnail(r) {
    if (!data.picture) return null;
    const { width, height } = data.picture, shades = pictureShades(r);
    return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "thumbnail", "aria-hidden": "true" },
      ...shades.map((shade, j) => svg("rect", {
        x: cells[j] % width, y: Math.floor(cells[j] / width), width: 1.02, height: 1.02, class: "pixel",
        style: `--ink:${(100 * shade).toFixed(0)}%`,
      })));
  }

  function chooseRow(n) {
    state.row = n;
    state.hovered = null;
    const v = verdict(row());
    byId("subject").replaceChildren(
      el("strong", {}, row().name), ` · ${data.title} · truth ${v.truth}, network says ${v.answer}`,
      v.right === null ? "" : v.right ? " ✓ right" : " ✗ wrong", ` · loss ${num(row().loss)}`);
    pause();
    draw();
    show();
  }

  function rows() {
    if (data.rows.length < 2) byId("rows").hidden = true;
    byId("choices").replaceChildren(...data.rows.map((r, n) => {
      const v = verdict(r);
      const input = el("input", { type: "radio", name: "row", value: n, on: { change: () => chooseRow(n) } });
      input.checked = n === state.row;
      return el("label", { class: "choice", title: r.name }, input, thumbnail(r), el("span", {}, el("b", {}, v.name),
        el("small", {}, v.right === null ? `${v.truth}: says ${v.answer}`
          : v.right ? `${v.truth} ✓` : `${v.truth} ✗ says ${v.answer}`)));
    }));
  }

  // ---- Words about the page

  const lineMeanings = {
    sums: "weight × value", weights: "weight's gradient", carry: "weight × blame",
    done: "weight's gradient",
  };
  function legend() {
    const what = lineMeanings[steps[state.step].kind] ?? "weight";
    const sample = (name, ...shapes) => el("span", { class: "sample" },
      svg("svg", { viewBox: "0 0 34 20", width: 34, height: 20, "aria-hidden": "true" }, ...shapes), name);
    const disc = (kind) => svg("g", { class: `node ${kind} deep`, style: "--value:80%" },
      svg("circle", { cx: 17, cy: 10, r: 8, class: "body" }),
      svg("text", { x: 17, y: 13.5, class: "number" }, kind === "positive" ? "+" : "−"));
    byId("legend").replaceChildren(
      sample("positive value", disc("positive")), sample("negative value", disc("negative")),
      sample("ring and lower number: the gradient", svg("g", { class: "node ring-negative", style: "--gradient:80%" },
        svg("circle", { cx: 17, cy: 10, r: 8, class: "ring" }))),
      sample(`positive ${what}`, svg("line", { x1: 2, y1: 10, x2: 32, y2: 10, class: "edge positive active", style: "stroke-width:3" })),
      sample("negative", svg("line", { x1: 2, y1: 10, x2: 32, y2: 10, class: "edge negative active", style: "stroke-width:3" })));
  }

  function about() {
    const agree = data.rows.every((r) => r.productsAgree);
    byId("about").replaceChildren(
      el("p", {}, el("b", {}, "Keys: "), "← → step, space plays and pauses, Home and End, Tab goes from neuron to neuron, ↑ ↓ within a layer."),
      el("p", {}, el("b", {}, "Numbers: "), data.precision === "single"
        ? "values and gradients are in single precision, the very ones that training computes. "
        : "values and gradients are in double precision. ",
      "A weight's gradient is shown as the product δ · h",
      agree ? ", which Ebb compared with its own for every weight and every row here: equal to the last bit. "
        : "; in rounding it may differ from Ebb's own. ",
      "Slopes and paths are computed in double precision beside them. What a table or an equation sums up (\"others\") is",
      " the difference to the total. Colours compare within a layer."),
      el("p", {}, `Made by Ebb ${data.version}. This file asks for nothing: no network, no other file.`));
  }

  // ---- Start

  byId("position").max = steps.length - 1;
  byId("position").addEventListener("input", (event) => go(Number(event.target.value)));
  for (const [id, action] of Object.entries({
    first: () => go(0), back: () => go(state.step - 1), forward: goOn,
    last: () => go(steps.length - 1), play: () => (state.playing ? pause() : play()),
  })) {
    setIcon(id, id);
    byId(id).addEventListener("click", action);
  }
  state.pinned = { type: "neuron", k: last, i: row().predicted !== undefined && layers[last].units > 1 ? row().predicted : 0 };
  rows();
  about();
  state.step = steps.length - 1;
  chooseRow(0);
  // A page that grew may have a scroll bar since, or a window another width.
  new ResizeObserver(() => network.clientWidth !== drawing.room && draw()).observe(network);
})();
