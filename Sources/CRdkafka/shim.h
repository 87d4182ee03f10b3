// librdkafka for Swift: the library's own headers, and inline wrappers for what Swift cannot import.
#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/eventfd.h>

// Macros with a cast or in parentheses do not import.
static const int32_t weir_partition_unassigned = RD_KAFKA_PARTITION_UA;
static const int weir_purge_queue_and_inflight = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT;

/// `rd_kafka_producev` is variadic, which Swift cannot call, and the only produce function that takes a time and headers without allocating.
/// `timestamp` 0 is now. `headers` may be NULL; they belong to librdkafka when 0 is returned, and to the caller otherwise.
static inline rd_kafka_resp_err_t weir_rd_kafka_produce(
    rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, int flags, const void *key, size_t key_length,
    const void *value, size_t value_length, int64_t timestamp, rd_kafka_headers_t *headers, void *opaque) {
    if (headers)
        return rd_kafka_producev(
            rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(flags),
            RD_KAFKA_V_KEY(key, key_length), RD_KAFKA_V_VALUE((void *)value, value_length),
            RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    return rd_kafka_producev(
        rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(flags),
        RD_KAFKA_V_KEY(key, key_length), RD_KAFKA_V_VALUE((void *)value, value_length),
        RD_KAFKA_V_TIMESTAMP(timestamp), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}

/// `rd_kafka_mock_broker_push_request_error_rtts` is variadic: one error and the round trip that goes with it, a call.
static inline rd_kafka_resp_err_t weir_rd_kafka_mock_push_error_rtt(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t api_key, rd_kafka_resp_err_t error, int rtt_millis) {
    return rd_kafka_mock_broker_push_request_error_rtts(cluster, broker, api_key, (size_t)1, error, rtt_millis);
}

/// Swift's Glibc module lacks sys/eventfd.h. What librdkafka writes its wake-ups to (`rd_kafka_queue_io_event_enable`); -1 and errno if there is none.
static inline int weir_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
