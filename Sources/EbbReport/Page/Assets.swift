internal import CReportAssets

/// The style sheets and scripts that are part of the program.
enum Assets {
  static let reportCSS = unsafe text(ebb_report_css())
  static let reportJS = unsafe text(ebb_report_js())
  static let stepperCSS = unsafe text(ebb_stepper_css())
  static let stepperJS = unsafe text(ebb_stepper_js())

  private static func text(_ asset: ebb_asset) -> String {
    unsafe String(
      decoding: UnsafeBufferPointer(start: asset.bytes, count: asset.count), as: UTF8.self)
  }
}
