import CPlatform
import Kafka

/// What this executable was built from.
public enum Build {
    /// Semantic version of the release.
    public static let version = "0.1.0"
    /// The commit, from `-Xcc -DWEIR_COMMIT=…` at build time; `unknown` without.
    public static var commit: String { String(cString: weir_build_commit()) }
    /// Version of the Kafka client library that is linked.
    public static var librdkafka: String { librdkafkaVersion }
}
