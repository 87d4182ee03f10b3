import Foundation
import Scoring
import Testing

@testable import Files

@Suite("Reading speed", .enabled(if: ProcessInfo.processInfo.environment["WEIR_BENCH"] != nil, "set WEIR_BENCH to measure"))
struct ReadingBenchmark {
    @Test("a packed CSV of half a million rows")
    func csv() throws {
        let folder = try Folder()
        var text = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD\n"
        for i in 0..<500_000 {
            text += "\(i),2018-04-\(10 + i / 25_000) \(10 + i % 14):\(10 + i / 7 % 50):31,\(i * 7919 % 4_990),\(i * 104_729 % 10_000),\(i % 130).\(10 + i % 90),\(i % 131 == 0 ? 1 : 0)\n"
        }
        let file = try folder.write("t.csv", text)
        _ = try folder.gzip(file)
        let mappings = ["TRANSACTION_ID=transaction_id", "TX_DATETIME=timestamp", "CUSTOMER_ID=account_id", "TERMINAL_ID=merchant_id", "TX_AMOUNT=amount"].map { ColumnMapping($0)! }
        let decoder = Decoder(slots: 1, rules: RecordRules())
        for path in [file, file + ".gz"] {
            let start = ContinuousClock.now
            let reader = try RecordReader(path, mappings: mappings, labelColumn: "TX_FRAUD")
            var sum: Int64 = 0
            var rows = 0
            while let record = try reader.next() {
                sum &+= try decoder.transaction(record.content).amount
                rows += 1
            }
            let seconds = Double((ContinuousClock.now - start) / .microseconds(1)) / 1e6
            print("read: \(Int(Double(rows) / seconds)) rows/s of \(path.suffix(7)), check \(sum)")
            #expect(rows == 500_000)
        }
    }
}
