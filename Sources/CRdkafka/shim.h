// librdkafka for Swift: the library's own header, and inline wrappers for what Swift cannot import.
#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
