extension NDArray: CustomStringConvertible {
  /// The numbers in nested brackets, columns aligned, as NumPy prints them: at most eight decimals,
  /// and the middle of a large array left out.
  public var description: String {
    let layout = ArrayText(shape: shape, texts: { NumberText(elements[$0]) })
    return layout.text
  }
}

/// A number's text, split at the decimal point so that columns can align.
private struct NumberText {
  let whole: Substring
  let fraction: Substring

  init(_ value: some Sendable) {
    let text =
      switch value {
      case let number as Double: Self.rounded(number)
      case let number as Float: number.description
      default: "\(value)"
      }
    if let point = text.firstIndex(of: "."), !text.contains("e") {
      let digits = text[text.index(after: point)...]
      whole = text[..<point]
      fraction = "." + (digits == "0" ? "" : digits)
    } else {
      whole = text[...]
      fraction = ""
    }
  }

  /// Eight decimals, where that changes no number by more than its ninth digit.
  private static func rounded(_ number: Double) -> String {
    guard number.isFinite, number.magnitude < 1e7, number.magnitude >= 1e-4 || number == 0 else {
      return number.description
    }
    return ((number * 1e8).rounded() / 1e8).description
  }
}

/// Nested brackets with aligned columns.
private struct ArrayText {
  let shape: Shape
  private let shown: [Int: NumberText]
  private let wholeWidth: Int
  private let fractionWidth: Int
  private let abridged: Bool

  init(shape: Shape, texts: (Int) -> NumberText) {
    self.shape = shape
    abridged = shape.count > 1000
    var shown: [Int: NumberText] = [:]
    Self.visit(shape.extents[...], offset: 0, abridged: abridged) { shown[$0] = texts($0) }
    self.shown = shown
    fractionWidth = shown.values.map(\.fraction.count).max() ?? 0
    // A text without a decimal point (an integer, nan, 1e+20) ends where the fractions end.
    let fractionWidth = self.fractionWidth
    wholeWidth =
      shown.values.map { $0.fraction.isEmpty ? $0.whole.count - fractionWidth : $0.whole.count }
      .max() ?? 0
  }

  /// The positions shown along an axis; nil stands for the omitted middle.
  private static func positions(_ extent: Int, abridged: Bool) -> [Int?] {
    guard abridged, extent > 6 else { return Array(0..<extent) }
    return [0, 1, 2, nil, extent - 3, extent - 2, extent - 1]
  }

  private static func visit(
    _ extents: ArraySlice<Int>, offset: Int, abridged: Bool, _ body: (Int) -> Void
  ) {
    guard let extent = extents.first else { return body(offset) }
    for case let position? in positions(extent, abridged: abridged) {
      visit(extents.dropFirst(), offset: offset * extent + position, abridged: abridged, body)
    }
  }

  var text: String { text(shape.extents[...], offset: 0, indent: 1) }

  private func text(_ extents: ArraySlice<Int>, offset: Int, indent: Int) -> String {
    guard let extent = extents.first else { return number(at: offset) }
    let parts = Self.positions(extent, abridged: abridged).map { position in
      position.map { text(extents.dropFirst(), offset: offset * extent + $0, indent: indent + 1) }
        ?? "..."
    }
    let breaks = String(repeating: "\n", count: extents.count - 1)
    let separator =
      extents.count == 1 ? " " : breaks + String(repeating: " ", count: indent)
    return "[" + parts.joined(separator: separator) + "]"
  }

  private func number(at offset: Int) -> String {
    guard let number = shown[offset] else { return "" }
    if shape.rank == 0 {
      return String(number.whole + number.fraction) + (number.fraction == "." ? "0" : "")
    }
    if number.fraction.isEmpty {
      let width = wholeWidth + fractionWidth
      return String(repeating: " ", count: width - number.whole.count) + number.whole
    }
    let left = String(repeating: " ", count: wholeWidth - number.whole.count)
    let right = String(repeating: " ", count: fractionWidth - number.fraction.count)
    return left + number.whole + number.fraction + right
  }
}
