/// What tells that rows of data are pictures: which feature is which pixel.
package struct PixelLayout: Sendable, Equatable {
  package let width: Int
  package let height: Int
  /// The feature of each pixel, row by row.
  package let features: [Int]

  /// The layout that names of features show: rows and columns (`pixel_3_7`), or numbers one after
  /// another (`pixel42`) whose count is a square of at least 49.
  package init?(names: [String]) {
    let parsed = names.map(Self.numbers)
    guard let first = parsed.first, parsed.allSatisfy({ $0.prefix == first.prefix }) else {
      return nil
    }
    let counts = Set(parsed.map(\.numbers.count))
    if counts == [2] {
      self.init(places: parsed.map { ($0.numbers[0], $0.numbers[1]) })
    } else if counts == [1], names.count >= 49 {
      let side = Int(Double(names.count).squareRoot().rounded())
      let start = parsed.map { $0.numbers[0] }.min() ?? 0
      guard side * side == names.count else { return nil }
      self.init(
        places: parsed.map { (($0.numbers[0] - start) / side, ($0.numbers[0] - start) % side) })
    } else {
      return nil
    }
  }

  /// A layout in which every place of a rectangle is taken once.
  private init?(places: [(row: Int, column: Int)]) {
    guard let top = places.map(\.row).min(), let left = places.map(\.column).min(),
      let bottom = places.map(\.row).max(), let right = places.map(\.column).max(),
      bottom - top < 1000, right - left < 1000
    else { return nil }
    (width, height) = (right - left + 1, bottom - top + 1)
    guard width >= 4, height >= 4, width * height == places.count else { return nil }
    var features = [Int](repeating: -1, count: places.count)
    for (feature, place) in places.enumerated() {
      features[(place.row - top) * width + place.column - left] = feature
    }
    guard !features.contains(-1) else { return nil }
    self.features = features
  }

  /// A name's text before its first number, and its numbers.
  private static func numbers(_ name: String) -> (prefix: String, numbers: [Int]) {
    let isDigit = { (character: Character) in character.isASCII && character.isNumber }
    let prefix = name.prefix { !isDigit($0) }
    let numbers = name.dropFirst(prefix.count).split { !isDigit($0) }.compactMap { Int($0) }
    return (String(prefix), numbers)
  }
}

/// A row of data drawn as the picture that it is.
package struct PixelImage {
  let layout: PixelLayout
  /// The row's numbers in the unit of the data.
  let values: [Double]
  /// What is white and what is black, over all pictures.
  let range: ClosedRange<Double>

  package init(layout: PixelLayout, values: [Double], range: ClosedRange<Double>) {
    (self.layout, self.values, self.range) = (layout, values, range)
  }

  /// Shades besides white.
  private static let shades = 15

  /// The picture, described in a few words.
  package func svg(_ words: String) -> HTML {
    var paths = [String](repeating: "", count: Self.shades + 1)
    let spread = range.upperBound - range.lowerBound
    for y in 0..<layout.height {
      var x = 0
      while x < layout.width {
        let shade = self.shade(x, y, spread)
        let start = x
        while x < layout.width, self.shade(x, y, spread) == shade { x += 1 }
        if shade > 0 { paths[shade] += "M\(start) \(y)h\(x - start)v1h-\(x - start)z" }
      }
    }
    var content: HTML = ""
    for (shade, path) in paths.enumerated() where !path.isEmpty {
      let opacity = Pixels.text(Double(shade) / Double(Self.shades) * 100)
      content += "<path d=\"\(path)\" fill-opacity=\"\(opacity)%\"/>"
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" class="pixels" role="img" aria-label="\(words)" \
      viewBox="0 0 \(layout.width) \(layout.height)" shape-rendering="crispEdges">\
      <title>\(words)</title>\(content)</svg>
      """
  }

  private func shade(_ x: Int, _ y: Int, _ spread: Double) -> Int {
    let value = values[layout.features[y * layout.width + x]]
    guard spread > 0, value.isFinite else { return 0 }
    let share = (value - range.lowerBound) / spread
    return Int((max(0, min(1, share)) * Double(Self.shades)).rounded())
  }
}
