// libcurl for Swift. It is not linked: it is loaded when a client is first made, since it brings some twenty libraries with it (10 ms and 8 MB) that a process without a client does not need.
#pragma once
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

/// The functions that are used.
typedef struct {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *handle);
    void (*easy_reset)(CURL *handle);
    CURLcode (*easy_perform)(CURL *handle);
    CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
} weir_curl;

/// Loads the library for as long as the process lives. False if it is not there or lacks a function; `dlerror` then says why.
static inline bool weir_curl_load(weir_curl *curl) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    const struct {
        const char *name;
        void *place;
    } wanted[] = {
        {"curl_global_init", &curl->global_init}, {"curl_easy_init", &curl->easy_init},
        {"curl_easy_cleanup", &curl->easy_cleanup}, {"curl_easy_reset", &curl->easy_reset},
        {"curl_easy_perform", &curl->easy_perform}, {"curl_easy_setopt", &curl->easy_setopt},
        {"curl_easy_getinfo", &curl->easy_getinfo}, {"curl_easy_strerror", &curl->easy_strerror},
        {"curl_slist_append", &curl->slist_append}, {"curl_slist_free_all", &curl->slist_free_all},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i)
        if (!(*(void **)wanted[i].place = dlsym(library, wanted[i].name))) return false;
    return curl->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

// `curl_easy_setopt` and `curl_easy_getinfo` are variadic, which Swift cannot call: one for each type.
typedef size_t (*weir_curl_take)(char *bytes, size_t one, size_t count, void *context);
typedef int (*weir_curl_progress)(
    void *context, curl_off_t download_total, curl_off_t downloaded, curl_off_t upload_total, curl_off_t uploaded);

static inline void weir_curl_set_long(const weir_curl *curl, CURL *handle, CURLoption option, long value) {
    curl->easy_setopt(handle, option, value);
}
static inline void weir_curl_set_size(const weir_curl *curl, CURL *handle, CURLoption option, curl_off_t value) {
    curl->easy_setopt(handle, option, value);
}
static inline CURLcode weir_curl_set_text(const weir_curl *curl, CURL *handle, CURLoption option, const char *value) {
    return curl->easy_setopt(handle, option, value);
}
static inline void weir_curl_set_pointer(const weir_curl *curl, CURL *handle, CURLoption option, const void *value) {
    curl->easy_setopt(handle, option, value);
}
static inline void weir_curl_set_list(const weir_curl *curl, CURL *handle, CURLoption option, struct curl_slist *value) {
    curl->easy_setopt(handle, option, value);
}
static inline void weir_curl_set_take(const weir_curl *curl, CURL *handle, CURLoption option, weir_curl_take value) {
    curl->easy_setopt(handle, option, value);
}
static inline void weir_curl_set_progress(const weir_curl *curl, CURL *handle, weir_curl_progress value) {
    curl->easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, value);
}
static inline long weir_curl_get_long(const weir_curl *curl, CURL *handle, CURLINFO info) {
    long value = 0;
    curl->easy_getinfo(handle, info, &value);
    return value;
}
