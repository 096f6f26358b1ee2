// swift-tools-version: 6.2
import PackageDescription

/// The language modes that every Swift target shares.
let common: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// All but EbbEngine and EbbSystem: no unsafe code goes unmarked.
let safe: [SwiftSetting] = common + [.strictMemorySafety()]

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
    .target(name: "EbbSystem", swiftSettings: common),
    .target(
      name: "Ebb", dependencies: ["EbbGraph", "EbbEngine", "EbbSystem"], swiftSettings: safe),
    .executableTarget(
      name: "EbbCommand",
      dependencies: [
        "Ebb", "EbbSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: safe),
    .testTarget(
      name: "EbbEngineTests", dependencies: ["EbbEngine", "EbbGraph"], swiftSettings: common),
  ]
)
