// One connection: its states, deadlines and buffers.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "parser.hpp"

/// What C sees of a session while it waits for its answer.
struct weir_beast_call {};

namespace weir {

class Server;

/// A connection. Everything happens on the http thread, except what says otherwise. It goes from `idle` to `reading` with a request's first byte, to `answering` with its last, to `writing` if
/// the peer does not take the answer at once, and back; or it ends by `lingering`.
///
/// While it is `answering`, who holds the call owns the answer's parts, and the http thread touches neither those nor the message.
class Session : public weir_beast_call {
  public:
    enum class Phase : uint8_t { idle, reading, answering, writing, streaming, lingering, closed };
    /// What other threads have to say; see `Server::signal`.
    enum Signal : unsigned { answered = 1, began = 2, wrote = 4, ended = 8 };

    Session(Server &server, tcp::socket socket, bool surplus);
    ~Session();
    Session(const Session &) = delete;

    void start();
    /// Called for each signal set, on the http thread.
    void on_signals(unsigned signals);
    void expire_at(int64_t now_millis);
    void on_drain();
    void close();
    /// Nothing refers to it any more.
    bool is_finished() const { return phase_ == Phase::closed && operations_ == 0 && !is_held_; }
    bool is_surplus() const { return is_surplus_; }
    /// When it is closed if no byte comes; `never` unless it is between two requests.
    int64_t idle_deadline() const;

    // Any thread that holds the call.
    void reply(int status, const weir_beast_field *fields, size_t count, const void *body, size_t length) noexcept;
    void stream_begin(int status, const weir_beast_field *fields, size_t count) noexcept;
    int stream_write(const void *bytes, size_t length) noexcept;
    void stream_end() noexcept;

    std::atomic<unsigned> signals{0};
    Session *next_signalled = nullptr;

  private:
    template <class Body> auto then(Body body);
    void read();
    void on_read(error_code error, size_t bytes);
    void run();
    bool parse();
    bool dispatch(int refusal);
    bool write();
    bool next();
    void send_continue();
    void linger();
    void flush_stream();
    void end_stream();
    void set_answer(int status, const weir_beast_field *fields, size_t count) noexcept;
    void compose_head(bool streams);

    Server &server_;
    tcp::socket socket_;
    beast::basic_flat_buffer<LargeAllocator<char>> buffer_;
    std::optional<RequestParser> parser_;
    Message message_;
    std::vector<weir_beast_field> fields_;
    std::shared_ptr<Server> held_server_; // keeps the server's memory while a call is out

    // The answer.
    int status_ = 0; // 0: its parts could not be stored
    std::string answer_fields_, head_;
    LargeString answer_body_;

    // An event stream. The queue is shared with its writers.
    std::mutex stream_mutex_;
    LargeString stream_queue_;
    bool stream_is_open_ = false;
    bool stream_is_writing_ = false;
    bool stream_is_ending_ = false;

    int64_t deadline_;
    size_t header_bytes_ = 0;
    size_t linger_bytes_ = 0;
    int operations_ = 0; // asynchronous ones under way
    Phase phase_ = Phase::idle;
    bool is_surplus_;
    bool is_reading_ = false;
    bool is_yielding_ = false; // it has more requests, and lets others go first
    bool is_held_ = false;
    bool is_answered_in_place_ = false;
    bool is_expired_ = false;
    bool is_head_request_ = false;
    bool is_11_ = true;
    bool keeps_alive_ = false;
};

} // namespace weir
