#include "server.hpp"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <chrono>
#include <thread>

namespace weir {

namespace {
thread_local const Server *thread_server = nullptr;

constexpr int64_t tick_millis = 100;
/// How many connections over the limit are seen off with patience; the rest is closed right after its 503.
constexpr size_t max_surplus = 64;
/// At the limit, a connection that was idle for this part of its time makes room.
constexpr int64_t idle_grace_part = 12;

std::string format_date(time_t second) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    tm parts{};
    gmtime_r(&second, &parts);
    char text[64];
    snprintf(
        text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon],
        parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    return text;
}
} // namespace

Server::Server(const weir_beast_settings &settings) : settings_(settings) { settings_.host = nullptr; }

error_code Server::listen(const char *host, uint16_t port) {
    error_code error;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
    if (error) return error;
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    // A port of one's own choice is free at once after a restart. One that the system chooses must not be: it might be given to two that are not listening yet.
    if (!error && port != 0) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.protocol() == tcp::v6()) acceptor_.set_option(asio::ip::v6_only(false), error); // before bind
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port_ = acceptor_.local_endpoint(error).port();
    return error;
}

int64_t Server::now() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool Server::is_on_thread() const { return thread_server == this; }

const std::string &Server::date() {
    const time_t second = time(nullptr);
    if (second != date_second_) {
        date_ = format_date(second);
        date_second_ = second;
    }
    return date_;
}

void Server::run() {
    thread_server = this;
    pthread_setname_np(pthread_self(), "http");
    accept();
    for (;;) {
        try {
            io_.run();
            return;
        } catch (...) { // without memory outside of any session: go on
        }
    }
}

// MARK: Accepting

void Server::accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) { on_accept(error, std::move(socket)); });
}

void Server::on_accept(error_code error, tcp::socket socket) {
    if (is_draining_ || error == asio::error::operation_aborted) return;
    if (error == boost::system::errc::too_many_files_open || error == boost::system::errc::too_many_files_open_in_system ||
        error == boost::system::errc::no_buffer_space || error == boost::system::errc::not_enough_memory) {
        // The connection waits in the backlog; trying again at once would spin.
        accept_timer_.expires_after(std::chrono::milliseconds(tick_millis));
        accept_timer_.async_wait([this](error_code error) {
            if (!error && !is_draining_) accept();
        });
        return;
    }
    if (!error) {
        try {
            const bool surplus = sessions_.size() - surplus_ >= settings_.max_connections;
            sessions_.emplace_back(*this, std::move(socket), surplus);
            Session &session = sessions_.back();
            open_.fetch_add(1, std::memory_order_relaxed);
            if (surplus) {
                ++surplus_;
                make_room();
            }
            if (!is_ticking_) tick();
            guarded(session, [&] {
                session.start();
                if (surplus && surplus_ > max_surplus) session.close();
            });
        } catch (...) { // without memory: this one is closed
        }
    }
    accept();
}

/// For the next one that comes: closes whom nobody has used for longest, if that is long enough. Else idle connections alone could keep everyone out for as long as they may be idle.
void Server::make_room() {
    Session *longest = nullptr;
    for (Session &session : sessions_)
        if (!longest || session.idle_deadline() < longest->idle_deadline()) longest = &session;
    if (!longest || longest->idle_deadline() == never) return;
    const int64_t left = longest->idle_deadline() - now();
    if (left > int64_t{settings_.idle_timeout_millis} * (idle_grace_part - 1) / idle_grace_part) return;
    guarded(*longest, [longest] { longest->close(); });
}

void Server::remove(Session &session) {
    if (session.is_surplus()) --surplus_;
    for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
        if (&*at == &session) {
            sessions_.erase(at);
            return;
        }
    }
}

template <class Body> void Server::for_each_session(Body body) {
    for (auto at = sessions_.begin(); at != sessions_.end();) {
        Session &session = *at++; // it may remove itself
        guarded(session, [&] { body(session); });
    }
}

void Server::tick() {
    is_ticking_ = !sessions_.empty() && !is_stopping_; // one whose call is still out outlives the thread
    if (!is_ticking_) return;
    deadline_timer_.expires_after(std::chrono::milliseconds(tick_millis));
    deadline_timer_.async_wait([this](error_code error) {
        if (error) return;
        const int64_t at = now();
        for_each_session([at](Session &session) { session.expire_at(at); });
        tick();
    });
}

// MARK: Other threads

// A stack of the sessions that have something; who puts the first one there wakes the http thread. A session is on it once: only who sets its first signal puts it there.
void Server::signal(Session &session, unsigned signals) {
    if (session.signals.fetch_or(signals, std::memory_order_acq_rel) != 0) return;
    Session *head = signalled_.load(std::memory_order_relaxed);
    do session.next_signalled = head;
    while (!signalled_.compare_exchange_weak(head, &session, std::memory_order_release, std::memory_order_relaxed));
    if (head) return;
    for (;;) {
        try {
            asio::post(io_, [this] { on_signals(); });
            return;
        } catch (...) { // without memory: nothing else wakes it
            std::this_thread::yield();
        }
    }
}

void Server::on_signals() {
    Session *stack = signalled_.exchange(nullptr, std::memory_order_acquire);
    Session *first = nullptr;
    while (stack) { // in the order of arrival
        Session *next = stack->next_signalled;
        stack->next_signalled = first;
        first = stack;
        stack = next;
    }
    while (first) {
        Session &session = *first;
        first = session.next_signalled;
        const unsigned signals = session.signals.exchange(0, std::memory_order_acq_rel);
        guarded(session, [&] { session.on_signals(signals); });
    }
}

void Server::on_closed() {
    if (open_.fetch_sub(1, std::memory_order_acq_rel) != 1 || !is_draining_) return;
    const std::lock_guard<std::mutex> lock(drained_mutex_);
    drained_.notify_all();
}

void Server::post_drain() {
    asio::post(io_, [this] {
        if (is_draining_) return;
        is_draining_ = true;
        error_code ignored;
        acceptor_.close(ignored);
        accept_timer_.cancel();
        for_each_session([](Session &session) { session.on_drain(); });
        const std::lock_guard<std::mutex> lock(drained_mutex_);
        is_drain_begun_ = true;
        drained_.notify_all();
    });
}

bool Server::wait(uint32_t timeout_millis) {
    std::unique_lock<std::mutex> lock(drained_mutex_);
    const auto until = std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_millis);
    return drained_.wait_until(lock, until, [this] { return is_drain_begun_ && open_count() == 0; });
}

void Server::post_stop() {
    post_drain();
    asio::post(io_, [this] {
        is_stopping_ = true; // the timer's handler may be on its way already
        for_each_session([](Session &session) { session.close(); });
        deadline_timer_.cancel();
        work_.reset();
    });
}

} // namespace weir

// MARK: The C face

struct weir_beast_server {
    std::shared_ptr<weir::Server> server;
    std::thread thread;
};

namespace {
weir::Session *session(weir_beast_call *call) { return static_cast<weir::Session *>(call); }

weir_beast_server *fail(int number, const std::string &text, int *code, char *message, size_t capacity) {
    *code = number;
    snprintf(message, capacity, "%s", text.c_str());
    return nullptr;
}
} // namespace

extern "C" {

weir_beast_server *weir_beast_start(const weir_beast_settings *settings, int *code, char *message, size_t capacity) {
    try {
        auto handle = std::make_unique<weir_beast_server>();
        handle->server = std::make_shared<weir::Server>(*settings);
        const weir::error_code error = handle->server->listen(settings->host, settings->port);
        if (error) {
            const int number = error.category() == boost::system::system_category() ? error.value() : 0;
            return fail(number, error.message(), code, message, capacity);
        }
        // The thread is born with all signals blocked, so that none is ever delivered to it.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        try {
            handle->thread = std::thread([server = handle->server.get()] { server->run(); });
        } catch (...) {
            pthread_sigmask(SIG_SETMASK, &before, nullptr);
            throw;
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return handle.release();
    } catch (const std::system_error &error) {
        return fail(error.code().value(), error.what(), code, message, capacity);
    } catch (const std::exception &error) {
        return fail(ENOMEM, error.what(), code, message, capacity);
    }
}

uint16_t weir_beast_port(const weir_beast_server *server) { return server->server->port(); }

size_t weir_beast_connections(const weir_beast_server *server) { return server->server->open_count(); }

void weir_beast_drain(weir_beast_server *server) {
    try {
        server->server->post_drain();
    } catch (...) { // without memory; `stop` tries again
    }
}

bool weir_beast_wait(weir_beast_server *server, uint32_t timeout_millis) {
    try {
        return server->server->wait(timeout_millis);
    } catch (...) {
        return false;
    }
}

void weir_beast_stop(weir_beast_server *server) {
    for (;;) {
        try {
            server->server->post_stop();
            break;
        } catch (...) {
            std::this_thread::yield();
        }
    }
    server->thread.join();
    delete server;
}

void weir_beast_reply(
    weir_beast_call *call, int status, const weir_beast_field *fields, size_t field_count, const void *body, size_t body_length) {
    session(call)->reply(status, fields, field_count, body, body_length);
}

void weir_beast_stream_begin(weir_beast_call *call, int status, const weir_beast_field *fields, size_t field_count) {
    session(call)->stream_begin(status, fields, field_count);
}

int weir_beast_stream_write(weir_beast_call *call, const void *bytes, size_t length) { return session(call)->stream_write(bytes, length); }

void weir_beast_stream_end(weir_beast_call *call) { session(call)->stream_end(); }

} // extern "C"
