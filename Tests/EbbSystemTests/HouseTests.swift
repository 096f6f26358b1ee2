import Foundation
import Testing

/// What the sources import, held to what the manifest says that they use.
@Suite("The house")
struct HouseTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The floors of the manifest, from the lowest, and what each uses.
  private static func floors() throws -> [(name: String, uses: [String])] {
    let manifest = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
    let start = try #require(manifest.range(of: "let floors: "))
    let end = try #require(manifest.range(of: "\n]\n", range: start.upperBound..<manifest.endIndex))
    let text = String(manifest[start.upperBound..<end.lowerBound])
    return text.matches(of: #/"(\w+)",\s*\[([^\]]*)\]/#).map { entry in
      (String(entry.1), entry.2.matches(of: #/"(\w+)"/#).map { String($0.1) })
    }
  }

  /// The project's modules that a file imports.
  private static func imports(_ module: String) throws -> [String: [String]] {
    let folder = root.appending(path: "Sources/\(module)")
    let files = try #require(FileManager.default.enumerator(atPath: folder.path))
    var found: [String: [String]] = [:]
    for case let file as String in files where file.hasSuffix(".swift") {
      let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      for line in text.matches(of: #/(?m)^(?:@\w+ )?(?:\w+ )?import (Ebb\w*)$/#) {
        found[String(line.1), default: []].append(file)
      }
    }
    return found
  }

  @Test("each floor imports what the manifest lists, all of it, and nothing else")
  func edges() throws {
    let floors = try Self.floors()
    #expect(floors.count > 8)
    for floor in floors {
      let imports = try Self.imports(floor.name)
      for (module, files) in imports {
        #expect(floor.uses.contains(module), "\(floor.name) imports \(module): \(files)")
      }
      for module in floor.uses {
        #expect(imports[module] != nil, "\(floor.name) lists \(module) and does not import it")
      }
    }
  }

  @Test("no floor uses one above it")
  func order() throws {
    var below: Set<String> = ["EbbGraph", "EbbEngine", "EbbSystem"]
    for floor in try Self.floors() {
      for module in floor.uses { #expect(below.contains(module), "\(floor.name) uses \(module)") }
      below.insert(floor.name)
    }
    // What lies below all of them knows none of them.
    for module in ["EbbGraph", "EbbEngine", "EbbSystem"] {
      let allowed = module == "EbbEngine" ? ["EbbGraph"] : []
      #expect(try Self.imports(module).keys.allSatisfy(allowed.contains), "\(module)")
    }
  }
}
