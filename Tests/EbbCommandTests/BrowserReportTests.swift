import Foundation
import Testing

@Suite("Browser: the report", .enabled(if: Browser.isThere, Browser.hint), .serialized)
struct BrowserReportTests {
  private func page() throws -> String { try BrowserPages.digits.get().report }

  @Test(
    "opens without an error or a request; nothing runs over; everything has a name",
    arguments: [1280, 390], Browser.Scheme.allCases)
  func opens(width: Int, scheme: Browser.Scheme) throws {
    let visit = try Browser.visit(
      try page(), width: width, scheme: scheme,
      script: """
        \(BrowserPages.nameless)
        for (const e of all("summary, button, [tabindex]")) { e.focus(); e.click?.(); await wait(1); }
        return { nameless, window: innerWidth, width: document.documentElement.scrollWidth,
          unnamed: all("svg").filter((s) => !s.closest("[aria-hidden=true]") && !s.closest("button, summary")
            && !s.getAttribute("aria-label") && !s.getAttribute("aria-labelledby") && !s.querySelector("title")).length,
          language: document.documentElement.lang, title: document.title };
        """)
    #expect(visit.errors.isEmpty)
    #expect(visit.violations.isEmpty)
    #expect(visit.requests.isEmpty)
    #expect(visit.found["nameless"] as? [String] == [])
    #expect(visit.found["unnamed"] as? Int == 0, "every picture has a text alternative")
    #expect((visit.found["width"] as? Int ?? .max) <= width)
    #expect(visit.found["language"] as? String == "en")
    #expect((visit.found["title"] as? String)?.isEmpty == false)
  }

  @Test("pictures, to be looked at", arguments: [1280, 390], Browser.Scheme.allCases)
  func pictures(width: Int, scheme: Browser.Scheme) throws {
    let picture = try Browser.picture(
      try page(), name: "report", width: width, height: width == 390 ? 9000 : 6000, scheme: scheme,
      script: "")
    #expect(picture.count > 20_000)
  }
}
