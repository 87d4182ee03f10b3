import Glibc
public import Scoring

extension Settings {
    /// What an engine is made with, exchange rates included.
    ///
    /// - Throws: for a table of rates that cannot be read or is refused.
    public func engineConfiguration() throws(SettingError) -> EngineConfiguration {
        let rules = RecordRules(
            maxRecordBytes: records.maxRecordBytes, maxClockSkew: records.maxClockSkewMillis, baseCurrency: records.baseCurrency,
            rates: try rates())
        return EngineConfiguration(velocity: velocity, windowNames: windowNames, rules: rules, policy: policy, topic: kafka.transactions)
    }

    private func rates() throws(SettingError) -> RateTable {
        guard let file = records.ratesFile else { return RateTable() }
        guard let csv = Files.read(file, maxBytes: 16 << 20) else {
            throw SettingError("FX_RATES_FILE", "cannot be read: \(String(cString: strerror(errno)))")
        }
        do throws(RateTableError) {
            return try RateTable(csv: csv, base: records.baseCurrency)
        } catch {
            throw SettingError("FX_RATES_FILE", error.description)
        }
    }
}
