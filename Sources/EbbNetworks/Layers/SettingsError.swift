/// What is wrong with a setting of a layer, loss, optimizer, initializer or schedule.
public struct SettingsError: Error, Hashable, Sendable {
  /// What has the setting, such as `dense` or `network`.
  public let subject: String
  /// The setting, such as `units`; nil if the fault is not in one setting.
  public let setting: String?
  /// What was expected and what came.
  public let message: String

  /// A fault in a setting; users' own layers and optimizers throw it too.
  public init(_ subject: String, setting: String? = nil, _ message: String) {
    self.subject = subject
    self.setting = setting
    self.message = message
  }
}

extension SettingsError: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    (setting.map { "\(subject), \($0)" } ?? subject) + ": \(message)"
  }
}

/// Checks that many settings share.
extension Double {
  /// Throws unless the number is finite and meets a condition.
  package func checked(
    _ subject: String, _ setting: String, _ expected: String, _ condition: (Double) -> Bool
  ) throws(SettingsError) {
    guard isFinite && condition(self) else {
      throw SettingsError(subject, setting: setting, "expected \(expected), got \(self)")
    }
  }
}
