/// Numbers in a shape, as they were read from a file: row-major, in double precision.
package struct NumberArray: Sendable, Equatable {
  /// How exactly the file held the numbers.
  package enum Precision: Int, Sendable, Comparable {
    case half, single, double

    package static func < (left: Precision, right: Precision) -> Bool {
      left.rawValue < right.rawValue
    }
  }

  package let extents: [Int]
  package let elements: [Double]
  package let precision: Precision

  package init(extents: [Int], elements: [Double], precision: Precision) {
    self.extents = extents
    self.elements = elements
    self.precision = precision
  }

  /// Reads an NPY file's bytes, all of them.
  package init(npy bytes: [UInt8], elementLimit: Int = .max) throws(ArrayFileError) {
    let header = try NPYHeader(bytes)
    guard header.count <= elementLimit else { throw header.exceeding(elementLimit) }
    let found = bytes.count - header.payloadStart
    guard found == header.payloadCount else {
      let what = found < header.payloadCount ? "the file is cut short" : "there are bytes too many"
      throw ArrayFileError(
        .damaged,
        "\(found) bytes follow the header, the shape \(header.extents) needs "
          + "\(header.payloadCount): \(what)")
    }
    extents = header.extents
    precision = header.type.precision
    let numbers = header.type.numbers(
      bytes[header.payloadStart...], isBigEndian: header.isBigEndian)
    elements =
      header.isFortranOrder ? Self.rowMajor(numbers, extents: header.extents) : numbers
  }

  /// Elements whose first index changes fastest, in the order in which the last does.
  private static func rowMajor(_ elements: [Double], extents: [Int]) -> [Double] {
    guard extents.count > 1, !elements.isEmpty else { return elements }
    var strides: [Int] = []
    var stride = 1
    for extent in extents {
      strides.append(stride)
      stride *= extent
    }
    var index = [Int](repeating: 0, count: extents.count)
    var result: [Double] = []
    result.reserveCapacity(elements.count)
    var place = 0
    for _ in elements.indices {
      result.append(elements[place])
      var axis = extents.count - 1
      while axis >= 0 {
        index[axis] += 1
        place += strides[axis]
        if index[axis] < extents[axis] { break }
        place -= index[axis] * strides[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }
}

extension NPYHeader {
  /// The error for an array that is larger than wanted.
  func exceeding(_ limit: Int) -> ArrayFileError {
    ArrayFileError(
      .tooLarge,
      "the array of shape \(extents) has \(NumberFormat.counted(count, "number")), the most is "
        + NumberFormat.grouped(limit))
  }
}
