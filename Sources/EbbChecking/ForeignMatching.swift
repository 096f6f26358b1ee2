internal import EbbGraph
internal import EbbNetworks
internal import EbbSystem
internal import EbbTraining

/// Which foreign array is the gradient of which parameter, and how that was found.
struct ForeignMatching {
  /// What a model's parameter is, as in files.
  struct Parameter {
    let name: String
    let shape: Shape
    let role: ParameterRole
  }

  /// The numbers that belong to a parameter.
  enum Match {
    /// Numbers row by row in the parameter's orientation. Where an array alone among the file's stands
    /// [inputs, outputs], its numbers as they lie: that is a fault to be found.
    case numbers([Double])
    /// A bias whose array has the rows that it should have been added over: a fault to be named.
    case misshapen(NDArray<Double>)
    case missing
  }

  /// One for each parameter.
  private(set) var matches: [Match]
  /// How the arrays were matched, in words.
  private(set) var manner: String
  /// Arrays that belong to no parameter, with what their names may have meant.
  private(set) var ignored: [String] = []

  private static let advice =
    "name the arrays as Ebb names its parameters, or give one vector in the parameters' order"

  /// Matches by name; failing that, by order and shape.
  ///
  /// - Parameter rows: how many rows the gradients are of; a bias may still have them.
  /// - Throws: `ForeignArraysError` of kind `noMatch`, also for arrays that have their parameter's name
  ///   and a shape that no gradient of it has.
  init(
    _ foreign: ForeignGradients, to parameters: [Parameter], rows: Int
  ) throws(ForeignArraysError) {
    let entries = foreign.entries
    guard !entries.isEmpty else {
      throw ForeignArraysError(.noMatch, path: foreign.path, "there are no arrays in it")
    }
    let total = parameters.map(\.shape.count).reduce(0, +)
    if entries.count == 1, parameters.count > 1 || entries[0].values.shape.rank < 2,
      entries[0].values.count == total, entries[0].values.shape.isVector
    {
      matches = Self.split(entries[0].values.elements, parameters)
      manner =
        "as one vector of all parameters in their order, each weight [outputs, inputs] by rows"
      return
    }
    let spellings = entries.map { Self.plain($0.name) }
    var places: [Int?] = parameters.map { parameter in
      entries.firstIndex { $0.name == parameter.name }
    }
    let exact = places.count { $0 != nil }
    for (index, parameter) in parameters.enumerated() where places[index] == nil {
      let alike = spellings.indices.filter {
        spellings[$0] == Self.plain(parameter.name) && !places.contains($0)
      }
      if alike.count == 1 { places[index] = alike[0] }
    }
    let found = places.count { $0 != nil }
    manner = exact == found ? "by name" : "by name, spelled a little differently"
    if found == 0 {
      places = try Self.order(entries, parameters, path: foreign.path).map { $0 }
      let pairs = zip(parameters, places).compactMap { parameter, place in
        place.map {
          "\(entries[$0].name.isEmpty ? "the array" : MessageText.name(entries[$0].name)) as"
            + " \(parameter.name)"
        }
      }
      manner = "by order and shape: \(MessageText.list(pairs))"
    }
    let oriented = Self.oriented(
      zip(parameters, places).map { parameter, place in
        (parameter, place.map { entries[$0] })
      })
    matches = oriented.matches
    try Self.checkShapes(matches, of: parameters, rows: rows, path: foreign.path)
    if oriented.isTurnedFile {
      manner += "; the weights stand [inputs, outputs] and were turned"
    }
    let missing = zip(parameters, places).filter { $0.1 == nil }.map(\.0.name)
    let used = Set(places.compactMap(\.self))
    for (index, entry) in entries.enumerated() where !used.contains(index) {
      // Of the first ones: looking for a likeness takes long, and no more are shown.
      let likely =
        ignored.count < MessageText.itemLimit
        ? NameSuggestion.closest(to: entry.name, among: missing) : nil
      ignored.append(
        entry.name.quotedForMessage + (likely.map { " (did you mean \($0)?)" } ?? ""))
    }
  }

  /// Refuses arrays of a shape that says nothing about their parameter's gradient.
  private static func checkShapes(
    _ matches: [Match], of parameters: [Parameter], rows: Int, path: String?
  ) throws(ForeignArraysError) {
    var faults: [String] = []
    for (parameter, match) in zip(parameters, matches) {
      guard case .misshapen(let array) = match else { continue }
      let shape = array.shape
      // δ of every row, or one number of it for every row: mistakes that are made, and named.
      let hasRows =
        shape.extents == [rows, parameter.shape.count] || shape.isVector && array.count == rows
      if parameter.role == .bias && hasRows { continue }
      faults.append(
        "\(MessageText.name(parameter.name)) is \(shape), expected \(parameter.shape)")
    }
    guard faults.isEmpty else {
      throw ForeignArraysError(
        .noMatch, path: path,
        "the arrays are no gradients of the model's parameters: "
          + MessageText.list(faults, separator: "; "),
        advice: "give each in the shape of its parameter")
    }
  }

  /// One vector of all parameters, [W_1, b_1, …, W_D, b_D], each row-major.
  private static func split(_ vector: [Double], _ parameters: [Parameter]) -> [Match] {
    var start = 0
    return parameters.map { parameter in
      defer { start += parameter.shape.count }
      return .numbers(Array(vector[start..<start + parameter.shape.count]))
    }
  }

  // MARK: Names

  /// A name without what programs add to a parameter's name for its gradient.
  private static func plain(_ name: String) -> String {
    var words = self.words(name)
    while words.count > 1, ["grad", "gradient", "gradients", "d"].contains(words[0]) {
      words.removeFirst()
    }
    while words.count > 1, ["grad", "gradient", "gradients"].contains(words[words.count - 1]) {
      words.removeLast()
    }
    return words.joined(separator: ".")
  }

  private static func words(_ name: String) -> [String] {
    name.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
  }

  /// Weight or bias, by the last word that says so.
  private static func role(of name: String) -> ParameterRole? {
    for word in words(name).reversed() {
      let letters = word.filter(\.isLetter)
      if ["weight", "weights", "kernel", "w", "dw"].contains(letters) { return .weight }
      if ["bias", "biases", "b", "db"].contains(letters) { return .bias }
    }
    return nil
  }

  /// Parts of a name by which people count: `10.weight` comes after `2.weight`.
  private static func sortKey(_ name: String) -> [String] {
    var parts: [String] = []
    for character in name {
      let isDigit = character.isWholeNumber
      if let last = parts.last?.last, last.isWholeNumber == isDigit {
        parts[parts.count - 1].append(character)
      } else {
        parts.append(String(character))
      }
    }
    // Numbers compare as numbers once they are equally long.
    return parts.map { part in
      part.first?.isWholeNumber == true
        ? String(repeating: "0", count: max(0, 20 - part.count)) + part : part
    }
  }

  // MARK: Order

  /// The arrays' places for the parameters where their names say nothing: the only assignment that
  /// fits the shapes, in the file's order or in that of the names.
  private static func order(
    _ entries: [ForeignGradients.Entry], _ parameters: [Parameter], path: String?
  ) throws(ForeignArraysError) -> [Int] {
    let known = MessageText.list(parameters.lazy.map { "\($0.name) \($0.shape)" })
    let there = MessageText.list(
      entries.lazy.map { "\($0.name.quotedForMessage) \($0.values.shape)" })
    guard entries.count == parameters.count else {
      throw ForeignArraysError(
        .noMatch, path: path,
        "no array has a parameter's name, and there are \(NumberFormat.grouped(entries.count)) arrays (\(there)) for "
          + "\(NumberFormat.grouped(parameters.count)) parameters (\(known))", advice: advice)
    }
    let byName = entries.indices.sorted { left, right in
      let (a, b) = (sortKey(entries[left].name), sortKey(entries[right].name))
      return a == b ? left < right : a.lexicographicallyPrecedes(b)
    }
    var fitting: [[Int]] = []
    for order in [Array(entries.indices), byName] {
      guard let places = assigned(order, entries, parameters), !fitting.contains(places) else {
        continue
      }
      fitting.append(places)
    }
    guard fitting.count == 1 else {
      let why =
        fitting.isEmpty
        ? "their shapes do not fit in order" : "their order in the file and by name both fit"
      throw ForeignArraysError(
        .noMatch, path: path,
        "no array has a parameter's name, and \(why): \(there) for \(known)", advice: advice)
    }
    return fitting[0]
  }

  /// Weights to weights and biases to biases, each in the order given; without telling names, one
  /// array after the other. Nil if a shape does not fit.
  private static func assigned(
    _ order: [Int], _ entries: [ForeignGradients.Entry], _ parameters: [Parameter]
  ) -> [Int]? {
    let roles = order.map { role(of: entries[$0].name) }
    var result: [Int] = []
    if roles.contains(nil) {
      result = order
    } else {
      var waiting: [ParameterRole: [Int]] = [:]
      for (place, role) in zip(order, roles) {
        if let role { waiting[role, default: []].append(place) }
      }
      for parameter in parameters {
        guard let first = waiting[parameter.role]?.first else { return nil }
        waiting[parameter.role]?.removeFirst()
        result.append(first)
      }
    }
    let fits = zip(parameters, result).allSatisfy { parameter, place in
      let shape = entries[place].values.shape
      return parameter.shape.isAlike(shape) || parameter.shape.isTurned(shape)
    }
    return fits ? result : nil
  }

  // MARK: Orientation

  /// Brings arrays to the orientation [outputs, inputs].
  ///
  /// If every weight that is not square stands [inputs, outputs], that is the file's way, and squares
  /// are turned too; if only some do, each of them is a fault to be told.
  private static func oriented(
    _ pairs: [(parameter: Parameter, entry: ForeignGradients.Entry?)]
  ) -> (matches: [Match], isTurnedFile: Bool) {
    let decisive = pairs.compactMap { parameter, entry -> Bool? in
      guard let shape = entry?.values.shape, parameter.role == .weight,
        parameter.shape.rank == 2, parameter.shape[0] != parameter.shape[1]
      else { return nil }
      return parameter.shape.isTurned(shape) ? true : parameter.shape.isAlike(shape) ? false : nil
    }
    let isKeras = pairs.contains { words($0.entry?.name ?? "").contains("kernel") }
    let isTurnedFile = decisive.isEmpty ? isKeras : !decisive.contains(false)
    let matches = pairs.map { parameter, entry -> Match in
      guard let values = entry?.values else { return .missing }
      let isMatrix = parameter.role == .weight && parameter.shape.rank == 2
      if isMatrix, parameter.shape.isTurned(values.shape),
        isTurnedFile || !parameter.shape.isAlike(values.shape)
      {
        return .numbers(isTurnedFile ? values.transposed().elements : values.elements)
      }
      guard parameter.shape.isAlike(values.shape) else { return .misshapen(values) }
      return .numbers(values.elements)
    }
    return (matches, isTurnedFile)
  }
}

extension Shape {
  /// Whether at most one extent is not 1.
  fileprivate var isVector: Bool { extents.count { $0 != 1 } <= 1 }

  /// Whether an array of another shape holds the same elements in the same order: a bias [n] may stand
  /// as [n, 1] or [1, n].
  fileprivate func isAlike(_ other: Shape) -> Bool {
    self == other || isVector && other.isVector && rank != 2 && other.checkedCount == count
  }

  /// Whether another shape is this matrix's with rows and columns exchanged.
  fileprivate func isTurned(_ other: Shape) -> Bool {
    rank == 2 && other.rank == 2 && self[0] == other[1] && self[1] == other[0]
  }
}
