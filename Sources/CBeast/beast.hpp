// The parts of Boost that are used, and how they are built.
#pragma once

// Assertions in Beast 1.74's parser fail on valid input: a last chunk that arrives as "0\r\n" and then byte by byte has four bytes where it asserts five (basic_parser.ipp, parse_chunk_header).
// The code below them is right without.
#define BOOST_DISABLE_ASSERTS
#define BOOST_ASIO_DISABLE_BOOST_DATE_TIME
#define BOOST_ASIO_NO_DEPRECATED
#define BOOST_ERROR_CODE_HEADER_ONLY

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "cbeast.h"

namespace weir {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
using string_view = beast::string_view;
} // namespace weir
