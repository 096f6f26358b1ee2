// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors where changes are checked, not where the package is used.
let strict: [SwiftSetting] =
  Context.environment["EBB_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// The language modes that every Swift target shares.
let common: [SwiftSetting] =
  strict + [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ]

/// All but EbbEngine and EbbSystem: no unsafe code goes unmarked.
let safe: [SwiftSetting] = common + [.strictMemorySafety()]

/// Small programs that show the library from outside: public API only.
let examples = [
  "FirstGradient", "XOR", "TwoMoons", "Digits", "TwoInputsThreeOutputs", "OwnOperation",
  "WrongDerivative",
]

let package = Package(
  name: "ebb",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "ebb", targets: ["EbbCommand"]),
    .library(name: "Ebb", targets: ["Ebb"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
  ],
  targets: [
    .target(name: "CKernels"),
    .target(name: "EbbGraph", swiftSettings: safe),
    .target(name: "EbbEngine", dependencies: ["EbbGraph", "CKernels"], swiftSettings: common),
    // zlib's headers are among Swift's documented prerequisites on Linux.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"]), .yum(["zlib-devel"])]),
    // The process's arguments without /proc.
    .target(name: "CArguments"),
    .target(name: "EbbSystem", dependencies: ["CArguments", "CZlib"], swiftSettings: common),
    .target(
      name: "Ebb", dependencies: ["EbbGraph", "EbbEngine", "EbbSystem"], swiftSettings: safe),
    // Style sheets and scripts, embedded as they are.
    .target(
      name: "CReportAssets",
      exclude: ["report.css", "report.js", "stepper.css", "stepper.js"]),
    .target(
      name: "EbbReport", dependencies: ["CReportAssets", "Ebb", "EbbSystem"], swiftSettings: safe),
    // What the command says where the system gives no more memory.
    .target(name: "COutOfMemory"),
    .executableTarget(
      name: "EbbCommand",
      dependencies: [
        "COutOfMemory", "Ebb", "EbbReport", "EbbSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: safe),
    // Counts allocations, for the tests that allow none.
    .target(name: "AllocationCount", path: "Tests/AllocationCount"),
    .testTarget(name: "CKernelsTests", dependencies: ["CKernels"], swiftSettings: common),
    .testTarget(name: "EbbGraphTests", dependencies: ["EbbGraph"], swiftSettings: common),
    .testTarget(
      name: "EbbEngineTests", dependencies: ["AllocationCount", "EbbEngine", "EbbGraph"],
      swiftSettings: common),
    .testTarget(name: "EbbSystemTests", dependencies: ["EbbSystem"], swiftSettings: common),
    .testTarget(
      name: "EbbTests",
      dependencies: [
        "AllocationCount", "Ebb", "EbbEngine", "EbbSystem", "Mutations", "TestSupport",
      ],
      swiftSettings: common),
    // Files with numbers that nobody expects.
    .target(
      name: "Mutations", dependencies: ["EbbSystem"], path: "Tests/Mutations",
      swiftSettings: common),
    // What several test targets compare with.
    .target(
      name: "TestSupport", dependencies: ["Ebb", "EbbGraph"], path: "Tests/TestSupport",
      swiftSettings: common),
    .testTarget(
      name: "GradientTests", dependencies: ["Ebb", "EbbEngine", "EbbSystem", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "ExplanationTests", dependencies: ["Ebb", "EbbSystem", "TestSupport"],
      swiftSettings: common),
    .testTarget(
      name: "EbbReportTests", dependencies: ["Ebb", "EbbReport", "EbbSystem"],
      swiftSettings: common),
    // These run the built programs and import nothing of the library: `swift test` builds all programs,
    // and without that dependency the tests are compiled while the library still is.
    .testTarget(name: "EbbCommandTests", dependencies: ["Mutations"], swiftSettings: common),
    .testTarget(name: "ExampleTests", swiftSettings: common),
  ]
    + examples.map { name in
      .executableTarget(
        name: name, dependencies: ["Ebb"], path: "Examples/Programs/\(name)",
        packageAccess: false, swiftSettings: safe)
    }
)
