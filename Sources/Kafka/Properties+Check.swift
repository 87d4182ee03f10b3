import CRdkafka

extension Properties {
    /// Why librdkafka would not take this property with this value, in one line without the value; nil when it would.
    public static func problem(_ name: String, _ value: String) -> String? {
        guard let configuration = rd_kafka_conf_new() else { return "no memory" }
        defer { rd_kafka_conf_destroy(configuration) }
        switch rd_kafka_conf_set(configuration, name, value, nil, 0) {
        case RD_KAFKA_CONF_OK: break
        case RD_KAFKA_CONF_UNKNOWN: return "librdkafka knows no property \(name)"
        default: return "librdkafka does not take this value for \(name)"
        }
        if let always = consumerRequired[name] ?? producerRequired[name], always != value { return "\(name) is always \(always) here" }
        return nil
    }
}
