/// Where numbers lie: so many 4-byte elements into one of the blocks of memory.
package struct Location: Hashable, Sendable {
  /// The blocks of memory of a run.
  package enum Region: String, Sendable {
    /// Parameters and optimizer slots: outlives the run.
    case state
    /// Numbers fixed when the plan was made.
    case constants
    /// Inputs and everything computed on the way.
    case arena
  }

  package var region: Region
  package var offset: Int
}

/// One step of a plan: one kernel, perhaps followed by a chain on what it just computed.
package struct Instruction: Sendable {
  package var work: Work
  /// For people: the node it ends with and the layer.
  package var label: String
  /// Floating-point operations, a multiply-add being two.
  package var operations: Int
  /// Bytes read and written, each operand once.
  package var bytes: Int
  /// How the work is cut into chunks that threads claim. It depends on sizes only.
  package var chunks: Chunks
  /// The stage in which it runs. Instructions of one stage do not depend on each other.
  package var stage: Int

  /// What is done.
  package enum Work: Sendable {
    case chain(Chain)
    case matmul(Matmul)
    case reduce(Reduce)
    case argmax(Reduce)
    case softmax(Rows)
    case logSumExp(Rows)
    case crossEntropy(CrossEntropy)
    case gatherRows(IndexedRows)
    case scatterAddRows(IndexedRows)
    case oneHot(IndexedRows)
    case copy(StridedCopy)
    case fill(Fill)
    case random(RandomFill)
    case custom(CustomCall)
    case sgd(SGDUpdate)
    case adam(AdamUpdate)
  }
}

/// A rectangle of work cut into `rows × columns` chunks.
package struct Chunks: Sendable, Hashable, BitwiseCopyable {
  package var rows = 1
  package var rowGrain = 1
  package var columns = 1
  package var columnGrain = 1

  package var count: Int { rows * columns }

  /// Where a chunk lies: neighbours are above each other as far as that goes.
  package func place(of chunk: Int) -> (row: Int, column: Int) {
    (chunk % rows, chunk / rows)
  }

  /// The chunks that one of several threads runs first: neighbours, so that a product and the update of
  /// its weight give a thread the same columns.
  package func share(_ number: Int, of shares: Int) -> Range<Int> {
    (number * count + shares - 1) / shares..<((number + 1) * count + shares - 1) / shares
  }

  /// Rows in pieces of at least `grain` elements of work.
  static func rows(_ rows: Int, elementsPerRow: Int, grain: Int = 16384) -> Chunks {
    let perChunk = max(1, grain / max(1, elementsPerRow))
    return Chunks(
      rows: max(1, (rows + perChunk - 1) / perChunk), rowGrain: perChunk, columns: 1,
      columnGrain: .max)
  }
}

/// A fused run of elementwise operations.
package struct Chain: Sendable {
  package struct Operand: Sendable, Hashable {
    package var location: Location
    package var access: Access
  }

  /// How an operand is read over rows × inner elements.
  package enum Access: Int32, Sendable {
    case contiguous, scalar, perColumn, perRow
  }

  package struct Step: Sendable, Hashable {
    package var operation: UInt16
    package var target: UInt16
    package var a: UInt16
    package var b: UInt16
    package var c: UInt16
  }

  package struct Output: Sendable, Hashable {
    package var location: Location
    package var source: Int
  }

  package var operands: [Operand]
  package var steps: [Step]
  package var outputs: [Output]
  package var registers: Int
  package var rows: Int
  package var inner: Int
}

/// A matrix product, or several with equal strides between them, and the chain on its result.
package struct Matmul: Sendable {
  package var a: Location
  package var aRow: Int
  package var aColumn: Int
  package var aBatch: Int
  package var b: Location
  package var bRow: Int
  package var bColumn: Int
  package var bBatch: Int
  /// Nil if only the tail reads the result: then each piece of it lies in a thread's workspace.
  package var c: Location?
  package var m: Int
  package var n: Int
  package var k: Int
  package var batch: Int
  package var tail: Tail?

  /// What is done with each piece of the result while it is in the cache.
  package enum Tail: Sendable {
    case chain(Chain)
    case ending(Ending)
    case adam(AdamUpdate)
  }

  /// What is made of the result straight from the registers; the result itself is not stored.
  package struct Ending: Sendable {
    package enum Kind: Sendable {
      /// y = y − operand · result, the operand being the rate: plain gradient descent.
      case descend
      /// y = result + operand, a bias: one number for each column.
      case add
      /// y = relu(result + operand).
      case addRelu
      /// y = result · (operand > 0): the gradient through a relu.
      case gate
    }

    package var kind: Kind
    package var operand: Location
    package var y: Location
  }
}

package struct Reduce: Sendable {
  package var kind: UInt32
  package var x: Location
  package var y: Location
  package var outer: Int
  package var length: Int
  package var inner: Int
}

package struct Rows: Sendable {
  package var x: Location
  package var y: Location
  package var rows: Int
  package var width: Int
}

/// Softmax cross-entropy by rows; with a gradient if `gradient` is given.
package struct CrossEntropy: Sendable {
  package struct Gradient: Sendable {
    package var location: Location
    package var scale: Location
    package var scaleStride: Int
  }

  package var x: Location
  package var labels: Location
  package var loss: Location
  package var gradient: Gradient?
  package var rows: Int
  package var width: Int
}

/// Rows read, added or marked by index.
package struct IndexedRows: Sendable {
  package var x: Location
  package var indices: Location
  package var y: Location
  package var tableRows: Int
  package var rows: Int
  package var width: Int
}

package struct StridedCopy: Sendable {
  package var x: Location
  package var y: Location
  package var shape: [Int]
  package var xStrides: [Int]
  package var yStrides: [Int]
}

package struct Fill: Sendable {
  package var value: Float
  package var y: Location
  package var count: Int
}

package struct RandomFill: Sendable {
  package var isNormal: Bool
  package var stream: UInt32
  package var y: Location
  package var count: Int
}

/// A user's operation on numbers.
package struct CustomCall: Sendable {
  /// Position in `Plan.customOperations`.
  package var operation: Int
  package var operands: [Location]
  package var y: Location
}

/// Adam's update of one parameter, recognised among chains.
package struct AdamUpdate: Sendable {
  package var w: Location
  package var m: Location
  package var v: Location
  package var gradient: Location
  /// beta1, 1 − beta1, beta2, 1 − beta2, rate, correction, epsilon.
  package var scalars: [Location]
  package var count: Int
}

/// The update w = w − rate · gradient of one parameter, recognised among chains.
package struct SGDUpdate: Sendable {
  package var w: Location
  package var gradient: Location
  package var rate: Location
  package var count: Int
}
