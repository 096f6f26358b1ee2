package import Ebb
package import EbbRuns
internal import EbbSystem

/// All that is known of a run, as one page.
///
/// The same run gives the same bytes.
package struct RunReport {
  /// A command with what it is for.
  package struct CommandLine: Sendable {
    let purpose: String
    let line: String

    package init(_ purpose: String, _ line: String) { (self.purpose, self.line) = (purpose, line) }
  }

  let path: String
  let hasDiverged: Bool
  let settings: RunSettings
  let data: PreparedData
  let schema: Schema
  let model: Model
  let history: TrainingHistory
  let evaluations: [Split.Part: Evaluation]
  /// The rows that the network is judged by.
  let judged: JudgedRows
  /// What they show of what was learned.
  let knowledge: Learning
  /// The time that training took.
  let seconds: Double
  /// How gradient reaches the layers, or why that is not known.
  let health: Health
  let check: GradientCheck?
  let commands: [CommandLine]
  /// The command that adds the certificate.
  let checkCommand: String
  /// The command that explains rows of the run's file, or of another.
  let explainCommand: (_ file: String?) -> String

  /// What M5 says.
  enum Health {
    case known(Diagnosis)
    case unknown(String)
  }

  /// A report.
  ///
  /// - Parameters:
  ///   - directory: the run's directory.
  ///   - prepared: its settings and data.
  ///   - model: its best model.
  ///   - evaluations: of the model on all parts that have rows; nil: not made yet.
  ///   - check: the gradients held to differences; nil: left out.
  ///   - commands: what gives this run and more of it again.
  ///   - checkCommand: the command whose report has the check.
  ///   - explainCommand: the command that explains rows of the run's own file (nil) or of another,
  ///     without the row.
  package init(
    of directory: RunDirectory, prepared: PreparedRun, model: Model,
    evaluations: [Split.Part: Evaluation]? = nil, check: GradientCheck? = nil,
    commands: [CommandLine] = [], checkCommand: String = "ebb report RUN",
    explainCommand: @escaping (_ file: String?) -> String = { file in
      "ebb explain RUN" + (file.map { " \($0)" } ?? "")
    }
  ) throws {
    (path, settings, data) = (directory.path, prepared.settings, prepared.data)
    hasDiverged = Files.exists(directory.crashReport)
    (self.model, self.check) = (model, check)
    (self.commands, self.checkCommand) = (commands, checkCommand)
    self.explainCommand = explainCommand
    schema = prepared.data.schema
    history = try TrainingHistory(of: directory)
    let predictor = try model.predictor(threads: settings.options.threads)
    var known = evaluations ?? [:]
    for (part, rows) in prepared.data.parts where known[part] == nil && rows.rowCount > 0 {
      known[part] = try predictor.evaluate(rows, schema: schema)
    }
    self.evaluations = known
    let part = prepared.data.parts.last { $0.rows.rowCount > 0 }?.part ?? .training
    judged = try JudgedRows(part, of: prepared, in: directory, predictor: predictor)
    knowledge = try Learning(judged, known[part]?.metrics, prepared.data, predictor)
    seconds = Self.seconds(directory) ?? history.epochs.reduce(0) { $0 + $1.seconds }
    do {
      health = .known(try model.diagnosis(on: try Self.sample(data.training, for: model)))
    } catch let error as ExplanationError {
      health = .unknown("\(error)")
    }
  }

  /// The time that the result tells, so that there is one figure; nil: there is no result yet.
  private static func seconds(_ directory: RunDirectory) -> Double? {
    guard let bytes = try? Files.read(directory.metrics), let json = try? JSONReader.read(bytes),
      let seconds = try? JSONField(json).member("seconds").number(), seconds.isFinite, seconds >= 0
    else { return nil }
    return seconds
  }

  /// Some of the rows, evenly spread: as many as take a tenth of a second or so, and enough to tell.
  private static func sample(_ rows: Dataset, for model: Model) throws -> Batch {
    let affordable = 1_000_000 / max(1, model.parameterCount)
    let count = min(rows.rowCount, max(2 * Diagnosis.Limits.conclusiveRows, min(affordable, 1024)))
    return try Batch(rows, rows: (0..<count).map { $0 * rows.rowCount / count })
  }

  /// The evaluation that the network is judged by.
  var evaluation: Evaluation? { evaluations[judged.part] }

  /// The epoch of the model.
  var bestEpoch: Int { model.record.epochs }

  /// The page.
  package var html: String {
    let title = "\(settings.target) from \(Files.name(of: settings.data.path))"
    let sections = [
      overview, learning, gradients, distributions, predictions, mistakes, architecture,
      certificate, configuration,
    ]
    let navigation = sections.filter { !$0.isEmpty }.map { section -> HTML in
      "<a href=\"#\(section.id)\">\(section.shortName ?? section.name)</a>\n"
    }
    let body: HTML = """
      <header>
      <p class="brand">Ebb training report</p>
      <h1>\(title)</h1>
      <nav aria-label="Parts of the report">\(navigation.dropFirst().joined())</nav>
      </header>
      <main>
      \(sections.filter { !$0.isEmpty }.map(\.html).joined())</main>
      <footer><p>Ebb \(EbbVersion.text) · run <code>\(path)</code>. Everything on this page is in this \
      file; nothing was loaded.</p></footer>
      """
    return Page(
      title: "\(title) · Ebb report", styles: Assets.reportCSS, script: Assets.reportJS, body: body
    ).text
  }
}

extension PreparedData {
  /// The parts in their usual order.
  var parts: [(part: Split.Part, rows: Dataset)] {
    [(.training, training), (.validation, validation), (.test, test)]
  }
}

/// A part of the page.
struct Section {
  let id: String
  let name: String
  /// What the list of sections calls it, if that is shorter.
  var shortName: String?
  let content: HTML

  var isEmpty: Bool { content.text.isEmpty }

  var html: HTML {
    """
    <section id="\(id)">
    <h2>\(name)</h2>
    \(content)</section>

    """
  }
}

/// Numbers in sentences.
enum Words {
  /// A sentence with its first letter as a capital.
  static func capitalized(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }

  /// A share in percent: `97.8 %`. What is not quite all or nothing does not become it by rounding.
  static func percent(_ share: Double) -> String {
    guard share.isFinite else { return "undefined" }
    if share < 1 && share >= 0.9995 { return "over 99.9 %" }
    if share > 0 && share < 0.0005 { return "under 0.1 %" }
    return NumberFormat.fixed(100 * share, decimals: 1) + " %"
  }

  /// A number with four digits.
  static func number(_ value: Double) -> String {
    value.isFinite ? NumberFormat.significant(value, digits: 4) : "undefined"
  }

  /// A number of the data, without zeros that say nothing: `22`, `3.829`.
  static func plain(_ value: Double) -> String {
    let text = number(value)
    guard text.contains("."), !text.contains("e") else { return text }
    let digits = text.reversed().drop { $0 == "0" }.reversed()
    return String(digits.last == "." ? digits.dropLast() : Array(digits))
  }

  /// A metric as its kind is usually written.
  static func metric(_ value: Double?, of name: String) -> String {
    guard let value, value.isFinite else { return "undefined" }
    if name == "accuracy" { return percent(value) }
    return name == "r2" ? NumberFormat.fixed(value, decimals: 3) : number(value)
  }

  /// What a metric is called on the page.
  static func metricName(_ name: String) -> String {
    switch name {
    case "rmse": "RMSE"
    case "mae": "MAE"
    case "r2": "R²"
    default: name
    }
  }
}
