// Beast's parser with the checks that it leaves out.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "beast.hpp"
#include "large_allocator.hpp"

namespace weir {

/// A request's parts, copied out of the read buffer. Used again for each request of a connection.
struct Message {
    struct Slice {
        size_t offset, length;
    };
    struct Field {
        Slice name, value;
    };

    std::string text; ///< method, target, names and values, one after the other
    Slice method{}, target{};
    std::vector<Field> fields;
    LargeString body;

    void clear() {
        // What an unusually large request grew is given back.
        if (LargeAllocator<char>::is_large(body.capacity())) LargeString().swap(body);
        if (text.capacity() > 4096) std::string().swap(text);
        if (fields.capacity() > 64) std::vector<Field>().swap(fields);
        text.clear();
        fields.clear();
        body.clear();
        method = target = {};
    }

    Slice add(string_view bytes) {
        Slice slice{text.size(), bytes.size()};
        text.append(bytes.data(), bytes.size());
        return slice;
    }

    weir_beast_text view(Slice slice) const { return {text.data() + slice.offset, slice.length}; }
    string_view method_view() const { return {text.data() + method.offset, method.length}; }
};

/// Parses one request into a `Message`.
///
/// Beyond Beast: exactly one Host in 1.1 and at most one in 1.0 (RFC 9112, 3.2); at most one Content-Length, digits only; at most one Transfer-Encoding, only `chunked`, never beside
/// a length, never in 1.0 (6.1, 6.3); Expect only `100-continue`; bounded chunk extensions and trailers (7.1.1).
class RequestParser : public http::basic_parser<true> {
  public:
    RequestParser(Message &message, uint32_t max_header_bytes, uint32_t max_body_bytes)
        : message_(message), max_extra_bytes_(max_header_bytes / 4) {
        // The session counts header bytes itself: Beast starts its count anew with each field that was read whole.
        header_limit(2 * max_header_bytes + 4096);
        body_limit(max_body_bytes);
    }

    bool is_11() const { return version_ == 11; }
    bool expects_continue() const { return expects_continue_; }
    /// Bytes of a chunk's header, or of trailers, that may wait for their end.
    size_t max_extra_bytes() const { return max_extra_bytes_; }

    int status_of(error_code error) const {
        if (error == http::error::body_limit) return 413;
        if (error == http::error::header_limit) return 431;
        return status_;
    }

  protected:
    void on_request_impl(http::verb, string_view method, string_view target, int version, error_code &error) override {
        error = {};
        version_ = version;
        message_.method = message_.add(method);
        message_.target = message_.add(target);
    }

    void on_field_impl(http::field field, string_view name, string_view value, error_code &error) override {
        error = {};
        if (header_done_) { // a trailer: bounded, and of no use to anyone
            extra(name.size() + value.size(), error);
            return;
        }
        switch (field) {
        case http::field::host: ++hosts_; break;
        case http::field::content_length:
            ++lengths_;
            if (value.empty() || !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) refuse(400, error);
            break;
        case http::field::transfer_encoding:
            ++codings_;
            if (!beast::iequals(value, "chunked")) refuse(400, error);
            break;
        case http::field::expect:
            if (!beast::iequals(value, "100-continue")) refuse(417, error);
            expects_continue_ = true;
            break;
        default: break;
        }
        message_.fields.push_back({message_.add(name), message_.add(value)});
    }

    void on_header_impl(error_code &error) override {
        error = {};
        header_done_ = true;
        bool good = hosts_ <= 1 && lengths_ <= 1 && codings_ <= 1 && !(lengths_ && codings_);
        good = good && (is_11() ? hosts_ == 1 : codings_ == 0);
        if (!good) refuse(400, error);
        if (!is_11()) expects_continue_ = false; // RFC 9110, 10.1.1
    }

    void on_body_init_impl(boost::optional<std::uint64_t> const &length, error_code &error) override {
        error = {};
        if (length) message_.body.reserve(*length); // no more than the limit: Beast has looked
    }

    std::size_t on_body_impl(string_view bytes, error_code &error) override {
        error = {};
        message_.body.append(bytes.data(), bytes.size());
        return bytes.size();
    }

    void on_chunk_header_impl(std::uint64_t, string_view extensions, error_code &error) override {
        error = {};
        extra(extensions.size(), error);
    }

    std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code &error) override { return on_body_impl(bytes, error); }

    void on_finish_impl(error_code &error) override { error = {}; }

    void on_response_impl(int, string_view, int, error_code &) override {}

  private:
    void refuse(int status, error_code &error) {
        status_ = status;
        error = http::error::bad_value;
    }

    void extra(size_t bytes, error_code &error) {
        extra_bytes_ += bytes;
        if (extra_bytes_ > max_extra_bytes_) refuse(400, error);
    }

    Message &message_;
    size_t max_extra_bytes_;
    size_t extra_bytes_ = 0;
    int version_ = 11;
    int status_ = 400;
    int hosts_ = 0, lengths_ = 0, codings_ = 0;
    bool header_done_ = false;
    bool expects_continue_ = false;
};

/// Whether a field goes on in the next line, which RFC 9112 (5.2) lets a server refuse and Beast joins in silence. `bytes` are whole lines.
inline bool has_folded_line(string_view bytes) {
    for (size_t at = bytes.find('\n'); at != string_view::npos && at + 1 < bytes.size(); at = bytes.find('\n', at + 1))
        if (bytes[at + 1] == ' ' || bytes[at + 1] == '\t') return true;
    return false;
}

} // namespace weir
