import Foundation
import Testing

/// A Chromium without a window, named by the environment variable `EBB_BROWSER`.
///
///     EBB_BROWSER=chromium swift test -c release --filter Browser
enum Browser {
  static let command = ProcessInfo.processInfo.environment["EBB_BROWSER"] ?? ""

  /// Whether the browser is there and starts.
  static let isThere: Bool = {
    guard !command.isEmpty else { return false }
    return (try? run(["--version"]))?.contains("Chrom") ?? false
  }()

  static let hint: Comment =
    "EBB_BROWSER names no Chromium that starts: EBB_BROWSER=chromium swift test -c release --filter Browser"

  /// Where pictures are kept.
  static let artefacts: URL = {
    let environment = ProcessInfo.processInfo.environment
    let folder =
      environment["EBB_BROWSER_ARTEFACTS"].map { URL(fileURLWithPath: $0) }
      ?? URL(fileURLWithPath: Command.examples).deletingLastPathComponent()
      .appendingPathComponent(".build/browser")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }()

  enum Scheme: String, CaseIterable {
    case light, dark
  }

  /// What a page did and what a script found in it.
  struct Visit {
    /// Errors that nobody caught, and what was written to the console as errors.
    let errors: [String]
    /// What the page's security policy had to forbid.
    let violations: [String]
    /// What the page loaded from elsewhere.
    let requests: [String]
    /// What the script returned.
    let found: [String: Any]
  }

  /// Opens a copy of a page, runs a script in it after it has loaded, and tells what happened.
  ///
  /// The script is the body of an async function and returns an object. `wait(milliseconds)` lets the
  /// page go on, `press(key)` types, `all(selector)` finds elements.
  static func visit(
    _ html: String, width: Int = 1280, height: Int = 900, scheme: Scheme = .light,
    calm: Bool = false, milliseconds: Int = 20_000, script: String
  ) throws -> Visit {
    let dom = try open(
      html, width: width, height: height, scheme: scheme, calm: calm, script: script,
      ["--virtual-time-budget=\(milliseconds)", "--dump-dom"])
    let parts = dom.components(separatedBy: "@@findings@@")
    // The probe's own source holds the mark too, cut in two.
    let text = try #require(
      parts.count == 3 ? parts[1] : nil, "the page did not finish: \(dom.suffix(500))")
    let plain = text.replacingOccurrences(of: "&lt;", with: "<")
      .replacingOccurrences(of: "&gt;", with: ">").replacingOccurrences(of: "&amp;", with: "&")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(plain.utf8)) as? [String: Any])
    return Visit(
      errors: object["errors"] as? [String] ?? ["unreadable"],
      violations: object["violations"] as? [String] ?? ["unreadable"],
      requests: object["requests"] as? [String] ?? ["unreadable"],
      found: object["found"] as? [String: Any] ?? [:])
  }

  /// A picture of a page after a script, kept among the artefacts.
  static func picture(
    _ html: String, name: String, width: Int, height: Int, scheme: Scheme, script: String
  ) throws -> Data {
    let file = artefacts.appendingPathComponent("\(name)-\(width)-\(scheme.rawValue).png")
    try? FileManager.default.removeItem(at: file)
    _ = try open(
      html, width: width, height: height, scheme: scheme, calm: false, script: script,
      ["--virtual-time-budget=6000", "--hide-scrollbars", "--screenshot=\(file.path)"])
    return try Data(contentsOf: file)
  }

  private static func open(
    _ html: String, width: Int, height: Int, scheme: Scheme, calm: Bool, script: String,
    _ flags: [String]
  ) throws -> String {
    let folder = NSTemporaryDirectory() + "/ebb-browser-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let head = try #require(html.range(of: "<head>"), "the page has no head")
    var page = html
    page.replaceSubrange(head, with: "<head><script>\(watch)</script>")
    page += "<script>\(probe(script))</script>"
    var path = "\(folder)/page.html"
    try Data(page.utf8).write(to: URL(fileURLWithPath: path))
    if width < narrowestWindow {
      path = "\(folder)/frame.html"
      try Data(frame(width: width, height: height).utf8).write(to: URL(fileURLWithPath: path))
    }
    return try run(
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(folder)/profile",
        "--window-size=\(width),\(height)",
        "--blink-settings=preferredColorScheme=\(scheme == .dark ? 0 : 1)",
      ] + (calm ? ["--force-prefers-reduced-motion"] : []) + flags + ["file://\(path)"])
  }

  /// A window cannot be narrower than this, a frame in it can.
  private static let narrowestWindow = 500

  private static func frame(width: Int, height: Int) -> String {
    """
    <!DOCTYPE html><meta name="color-scheme" content="light dark"><body style="margin: 0">
    <iframe src="page.html" style="width: \(width)px; height: \(height)px; border: 0"></iframe>
    <script>addEventListener("message", (e) => {
      const report = document.createElement("pre");
      report.textContent = e.data;
      document.body.append(report);
    });</script>
    """
  }

  /// Catches what goes wrong, before anything else in the page runs.
  private static let watch = """
    const seen = { errors: [], violations: [] };
    addEventListener("error", (e) => seen.errors.push(String(e.message || e.target && e.target.src || e)), true);
    addEventListener("unhandledrejection", (e) => seen.errors.push(String(e.reason)));
    document.addEventListener("securitypolicyviolation", (e) => seen.violations.push(e.violatedDirective + " " + e.blockedURI));
    const complain = console.error;
    console.error = (...words) => { seen.errors.push(words.join(" ")); complain(...words); };
    """

  private static func probe(_ script: String) -> String {
    """
    addEventListener("load", async () => {
      const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      const all = (selector) => [...document.querySelectorAll(selector)];
      const press = (key) => (document.activeElement || document.body)
        .dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      const text = (selector) => document.querySelector(selector)?.textContent;
      let found = {};
      try { found = await (async () => { \(script) })() ?? {}; }
      catch (e) { seen.errors.push("the test's script: " + e); }
      const requests = performance.getEntriesByType("resource").map((e) => e.name);
      const report = document.createElement("pre");
      report.textContent = "@@find" + "ings@@" + JSON.stringify({ ...seen, requests, found })
        + "@@find" + "ings@@";
      if (parent === window) document.body.append(report);
      else parent.postMessage(report.textContent, "*");
    });
    """
  }

  /// Runs the browser to its end; what it printed.
  private static func run(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [command] + arguments
    let output = FileManager.default.temporaryDirectory
      .appendingPathComponent("ebb-browser-\(UUID().uuidString).out")
    try Data().write(to: output)
    defer { try? FileManager.default.removeItem(at: output) }
    let handle = try FileHandle(forWritingTo: output)
    process.standardOutput = handle
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try handle.close()
    return String(decoding: try Data(contentsOf: output), as: UTF8.self)
  }
}

/// The pages that the tests open, made once by the built command.
struct BrowserPages {
  let stepper: String
  let report: String

  static let digits = Result { try BrowserPages(hidden: "32") }
  /// Five hidden layers, wider than a small window.
  static let deep = Result { try BrowserPages(hidden: "16,16,16,16,16") }

  private init(hidden: String) throws {
    let workplace = try Workplace()
    let data = Command.example("digits")
    let trained = try workplace.ebb(
      "train", data, "--target", "digit", "--hidden", hidden, "--epochs", "3", "--seed", "7",
      "--output", "run", "--quiet")
    try #require(trained.status == 0, "\(trained.errors)")
    report = try workplace.text("run/report.html")
    let explained = try workplace.ebb(
      "explain", "run", data, "--row", "42", "--html", "stepper.html")
    try #require(explained.status == 0, "\(explained.errors)")
    stepper = try workplace.text("stepper.html")
  }

  /// Everything that can be used, and has no name: by label, text, title or ARIA.
  static let nameless = """
    const named = (e) => e.getAttribute("aria-label") || e.textContent.trim() || e.title
      || [...(e.labels ?? [])].some((l) => l.textContent.trim())
      || document.getElementById(e.getAttribute("aria-labelledby") ?? "")?.textContent.trim();
    const nameless = all("button, input, select, textarea, a[href], summary, [tabindex]")
      .filter((e) => !named(e)).map((e) => e.outerHTML.slice(0, 120));
    """
}
