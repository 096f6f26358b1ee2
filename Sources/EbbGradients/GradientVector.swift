public import EbbGraph

/// The gradient as one vector: [W_1, b_1, …, W_D, b_D], each row-major in the orientation of
/// a = W h + b (M25).
///
///     let vector = try model.gradients(on: batch).vector
///     vector.norm                 // ‖∇C‖
///     vector.largest(3)           // where the loss is most sensitive
///     vector.name(of: 4_000)      // hidden1.weight[62,32]
public struct GradientVector<Scalar: Real>: Sendable {
  /// The parameters in the order of the vector.
  public let parameterNames: [String]
  /// The shape of each parameter.
  public let shapes: [Shape]
  /// The components.
  public let elements: [Scalar]
  /// Where each parameter starts, and where the last ends.
  private let starts: [Int]

  /// A vector from gradients by name, in order.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  package init(_ parts: [(name: String, values: NDArray<Scalar>)]) {
    parameterNames = parts.map(\.name)
    shapes = parts.map(\.values.shape)
    elements = parts.flatMap(\.values.elements)
    starts = parts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.values.count) }
  }

  /// How many components there are.
  public var count: Int { elements.count }

  /// The length ‖∇C‖, added in Double.
  public var norm: Double { elements.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }

  /// The name of a component, such as `hidden1.weight[3,7]`; the position must lie in 0..<count.
  public func name(of position: Int) -> ElementName {
    precondition(position >= 0 && position < count, "component \(position) of \(count)")
    // The last parameter that starts at or before the position.
    var (low, high) = (0, parameterNames.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if starts[middle] <= position { low = middle } else { high = middle - 1 }
    }
    return ElementName(parameterNames[low], offset: position - starts[low], in: shapes[low])
  }

  /// Where a parameter's components stand; nil if there is none of the name.
  public func range(of parameter: String) -> Range<Int>? {
    parameterNames.firstIndex(of: parameter).map { starts[$0]..<starts[$0 + 1] }
  }

  /// The position of a named component.
  ///
  /// - Throws: ``ElementNameError`` if there is no such parameter or element.
  public func position(of element: ElementName) throws(ElementNameError) -> Int {
    guard let index = parameterNames.firstIndex(of: element.name) else {
      throw ElementNameError(
        .unknown, LossTrace.unknown(element.name, among: parameterNames))
    }
    return starts[index] + (try element.position(in: shapes[index]))
  }

  /// The component of a name.
  public subscript(element: ElementName) -> Scalar {
    get throws(ElementNameError) { elements[try position(of: element)] }
  }

  /// One component with its name.
  public struct Component: Hashable, Sendable {
    /// Such as `hidden1.weight[3,7]`.
    public let name: ElementName
    /// The loss by it.
    public let gradient: Scalar
  }

  /// The components with the largest magnitudes, the largest first; of equals, the earlier. What is no
  /// number comes before all.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  public func largest(_ count: Int) -> [Component] {
    ranked(elements.map { Double($0.magnitude) }, count).map {
      Component(name: name(of: $0), gradient: elements[$0])
    }
  }
}

/// A neuron and how the loss changes with its sum a = W h + b: δ.
public struct NeuronGradient<Scalar: Real>: Hashable, Sendable {
  /// Such as `hidden1[3]`.
  public let name: ElementName
  /// δ added over the rows: for one row δ itself, for several the loss by the neuron's bias.
  public let delta: Scalar
  /// |δ| added over the rows, each with its share of the loss: what cancels in ``delta`` still counts.
  public let magnitude: Scalar
}

extension NetworkGradients {
  /// The gradient by all parameters as one vector.
  public var vector: GradientVector<Scalar> {
    GradientVector(parameterNames.compactMap { name in self[name].map { (name, $0) } })
  }

  /// The neurons with the largest |δ|, the largest first; of equals, the earlier layer's. δ is the
  /// gradient by a layer's `preactivation`.
  @_specialize(where Scalar == Double)
  @_specialize(where Scalar == Float)
  public func largestNeurons(_ count: Int) -> [NeuronGradient<Scalar>] {
    var neurons: [NeuronGradient<Scalar>] = []
    let suffix = ".preactivation"
    for name in valueNames where name.hasSuffix(suffix) {
      guard let deltas = self[name], deltas.shape.rank == 2 else { continue }
      let layer = String(name.dropLast(suffix.count))
      for unit in 0..<deltas.shape[1] {
        var (delta, magnitude): (Scalar, Scalar) = (0, 0)
        for row in 0..<deltas.shape[0] {
          delta += deltas[row, unit]
          magnitude += deltas[row, unit].magnitude
        }
        neurons.append(
          NeuronGradient(name: ElementName(layer, [unit]), delta: delta, magnitude: magnitude))
      }
    }
    return ranked(neurons.map { Double($0.magnitude) }, count).map { neurons[$0] }
  }
}

/// The places of the largest numbers, the largest first; of equals, the first. NaN counts as largest.
private func ranked(_ magnitudes: [Double], _ count: Int) -> [Int] {
  func isBefore(_ a: Int, _ b: Int) -> Bool {
    let (x, y) = (magnitudes[a], magnitudes[b])
    if x.isNaN || y.isNaN { return x.isNaN && (!y.isNaN || a < b) }
    return x > y || (x == y && a < b)
  }
  let wanted = min(max(0, count), magnitudes.count)
  // A few of many: what is below the last of the best so far is passed over.
  var best: [Int] = []
  for place in magnitudes.indices {
    if best.count == wanted, let last = best.last, !isBefore(place, last) { continue }
    if wanted == 0 { break }
    var (low, high) = (0, best.count)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(best[middle], place) { low = middle + 1 } else { high = middle }
    }
    best.insert(place, at: low)
    if best.count > wanted { best.removeLast() }
  }
  return best
}
