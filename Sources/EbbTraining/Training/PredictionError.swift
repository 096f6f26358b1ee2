package import EbbData
internal import EbbSystem

/// What a network gives for a row is no finite number, and so no prediction; or a row's target is so far
/// from the prediction that the loss is none.
public struct PredictionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is to blame.
  public enum Cause: Hashable, Sendable {
    /// A number of the row, which is far outside those of training.
    case row
    /// The target of the row, which is far outside those of training.
    case target
    /// The model, whose numbers are not finite, or too large for ordinary rows.
    case model
  }

  /// What is to blame.
  public let cause: Cause
  /// The row in the dataset, from 0; `nil` if no row is needed to see the fault.
  public let row: Int?
  /// The line in the file, from 1; `nil` for bare numbers.
  public let line: Int?
  /// The column that is furthest from the training rows; `nil` if it is the model's fault.
  public let column: String?
  /// What is wrong, where, and what to do.
  public let description: String

  /// Inputs so many standard deviations from the training rows are to blame themselves.
  private static let ordinary: Float = 1e6

  /// A model that predicts nothing.
  package init(parameter: String, holds value: Float) {
    (cause, row, line, column) = (.model, nil, nil, nil)
    description =
      "the model's \(parameter) holds \(NumberFormat.shortest(value)), so it predicts nothing; train "
      + "it anew, with a smaller learning rate"
  }

  /// A row that gives no finite number.
  ///
  /// - Parameters:
  ///   - output: what it gives.
  ///   - row: the row, from 0.
  ///   - dataset: where it is.
  package init(output: Double, row: Int, of dataset: Dataset) {
    let features = dataset.features(ofRow: row)
    let worst = features.indices.max { features[$0].magnitude < features[$1].magnitude }
    let (place, distance) = worst.map { ($0 - features.startIndex, features[$0]) } ?? (0, 0)
    let origin = dataset.origin
    self.row = row
    line = origin?.lines[row]
    cause = distance.magnitude > Self.ordinary ? .row : .model
    column = cause == .row ? dataset.featureNames[place] : nil
    let head = origin.map { "\($0.source):\($0.lines[row]): " } ?? "row \(row + 1) of the data: "
    let result = "the network's output for this row is \(NumberFormat.shortest(output))"
    guard cause == .row else {
      description =
        head + result + ", though no input is extraordinary: the model's numbers are too large; "
        + "train it anew, with a smaller learning rate"
      return
    }
    let name = dataset.featureNames[place].quotedForMessage
    let value = origin.flatMap { Self.original(Double(distance), place, $0.schema) }
    let holds =
      value.map { value in
        "column \(name) holds \(Self.text(value)), "
          + "\(Self.text(Double(distance.magnitude))) standard deviations from the training rows' "
          + "mean"
      } ?? "the feature \(name) is \(Self.text(Double(distance)))"
    description =
      head + holds + ", and " + result
      + "; correct the value, or leave the field empty if it is missing"
  }

  /// A loss that is no finite number though the network's output is one, if the row whose target is
  /// furthest from those of training explains it.
  ///
  /// - Parameters:
  ///   - loss: the mean loss.
  ///   - dataset: the rows that it is of.
  init?(loss: Double, of dataset: Dataset) {
    guard case .values(let values, let width) = dataset.targets, !loss.isFinite,
      let place = values.indices.max(by: { values[$0].magnitude < values[$1].magnitude }),
      values[place].magnitude > Self.ordinary
    else { return nil }
    let (row, origin) = (place / width, dataset.origin)
    (cause, self.row, line) = (.target, row, origin?.lines[row])
    let target = origin?.schema.target
    column = target?.name
    let head = origin.map { "\($0.source):\($0.lines[row]): " } ?? "row \(row + 1) of the data: "
    let holds =
      if let target, case .number(let mean, let scale) = target.kind {
        "the target \(target.name.quotedForMessage) is "
          + Self.text(mean + scale * Double(values[place])) + ", "
          + Self.text(Double(values[place].magnitude))
          + " standard deviations from the training rows' mean"
      } else {
        "the target is \(Self.text(Double(values[place])))"
      }
    description =
      head + holds + ", and with it the loss is \(NumberFormat.shortest(loss))"
      + "; correct the value, or leave the row out"
  }

  /// A feature's number in the unit of the data.
  private static func original(_ standardized: Double, _ place: Int, _ schema: Schema) -> Double? {
    var offset = 0
    for feature in schema.features {
      if place == offset, case .standardized(let mean, let scale) = feature.encoding {
        return mean + scale * standardized
      }
      offset += feature.width
    }
    return nil
  }

  /// As many digits as a `Float` has for sure.
  private static func text(_ value: Double) -> String {
    let text = NumberFormat.significant(value, digits: 6)
    guard let end = text.firstIndex(of: "e"), text.contains(".") else { return text }
    var mantissa = text[..<end]
    while mantissa.last == "0" { mantissa.removeLast() }
    if mantissa.last == "." { mantissa.removeLast() }
    return "\(mantissa)\(text[end...])"
  }
}

extension Predictions {
  /// The predicted numbers in the target's unit, one for each row.
  ///
  /// - Parameter dataset: the rows that were predicted.
  /// - Throws: `PredictionError` if one is too large to be a number.
  package func originalTargets(_ schema: Schema, of dataset: Dataset) throws -> [Double] {
    let numbers = values.map { schema.originalTarget(Double($0)) }
    if let place = numbers.firstIndex(where: { !$0.isFinite }) {
      throw PredictionError(output: numbers[place], row: place / max(1, outputs), of: dataset)
    }
    return numbers
  }
}
