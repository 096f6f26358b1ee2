import ArgumentParser
import Ebb
import EbbRuns
import EbbSystem

/// `ebb predict`.
struct PredictCommand: ParsableCommand {
  enum Format: String, CaseIterable {
    case csv, jsonl
  }

  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Predicts the target for rows with or without labels.",
    usage: "ebb predict MODEL DATA [OPTIONS]",
    discussion: """
      One prediction for each row, in order: a class, or a number in the target's
      own unit. Columns are found by name; those that the model does not need are
      not looked at.
      """)

  @Argument(
    help: ArgumentHelp(
      "A model file, or the directory of a run, whose best model is taken.", valueName: "MODEL"))
  var model: String

  @Argument(help: ArgumentHelp("A CSV file, or - for standard input.", valueName: "DATA"))
  var data: String

  @Flag(help: "Add the probability of each class, in columns p(CLASS).")
  var probabilities = false

  @Option(help: ArgumentHelp("Where to write; - for standard output.", valueName: "FILE"))
  var output = "-"

  @Option(
    help: ArgumentHelp(
      "csv, or jsonl: a JSON object on each line. (default: csv)", valueName: "FORMAT"),
    transform: FlagValue.choice)
  var format: Format = .csv

  @Flag(help: "Replace the --output file.")
  var force = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The most threads; the result does not depend on it. (default: the usable cores, here"
        + " \(Machine.usableCores()))", valueName: "COUNT"),
    transform: { try FlagValue.threads($0) })
  var threads: Int?

  @Flag(help: "Print nothing but the predictions and errors.")
  var quiet = false

  @Flag(help: "Print without colours (so does the variable NO_COLOR).")
  var noColor = false

  func run() throws {
    let console = Console(loudness: quiet ? .quiet : .normal, colour: !noColor)
    let source = try ModelSource(model)
    guard let schema = source.model.schema else { throw source.withoutSchema }
    if probabilities && schema.task == .regression {
      throw CommandFailure.usage("--probabilities: the model predicts numbers, not classes")
    }
    try OutputTarget(path: output, force: force).check(inputs: [
      ("DATA", data == "-" ? "/dev/stdin" : data), ("MODEL", source.run?.model ?? model),
    ])
    let table = try DataSource.table(data, schema: schema, target: .ignored)
    let encoded = try schema.encode(table, target: .ignored)
    for note in table.notes + encoded.notes { console.note(note) }
    let predictor = try source.model.predictor(threads: threads ?? Machine.usableCores())
    let predictions = try predictor.predict(encoded.dataset)
    let writer = PredictionWriter(
      predictions: predictions, schema: schema, withProbabilities: probabilities,
      numbers: schema.task == .regression
        ? try predictions.originalTargets(schema, of: encoded.dataset) : [])
    switch output {
    case "-":
      let stream = OutputFile.standardOutput()
      try writer.write(format, to: stream)
      try stream.flush()
    default:
      try Files.write(
        writer.bytes(format), to: output, ifExists: force ? .replace : .refuse)
      console.say("\(output): \(NumberFormat.counted(encoded.dataset.rowCount, "prediction"))")
    }
  }
}

/// Predictions as text.
struct PredictionWriter {
  let predictions: Predictions
  let schema: Schema
  let withProbabilities: Bool
  /// The predicted numbers in the target's unit, for regression.
  let numbers: [Double]

  /// Writes all rows to a stream.
  func write(_ format: PredictCommand.Format, to stream: OutputFile) throws {
    let classes = predictions.classes
    // Other programs get the texts as they are.
    let isRead = Terminal.isTerminal(.output)
    func put(_ line: String) throws { try stream.write(isRead ? MessageText.visible(line) : line) }
    if format == .csv { try put(header) }
    for row in 0..<predictions.count {
      try put(format == .csv ? csv(row, classes) : json(row, classes))
    }
  }

  /// All rows in memory.
  func bytes(_ format: PredictCommand.Format) -> [UInt8] {
    let classes = predictions.classes
    var bytes: [UInt8] = []
    if format == .csv { bytes.append(contentsOf: header.utf8) }
    for row in 0..<predictions.count {
      bytes.append(contentsOf: (format == .csv ? csv(row, classes) : json(row, classes)).utf8)
    }
    return bytes
  }

  private var header: String {
    let columns = withProbabilities ? schema.classes.map { "p(\($0))" } : []
    return (["prediction"] + columns).map(CSVField.quoted).joined(separator: ",") + "\n"
  }

  private func csv(_ row: Int, _ classes: [Int]) -> String {
    var fields = [
      schema.task == .regression
        ? NumberFormat.shortest(numbers[row]) : CSVField.quoted(schema.classes[classes[row]])
    ]
    if withProbabilities {
      fields += predictions.probabilities(ofRow: row).map(NumberFormat.shortest)
    }
    return fields.joined(separator: ",") + "\n"
  }

  private func json(_ row: Int, _ classes: [Int]) -> String {
    var object: JSONObject = [
      "prediction": schema.task == .regression
        ? JSONValue(numbers[row]) : JSONValue(schema.classes[classes[row]])
    ]
    if withProbabilities {
      object["probabilities"] = .object(
        JSONObject(
          zip(schema.classes, predictions.probabilities(ofRow: row)).map { name, probability in
            // The shortest text of the Float, not that of its Double.
            (name, JSONValue(Double(probability.description) ?? Double(probability)))
          }))
    }
    return JSONWriter.text(.object(object)) + "\n"
  }
}
