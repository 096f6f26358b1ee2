import EbbGraph

/// The cases that the laws run over: for each operation its row's samples, and from them the shape
/// classes.
struct ProtocolCase: CustomStringConvertible {
  let sample: OperationSample
  /// The operands' own shapes, where they broadcast.
  let given: [Shape]?

  init(_ sample: OperationSample, given: [Shape]? = nil) {
    self.sample = sample
    self.given = given
  }

  var description: String {
    given.map { "\(sample) from \($0.map(\.description).joined(separator: ", "))" }
      ?? "\(sample)"
  }

  func trial(seed: UInt64 = 1, wholeNumbers: ClosedRange<Int>? = nil) -> Trial {
    Trial(sample, seed: seed, given: given, wholeNumbers: wholeNumbers)
  }

  /// Nothing, one, odd sizes, larger than one vector (16), than one block (1,024) and than one chunk
  /// (4,096).
  static let sizes = [0, 1, 7, 13, 17, 1025, 4097]

  static let small: [ProtocolCase] =
    Op.samples.map { ProtocolCase($0) } + classes.filter { $0.size <= 40 }

  static let all: [ProtocolCase] = Op.samples.map { ProtocolCase($0) } + classes

  private static let classes: [ProtocolCase] = {
    var result: [ProtocolCase] = []
    var done: Set<String> = []
    for sample in Op.samples where done.insert(sample.op.name).inserted {
      result += ShapeClasses(of: sample).cases
    }
    return result
  }()

  private var size: Int { sample.operands.map(\.type.shape.count).reduce(0, +) }
}

/// One operation on the shape classes.
struct ShapeClasses {
  private let sample: OperationSample

  init(of sample: OperationSample) { self.sample = sample }

  var cases: [ProtocolCase] {
    switch sample.op {
    case .source: return []
    case .unary, .binary, .ternary, .custom:
      let shapes: [Shape] = [.scalar, [3, 7]] + ProtocolCase.sizes.map { [$0] }
      return shapes.map { ProtocolCase(of(sample.op, [Shape](repeating: $0, count: count))) }
        + broadcasts
    case .reduction(let reduction, _):
      let lines: [ProtocolCase] = ProtocolCase.sizes.flatMap { n in
        [
          reduced(reduction, [n], [0]), reduced(reduction, [n, 2], [0]),
          reduced(reduction, [2, n], [1]),
        ]
      }
      return lines + [reduced(reduction, [17, 13, 3], [0, 2])]
    case .movement(let movement): return ProtocolCase.sizes.flatMap { moved(movement.kind, $0) }
    case .matmul:
      let products: [(m: Int, k: Int, n: Int)] = [
        (1, 1, 1), (7, 13, 17), (17, 1, 13), (2, 1025, 3), (1, 4097, 1), (1025, 2, 1), (1, 2, 4097),
        (0, 3, 2), (3, 2, 0),
      ]
      return products.map { ProtocolCase(of(.matmul, [[$0.m, $0.k], [$0.k, $0.n]])) }
        + [
          ProtocolCase(of(.matmul, [[3, 2, 4], [3, 4, 2]]), given: [[2, 4], [3, 4, 2]]),
          ProtocolCase(of(.matmul, [[3, 2, 4], [3, 4, 2]]), given: [[3, 2, 4], [4, 2]]),
        ]
    case .rowwise(let rowwise):
      // Of a row without elements only softmax has a value that is finite.
      return ProtocolCase.sizes.flatMap { n -> [ProtocolCase] in
        let shapes: [Shape] = n == 0 ? [[0, 3]] : [[n], [2, n], [n, 2]]
        return shapes.map { shape in
          let labels = Shape(Array(shape.extents.dropLast()))
          let indices = SampleOperand.indices(
            NDArray((0..<labels.count).map { Int32($0 * 5 % shape[-1]) }, shape: labels))
          return ProtocolCase(
            OperationSample(
              sample.op,
              [.numbers(shape)] + (rowwise == .softmaxCrossEntropy ? [indices] : [])))
        }
      }
    case .indexing(let indexing): return ProtocolCase.sizes.flatMap { indexed(indexing.kind, $0) }
    case .random(let distribution, let stream, _):
      return ProtocolCase.sizes.map {
        ProtocolCase(OperationSample(.random(distribution, stream: stream, shape: [$0]), []))
      }
    }
  }

  private var count: Int { sample.operands.count }

  /// The same kinds of operands in other shapes.
  private func of(_ op: Op, _ shapes: [Shape]) -> OperationSample {
    let operands = zip(sample.operands, shapes).map { operand, shape in
      switch operand {
      case .numbers(_, let range): SampleOperand.numbers(shape, in: range)
      case .mask: SampleOperand.mask(shape)
      case .indices: SampleOperand.indices(NDArray(repeating: 0, shape: shape))
      }
    }
    return OperationSample(op, operands, kinks: sample.kinks, apart: sample.apart)
  }

  /// Each operand in turn, and all of them, stretch.
  private var broadcasts: [ProtocolCase] {
    guard count > 1 else { return [] }
    let full = of(sample.op, [Shape](repeating: [2, 3], count: count))
    let parts: [Shape] = [.scalar, [3], [2, 1], [1, 3], [1, 1]]
    let single = (0..<count).flatMap { slot in
      parts.map { part in
        ProtocolCase(full, given: (0..<count).map { $0 == slot ? part : [2, 3] })
      }
    }
    return single + [
      ProtocolCase(full, given: (0..<count).map { $0 == 0 ? [2, 1] : [1, 3] }),
      ProtocolCase(full, given: (0..<count).map { $0 == 0 ? [3] : [2, 1] }),
    ]
  }

  private func reduced(_ reduction: Reduction, _ shape: Shape, _ axes: [Int]) -> ProtocolCase {
    // A product of thousands keeps within range only if its factors are near 1.
    let near = reduction == .product && shape.count > 40
    return ProtocolCase(
      OperationSample(
        .reduction(reduction, axes: axes),
        [near ? .numbers(shape, in: 0.98...1.02) : .numbers(shape)], apart: sample.apart))
  }

  private func moved(_ kind: Movement.Kind, _ n: Int) -> [ProtocolCase] {
    func moved(_ movement: Movement, _ shapes: Shape...) -> ProtocolCase {
      ProtocolCase(OperationSample(.movement(movement), shapes.map { .numbers($0) }))
    }
    switch kind {
    case .reshape:
      return [moved(.reshape([n, 1]), [n]), moved(.reshape([n]), [1, n])]
        + (n == 1 ? [moved(.reshape([1]), .scalar)] : [])
    case .transpose: return [moved(.transpose([1, 0]), [n, 2]), moved(.transpose([0]), [n])]
    case .expand:
      return [moved(.expand([n, 3]), [n, 1]), moved(.expand([2, n]), [1, n])]
        + [moved(.expand([n]), [1])]
    case .concatenate:
      return [
        moved(.concatenate(axis: 0), [n], [3]), moved(.concatenate(axis: 1), [2, 1], [2, n]),
      ]
    case .slice:
      return [
        moved(.slice(start: [1], extents: [n]), [n + 2]),
        moved(.slice(start: [0, 1], extents: [n, 1]), [n, 3]),
      ]
    case .pad:
      return [
        moved(.pad(before: [1], after: [2]), [n]),
        moved(.pad(before: [0, 1], after: [1, 0]), [n, 2]),
      ]
    }
  }

  private func indexed(_ kind: Indexing.Kind, _ n: Int) -> [ProtocolCase] {
    func indexed(_ indexing: Indexing, _ operands: SampleOperand...) -> ProtocolCase {
      ProtocolCase(OperationSample(.indexing(indexing), operands, apart: true))
    }
    let indices = SampleOperand.indices(NDArray((0..<n).map { Int32($0 * 5 % 3) }, shape: [n]))
    let repeated = SampleOperand.indices([2, 0, 2])
    switch kind {
    case .gatherRows:
      return [
        indexed(.gatherRows, .numbers([3, 2]), indices),
        indexed(.gatherRows, .numbers([3, n]), repeated),
      ]
    case .scatterAddRows:
      return [
        indexed(.scatterAddRows(rows: 3), .numbers([n, 2]), indices),
        indexed(.scatterAddRows(rows: 3), .numbers([3, n]), repeated),
      ]
    case .oneHot: return [indexed(.oneHot(classes: 3), indices)]
    case .argmax:
      return [indexed(.argmax(axis: 0), .numbers([n + 1, 2]))]
    }
  }
}
