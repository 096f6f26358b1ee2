public import EbbGraph
internal import EbbSystem
public import EbbTraining

/// The name of one number of a parameter or of a value in a network: `hidden1.weight[3,7]`,
/// `hidden1.bias[3]`, `hidden1.activation[3]`.
///
/// Indices count from 0, in the orientation of a = W h + b: `hidden1.weight[3,7]` leads from input 7
/// to neuron 3. A name without a dot, such as `hidden1[3]`, means the layer's `activation`.
public struct ElementName: Hashable, Sendable {
  /// The parameter or value, such as `hidden1.weight`.
  public let name: String
  /// The index along each axis.
  public let indices: [Int]

  /// A name from its parts.
  public init(_ name: String, _ indices: [Int]) {
    self.name = name
    self.indices = indices
  }

  /// The name of the element at a place of a row-major array.
  ///
  /// The place must lie in the shape.
  public init(_ name: String, offset: Int, in shape: Shape) {
    precondition(offset >= 0 && offset < shape.count, "element \(offset) of \(shape)")
    self.init(name, shape.strides.enumerated().map { offset / $1 % shape[$0] })
  }

  /// A name from text: `NAME[INDEX,…]`, or `NAME` alone for a single number. Blanks around indices
  /// are passed over.
  ///
  /// - Throws: ``ElementNameError`` of kind `malformed`.
  public init(parsing text: String) throws(ElementNameError) {
    let parts = text.split(separator: "[", omittingEmptySubsequences: false)
    let name = String(parts[0])
    func fault(_ problem: String) -> ElementNameError {
      ElementNameError(
        .malformed,
        "\(text.quotedForMessage): \(problem); write it like hidden1.weight[3,7] or hidden1[3]")
    }
    guard !name.isEmpty, !name.contains(where: { "],".contains($0) || $0.isWhitespace }) else {
      throw fault("the name of a parameter or value must stand first")
    }
    guard parts.count > 1 else {
      self.init(name, [])
      return
    }
    guard parts.count == 2, parts[1].hasSuffix("]") else {
      throw fault("expected one list of indices in brackets at the end")
    }
    var indices: [Int] = []
    for part in parts[1].dropLast().split(separator: ",", omittingEmptySubsequences: false) {
      let digits = part.filter { $0 != " " }
      guard digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
        let index = Int(digits)
      else {
        throw fault("\(String(part).quotedForMessage) is no index: expected a whole number from 0")
      }
      indices.append(index)
    }
    self.init(name, indices)
  }

  /// The element's place in a row-major array.
  ///
  /// - Throws: ``ElementNameError`` of kind `axes` if the number of indices is not the shape's, of kind
  ///   `range` if an index is out of range.
  public func position(in shape: Shape) throws(ElementNameError) -> Int {
    guard indices.count == shape.rank else {
      let example = ElementName(name, [Int](repeating: 0, count: shape.rank))
      throw ElementNameError(
        .axes,
        "\(self): \(name) is \(shape) and takes "
          + NumberFormat.counted(shape.rank, "index", plural: "indices")
          + (shape.rank > 0 ? ", such as \(example)" : ""))
    }
    var offset = 0
    for (axis, index) in indices.enumerated() {
      guard index >= 0 && index < shape[axis] else {
        throw ElementNameError(
          .range,
          "\(self): index \(index) is out of range, \(name) is \(shape) and counts from 0")
      }
      offset = offset * shape[axis] + index
    }
    return offset
  }

  /// The element with its name written out: `hidden1[3]` is `hidden1.activation[3]`.
  ///
  /// - Parameter names: the parameters and values there are.
  /// - Throws: ``ElementNameError`` of kind `unknown`.
  package func resolved(among names: [String]) throws(ElementNameError) -> ElementName {
    if names.contains(name) { return self }
    let full = "\(name).activation"
    if names.contains(full) { return ElementName(full, indices) }
    throw ElementNameError(.unknown, LossTrace.unknown(name, among: names))
  }
}

extension ElementName: CustomStringConvertible {
  /// The text: `hidden1.weight[3,7]`; the name alone for a single number.
  public var description: String {
    indices.isEmpty ? name : "\(name)[\(indices.map(String.init).joined(separator: ","))]"
  }
}

/// What is wrong with an element's name.
public struct ElementNameError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The sort of fault.
  public enum Kind: Hashable, Sendable {
    /// The text is not of the form `NAME[INDEX,…]`.
    case malformed
    /// There is no parameter or value of the name.
    case unknown
    /// The number of indices is not that of the axes.
    case axes
    /// An index is out of range.
    case range
  }

  /// The sort of fault.
  public let kind: Kind
  /// What was expected, what came, what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}

extension Model {
  /// The element of a parameter that a text such as `hidden1.weight[3,7]` names, checked.
  ///
  /// - Throws: ``ElementNameError`` if there is no such parameter or element.
  public func parameterElement(_ text: String) throws(ElementNameError) -> ElementName {
    let element = try ElementName(parsing: text)
    guard let values = self[element.name] else {
      throw ElementNameError(
        .unknown, LossTrace.unknown(element.name, among: parameters.map(\.name)))
    }
    _ = try element.position(in: values.shape)
    return element
  }
}
