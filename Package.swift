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
  "WrongDerivative", "Serving",
]

/// The modules between the engine and the umbrella, from the lowest, and which others each uses. The
/// tests hold the imports to it (HouseTests).
let floors: [(name: String, uses: [String])] = [
  // Tables, types, schema, encoding, splits.
  ("EbbData", ["EbbEngine", "EbbSystem"]),
  // Linear algebra, L-BFGS, Gauss-Newton.
  ("EbbNumerics", ["EbbGraph"]),
  // Layers, losses, optimizers: what is traced.
  ("EbbNetworks", ["EbbGraph", "EbbSystem"]),
  // How good answers are.
  ("EbbEvaluation", ["EbbSystem"]),
  // Models, trainer, predictor, their files.
  (
    "EbbTraining",
    ["EbbData", "EbbEngine", "EbbEvaluation", "EbbGraph", "EbbNetworks", "EbbSystem"]
  ),
  // Gradients of anything in a network.
  (
    "EbbGradients", ["EbbData", "EbbEngine", "EbbGraph", "EbbNetworks", "EbbSystem", "EbbTraining"]
  ),
  // Whether they are right.
  (
    "EbbChecking",
    [
      "EbbData", "EbbEngine", "EbbGradients", "EbbGraph", "EbbNetworks", "EbbNumerics", "EbbSystem",
      "EbbTraining",
    ]
  ),
  // What they say.
  (
    "EbbExplanations",
    ["EbbData", "EbbGradients", "EbbGraph", "EbbNetworks", "EbbSystem", "EbbTraining"]
  ),
  // Which rows stand out.
  (
    "EbbAudit",
    [
      "EbbData", "EbbEvaluation", "EbbGradients", "EbbGraph", "EbbNetworks", "EbbSystem",
      "EbbTraining",
    ]
  ),
  // Run directories, for the command alone.
  (
    "EbbRuns", ["EbbData", "EbbEvaluation", "EbbGraph", "EbbNetworks", "EbbSystem", "EbbTraining"]
  ),
  // Speed, for the command alone.
  ("EbbBenchmarks", ["EbbData", "EbbEngine", "EbbNetworks", "EbbSystem", "EbbTraining"]),
]

/// The library, for targets of this package: a change of a floor leaves the umbrella's own file as it
/// is, and whatever lists the umbrella alone is not built again.
let library: [Target.Dependency] =
  ["Ebb", "EbbGraph", "EbbEngine", "EbbSystem"]
  + floors.map { .init(stringLiteral: $0.name) }

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
  ]
    + floors.map { floor in
      .target(
        name: floor.name, dependencies: floor.uses.map { .init(stringLiteral: $0) },
        swiftSettings: safe)
    } + [
      // The umbrella: what users import.
      .target(
        name: "Ebb",
        dependencies: [
          "EbbAudit", "EbbChecking", "EbbData", "EbbEvaluation", "EbbExplanations", "EbbGradients",
          "EbbGraph", "EbbNetworks", "EbbNumerics", "EbbTraining",
        ], swiftSettings: safe),
      // Style sheets and scripts, embedded as they are.
      .target(
        name: "CReportAssets",
        exclude: ["report.css", "report.js", "stepper.css", "stepper.js"]),
      .target(
        name: "EbbReport", dependencies: library + ["CReportAssets"],
        swiftSettings: safe),
      // What the command says where the system gives no more memory.
      .target(name: "COutOfMemory"),
      .executableTarget(
        name: "EbbCommand",
        dependencies: library + [
          "COutOfMemory", "EbbReport",
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
        dependencies: library + ["AllocationCount", "Mutations", "TestSupport"],
        swiftSettings: common),
      // Files with numbers that nobody expects.
      .target(
        name: "Mutations", dependencies: ["EbbSystem"], path: "Tests/Mutations",
        swiftSettings: common),
      // What several test targets compare with.
      .target(
        name: "TestSupport", dependencies: library, path: "Tests/TestSupport",
        swiftSettings: common),
      .testTarget(
        name: "GradientTests", dependencies: library + ["TestSupport"],
        swiftSettings: common),
      .testTarget(
        name: "ExplanationTests", dependencies: library + ["TestSupport"],
        swiftSettings: common),
      .testTarget(
        name: "EbbReportTests", dependencies: library + ["EbbReport"],
        swiftSettings: common),
      // These run the built programs and import nothing of the library: `swift test` builds all programs,
      // and without that dependency the tests are compiled while the library still is.
      .testTarget(name: "EbbCommandTests", dependencies: ["Mutations"], swiftSettings: common),
      .testTarget(name: "ExampleTests", swiftSettings: common),
    ]
    + examples.map { name in
      .executableTarget(
        name: name, dependencies: library, path: "Examples/Programs/\(name)",
        packageAccess: false, swiftSettings: safe)
    }
)
