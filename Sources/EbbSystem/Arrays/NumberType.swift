/// What one element of an array in a file is.
package enum NumberType: Sendable, Equatable {
  case float16, bfloat16, float32, float64
  case signed(bytes: Int)
  case unsigned(bytes: Int)
  case bool

  /// The bytes of one element.
  package var size: Int {
    switch self {
    case .float16, .bfloat16: 2
    case .float32: 4
    case .float64: 8
    case .signed(let bytes), .unsigned(let bytes): bytes
    case .bool: 1
    }
  }
}

extension NumberType {
  /// Whole numbers count as exact.
  package var precision: NumberArray.Precision {
    switch self {
    case .float16, .bfloat16: .half
    case .float32: .single
    case .float64, .signed, .unsigned, .bool: .double
    }
  }

  /// The numbers in a row of bytes.
  package func numbers(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) -> [Double] {
    let size = size
    var result: [Double] = []
    result.reserveCapacity(bytes.count / size)
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: size) {
      var bits: UInt64 = 0
      for offset in 0..<size {
        let byte = UInt64(bytes[start + offset])
        bits |= byte << UInt64(8 * (isBigEndian ? size - 1 - offset : offset))
      }
      result.append(number(bits))
    }
    return result
  }

  private func number(_ bits: UInt64) -> Double {
    switch self {
    case .float16: return HalfPrecision.value(UInt16(truncatingIfNeeded: bits))
    case .bfloat16: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits << 16)))
    case .float32: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .float64: return Double(bitPattern: bits)
    case .signed(let bytes):
      let shift = UInt64(64 - 8 * bytes)
      return Double(Int64(bitPattern: bits << shift) >> Int64(shift))
    case .unsigned: return Double(bits)
    case .bool: return bits == 0 ? 0 : 1
    }
  }
}

/// Floating-point numbers of 16 bits (IEEE 754 binary16), where the machine has none.
package enum HalfPrecision {
  /// The number of a bit pattern.
  package static func value(_ bits: UInt16) -> Double {
    let sign: Double = bits >> 15 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Double(bits & 0x3FF) / 1024
    switch exponent {
    case 0: return sign * fraction * 0x1p-14
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default: return sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction)
    }
  }
}
