import Foundation
import Testing

@Suite("Browser: the stepper", .enabled(if: Browser.isThere, Browser.hint), .serialized)
struct BrowserStepperTests {
  private func page() throws -> String { try BrowserPages.digits.get().stepper }

  /// Opens the page; nothing may go wrong in it, and nothing may be asked for.
  private func visit(
    width: Int = 1280, scheme: Browser.Scheme = .light, calm: Bool = true, _ script: String
  ) throws -> [String: Any] {
    let visit = try Browser.visit(
      try page(), width: width, scheme: scheme, calm: calm, script: script)
    #expect(visit.errors.isEmpty)
    #expect(visit.violations.isEmpty)
    #expect(visit.requests.isEmpty)
    return visit.found
  }

  @Test("the tests notice an error and a request")
  func harness() throws {
    let broken = try page().replacingOccurrences(
      of: "</body>",
      with: "<img src=\"https://example.invalid/x.png\"><script>nothing.at.all</script></body>")
    let visit = try Browser.visit(broken, script: "return {};")
    #expect(visit.errors.contains { $0.contains("nothing") })
    #expect(visit.violations == ["img-src https://example.invalid/x.png"])
  }

  @Test("opens with the row, its verdict, all numbers, and the way to the first step")
  func opens() throws {
    let found = try visit(
      """
      \(BrowserPages.nameless)
      return { nameless, title: document.title, subject: text("#subject"), caption: text("#caption"),
        neurons: all("[aria-roledescription=neuron]").length, edges: all(".edge").length,
        rows: all("#choices input").length, empty: all(".node.empty").length, play: text("#play"),
        later: all("#inspector .later").length, live: document.querySelector("#caption").getAttribute("aria-live") };
      """)
    #expect(found["nameless"] as? [String] == [], "every interactive thing has a name")
    let subject = try #require(found["subject"] as? String)
    #expect(subject.contains("row 42 (line 43 of digits.csv)"))
    #expect(subject.contains("loss"))
    #expect((found["caption"] as? String)?.contains("steps at a glance") == true)
    #expect(found["empty"] as? Int == 0, "every circle has its numbers")
    #expect(found["later"] as? Int == 0)
    #expect(found["play"] as? String == "Play from the start")
    #expect(found["neurons"] as? Int == 20, "ten of 32 and the ten outputs")
    #expect((found["edges"] as? Int ?? 0) >= 200)
    #expect(found["rows"] as? Int == 12)
    #expect(found["live"] as? String == "polite")
  }

  @Test("goes by keyboard: arrows, Home, End, space, from neuron to neuron")
  func keyboard() throws {
    let found = try visit(
      """
      const place = () => Number(document.querySelector("#position").value);
      const last = Number(document.querySelector("#position").max);
      const places = [place()];
      for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home", "ArrowLeft"]) {
        press(key);
        places.push(place());
      }
      press(" ");
      const playing = document.querySelector("#play").getAttribute("aria-label");
      press(" ");
      const paused = document.querySelector("#play").getAttribute("aria-label");
      const neurons = all("[aria-roledescription=neuron]");
      neurons[0].focus();
      const first = text("#inspector h2");
      press("ArrowDown");
      const second = text("#inspector h2");
      const outline = neurons[1] === document.activeElement;
      const titles = [];
      press("Home");
      for (let n = 0; n <= last; n++) { titles.push(text("#title") + text("#equations")); press("ArrowRight"); }
      return { places, last, playing, paused, first, second, outline, titles };
      """)
    let last = try #require(found["last"] as? Int)
    #expect(found["places"] as? [Int] == [last, 0, 1, 0, last, last, 0, 0])
    #expect(found["playing"] as? String == "Pause")
    #expect(found["paused"] as? String == "Play")
    let (first, second) = (found["first"] as? String ?? "", found["second"] as? String ?? "")
    #expect(first.hasPrefix("hidden1[") && second.hasPrefix("hidden1[") && first != second)
    #expect(found["outline"] as? Bool == true, "the next neuron has the focus")
    let titles = try #require(found["titles"] as? [String])
    #expect(Set(titles).count == last + 1, "every step has a caption of its own")
    #expect(titles.joined().contains("δ₁ = ∂L/∂h₁ ⊙ g′(a₁)"))
    #expect(!titles.joined().contains("undefined") && !titles.joined().contains("NaN"))
  }

  @Test("hovering and focusing shows a neuron's and a weight's numbers, those of the page's data")
  func hover() throws {
    let found = try visit(
      """
      press("End");
      const data = JSON.parse(text("#data")), row = data.rows[0];
      const enter = (e, type) => e.dispatchEvent(new PointerEvent(type, { pointerType: "mouse" }));
      const neuron = document.querySelector("[aria-roledescription=neuron]");
      const before = text("#inspector h2");
      enter(neuron, "pointerenter");
      const hovered = text("#inspector"), unit = Number(neuron.dataset.key.split("-")[1]);
      enter(neuron, "pointerleave");
      const after = text("#inspector h2");
      const hit = document.querySelector("[data-key^=w1-]");
      enter(hit, "pointerenter");
      const weight = text("#inspector"), name = text("#inspector h2");
      enter(hit, "pointerleave");
      const [, k, i, j] = hit.dataset.key.match(/w(\\d+)-(\\d+)-(\\d+)/).map(Number);
      const product = row.layers[1].da[i] * row.layers[0].h[j];
      const link = document.querySelector("#inspector table button");
      link.click();
      return { before, after, hovered, weight, name, unit, label: neuron.getAttribute("aria-label"),
        blame: row.layers[0].da[unit], i, j, product, linked: text("#inspector h2"),
        focus: document.activeElement.tagName };
      """)
    let unit = try #require(found["unit"] as? Int)
    let hovered = try #require(found["hovered"] as? String)
    #expect(hovered.contains("hidden1[\(unit)]"))
    for word in ["a₁ = ", "h₁ = relu(a₁) = ", "∂L/∂h₁ = ", "g′(a) = ", "Paths to the loss"] {
      #expect(hovered.contains(word), "\(word)")
    }
    #expect(found["before"] as? String == found["after"] as? String, "hovering is for a moment")
    let (i, j) = (try #require(found["i"] as? Int), try #require(found["j"] as? Int))
    #expect(found["name"] as? String == "output.weight[\(i),\(j)]")
    let product = try #require(found["product"] as? Double)
    let shown = try #require((found["weight"] as? String)?.components(separatedBy: "∂L/∂w = ").last)
    let equation = try #require(shown.components(separatedBy: "Raise").first)
      .replacingOccurrences(of: "−", with: "-")
    let number = try #require(
      equation.components(separatedBy: " = ").last?.components(separatedBy: "Gradient").first)
    #expect(abs((Double(number) ?? .nan) - product) <= 1e-3 * abs(product), "\(equation)")
    let name = try #require(found["linked"] as? String)
    #expect(name.contains(".weight["), "a row of the table leads to its weight")
    #expect(found["focus"] as? String == "H2")
    #expect((found["label"] as? String)?.contains("gradient") == true)
  }

  @Test("plays to the end and stops, with numbers that travel; calmly where that is asked for")
  func plays() throws {
    for calm in [true, false] {
      let found = try visit(
        calm: calm,
        """
        document.querySelector("#rate").value = "4";
        press("Home");
        document.querySelector("#play").click();
        const dots = [];
        for (let n = 0; n < 200 && document.querySelector("#play").getAttribute("aria-label") === "Pause"; n++) {
          await wait(60);
          dots.push(all(".dot").length);
        }
        const place = document.querySelector("#position");
        return { ended: place.value === place.max, dots: Math.max(...dots),
          label: document.querySelector("#play").getAttribute("aria-label") };
        """)
      #expect(found["ended"] as? Bool == true)
      #expect(found["label"] as? String == "Play")
      let dots = try #require(found["dots"] as? Int)
      #expect(calm ? dots == 0 : dots > 10, "\(dots) dots")
    }
  }

  @Test("rows are picked: other numbers, the same step; right ones and wrong ones")
  func picksRows() throws {
    let found = try visit(
      """
      press("End");
      const choices = all("#choices input"), seen = [];
      for (const choice of choices) {
        choice.click();
        seen.push(text("#subject"));
      }
      const data = JSON.parse(text("#data"));
      return { seen, step: document.querySelector("#position").value === document.querySelector("#position").max,
        losses: data.rows.map((r) => r.loss), labels: all("#choices label").map((l) => l.textContent) };
      """)
    let seen = try #require(found["seen"] as? [String])
    #expect(Set(seen).count == 12)
    #expect(seen.contains { $0.contains("✗ wrong") } && seen.contains { $0.contains("✓ right") })
    #expect(found["step"] as? Bool == true)
  }

  @Test("a wide layer opens as a strip of all its neurons; one is taken into the drawing")
  func strip() throws {
    let found = try visit(
      """
      press("End");
      document.querySelector(".more").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      const cells = all("#strip .cell");
      const drawn = all("[data-key^='n1-']").map((n) => Number(n.dataset.key.split("-")[1]));
      const other = cells.findIndex((_, i) => !drawn.includes(i));
      const label = cells[other].getAttribute("aria-label");
      cells[other].click();
      return { count: cells.length, label, shown: text("#inspector h2"), other,
        inDrawing: Boolean(document.querySelector(`[data-key='n1-${other}']`)) };
      """)
    #expect(found["count"] as? Int == 32)
    let other = try #require(found["other"] as? Int)
    #expect(found["shown"] as? String == "hidden1[\(other)]")
    #expect((found["label"] as? String)?.hasPrefix("hidden1[\(other)]: ") == true)
    #expect(found["inDrawing"] as? Bool == true)
  }

  @Test("at 390 pixels nothing runs over, at any step, with any row")
  func narrow() throws {
    let found = try visit(
      width: 390,
      """
      const widths = [];
      for (let n = 0; n < 20; n++) {
        press("ArrowRight");
        widths.push(document.documentElement.scrollWidth);
      }
      all("#choices input")[3].click();
      widths.push(document.documentElement.scrollWidth);
      const small = all("#controls button").filter((b) => b.getBoundingClientRect().width < 44).length;
      return { window: innerWidth, widest: Math.max(...widths), small,
        drawing: document.querySelector("#network svg").getBoundingClientRect().width };
      """)
    #expect(found["window"] as? Int == 390)
    #expect((found["widest"] as? Int ?? .max) <= 390)
    #expect((found["drawing"] as? Double ?? .infinity) <= 390)
    #expect(found["small"] as? Int == 0, "buttons that a finger hits")
  }

  @Test(
    "no column touches the next, nor the picture; what is too wide scrolls by itself",
    arguments: [1280, 390])
  func columns(width: Int) throws {
    let visit = try Browser.visit(
      try BrowserPages.deep.get().stepper, width: width,
      script: """
        const box = (e) => e.getBoundingClientRect();
        const nodes = all("#network .node, #network .more, #network .picture").map(box);
        let overlaps = 0;
        for (const [n, a] of nodes.entries()) {
          for (const b of nodes.slice(n + 1)) {
            if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) overlaps += 1;
          }
        }
        const network = document.querySelector("#network");
        return { count: nodes.length, overlaps, width: document.documentElement.scrollWidth,
          scrolls: network.scrollWidth > network.clientWidth };
        """)
    #expect(visit.errors.isEmpty)
    #expect((visit.found["count"] as? Int ?? 0) > 60)
    #expect(visit.found["overlaps"] as? Int == 0)
    #expect((visit.found["width"] as? Int ?? .max) <= width)
    #expect(visit.found["scrolls"] as? Bool == (width == 390))
  }

  @Test("pictures, to be looked at", arguments: [1280, 390], Browser.Scheme.allCases)
  func pictures(width: Int, scheme: Browser.Scheme) throws {
    for (name, steps) in [("start", 0), ("forward", 2), ("blame", 6), ("end", 99)] {
      let picture = try Browser.picture(
        try page(), name: "stepper-\(name)", width: width, height: width == 390 ? 1500 : 1000,
        scheme: scheme,
        script: "for (let n = 0; n < \(steps); n++) press('ArrowRight');")
      #expect(picture.count > 20_000, "\(name): \(picture.count) bytes")
    }
  }
}
