#include "csimdjson.h"

// Nothing may be thrown across the C face.
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace {

using stage1_parser = simdjson::internal::dom_parser_implementation;

inline uint64_t load8(const uint8_t *p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
}

// The first eight bytes of a key, with zeros for those behind its end. Reads eight bytes whatever the length:
// there is padding behind every document.
inline uint64_t head(const uint8_t *p, size_t length) {
    uint64_t v = load8(p);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v & (length >= 8 ? ~uint64_t(0) : (uint64_t(1) << (8 * length)) - 1);
}

struct key {
    const uint8_t *base;
    size_t length;
};

inline int compare(const key &a, const key &b) {
    if (a.length != b.length) return a.length < b.length ? -1 : 1;
    return std::memcmp(a.base, b.base, a.length);
}

inline bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
inline bool is_digit(uint8_t c) { return uint8_t(c - '0') <= 9; }

int hex4(const uint8_t *p) {
    int v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i];
        int d = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

// Unescapes in place what lies before `end` (the text never grows). False for an unknown escape or half a surrogate
// pair, which no UTF-8 can hold.
__attribute__((noinline)) bool unescape(uint8_t *base, const uint8_t *end, size_t *length) {
    uint8_t *out = base;
    const uint8_t *in = base;
    while (in < end) {
        if (*in != '\\') {
            *out++ = *in++;
            continue;
        }
        if (end - in < 2) return false;
        uint8_t c = in[1];
        in += 2;
        switch (c) {
            case '"': case '\\': case '/': *out++ = c; break;
            case 'b': *out++ = '\b'; break;
            case 'f': *out++ = '\f'; break;
            case 'n': *out++ = '\n'; break;
            case 'r': *out++ = '\r'; break;
            case 't': *out++ = '\t'; break;
            case 'u': {
                if (end - in < 4) return false;
                int v = hex4(in);
                if (v < 0 || (v >= 0xDC00 && v <= 0xDFFF)) return false;
                in += 4;
                uint32_t code = uint32_t(v);
                if (v >= 0xD800 && v <= 0xDBFF) {
                    if (end - in < 6 || in[0] != '\\' || in[1] != 'u') return false;
                    int low = hex4(in + 2);
                    if (low < 0xDC00 || low > 0xDFFF) return false;
                    in += 6;
                    code = 0x10000 + ((uint32_t(v) - 0xD800) << 10) + (uint32_t(low) - 0xDC00);
                }
                if (code < 0x80) {
                    *out++ = uint8_t(code);
                } else if (code < 0x800) {
                    *out++ = uint8_t(0xC0 | code >> 6);
                    *out++ = uint8_t(0x80 | (code & 0x3F));
                } else if (code < 0x10000) {
                    *out++ = uint8_t(0xE0 | code >> 12);
                    *out++ = uint8_t(0x80 | (code >> 6 & 0x3F));
                    *out++ = uint8_t(0x80 | (code & 0x3F));
                } else {
                    *out++ = uint8_t(0xF0 | code >> 18);
                    *out++ = uint8_t(0x80 | (code >> 12 & 0x3F));
                    *out++ = uint8_t(0x80 | (code >> 6 & 0x3F));
                    *out++ = uint8_t(0x80 | (code & 0x3F));
                }
                break;
            }
            default: return false;
        }
    }
    *length = size_t(out - base);
    return true;
}

// Whether the whole token is a number of JSON's grammar. `end` is readable (it is the next token or the padding).
inline bool is_number(const uint8_t *p, const uint8_t *end) {
    if (*p == '-') p++;
    if (p == end || !is_digit(*p)) return false;
    if (*p == '0') p++;
    else while (p < end && is_digit(*p)) p++;
    if (p < end && *p == '.') {
        p++;
        if (p == end || !is_digit(*p)) return false;
        while (p < end && is_digit(*p)) p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (p == end || !is_digit(*p)) return false;
        while (p < end && is_digit(*p)) p++;
    }
    return p == end;
}

}  // namespace

struct csj_schema {
    uint64_t multiplier;
    size_t count;
    // A name as three overlapping or adjacent words: its first eight bytes, the eight behind them, and its last eight.
    // Together they are all of it, up to 24 bytes; a shorter one is filled up with zeros.
    struct name {
        uint64_t head, middle, tail;
        uint32_t length;
        uint32_t index;
    };
    // A perfect hash table over (head, length); an empty place has length 0, which no name has.
    name table[256];
    // The same by index.
    name names[64];

    static inline size_t place(uint64_t head, size_t length, uint64_t multiplier) {
        return size_t(((head + length * 0x9E3779B97F4A7C15ull) * multiplier) >> 56);
    }

    static inline name describe(const uint8_t *p, size_t length, size_t index) {
        name n = {head(p, length), 0, 0, uint32_t(length), uint32_t(index)};
        if (length > 8) n.tail = load8(p + length - 8);
        if (length > 16) n.middle = load8(p + 8);
        return n;
    }

    static inline bool is(const name &n, const uint8_t *p, size_t length, uint64_t head) {
        if (n.length != length || n.head != head) return false;
        if (length > 8 && load8(p + length - 8) != n.tail) return false;
        return length <= 16 || load8(p + 8) == n.middle;
    }

    // The field's index, or -1. `guess` is tried first and becomes what was found: a producer's records have their keys
    // in one order, so that the processor need not wait for the table.
    inline int find(const uint8_t *p, size_t length, uint8_t &guess) const {
        uint64_t h = head(p, length);
        if (is(names[guess & 63], p, length, h)) return length ? int(guess & 63) : -1;
        const name &n = table[place(h, length, multiplier)];
        if (length == 0 || !is(n, p, length, h)) return -1;
        guess = uint8_t(n.index);
        return int(n.index);
    }
};

struct csj_parser {
    struct slot {
        uint8_t *bytes;
        size_t capacity;
    };
    std::unique_ptr<stage1_parser> stage1;
    slot *slots;
    size_t slot_count;
    key *unknown;
    size_t unknown_count, unknown_capacity;
    // The field that the last record had at each position.
    uint8_t order[64];

    // One document on its way: the index and the bytes that it points into.
    const uint32_t *index;
    size_t index_count;
    uint8_t *bytes;
    bool escapes;

    bool remember(const uint8_t *base, size_t length) {
        if (unknown_count == unknown_capacity) {
            size_t capacity = unknown_capacity ? unknown_capacity * 2 : 32;
            void *p = std::realloc(unknown, capacity * sizeof(key));
            if (!p) return false;
            unknown = static_cast<key *>(p);
            unknown_capacity = capacity;
        }
        unknown[unknown_count++] = key{base, length};
        return true;
    }

    bool unknown_repeat() {
        size_t n = unknown_count;
        if (n > 16) {
            std::sort(unknown, unknown + n, [](const key &a, const key &b) { return compare(a, b) < 0; });
            for (size_t i = 1; i < n; i++)
                if (compare(unknown[i - 1], unknown[i]) == 0) return true;
            return false;
        }
        for (size_t i = 1; i < n; i++)
            for (size_t j = 0; j < i; j++)
                if (compare(unknown[i], unknown[j]) == 0) return true;
        return false;
    }

    // The string that begins at token `i`: between its quote and the next token there is nothing but the string, its
    // closing quote and white space, so it is found from behind.
    __attribute__((always_inline)) inline bool string(size_t i, uint8_t **base, size_t *length) {
        uint8_t *first = bytes + index[i] + 1;
        uint8_t *last = bytes + index[i + 1] - 1;
        if (*last != '"') {
            while (last > first && is_space(*last)) last--;
            if (*last != '"') return false;
        }
        if (last < first) return false;
        *base = first;
        *length = size_t(last - first);
        if (escapes && std::memchr(first, '\\', *length)) return unescape(first, last, length);
        return true;
    }

    // The end of the number or literal that begins at token `i`.
    inline const uint8_t *scalar_end(size_t i) const {
        const uint8_t *first = bytes + index[i];
        const uint8_t *end = bytes + index[i + 1];
        while (end > first + 1 && is_space(end[-1])) end--;
        return end;
    }

    inline bool literal(size_t i, const char *text, size_t length) const {
        const uint8_t *first = bytes + index[i];
        return size_t(scalar_end(i) - first) == length && std::memcmp(first, text, length) == 0;
    }

    // Checks the value at token `i`, whatever it holds, and moves `i` behind it. Never recurses.
    __attribute__((noinline)) csj_status skip(size_t &i, unsigned depth) {
        uint64_t objects = 0;   // bit d: level d is an object, not an array
        unsigned level = depth; // levels that are open around the value
        uint8_t *text;
        size_t length;
    value:
        if (i >= index_count) return CSJ_SYNTAX;
        switch (bytes[index[i]]) {
            case '{':
                if (level >= CSJ_MAX_DEPTH) return CSJ_TOO_DEEP;
                objects |= uint64_t(1) << level++;
                i++;
                if (i < index_count && bytes[index[i]] == '}') { i++; level--; goto next; }
                goto name;
            case '[':
                if (level >= CSJ_MAX_DEPTH) return CSJ_TOO_DEEP;
                objects &= ~(uint64_t(1) << level++);
                i++;
                if (i < index_count && bytes[index[i]] == ']') { i++; level--; goto next; }
                goto value;
            case '"': if (!string(i, &text, &length)) return CSJ_SYNTAX; break;
            case 't': if (!literal(i, "true", 4)) return CSJ_SYNTAX; break;
            case 'f': if (!literal(i, "false", 5)) return CSJ_SYNTAX; break;
            case 'n': if (!literal(i, "null", 4)) return CSJ_SYNTAX; break;
            default: if (!is_number(bytes + index[i], scalar_end(i))) return CSJ_SYNTAX;
        }
        i++;
    next:
        if (level == depth) return CSJ_OK;
        if (i >= index_count) return CSJ_SYNTAX;
        {
            bool object = objects >> (level - 1) & 1;
            uint8_t c = bytes[index[i++]];
            if (c == ',') {
                if (object) goto name;
                goto value;
            }
            if (c != (object ? '}' : ']')) return CSJ_SYNTAX;
            // The bit of a level that is left must not be seen by the next one that takes its place.
            objects &= ~(uint64_t(1) << --level);
            goto next;
        }
    name:
        if (i + 1 >= index_count || bytes[index[i]] != '"' || bytes[index[i + 1]] != ':') return CSJ_SYNTAX;
        if (!string(i, &text, &length)) return CSJ_SYNTAX;
        i += 2;
        goto value;
    }

    csj_status walk(const csj_schema &schema, csj_field *fields, uint64_t *present) {
        uint64_t seen = 0, filled = 0;
        size_t position = 0;
        unknown_count = 0;
        size_t i = 1, n = index_count;
        if (n < 2 || bytes[index[0]] != '{') return CSJ_SYNTAX;
        if (bytes[index[1]] == '}') {
            i = 2;
        } else {
            for (;;) {
                uint8_t *name;
                size_t name_length;
                if (i + 2 >= n || bytes[index[i]] != '"' || bytes[index[i + 1]] != ':') return CSJ_SYNTAX;
                if (!string(i, &name, &name_length)) return CSJ_SYNTAX;
                int known = schema.find(name, name_length, order[position++ & 63]);
                i += 2;
                if (known < 0) {
                    if (!remember(name, name_length)) return CSJ_NO_MEMORY;
                    csj_status status = skip(i, 1);
                    if (status != CSJ_OK) return status;
                } else {
                    uint64_t bit = uint64_t(1) << known;
                    if (seen & bit) return CSJ_DUPLICATE_KEY;
                    seen |= bit;
                    csj_field &field = fields[known];
                    uint8_t c = bytes[index[i]];
                    if (c == '"') {
                        uint8_t *text;
                        size_t length;
                        if (!string(i, &text, &length)) return CSJ_SYNTAX;
                        field = csj_field{text, uint32_t(length), CSJ_STRING};
                        filled |= bit;
                        i++;
                    } else if (is_digit(c) || c == '-') {
                        const uint8_t *first = bytes + index[i], *end = scalar_end(i);
                        if (!is_number(first, end)) return CSJ_SYNTAX;
                        field = csj_field{first, uint32_t(end - first), CSJ_NUMBER};
                        filled |= bit;
                        i++;
                    } else if (c == 'n') {
                        if (!literal(i, "null", 4)) return CSJ_SYNTAX;
                        field.kind = CSJ_NULL;
                        i++;
                    } else {
                        csj_status status = skip(i, 1);
                        if (status != CSJ_OK) return status;
                        field.kind = CSJ_OTHER;
                        filled |= bit;
                    }
                }
                if (i >= n) return CSJ_SYNTAX;
                uint8_t c = bytes[index[i++]];
                if (c == '}') break;
                if (c != ',') return CSJ_SYNTAX;
            }
        }
        if (i != n) return CSJ_SYNTAX;
        if (unknown_count > 1 && unknown_repeat()) return CSJ_DUPLICATE_KEY;
        *present = filled;
        return CSJ_OK;
    }
};

extern "C" {

csj_schema *csj_schema_new(const char *const *names, size_t count) {
    if (count > 64) return nullptr;
    csj_schema *schema = static_cast<csj_schema *>(std::calloc(1, sizeof(csj_schema)));
    if (!schema) return nullptr;
    schema->count = count;
    uint64_t multiplier = 0xD6E8FEB86659FD93ull;
    for (int attempt = 0; attempt < 100000; attempt++, multiplier = multiplier * 6364136223846793005ull + 2) {
        std::memset(schema->table, 0, sizeof schema->table);
        size_t i = 0;
        for (; i < count; i++) {
            size_t length = std::strlen(names[i]);
            if (length == 0 || length > 24) break;
            uint8_t padded[32] = {0};
            std::memcpy(padded, names[i], length);
            csj_schema::name n = csj_schema::describe(padded, length, i);
            csj_schema::name &place = schema->table[csj_schema::place(n.head, length, multiplier | 1)];
            if (place.length != 0) break;
            place = n;
        }
        if (i == count) {
            for (const csj_schema::name &n : schema->table)
                if (n.length) schema->names[n.index] = n;
            schema->multiplier = multiplier | 1;
            return schema;
        }
    }
    std::free(schema);
    return nullptr;
}

void csj_schema_free(csj_schema *schema) { std::free(schema); }

csj_parser *csj_parser_new(size_t slots) {
    csj_parser *parser = new (std::nothrow) csj_parser();
    if (!parser) return nullptr;
    parser->slots = static_cast<csj_parser::slot *>(std::calloc(slots, sizeof(csj_parser::slot)));
    parser->slot_count = slots;
    if (!parser->slots ||
        simdjson::get_active_implementation()->create_dom_parser_implementation(4096, 1, parser->stage1) != simdjson::SUCCESS) {
        csj_parser_free(parser);
        return nullptr;
    }
    return parser;
}

void csj_parser_free(csj_parser *parser) {
    if (!parser) return;
    if (parser->slots)
        for (size_t i = 0; i < parser->slot_count; i++) std::free(parser->slots[i].bytes);
    std::free(parser->slots);
    std::free(parser->unknown);
    delete parser;
}

enum csj_status csj_parse(csj_parser *parser, const csj_schema *schema, size_t slot, const uint8_t *bytes, size_t length,
                          csj_field *fields, uint64_t *present) {
    if (slot >= parser->slot_count || length >= size_t(1) << 31) return CSJ_NO_MEMORY;
    csj_parser::slot &place = parser->slots[slot];
    size_t capacity = 4096;
    while (capacity < length + CSJ_PADDING) capacity *= 2;
    if (place.capacity < capacity) {
        std::free(place.bytes);
        place.bytes = static_cast<uint8_t *>(std::malloc(capacity));
        place.capacity = place.bytes ? capacity : 0;
        if (!place.bytes) return CSJ_NO_MEMORY;
    }
    if (length) std::memcpy(place.bytes, bytes, length);
    std::memset(place.bytes + length, 0, CSJ_PADDING);
    if (parser->stage1->capacity() < length &&
        parser->stage1->set_capacity(capacity) != simdjson::SUCCESS) {
        return CSJ_NO_MEMORY;
    }

    std::memset(fields, 0, schema->count * sizeof(csj_field));
    *present = 0;
    switch (parser->stage1->stage1(place.bytes, length, simdjson::stage1_mode::regular)) {
        case simdjson::SUCCESS: break;
        case simdjson::UTF8_ERROR: return CSJ_NOT_UTF8;
        case simdjson::MEMALLOC: return CSJ_NO_MEMORY;
        default: return CSJ_SYNTAX;
    }
    parser->bytes = place.bytes;
    parser->index = parser->stage1->structural_indexes.get();
    parser->index_count = parser->stage1->n_structural_indexes;
    parser->escapes = std::memchr(place.bytes, '\\', length) != nullptr;
    return parser->walk(*schema, fields, present);
}

const char *csj_implementation(void) {
    // The name is a member of the implementation, which lives as long as the library.
    static char name[32];
    static const bool once = [] {
        std::string text = simdjson::get_active_implementation()->name();
        std::strncpy(name, text.c_str(), sizeof name - 1);
        return true;
    }();
    (void)once;
    return name;
}

}  // extern "C"
