// A plain C face of Boost.Beast 1.74: an HTTP/1.1 server on one thread of its own, and one blocking call as a client. Nothing is thrown across it.
//
// Beast parses; this module adds what a server on the open net needs and the library leaves to its user: deadlines, limits, the checks of RFC 9112 (sections 3.2, 5, 6) that
// keep two parties from reading one stream of bytes differently, early answers that arrive, and an orderly end. Which path means what, and every body that is sent, is the
// caller's.
//
// Threads: the server makes one ("http"), which blocks all signals and calls the handler. Each function here says which threads may call it. Writes to sockets never raise SIGPIPE
// (MSG_NOSIGNAL).
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes that someone else owns. Not ended by a zero.
typedef struct weir_beast_text {
    const char *data;
    size_t length;
} weir_beast_text;

/// A header field.
typedef struct weir_beast_field {
    weir_beast_text name;
    weir_beast_text value;
} weir_beast_field;

// MARK: Server

typedef struct weir_beast_server weir_beast_server;
/// A request that waits for its answer. Held by the handler's owner from the handler's call until it is given back by exactly one of `weir_beast_reply` and `weir_beast_stream_end`.
typedef struct weir_beast_call weir_beast_call;

/// A whole request. Its bytes are the call's: valid until the call is answered, whatever becomes of the connection.
typedef struct weir_beast_request {
    weir_beast_text method;
    /// As it was sent: not decoded, its query with it.
    weir_beast_text target;
    weir_beast_text body;
    const weir_beast_field *fields;
    size_t field_count;
    /// 0 for a good request. Else the status (400, 408, 413, 417, 431, 503) that it must be answered with: it was refused before it was whole, the rest is empty, and the connection
    /// closes after the answer.
    int refusal;
} weir_beast_request;

/// Called on the http thread, one request at a time; must not block. Who is called owns `call`, and may answer it at once or later, from any thread.
typedef void (*weir_beast_handler)(void *context, const weir_beast_request *request, weir_beast_call *call);

typedef struct weir_beast_settings {
    /// A numeric address or a name; `::` serves IPv4 too.
    const char *host;
    /// 0 takes any that is free.
    uint16_t port;
    /// Over it a connection gets a refusal of 503 at once.
    uint32_t max_connections;
    /// Request line and fields together (431); also of chunk extensions and trailers (400), a quarter of it each.
    uint32_t max_header_bytes;
    /// After chunks were joined (413).
    uint32_t max_body_bytes;
    /// From a request's first byte to its last (408), and for an answer from its first byte until the peer took it (closed).
    uint32_t request_timeout_millis;
    /// Without a byte between two requests (closed).
    uint32_t idle_timeout_millis;
    /// How long, at most, a connection is read after its last answer, so that a peer that still sends gets the answer and not a reset.
    uint32_t linger_timeout_millis;
    /// What a stream's reader may be behind.
    uint32_t max_stream_bytes;
    weir_beast_handler handler;
    /// Passed to the handler; must live until `weir_beast_stop` has returned.
    void *context;
} weir_beast_settings;

/// Binds, listens and starts the thread. Any thread.
///
/// Returns NULL on failure, with `errno`'s number in `code` (0 for a name that cannot be resolved) and a text in `message`, which is cut to `capacity`.
weir_beast_server *weir_beast_start(const weir_beast_settings *settings, int *code, char *message, size_t capacity);

/// The port that is listened on. Any thread.
uint16_t weir_beast_port(const weir_beast_server *server);

/// The connections that are open now. Any thread.
size_t weir_beast_connections(const weir_beast_server *server);

/// Stops accepting, ends streams and idle connections; what is in flight is finished and its connection closed. Returns at once. Any thread but the http thread.
void weir_beast_drain(weir_beast_server *server);

/// Waits until no connection is open. Only after `weir_beast_drain`. Returns false if the time passed first. Any thread but the http thread.
bool weir_beast_wait(weir_beast_server *server, uint32_t timeout_millis);

/// Closes whatever is open, ends the thread and gives `server` back; afterwards the handler is not called. Calls that were not answered yet still have to be, which then does nothing.
/// Any thread but the http thread, once.
void weir_beast_stop(weir_beast_server *server);

/// Answers and gives `call` back. All bytes are copied. Any thread; on the http thread inside the handler it is written in place.
///
/// `Date`, `Content-Length` and `Connection` are added. The body is left out, and its length kept, where the request was HEAD.
void weir_beast_reply(
    weir_beast_call *call, int status, const weir_beast_field *fields, size_t field_count, const void *body, size_t body_length);

/// Answers with a body without a known end, which the closing of the connection ends. The caller keeps `call`. Any thread, once.
void weir_beast_stream_begin(weir_beast_call *call, int status, const weir_beast_field *fields, size_t field_count);

/// 1: queued. 0: the reader is too far behind, nothing was queued. −1: the reader is gone, or the server drains. Any thread, after `weir_beast_stream_begin`.
int weir_beast_stream_write(weir_beast_call *call, const void *bytes, size_t length);

/// Ends a stream after what is queued, and gives `call` back. Any thread, once.
void weir_beast_stream_end(weir_beast_call *call);

// MARK: Client

typedef struct weir_beast_query {
    const char *host;
    uint16_t port;
    weir_beast_text method;
    weir_beast_text target;
    const weir_beast_field *fields;
    size_t field_count;
    weir_beast_text body;
    /// For all of it, the resolving of a name excepted.
    uint32_t timeout_millis;
    uint32_t max_body_bytes;
} weir_beast_query;

typedef struct weir_beast_answer {
    /// 0 when there was no answer: `error` then says why.
    int status;
    bool timed_out;
    const weir_beast_field *fields;
    size_t field_count;
    weir_beast_text body;
    weir_beast_text error;
} weir_beast_answer;

/// One request over one connection of its own; blocks. Any thread. The answer is the caller's, to be given back with `weir_beast_answer_free`; NULL only without memory.
weir_beast_answer *weir_beast_fetch(const weir_beast_query *query);
void weir_beast_answer_free(weir_beast_answer *answer);

#ifdef __cplusplus
}
#endif
