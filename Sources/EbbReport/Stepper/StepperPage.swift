package import Ebb
internal import EbbRuns
internal import EbbSystem

/// A page to click through backpropagation on one network: values flow forward, gradients ebb back.
///
/// One file that asks for nothing: style, script and numbers are in it, and its security policy forbids
/// every request. The numbers are those of the subjects; the script shows them, and multiplies where
/// it says so. All of the first row is always there; others are left out before the numbers take more
/// than ``mostBytes``.
package struct StepperPage: Sendable {
  /// The most bytes of numbers, but for a network whose first row alone needs more.
  package static let mostBytes = 850_000

  /// The page.
  package let html: String
  /// How many rows it holds.
  package let rowCount: Int

  /// A page.
  ///
  /// - Parameters:
  ///   - first: the row that is shown first.
  ///   - others: other rows of the same model.
  ///   - title: what the model is called, such as `digits.ebb`.
  ///   - isChanged: whether numbers of the model were set by hand.
  ///   - command: the command that explains rows as text, such as
  ///     `ebb explain digits.ebb digits.csv`; nil: there is none.
  /// - Throws: `ExplanationError` for layers that are not understood neuron by neuron.
  package init(
    _ first: ExplanationSubject, others: [ExplanationSubject] = [], title: String,
    isChanged: Bool = false, command: String? = nil
  ) throws {
    let model = StepperModel(first, try NeuronChain(first))
    let firstRow = try StepperRow(first, model, shown: nil)
    var object = model.json(shown: firstRow.shown)
    object["title"] = JSONValue(title)
    object["command"] = command.map { JSONValue($0) }
    // Examples and models made by hand have never been trained.
    object["trained"] = JSONValue(first.model.record.epochs > 0 && !isChanged)
    object["version"] = JSONValue(EbbVersion.text)
    var rows: [JSONValue] = [try firstRow.json()]
    var size = JSONWriter.bytes(.object(object)).count + JSONWriter.bytes(rows[0]).count
    for subject in others {
      // Of a network that is not whole, the page has the weights of the first row's neurons only.
      let row = try StepperRow(subject, model, shown: model.isWhole ? nil : firstRow.shown).json()
      size += JSONWriter.bytes(row).count + 1
      if size > Self.mostBytes { break }
      rows.append(row)
    }
    object["rows"] = .array(rows)
    rowCount = rows.count
    html = Self.document(title: title, data: JSONWriter.text(.object(object)))
  }

  /// Nothing may be asked for: all there is, is in the page.
  private static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

  private static func document(title: String, data: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="\(policy)">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:,">
    <title>\(HTML.escaped(title)): backpropagation, step by step</title>
    <style>
    \(Assets.stepperCSS)</style>
    </head>
    <body>
    \(body)<script type="application/json" id="data">\(scriptSafe(data))</script>
    <script>
    \(Assets.stepperJS)</script>
    </body>
    </html>

    """
  }

  /// What the script fills.
  private static let body = """
    <header>
    <h1>Backpropagation, step by step</h1>
    <p id="subject"></p>
    </header>
    <noscript><p class="notice">This page draws with JavaScript, which is switched off here. The \
    command <code>ebb explain</code> prints the same numbers as text.</p></noscript>
    <fieldset id="rows"><legend>Row</legend><div id="choices"></div></fieldset>
    <main>
    <section id="stage" aria-label="The steps">
    <div id="controls" role="group" aria-label="Playing">
    <button id="first" aria-label="First step" title="First step (Home)"></button>
    <button id="back" aria-label="Step back" title="Step back (left arrow)"></button>
    <button id="play" aria-label="Play" title="Play or pause (space)"></button>
    <button id="forward" aria-label="Step forward" title="Step forward (right arrow)"></button>
    <button id="last" aria-label="Last step" title="Last step (End)"></button>
    <input id="position" type="range" min="0" value="0" aria-label="Step">
    <label id="speed">Speed <select id="rate"><option value="0.5">½</option>\
    <option value="1" selected>1</option><option value="2">2</option>\
    <option value="4">4</option></select></label>
    </div>
    <div id="caption" aria-live="polite" aria-atomic="true">
    <p id="phase"></p><h2 id="title"></h2><p id="words"></p>
    </div>
    <div id="equations"></div>
    <div id="network"></div>
    <div id="strip" hidden></div>
    <div id="legend"></div>
    </section>
    <aside id="inspector" aria-label="The selected neuron or weight"></aside>
    </main>
    <footer id="about"></footer>

    """

  /// JSON inside a script element: a `<` can only stand in a text, where it may be written as an
  /// escape, and nothing ends or opens an element.
  private static func scriptSafe(_ json: String) -> String {
    json.split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c")
  }
}
