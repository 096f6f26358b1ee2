import EbbSystem
import Testing

@Suite("Names in messages")
struct MessageTextTests {
  static let all = [
    "\u{0}", "\u{7}", "\u{8}", "\r", "\t", "\u{1B}", "\u{7F}", "\u{80}", "\u{85}", "\u{9B}",
    "\u{9F}", "\u{61C}", "\u{200E}", "\u{2028}", "\u{202A}", "\u{202E}", "\u{2066}", "\u{2069}",
  ]

  @Test("what a terminal would act on becomes an escape", arguments: all)
  func controls(_ control: String) throws {
    let text = "a\(control)b"
    for shown in [
      MessageText.visible(text), MessageText.line(text), MessageText.name(text),
      MessageText.quoted(text),
    ] {
      #expect(!shown.unicodeScalars.contains(where: MessageText.isControl), "\(shown)")
      #expect(shown.contains("a\\") && shown.contains("b"))
    }
  }

  @Test("JSON stays JSON with the same content")
  func json() throws {
    let texts = Self.all.map { JSONValue($0 + "\n\"\\é😀") }
    let value = JSONValue.object(JSONObject([(Self.all.joined(), .array(texts))]))
    for layout in [JSONWriter.Layout.compact, .pretty] {
      let shown = MessageText.visible(JSONWriter.text(value, layout: layout))
      #expect(try JSONReader.read(shown) == value)
      #expect(!shown.unicodeScalars.contains { $0 != "\n" && MessageText.isControl($0) })
    }
  }

  @Test("everything else stays, line breaks of a text too")
  func plain() {
    let text = "élan 日本 😀 \u{A0}\u{200D}\nnext  line"
    #expect(MessageText.visible(text) == text)
    #expect(MessageText.line(text).contains("\\nnext"))
    #expect(MessageText.visible("\u{1B}[31m\r\n") == "\\u001b[31m\\r\n")
    #expect(MessageText.visible("\u{202E}") == "\\u202e")
  }

  @Test("long texts and long lists are cut")
  func bounds() {
    #expect(MessageText.quoted("short") == "\"short\"")
    #expect(MessageText.quoted(String(repeating: "é", count: 60)).count == 62)
    let cut = MessageText.quoted(String(repeating: "é", count: 5_000_000))
    #expect(cut == "\"\(String(repeating: "é", count: 60))...\"")
    #expect(MessageText.list(["a", "b"]) == "a, b")
    let many = (0..<100_000).map(String.init)
    #expect(MessageText.list(many, separator: "; ", limit: 2) == "0; 1 and 99,998 more")
    #expect(MessageText.list(many).utf8.count < 200)
  }

  @Test("errors in JSON name what is wrong in bounded words")
  func jsonErrors() throws {
    let long = String(repeating: "k\\u001b", count: 400_000)
    for text in [
      "{\"\(long)\": 1, \"\(long)\": 2}", "{\"\(long)\": [\"\(long)\"]}", "{\"a\": \"\(long)\"}",
    ] {
      let message: String
      do {
        let field = JSONField(try JSONReader.read(text))
        if let first = try field.members().first {
          if first.key == "a" {
            _ = try first.field.integer()
          } else {
            _ = try first.field.elements()[0].integer()
          }
        }
        message = ""
      } catch {
        message = "\(error)"
      }
      #expect(!message.isEmpty && message.utf8.count < 1_000, "\(message.prefix(1_000))")
      #expect(!message.unicodeScalars.contains(where: MessageText.isControl))
    }
    let unknown = #expect(throws: JSONError.self) {
      try JSONField(JSONReader.read("{\"\(long)\": 1}")).allowOnly(["a"])
    }
    #expect("\(unknown as Any)".utf8.count < 1_000)
  }

  @Test("counts have a limit that arithmetic bears")
  func counts() throws {
    #expect(try JSONField(.integer(Int64(CountLimit.most))).count() == CountLimit.most)
    for number in [-1, Int64(CountLimit.most) + 1, 1 << 62, .max] {
      #expect(throws: JSONError.self) { try JSONField(.integer(number)).count() }
    }
  }
}
