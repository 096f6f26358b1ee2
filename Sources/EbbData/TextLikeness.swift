internal import EbbSystem

/// What the texts of a column look like, for notes and errors about likely mistakes.
extension TextValues {
  /// Whether more than half of the values are numbers.
  var areMostlyNumbers: Bool { most { Self.isNumber($0) } }

  /// Whether more than half of the values are dates, with or without a time.
  var areMostlyDates: Bool { most { Self.isDate($0) } }

  /// The first row whose value is not a number, or `nil` when all are numbers or missing.
  var firstRowWithoutNumber: Int? {
    let isNumber = categories.map { Self.isNumber($0) }
    return codes.firstIndex { $0 >= 0 && !isNumber[Int($0)] }
  }

  /// Whether more than half of the values that are there pass a test.
  private func most(_ test: (String) -> Bool) -> Bool {
    let passes = categories.map(test)
    let present = codes.count { $0 >= 0 }
    return codes.count { $0 >= 0 && passes[Int($0)] } * 2 > present
  }

  /// Whether a text is a number as the reader of CSV files takes it: not with leading zeros.
  static func isNumber(_ text: String) -> Bool {
    guard case .value = NumberParser.double(text) else { return false }
    let bytes = Array(text.utf8)
    return !NumberForm.hasLeadingZeros(bytes, 0, bytes.count)
  }

  /// Whether a text is a date such as `2024-01-05`, `05/01/2024` or `5.1.2024`, alone or with a
  /// time after it.
  static func isDate(_ text: String) -> Bool {
    let separators = [UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: ".")]
    let bytes = Array(text.utf8)
    let dateEnd = bytes.firstIndex { !isDigit($0) && !separators.contains($0) } ?? bytes.count
    guard let separator = bytes[..<dateEnd].first(where: { !isDigit($0) }) else { return false }
    let parts = bytes[..<dateEnd].split(separator: separator, omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) }) else {
      return false
    }
    let dayAndMonth: [ArraySlice<UInt8>]
    if parts[0].count == 4 {
      dayAndMonth = [parts[1], parts[2]]
    } else if parts[2].count == 4 {
      dayAndMonth = [parts[0], parts[1]]
    } else {
      return false
    }
    let numbers = dayAndMonth.map { part in
      part.count > 2 ? 0 : part.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
    guard numbers.allSatisfy({ (1...31).contains($0) }), numbers.contains(where: { $0 <= 12 })
    else { return false }
    return dateEnd == bytes.count || isTime(bytes[dateEnd...])
  }

  /// Whether a text goes on after a date as a time does: `T12:30`, ` 9:05:00`.
  private static func isTime(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first, [UInt8(ascii: "T"), UInt8(ascii: " ")].contains(first) else {
      return false
    }
    let time = bytes.dropFirst()
    guard let colon = time.firstIndex(of: UInt8(ascii: ":")) else { return false }
    let hour = time[..<colon]
    let minute = time[(colon + 1)...].prefix(2)
    return (1...2).contains(hour.count) && hour.allSatisfy(isDigit) && minute.count == 2
      && minute.allSatisfy(isDigit)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

extension String {
  /// The name of a column as one writes it after `--ignore`: in quotes where a shell needs them.
  var asArgument: String {
    let isPlain = unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || $0.properties.numericType != nil
        || "_-.".unicodeScalars.contains($0)
    }
    return isPlain && !hasPrefix("-") ? self : "'\(replacing("'", with: "'\\''"))'"
  }
}
