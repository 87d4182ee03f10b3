import Stream
import Testing

@testable import weir

@Suite struct ExplanationTests {
    private func explain(_ json: String) -> String? {
        Array(json.utf8).withUnsafeBytes { JSON.parse($0).flatMap { Explanation.text($0) } }
    }

    @Test func `a verdict is told whole, in plain words`() {
        let text = explain(
            """
            {"transaction_id":"t1","account_id":"A","kind":"aml","decision":"review","score":0.2,"threshold":0.35,"velocity_risk":0.9,
            "reasons":[{"code":"amount","value":12000.5,"contribution":0,"text":"an amount of 12000.5 USD"},
            {"code":"account_1h_count","value":17,"contribution":-0.31,"text":"17 transactions in the last hour"}],
            "typologies":[{"code":"STRUCTURING","score":0.9,"evidence":{"count":4,"amounts":[9000,9500.25]}}],
            "velocity":{"account":{"24h":{"count":21,"sum":2803.4},"1h":{"count":17,"sum":2210.05}},"inflow":{"1h":{"count":0,"sum":0}}},
            "model":{"name":"aml","version":"1.2.0","sha256":"ab"},"mode":"degraded","degraded":["velocity_disabled"],"late":true,"complete":false,
            "event_time":"2026-11-24T12:00:00.123Z","source":{"topic":"transactions","partition":3,"offset":4711}}
            """)
        #expect(
            text == """
                Transaction t1 of account A, at 2026-11-24T12:00:00.123Z
                Money laundering: review. The score 0.2 is below the threshold 0.35; a rule asks for a review all the same (see the reasons).
                Scored by the model aml 1.2.0 (sha256 ab).
                Velocity risk: 0.9, of 0 (usual) to 1.
                Reasons, strongest first:
                  - an amount of 12000.5 USD (amount = 12000.5; a rule, whatever the score)
                  - 17 transactions in the last hour (account_1h_count = 17; lowers the log-odds by 0.31)
                Typologies:
                  - STRUCTURING, score 0.9: amounts [9000, 9500.25], count 4
                What the windows held, this transaction included:
                  - account: 1h 17 of together 2210.05, 24h 21 of together 2803.4
                  - inflow: 1h 0 of together 0
                To be kept in mind:
                  - made without a part: velocity_disabled
                  - the transaction came late, and was judged as of its own time
                  - the windows may lack transactions that were not seen (complete: false)
                  - made of the record at offset 4711 of partition 3 of transactions; weir audit recomputes it

                """)
    }

    @Test func `an approval says that it is below the threshold, and what is no verdict is none`() {
        let text = explain(#"{"transaction_id":"t","account_id":"A","kind":"fraud","decision":"approve","score":0.1,"threshold":0.5,"mode":"rules","model":{"name":"rules","version":"1"}}"#)
        #expect(text?.contains("Fraud: approve. The score 0.1 is below the threshold 0.5.\nScored by rules, version 1.\n") == true)
        #expect(explain(#"{"transaction_id":"t","account_id":"A"}"#) == nil && explain("[]") == nil)
        #expect(Dispatcher.run(["explain", "{}"]) == .failed)
        #expect(Dispatcher.run(["explain"]) == .usage)
    }
}
