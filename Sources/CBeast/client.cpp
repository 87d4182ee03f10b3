// One request over one connection, for health checks, demonstrations and tests.
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "beast.hpp"

namespace {
using namespace weir;

struct Answer {
    weir_beast_answer shown{}; // first, so that C's pointer is ours
    http::response<http::string_body> response;
    std::vector<weir_beast_field> fields;
    std::string error;
};

weir_beast_text text(string_view bytes) { return {bytes.data(), bytes.size()}; }
string_view view(weir_beast_text bytes) { return {bytes.data, bytes.length}; }

error_code fetch(const weir_beast_query &query, Answer &answer) {
    asio::io_context io{1};
    error_code error;
    tcp::resolver resolver(io);
    const auto found = resolver.resolve(query.host, std::to_string(query.port), tcp::resolver::numeric_service, error);
    if (error) return error;

    http::request<http::string_body> request;
    request.version(11);
    request.method_string(view(query.method));
    request.target(view(query.target));
    const std::string host(query.host);
    const bool is_v6 = host.find(':') != std::string::npos;
    request.set(http::field::host, (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(query.port));
    request.set(http::field::connection, "close");
    for (size_t i = 0; i < query.field_count; ++i) request.set(view(query.fields[i].name), view(query.fields[i].value));
    request.body().assign(query.body.data, query.body.length);
    request.prepare_payload();

    beast::tcp_stream stream(io);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(query.max_body_bytes);
    parser.skip(request.method() == http::verb::head);
    stream.expires_after(std::chrono::milliseconds(query.timeout_millis));
    // Each step only if the one before it went well; `run` ends when there is none left. A server may answer before it has read all: its answer counts, not the broken pipe.
    stream.async_connect(found, [&](error_code connect_error, const tcp::endpoint &) {
        if ((error = connect_error)) return;
        http::async_write(stream, request, [&](error_code write_error, size_t) {
            http::async_read(stream, buffer, parser, [&, write_error](error_code read_error, size_t) {
                error = read_error && write_error ? write_error : read_error;
            });
        });
    });
    io.run();
    if (!error) answer.response = parser.release();
    return error;
}
} // namespace

extern "C" {

weir_beast_answer *weir_beast_fetch(const weir_beast_query *query) {
    std::unique_ptr<Answer> answer;
    try {
        answer = std::make_unique<Answer>();
        const error_code error = fetch(*query, *answer);
        if (error) {
            answer->shown.timed_out = error == beast::error::timeout;
            answer->error = error.message();
        } else {
            answer->shown.status = static_cast<int>(answer->response.result_int());
            for (const auto &field : answer->response) answer->fields.push_back({text(field.name_string()), text(field.value())});
        }
    } catch (const std::exception &failure) {
        if (!answer) return nullptr;
        answer->shown.status = 0;
        try {
            answer->error = failure.what();
        } catch (...) {
        }
    }
    answer->shown.fields = answer->fields.data();
    answer->shown.field_count = answer->fields.size();
    answer->shown.body = text(answer->response.body());
    answer->shown.error = text(answer->error);
    return &answer.release()->shown;
}

void weir_beast_answer_free(weir_beast_answer *answer) { delete reinterpret_cast<Answer *>(answer); }

} // extern "C"
