// One flat JSON object at a time, over simdjson's structural index: a plain C face, nothing thrown across.
//
// simdjson's first stage does what needs SIMD: it validates UTF-8 and control characters and finds where every token
// begins, by the best implementation that the processor has (haswell, westmere, arm64 ...; chosen at run time inside
// the library). The walk over that index is ours, because on-demand parsing lets through what must be refused: it
// keeps the last of two equal keys, and does not look into values that nobody asked for. Here every byte belongs to
// a token that was checked.
//
// Who owns what: a parser owns its index, its slots (one padded copy of a document each) and the unescaped text in
// them. What a field points to lives until its slot is parsed into again. A parser belongs to one thread at a time;
// two parsers share nothing.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct csj_parser csj_parser;
typedef struct csj_schema csj_schema;

// Bytes that can be read, and are zero, behind each document in its slot.
enum { CSJ_PADDING = 64 };

// Levels of nesting that are taken, the object itself being the first.
enum { CSJ_MAX_DEPTH = 64 };

enum csj_kind {
    CSJ_ABSENT = 0,
    CSJ_NULL = 1,
    // `base` .. `length`: the unescaped bytes, valid UTF-8.
    CSJ_STRING = 2,
    // The number's own text, which follows JSON's grammar.
    CSJ_NUMBER = 3,
    // true, false, an array or an object; `base` is NULL.
    CSJ_OTHER = 4,
};

typedef struct csj_field {
    const uint8_t *base;
    uint32_t length;
    uint32_t kind;
} csj_field;

enum csj_status {
    CSJ_OK = 0,
    // Not one JSON object.
    CSJ_SYNTAX = 1,
    CSJ_NOT_UTF8 = 2,
    CSJ_DUPLICATE_KEY = 3,
    CSJ_TOO_DEEP = 4,
    CSJ_NO_MEMORY = 5,
};

// The names of the fields that a caller wants, at most 64 of them, each of 1 to 24 bytes; they are copied. NULL without
// memory, or when two names agree in length and in their first eight bytes (the table tells names apart by these).
csj_schema *csj_schema_new(const char *const *names, size_t count);
void csj_schema_free(csj_schema *schema);

// A parser with `slots` places for documents. NULL without memory.
csj_parser *csj_parser_new(size_t slots);
void csj_parser_free(csj_parser *parser);

// Copies `length` bytes (below 2^31) into the slot and parses them as one JSON object. On CSJ_OK `fields` holds one
// element for each name of the schema, and `present` a bit for each that is there and not null. Allocates only when
// a document is larger than any before it. Linear in `length` (n log n in the number of unknown keys above 16).
enum csj_status csj_parse(csj_parser *parser, const csj_schema *schema, size_t slot, const uint8_t *bytes, size_t length,
                          csj_field *fields, uint64_t *present);

// The name of the implementation that does the first stage: "haswell", "westmere", "arm64", "fallback" ...
const char *csj_implementation(void);

#ifdef __cplusplus
}
#endif
