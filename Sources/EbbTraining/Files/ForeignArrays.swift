package import EbbGraph
package import EbbSystem

/// Named arrays from a file that some other program wrote: NPY, NPZ or safetensors.
package struct ForeignArrays {
  /// One array in double precision.
  package struct Entry {
    /// Empty for the only array of an NPY file.
    package let name: String
    package let values: NDArray<Double>
    package let precision: NumberArray.Precision
  }

  package let entries: [Entry]

  /// Reads a file.
  ///
  /// - Parameter elementLimit: the most numbers in all arrays together.
  package init(contentsOf path: String, elementLimit: Int) throws(ForeignArraysError) {
    let bytes: [UInt8]
    do {
      // Eight bytes for each number, and as much again for headers and what else a file may hold.
      let (limit, overflow) = elementLimit.multipliedReportingOverflow(by: 16)
      bytes = try Files.read(path, limit: overflow ? .max : limit + 1 << 24)
    } catch {
      throw ForeignArraysError(
        .unreadable, path: path, "cannot \(error.action): \(error.reason.explanation)")
    }
    if ArrayFile.recognizes(bytes) {
      entries = try Self.numpy(bytes, path: path, elementLimit: elementLimit)
    } else if ForeignFormat(bytes) != nil && !Self.couldBeSafetensors(bytes) {
      let format = ForeignFormat(bytes)
      throw ForeignArraysError(
        .foreignFormat, path: path, format?.arraysMessage ?? "", advice: Self.advice)
    } else {
      entries = try Self.safetensors(bytes, path: path, elementLimit: elementLimit)
    }
  }

  private static let advice =
    "save the gradients with numpy.savez(\"gradients.npz\", **{name: array}), or as safetensors"

  /// Whether a header in JSON follows the first eight bytes.
  private static func couldBeSafetensors(_ bytes: [UInt8]) -> Bool {
    bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
  }

  private static func numpy(
    _ bytes: [UInt8], path: String, elementLimit: Int
  ) throws(ForeignArraysError) -> [Entry] {
    do throws(ArrayFileError) {
      var entries: [Entry] = []
      for entry in try ArrayFile(bytes, elementLimit: elementLimit).entries {
        let array = entry.array
        guard let shape = Shape.fitting(array.extents, count: array.elements.count) else {
          throw ArrayFileError(
            .unsupported, in: entry.name, "the shape \(array.extents) is larger than is read")
        }
        entries.append(
          Entry(
            name: entry.name, values: NDArray(array.elements, shape: shape),
            precision: array.precision))
      }
      return entries
    } catch {
      throw ForeignArraysError(error, path: path)
    }
  }

  private static func safetensors(
    _ bytes: [UInt8], path: String, elementLimit: Int
  ) throws(ForeignArraysError) -> [Entry] {
    let file: Safetensors
    do throws(ModelFileError) {
      file = try Safetensors(bytes: bytes)
    } catch {
      throw ForeignArraysError(error, path: path)
    }
    var entries: [Entry] = []
    // The arrays cover all bytes to the end of the file: that was checked.
    let start = bytes.count - (file.entries.last?.range.upperBound ?? 0)
    var left = elementLimit
    for entry in file.entries {
      let count = entry.range.count / entry.type.size
      guard count <= left else {
        throw ForeignArraysError(
          .tooLarge, path: path,
          "\(entry.name.quotedForMessage): the arrays hold more than "
            + NumberFormat.counted(elementLimit, "number"))
      }
      left -= count
      guard let type = entry.type.numberType,
        let shape = Shape.fitting(entry.shape.extents, count: count)
      else {
        throw ForeignArraysError(
          .unsupported, path: path,
          "\(entry.name.quotedForMessage) is \(entry.type.rawValue) \(entry.shape), which is not "
            + "read as numbers", advice: "save it as F32 or F64")
      }
      let values = type.numbers(
        bytes[(start + entry.range.lowerBound)..<(start + entry.range.upperBound)],
        isBigEndian: false)
      entries.append(
        Entry(name: entry.name, values: NDArray(values, shape: shape), precision: type.precision))
    }
    return entries
  }
}

extension ForeignFormat {
  /// What the file is, where arrays are expected.
  fileprivate var arraysMessage: String {
    self == .text ? "this is no file of arrays, it looks like a text file" : message
  }
}

extension Shape {
  /// A shape of extents whose product is known and small enough for an array.
  fileprivate static func fitting(_ extents: [Int], count: Int) -> Shape? {
    let shape = Shape(extents)
    return shape.checkedCount == count ? shape : nil
  }
}

extension Safetensors.ElementType {
  /// How the bytes are read.
  fileprivate var numberType: NumberType? {
    switch self {
    case .float64: .float64
    case .float32: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .int64: .signed(bytes: 8)
    case .int32: .signed(bytes: 4)
    case .int16: .signed(bytes: 2)
    case .int8: .signed(bytes: 1)
    case .uint64: .unsigned(bytes: 8)
    case .uint32: .unsigned(bytes: 4)
    case .uint16: .unsigned(bytes: 2)
    case .uint8: .unsigned(bytes: 1)
    case .bool: .bool
    }
  }
}
