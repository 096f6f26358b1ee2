internal import CKernels
package import EbbGraph

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The kernels of one instruction set.
package struct KernelSet: Sendable {
  /// Points to a constant table in CKernels that lives as long as the program.
  nonisolated(unsafe) let table: UnsafePointer<ebb_kernels>

  /// `portable` or `avx2`.
  package var name: String { String(cString: table.pointee.name) }

  /// The kernels of an instruction set; nil if this machine lacks it.
  package static func named(_ name: String) -> KernelSet? {
    ebb_kernels_named(name).map(KernelSet.init)
  }

  /// The fastest kernels of this machine.
  package static let best = KernelSet(table: ebb_kernels_best())

  /// The kernels that the environment variable `EBB_KERNELS` names, otherwise the fastest.
  ///
  /// - Throws: `InputError` if this machine has no kernels of that name.
  package static var chosen: KernelSet {
    get throws(InputError) {
      guard let name = getenv("EBB_KERNELS").map({ String(cString: $0) }), !name.isEmpty else {
        return best
      }
      guard let found = named(name) else {
        throw InputError(
          message: "the variable EBB_KERNELS is \"\(name)\"; this machine has portable"
            + (best.name == "portable" ? "" : " and \(best.name)"))
      }
      return found
    }
  }
}

extension KernelSet {
  /// Fills a list with the words of a random stream at a step, from a block of four on: those of
  /// `Philox.words`, many at a time.
  package func fill(
    _ words: inout [UInt32], seed: UInt64, stream: UInt32, step: UInt64, firstBlock: UInt32
  ) {
    precondition(words.count.isMultiple(of: 4), "blocks have four words")
    words.withUnsafeMutableBufferPointer { words in
      guard let start = words.baseAddress else { return }
      table.pointee.random_words(seed, stream, step, firstBlock, start, Int64(words.count / 4))
    }
  }
}

extension ElementaryFunctions<Float> {
  /// The kernels' functions on single numbers: the same bits as in the executor.
  package static let kernels = ElementaryFunctions(
    unary: { operation in
      let code = operation.code
      return { ebb_scalar(code, $0, 0, 0) }
    },
    power: { ebb_scalar(EBB_POWER, $0, $1, 0) })
}

extension Unary {
  /// The kernels' name for the operation.
  var code: ebb_operation {
    switch self {
    case .negate: EBB_NEGATE
    case .abs: EBB_ABS
    case .sign: EBB_SIGN
    case .reciprocal: EBB_RECIPROCAL
    case .sqrt: EBB_SQRT
    case .rsqrt: EBB_RSQRT
    case .exp: EBB_EXP
    case .expm1: EBB_EXPM1
    case .log: EBB_LOG
    case .log1p: EBB_LOG1P
    case .sin: EBB_SIN
    case .cos: EBB_COS
    case .atan: EBB_ATAN
    case .tanh: EBB_TANH
    case .sigmoid: EBB_SIGMOID
    case .softplus: EBB_SOFTPLUS
    case .erf: EBB_ERF
    case .normalCDF: EBB_NORMAL_CDF
    case .normalDensity: EBB_NORMAL_DENSITY
    case .relu: EBB_RELU
    case .not: EBB_NOT
    case .float, .stopGradient: EBB_COPY
    }
  }
}

extension Binary {
  /// The kernels' name for the operation.
  var code: ebb_operation {
    switch self {
    case .add: EBB_ADD
    case .subtract: EBB_SUBTRACT
    case .multiply: EBB_MULTIPLY
    case .divide: EBB_DIVIDE
    case .power: EBB_POWER
    case .minimum: EBB_MINIMUM
    case .maximum: EBB_MAXIMUM
    case .chainProduct: EBB_CHAIN_PRODUCT
    case .binaryCrossEntropy: EBB_BINARY_CROSS_ENTROPY
    case .equal: EBB_EQUAL
    case .notEqual: EBB_NOT_EQUAL
    case .less: EBB_LESS
    case .lessEqual: EBB_LESS_EQUAL
    case .greater: EBB_GREATER
    case .greaterEqual: EBB_GREATER_EQUAL
    case .and: EBB_AND
    case .or: EBB_OR
    }
  }
}

extension Ternary {
  /// The kernels' name for the operation.
  var code: ebb_operation {
    switch self {
    case .select: EBB_SELECT
    case .clip: EBB_CLIP
    }
  }
}

extension Op {
  /// The kernels' name for an elementwise operation, nil for others.
  var elementwiseCode: ebb_operation? {
    switch self {
    case .unary(let unary): unary.code
    case .binary(let binary): binary.code
    case .ternary(let ternary): ternary.code
    default: nil
    }
  }
}

extension Reduction {
  /// The kernels' name for the reduction.
  var code: ebb_reduction {
    switch self {
    case .sum: EBB_SUM
    case .product: EBB_PRODUCT
    case .max: EBB_MAX
    case .min: EBB_MIN
    }
  }
}
