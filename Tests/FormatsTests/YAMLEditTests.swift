import Testing

@testable import Formats

@Suite struct YAMLEditTests {
    private static let text = """
        # A comment that stays
        one: {flag: true, days: -3, name: "06:00"}   # and this one
        two:
          steps: [1, 3, 7]
          word: plain
          quoted: 'single'
        """

    @Test("Values are found by their paths, as they read")
    func leaves() throws {
        let edit = try YAMLEdit(Self.text)
        #expect(
            edit.leaves.map { "\($0.name)=\($0.text)" } == [
                "one.flag=true", "one.days=-3", "one.name=06:00", "two.steps=1, 3, 7", "two.word=plain",
                "two.quoted=single",
            ])
    }

    @Test("Only what differs is written; comments, order and layout stay")
    func setting() throws {
        let edit = try YAMLEdit(Self.text)
        #expect(try edit.setting(["one.days": "-3", "two.word": "plain"]) == Self.text)
        let changed = try edit.setting([
            "one.days": "-12", "one.name": "7:30", "two.steps": "2,4", "two.word": "a: {b}", "two.quoted": "it's",
        ])
        #expect(
            changed == """
                # A comment that stays
                one: {flag: true, days: -12, name: "7:30"}   # and this one
                two:
                  steps: [2,4]
                  word: "a: {b}"
                  quoted: "it's"
                """)
        #expect(try YAMLValue(yaml: changed)["two"]?["word"]?.text == "a: {b}")
    }

    @Test("A name that stands for no value, and a value that would read otherwise, are refused")
    func faults() throws {
        let edit = try YAMLEdit(Self.text)
        #expect(throws: YAMLValue.Fault.self) { try edit.setting(["three": "x"]) }
        #expect(throws: YAMLValue.Fault.self) { try edit.setting(["two.steps": "1]\nthree: [2"]) }
        #expect(throws: YAMLValue.Fault.self) { try YAMLEdit("a: [1") }
    }
}
