// The listening socket, the thread and the connections.
#pragma once
#include <atomic>
#include <condition_variable>
#include <limits>
#include <list>
#include <memory>
#include <mutex>

#include "session.hpp"

namespace weir {

constexpr int64_t never = std::numeric_limits<int64_t>::max();

class Server : public std::enable_shared_from_this<Server> {
  public:
    explicit Server(const weir_beast_settings &settings);

    error_code listen(const char *host, uint16_t port);
    uint16_t port() const { return port_; }
    /// The thread's body.
    void run();

    // Any thread.
    size_t open_count() const { return open_.load(std::memory_order_relaxed); }
    void post_drain();
    bool wait(uint32_t timeout_millis);
    void post_stop();
    /// Tells the http thread something of a session. It may be gone when this returns, unless its call is still held.
    void signal(Session &session, unsigned signals);
    bool is_on_thread() const;

    // The http thread.
    const weir_beast_settings &settings() const { return settings_; }
    int64_t now() const;
    bool is_draining() const { return is_draining_; }
    const std::string &date();
    void on_closed();
    /// Runs what belongs to a session; removes it if that was the last of it.
    template <class Body> void guarded(Session &session, Body body) {
        try {
            body();
        } catch (...) { // without memory
            session.close();
        }
        if (session.is_finished()) remove(session);
    }
    Session *dispatching = nullptr;

  private:
    void accept();
    void on_accept(error_code error, tcp::socket socket);
    void on_signals();
    void tick();
    void remove(Session &session);
    void make_room();
    template <class Body> void for_each_session(Body body);

    weir_beast_settings settings_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    tcp::acceptor acceptor_{io_};
    asio::steady_timer accept_timer_{io_};
    asio::steady_timer deadline_timer_{io_};
    bool is_ticking_ = false;
    bool is_draining_ = false; // of the http thread
    bool is_stopping_ = false;
    bool is_drain_begun_ = false; // under the mutex
    uint16_t port_ = 0;
    size_t surplus_ = 0;
    time_t date_second_ = 0;
    std::string date_;
    std::atomic<Session *> signalled_{nullptr};
    std::atomic<size_t> open_{0};
    std::mutex drained_mutex_;
    std::condition_variable drained_;
    std::list<Session> sessions_;
};

} // namespace weir
