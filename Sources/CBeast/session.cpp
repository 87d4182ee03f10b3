#include "session.hpp"

#include <array>

#include "server.hpp"

namespace weir {

namespace {

constexpr size_t read_bytes = 4096;
constexpr size_t max_linger_bytes = 256 * 1024;

void append(std::string &out, weir_beast_text text) {
    for (size_t i = 0; i < text.length; ++i) {
        unsigned char c = static_cast<unsigned char>(text.data[i]);
        if ((c >= 32 && c != 127) || c == '\t') out.push_back(text.data[i]); // no field can begin another
    }
}

void append_number(std::string &out, size_t number) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%zu", number);
    out.append(digits, static_cast<size_t>(length));
}

void give_back(LargeString &text) {
    if (LargeAllocator<char>::is_large(text.capacity())) LargeString().swap(text);
    text.clear();
}

} // namespace

Session::Session(Server &server, tcp::socket socket, bool surplus)
    : server_(server), socket_(std::move(socket)), buffer_(server.settings().max_header_bytes + 4 * read_bytes), deadline_(never),
      is_surplus_(surplus) {}

Session::~Session() = default;

/// A handler that keeps the session until it has run.
template <class Body> auto Session::then(Body body) {
    ++operations_;
    return [this, body](error_code error, size_t bytes) {
        --operations_;
        server_.guarded(*this, [&] { body(error, bytes); });
    };
}

void Session::start() {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    if (is_surplus_) {
        if (dispatch(503) && write()) next();
    } else {
        deadline_ = server_.now() + server_.settings().idle_timeout_millis;
        read();
    }
}

void Session::read() {
    is_reading_ = true;
    socket_.async_read_some(buffer_.prepare(read_bytes), then([this](error_code error, size_t bytes) {
                                is_reading_ = false;
                                on_read(error, bytes);
                            }));
}

void Session::on_read(error_code error, size_t bytes) {
    switch (phase_) {
    case Phase::idle:
    case Phase::reading:
        if (is_expired_) {
            is_expired_ = false;
            if (dispatch(408) && write()) next();
        } else if (!error) {
            buffer_.commit(bytes);
            run();
        } else if (error == asio::error::eof && phase_ == Phase::reading) {
            if (dispatch(400) && write()) next(); // the peer may have closed its side only
        } else {
            close();
        }
        break;
    case Phase::streaming: // nothing is expected but the end
    case Phase::lingering:
        linger_bytes_ += bytes;
        if (error || linger_bytes_ > max_linger_bytes)
            close();
        else
            read();
        break;
    default: break;
    }
}

/// Goes on with the bytes that are there. After each answer the other connections have their turn, so that none can keep the thread with a flood of pipelined requests.
void Session::run() {
    if (!(parse() && write() && next())) return;
    is_yielding_ = true;
    asio::post(socket_.get_executor(), [this, resume = then([this](error_code, size_t) {
                                            is_yielding_ = false;
                                            if (phase_ == Phase::idle) run();
                                        })] { resume({}, 0); });
}

/// - Returns: whether there is an answer to write.
bool Session::parse() {
    const auto &settings = server_.settings();
    if (!parser_) {
        message_.clear();
        header_bytes_ = 0;
        parser_.emplace(message_, settings.max_header_bytes, settings.max_body_bytes);
        phase_ = Phase::reading;
        deadline_ = server_.now() + settings.request_timeout_millis;
    }
    while (buffer_.size() > 0) {
        const bool in_header = !parser_->is_header_done();
        const char *bytes = static_cast<const char *>(buffer_.data().data());
        error_code error;
        const size_t used = parser_->put(asio::const_buffer(bytes, buffer_.size()), error);
        const bool folded = in_header && has_folded_line({bytes, used});
        buffer_.consume(used);
        if (in_header) {
            header_bytes_ += used;
            const size_t waiting = parser_->is_header_done() ? 0 : buffer_.size();
            if (header_bytes_ + waiting > settings.max_header_bytes) return dispatch(431);
        }
        if (folded) return dispatch(400);
        if (error == http::error::need_more) {
            if (!in_header && buffer_.size() > parser_->max_extra_bytes()) return dispatch(400);
            break;
        }
        if (error) return dispatch(parser_->status_of(error));
        if (parser_->is_done()) return dispatch(0);
        if (in_header && parser_->is_header_done() && parser_->expects_continue() && buffer_.size() == 0) {
            send_continue();
            if (phase_ == Phase::closed) return false;
        }
    }
    read();
    return false;
}

/// 25 bytes, which the socket takes at once unless its peer does not read its answers.
void Session::send_continue() {
    static constexpr char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code error;
    const size_t sent = socket_.write_some(asio::buffer(text, sizeof text - 1), error);
    if (error || sent != sizeof text - 1) close();
}

/// Hands the request over.
///
/// - Returns: whether it was answered in place.
bool Session::dispatch(int refusal) {
    phase_ = Phase::answering;
    deadline_ = never;
    is_head_request_ = message_.method_view() == "HEAD";
    is_11_ = !parser_ || parser_->is_11();
    keeps_alive_ = refusal == 0 && parser_->keep_alive();
    fields_.clear();
    if (refusal == 0) {
        for (const auto &field : message_.fields) fields_.push_back({message_.view(field.name), message_.view(field.value)});
    } else {
        message_.body.clear();
    }
    const weir_beast_request request{
        message_.view(message_.method), message_.view(message_.target), {message_.body.data(), message_.body.size()},
        fields_.data(), fields_.size(), refusal};
    held_server_ = server_.shared_from_this();
    is_held_ = true;
    is_answered_in_place_ = false;
    server_.dispatching = this;
    server_.settings().handler(server_.settings().context, &request, this);
    server_.dispatching = nullptr;
    if (is_answered_in_place_) is_held_ = false;
    return is_answered_in_place_;
}

void Session::set_answer(int status, const weir_beast_field *fields, size_t count) noexcept {
    try {
        answer_fields_.clear();
        for (size_t i = 0; i < count; ++i) {
            append(answer_fields_, fields[i].name);
            answer_fields_ += ": ";
            append(answer_fields_, fields[i].value);
            answer_fields_ += "\r\n";
        }
        status_ = status;
    } catch (...) {
        status_ = 0;
    }
}

void Session::reply(int status, const weir_beast_field *fields, size_t count, const void *body, size_t length) noexcept {
    set_answer(status, fields, count);
    try {
        answer_body_.assign(static_cast<const char *>(body), length);
    } catch (...) {
        status_ = 0;
    }
    const auto server = std::move(held_server_);
    if (server->is_on_thread() && server->dispatching == this)
        is_answered_in_place_ = true;
    else
        server->signal(*this, answered); // it may be gone from here on
}

void Session::on_signals(unsigned signals) {
    if (signals & answered) {
        is_held_ = false;
        if (phase_ == Phase::answering && write() && next()) run();
    }
    if ((signals & began) && phase_ == Phase::answering) {
        if (status_ == 0) return close();
        keeps_alive_ = false;
        phase_ = Phase::streaming;
        compose_head(true);
        {
            const std::lock_guard<std::mutex> lock(stream_mutex_);
            if (is_head_request_) stream_queue_.clear();
            stream_queue_.insert(0, head_.data(), head_.size());
        }
        buffer_.consume(buffer_.size());
        linger_bytes_ = 0;
        read();
        if (is_head_request_ || server_.is_draining()) end_stream();
    }
    if (signals & ended) {
        is_held_ = false;
        if (phase_ == Phase::streaming) end_stream();
    }
    if ((signals & (began | wrote)) && phase_ == Phase::streaming) flush_stream();
}

void Session::compose_head(bool streams) {
    const int status = status_;
    head_.clear();
    head_ += "HTTP/1.1 ";
    append_number(head_, static_cast<size_t>(status));
    head_ += ' ';
    const string_view reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
    head_.append(reason.data(), reason.size());
    head_ += "\r\nDate: ";
    head_ += server_.date();
    head_ += "\r\n";
    head_ += answer_fields_;
    if (!streams && status != 204 && status != 304) {
        head_ += "Content-Length: ";
        append_number(head_, answer_body_.size());
        head_ += "\r\n";
    }
    if (!keeps_alive_)
        head_ += "Connection: close\r\n";
    else if (!is_11_)
        head_ += "Connection: keep-alive\r\n";
    head_ += "\r\n";
}

/// - Returns: whether all of it was taken.
bool Session::write() {
    if (status_ == 0) {
        close();
        return false;
    }
    if (server_.is_draining()) keeps_alive_ = false;
    compose_head(false);
    if (is_head_request_ || status_ == 204 || status_ == 304) answer_body_.clear();
    const size_t total = head_.size() + answer_body_.size();
    std::array<asio::const_buffer, 2> parts{asio::buffer(head_), asio::buffer(answer_body_)};
    error_code error;
    size_t sent = socket_.write_some(parts, error);
    if (error == asio::error::would_block) {
        sent = 0;
    } else if (error) {
        close();
        return false;
    }
    if (sent == total) return true;
    phase_ = Phase::writing;
    deadline_ = server_.now() + server_.settings().request_timeout_millis;
    const size_t of_head = std::min(sent, head_.size());
    parts[0] += of_head;
    parts[1] += sent - of_head;
    asio::async_write(socket_, parts, then([this](error_code error, size_t) {
                          if (phase_ != Phase::writing) return;
                          if (error)
                              close();
                          else if (next())
                              run();
                      }));
    return false;
}

/// After an answer.
///
/// - Returns: whether bytes of the next request are there already.
bool Session::next() {
    parser_.reset();
    give_back(answer_body_);
    if (!keeps_alive_ || server_.is_draining()) {
        linger();
        return false;
    }
    phase_ = Phase::idle;
    deadline_ = server_.now() + server_.settings().idle_timeout_millis;
    if (buffer_.size() > 0) return true;
    if (buffer_.capacity() > read_bytes) buffer_.shrink_to_fit();
    read();
    return false;
}

/// Ends our side, and reads on for a while: closing a socket with unread bytes resets it, and the answer would be lost.
void Session::linger() {
    error_code error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    if (error || server_.settings().linger_timeout_millis == 0) return close();
    phase_ = Phase::lingering;
    deadline_ = server_.now() + server_.settings().linger_timeout_millis;
    linger_bytes_ = 0;
    buffer_.consume(buffer_.size());
    if (!is_reading_) read();
}

void Session::expire_at(int64_t now_millis) {
    if (now_millis < deadline_) return;
    deadline_ = never;
    if (phase_ == Phase::reading) {
        is_expired_ = true;
        error_code ignored;
        socket_.cancel(ignored); // the read ends, and answers
    } else {
        close();
    }
}

int64_t Session::idle_deadline() const { return phase_ == Phase::idle ? deadline_ : never; }

void Session::on_drain() {
    if (phase_ == Phase::idle && !is_yielding_)
        close();
    else if (phase_ == Phase::streaming)
        end_stream();
}

void Session::close() {
    if (phase_ == Phase::closed) return;
    phase_ = Phase::closed;
    deadline_ = never;
    {
        const std::lock_guard<std::mutex> lock(stream_mutex_);
        stream_is_open_ = false;
    }
    error_code ignored;
    socket_.close(ignored);
    server_.on_closed();
}

// Event streams

void Session::stream_begin(int status, const weir_beast_field *fields, size_t count) noexcept {
    set_answer(status, fields, count);
    {
        const std::lock_guard<std::mutex> lock(stream_mutex_);
        stream_is_open_ = true;
    }
    held_server_->signal(*this, began);
}

int Session::stream_write(const void *bytes, size_t length) noexcept {
    {
        const std::lock_guard<std::mutex> lock(stream_mutex_);
        if (!stream_is_open_) return -1;
        try {
            if (stream_queue_.size() + length > server_.settings().max_stream_bytes) return 0;
            stream_queue_.append(static_cast<const char *>(bytes), length);
        } catch (...) {
            return 0;
        }
    }
    held_server_->signal(*this, wrote);
    return 1;
}

void Session::stream_end() noexcept {
    const auto server = std::move(held_server_);
    server->signal(*this, ended); // it may be gone from here on
}

/// No more is taken; what is queued is still written.
void Session::end_stream() {
    {
        const std::lock_guard<std::mutex> lock(stream_mutex_);
        stream_is_open_ = false;
    }
    stream_is_ending_ = true;
    flush_stream();
}

void Session::flush_stream() {
    if (stream_is_writing_) return;
    answer_body_.clear();
    {
        const std::lock_guard<std::mutex> lock(stream_mutex_);
        answer_body_.swap(stream_queue_);
    }
    if (answer_body_.empty()) {
        if (stream_is_ending_) linger();
        return;
    }
    stream_is_writing_ = true;
    deadline_ = server_.now() + server_.settings().request_timeout_millis;
    asio::async_write(socket_, asio::buffer(answer_body_), then([this](error_code error, size_t) {
                          stream_is_writing_ = false;
                          if (phase_ != Phase::streaming) return;
                          deadline_ = never;
                          if (error)
                              close();
                          else
                              flush_stream();
                      }));
}

} // namespace weir
