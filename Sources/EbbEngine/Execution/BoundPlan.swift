internal import CKernels
internal import EbbGraph

/// An instruction with addresses: trivially copyable, so that running it retains and allocates
/// nothing.
struct BoundInstruction: BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable {
    case chain, matmul, reduce, argmax, softmax, logSumExp, crossEntropy
    case gatherRows, scatterAddRows, oneHot, copy, fill, uniform, normal, custom, sgd, adam
  }

  var kind: Kind
  var chunks: Chunks
  /// The kernel's arguments, in memory that the bound plan owns.
  var arguments: UnsafeRawPointer
}

/// Arguments that the kernels take apart.
struct MatmulArguments: BitwiseCopyable {
  var product: ebb_matmul
  var batch: Int
  var aBatch: Int
  var bBatch: Int
  /// Where in a thread's workspace a piece of the result lies, if only the tail reads it.
  var piece: Int?
  var tail: UnsafePointer<ebb_chain>?
  var adam: UnsafePointer<ebb_adam>?
}

struct ReduceArguments: BitwiseCopyable {
  var kind: ebb_reduction
  var x: UnsafeMutablePointer<Float>
  var y: UnsafeMutablePointer<Float>
  var outer: Int
  var length: Int
  var inner: Int
}

struct RowsArguments: BitwiseCopyable {
  var x: UnsafeMutablePointer<Float>
  var y: UnsafeMutablePointer<Float>
  var labels: UnsafePointer<Int32>?
  var gradient: UnsafeMutablePointer<Float>?
  var scale: UnsafeMutablePointer<Float>?
  var scaleStride: Int
  var rows: Int
  var width: Int
}

struct TableArguments: BitwiseCopyable {
  var x: UnsafeMutablePointer<Float>
  var indices: UnsafePointer<Int32>
  var y: UnsafeMutablePointer<Float>
  var tableRows: Int
  var rows: Int
  var width: Int
}

struct CopyArguments: BitwiseCopyable {
  var x: UnsafeMutablePointer<Float>
  var y: UnsafeMutablePointer<Float>
  var rank: Int32
  var rows: Int
  var shape: UnsafePointer<Int64>
  var xStrides: UnsafePointer<Int64>
  var yStrides: UnsafePointer<Int64>
}

struct FillArguments: BitwiseCopyable {
  var value: Float
  var stream: UInt32
  var y: UnsafeMutablePointer<Float>
  var count: Int
}

struct SGDArguments: BitwiseCopyable {
  var w: UnsafeMutablePointer<Float>
  var gradient: UnsafeMutablePointer<Float>
  var rate: UnsafeMutablePointer<Float>
  var count: Int
}

struct AdamArguments: BitwiseCopyable {
  /// The parameter as one row.
  var update: ebb_adam
  var gradient: UnsafeMutablePointer<Float>
}

struct CustomArguments: BitwiseCopyable {
  var operation: Int
  var operands: UnsafePointer<UnsafeMutablePointer<Float>>
  var y: UnsafeMutablePointer<Float>
}

/// Instructions that do not depend on each other, and their chunks one after the other.
struct BoundStage: BitwiseCopyable {
  var first: UnsafePointer<BoundInstruction>
  var count: Int
  /// Whether some instruction is large enough to be cut: small ones alone are not worth another
  /// thread's attention.
  var isShared: Bool

  /// Whether it is a user's operation, which runs in Swift and has a stage of its own.
  var isCustom: Bool { first.pointee.kind == .custom }

  init(_ first: UnsafePointer<BoundInstruction>, count: Int) {
    self.first = first
    self.count = count
    isShared = false
    for number in 0..<count {
      isShared = isShared || first[number].chunks.count > 1
    }
  }
}

/// A plan's instructions bound to blocks of memory.
final class BoundPlan {
  private(set) var stages: [BoundStage] = []
  /// Floats of workspace that any one chunk may need.
  private(set) var workspace = 16
  private let state: UnsafeMutablePointer<Float>
  private let constants: UnsafeMutablePointer<Float>
  private let arena: UnsafeMutablePointer<Float>
  private var owned: [UnsafeMutableRawPointer] = []
  private let moved: (range: Range<Int>, start: UnsafeMutablePointer<Float>)?

  /// - Parameter moved: a stretch of the arena that lies elsewhere.
  init(
    _ plan: Plan, state: Memory, constants: Memory, arena: Memory,
    moved: (range: Range<Int>, start: UnsafeMutablePointer<Float>)? = nil
  ) {
    self.state = state.start
    self.constants = constants.start
    self.arena = arena.start
    self.moved = moved
    let instructions = own(plan.instructions.map(bind))
    let ends = plan.instructions.indices.filter {
      $0 + 1 == plan.instructions.count
        || plan.instructions[$0].stage != plan.instructions[$0 + 1].stage
    }
    var first = 0
    for end in ends {
      stages.append(BoundStage(instructions + first, count: end + 1 - first))
      first = end + 1
    }
  }

  deinit { for pointer in owned { pointer.deallocate() } }

  func address(_ location: Location) -> UnsafeMutablePointer<Float> {
    switch location.region {
    case .state: state + location.offset
    case .constants: constants + location.offset
    case .arena:
      if let moved, moved.range.contains(location.offset) {
        moved.start + (location.offset - moved.range.lowerBound)
      } else {
        arena + location.offset
      }
    }
  }

  private func indices(_ location: Location) -> UnsafePointer<Int32> {
    UnsafePointer(UnsafeRawPointer(address(location)).assumingMemoryBound(to: Int32.self))
  }

  /// Memory that holds the values as long as the bound plan lives.
  private func own<T: BitwiseCopyable>(_ values: [T]) -> UnsafePointer<T> {
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, MemoryLayout<T>.stride * values.count), alignment: 64)
    owned.append(raw)
    let typed = raw.bindMemory(to: T.self, capacity: max(1, values.count))
    typed.initialize(from: values, count: values.count)
    return UnsafePointer(typed)
  }

  private func bind(_ instruction: Instruction) -> BoundInstruction {
    func bound<T: BitwiseCopyable>(_ kind: BoundInstruction.Kind, _ arguments: T)
      -> BoundInstruction
    {
      BoundInstruction(
        kind: kind, chunks: instruction.chunks, arguments: UnsafeRawPointer(own([arguments])))
    }
    switch instruction.work {
    case .chain(let chain): return bound(.chain, bind(chain))
    case .matmul(let product): return bound(.matmul, bind(product, instruction.chunks))
    case .reduce(let reduce): return bound(.reduce, bind(reduce))
    case .argmax(let reduce): return bound(.argmax, bind(reduce))
    case .softmax(let rows): return bound(.softmax, bind(rows))
    case .logSumExp(let rows): return bound(.logSumExp, bind(rows))
    case .crossEntropy(let work):
      return bound(
        .crossEntropy,
        RowsArguments(
          x: address(work.x), y: address(work.loss), labels: indices(work.labels),
          gradient: work.gradient.map { address($0.location) },
          scale: work.gradient.map { address($0.scale) },
          scaleStride: work.gradient?.scaleStride ?? 0, rows: work.rows, width: work.width))
    case .gatherRows(let table): return bound(.gatherRows, bind(table))
    case .scatterAddRows(let table): return bound(.scatterAddRows, bind(table))
    case .oneHot(let table): return bound(.oneHot, bind(table))
    case .copy(let copy):
      return bound(
        .copy,
        CopyArguments(
          x: address(copy.x), y: address(copy.y), rank: Int32(copy.shape.count),
          rows: copy.shape.dropLast().reduce(1, *), shape: own(copy.shape.map(Int64.init)),
          xStrides: own(copy.xStrides.map(Int64.init)),
          yStrides: own(copy.yStrides.map(Int64.init))))
    case .fill(let fill):
      return bound(
        .fill,
        FillArguments(value: fill.value, stream: 0, y: address(fill.y), count: fill.count))
    case .random(let random):
      return bound(
        random.isNormal ? .normal : .uniform,
        FillArguments(
          value: 0, stream: random.stream, y: address(random.y), count: random.count))
    case .custom(let call):
      return bound(
        .custom,
        CustomArguments(
          operation: call.operation, operands: own(call.operands.map(address)),
          y: address(call.y)))
    case .sgd(let update):
      return bound(
        .sgd,
        SGDArguments(
          w: address(update.w), gradient: address(update.gradient), rate: address(update.rate),
          count: update.count))
    case .adam(let update):
      return bound(
        .adam,
        AdamArguments(
          update: bind(update, width: update.count), gradient: address(update.gradient)))
    }
  }

  private func bind(_ update: AdamUpdate, width: Int) -> ebb_adam {
    let scalars = update.scalars.map(address)
    return ebb_adam(
      w: address(update.w), m: address(update.m), v: address(update.v), width: Int64(width),
      beta1: scalars[0], one_minus_beta1: scalars[1], beta2: scalars[2],
      one_minus_beta2: scalars[3], rate: scalars[4], correction: scalars[5],
      epsilon: scalars[6])
  }

  private func bind(_ chain: Chain) -> ebb_chain {
    workspace = max(workspace, Int(EBB_BLOCK) * chain.registers)
    return ebb_chain(
      operands: own(
        chain.operands.map {
          ebb_chain_operand(data: address($0.location), access: $0.access.rawValue)
        }),
      steps: own(
        chain.steps.map {
          ebb_chain_step(operation: $0.operation, target: $0.target, a: $0.a, b: $0.b, c: $0.c)
        }),
      outputs: own(
        chain.outputs.map {
          ebb_chain_output(data: address($0.location), source: Int32($0.source))
        }),
      operand_count: Int32(chain.operands.count), step_count: Int32(chain.steps.count),
      output_count: Int32(chain.outputs.count), register_count: Int32(chain.registers),
      rows: Int64(chain.rows), inner: Int64(chain.inner))
  }

  private func bind(_ product: Matmul, _ chunks: Chunks) -> MatmulArguments {
    let needed = Int(
      ebb_matmul_workspace(Int64(product.m), Int64(product.n), Int64(product.k)))
    workspace = max(workspace, needed)
    var arguments = MatmulArguments(
      product: ebb_matmul(
        a: address(product.a), a_row: Int64(product.aRow), a_column: Int64(product.aColumn),
        b: address(product.b), b_row: Int64(product.bRow), b_column: Int64(product.bColumn),
        c: product.c.map(address) ?? arena, c_row: Int64(product.n), m: Int64(product.m),
        n: Int64(product.n), k: Int64(product.k), ending: EBB_END_STORE, y: nil, y_row: 0,
        operand: nil, operand_row: 0, rate: nil),
      batch: product.batch, aBatch: product.aBatch, bBatch: product.bBatch)
    switch product.tail {
    case .chain(let tail): arguments.tail = own([bind(tail)])
    case .ending(let ending): bind(ending, to: &arguments.product)
    case .adam(let tail): arguments.adam = own([bind(tail, width: product.n)])
    case nil: break
    }
    // An ending needs no memory for a result that has no place, unless sums come in several parts.
    if product.c == nil, arguments.adam != nil || product.k > Int(EBB_TERMS) {
      arguments.piece = needed
      workspace = max(
        workspace,
        needed + min(product.m, chunks.rowGrain) * min(product.n, chunks.columnGrain))
    }
    return arguments
  }

  private func bind(_ ending: Matmul.Ending, to product: inout ebb_matmul) {
    product.y = address(ending.y)
    product.y_row = product.n
    product.ending = ending.kind.code
    let operand = UnsafePointer(address(ending.operand))
    if ending.kind == .descend {
      product.rate = operand
    } else {
      product.operand = operand
      product.operand_row = ending.kind == .gate ? product.n : 0
    }
  }

  private func bind(_ reduce: Reduce) -> ReduceArguments {
    ReduceArguments(
      kind: ebb_reduction(rawValue: reduce.kind), x: address(reduce.x), y: address(reduce.y),
      outer: reduce.outer, length: reduce.length, inner: reduce.inner)
  }

  private func bind(_ rows: Rows) -> RowsArguments {
    RowsArguments(
      x: address(rows.x), y: address(rows.y), labels: nil, gradient: nil, scale: nil,
      scaleStride: 0, rows: rows.rows, width: rows.width)
  }

  private func bind(_ table: IndexedRows) -> TableArguments {
    TableArguments(
      x: address(table.x), indices: indices(table.indices), y: address(table.y),
      tableRows: table.tableRows, rows: table.rows, width: table.width)
  }
}

extension Matmul.Ending.Kind {
  /// The kernels' name for the ending.
  fileprivate var code: ebb_ending {
    switch self {
    case .descend: EBB_END_DESCEND
    case .add: EBB_END_ADD
    case .addRelu: EBB_END_ADD_RELU
    case .gate: EBB_END_GATE
    }
  }
}
