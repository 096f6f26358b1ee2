import Ebb
import EbbSystem

/// `ebb check MODEL DATA --against FILE`: somebody's own gradients beside Ebb's.
enum AgainstCheck {
  /// What --help says about the flag.
  static let help =
    "Compare with gradients from an NPY, NPZ or safetensors file, and say what went wrong if they"
    + " differ. They must be of the mean loss over all rows of DATA as the model's schema encodes"
    + " them, with dropout off, in the parameters' shapes ([outputs, inputs])."

  /// Why some flags do not go with it.
  static let exclusive =
    "--against compares all tensors on all rows: leave out --tensors, --rows, --threads and --seed."

  /// The most numbers that are read from a file, for a model: all its gradients, and as many of what
  /// else may stand beside them, such as the parameters and an optimizer's state.
  private static func elementLimit(_ model: Model) -> Int {
    max(1 << 20, 8 * model.parameterCount)
  }

  /// Compares on all rows, prints what came of it, and fails with status 3 if they differ.
  ///
  /// - Parameter tolerance: nil for what suits the precision of the file's numbers.
  static func run(
    _ path: String, model: Model, dataset: Dataset, rows name: String, tolerance: Double?,
    json: Bool
  ) throws {
    let foreign = try ForeignGradients(contentsOf: path, elementLimit: elementLimit(model))
    let batch = try Batch(dataset, rows: Array(0..<dataset.rowCount))
    let comparison = try model.compare(foreign, on: batch, tolerance: tolerance)
    if json {
      var members: JSONObject = [
        "against": JSONValue(path), "data": JSONValue(name),
      ]
      if case .object(let found) = comparison.json {
        for member in found { members[member.key] = member.value }
      }
      try Console.print(JSONWriter.text(.object(members)))
    } else {
      try Console.print("\(path) against Ebb's gradients on \(name)\n\(comparison)")
    }
    if !comparison.agrees { throw CommandFailure(status: .checkFailed, message: nil) }
  }
}
