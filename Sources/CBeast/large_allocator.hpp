// Memory for buffers that are small nearly always.
#pragma once
#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace weir {

/// Takes large blocks from the system and gives them back to it at once. The heap would keep them: a thousand slow uploads, freed between small blocks that live on, would leave 60 MB resident
/// for good.
template <class T> struct LargeAllocator {
    using value_type = T;

    LargeAllocator() = default;
    template <class U> LargeAllocator(const LargeAllocator<U> &) noexcept {}

    static bool is_large(size_t bytes) { return bytes >= 16 * 1024; }

    T *allocate(size_t count) {
        const size_t bytes = count * sizeof(T);
        void *memory = is_large(bytes) ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : malloc(bytes);
        if (!memory || memory == MAP_FAILED) throw std::bad_alloc();
        return static_cast<T *>(memory);
    }

    void deallocate(T *memory, size_t count) noexcept {
        const size_t bytes = count * sizeof(T);
        if (is_large(bytes))
            munmap(memory, bytes);
        else
            free(memory);
    }

    template <class U> bool operator==(const LargeAllocator<U> &) const { return true; }
    template <class U> bool operator!=(const LargeAllocator<U> &) const { return false; }
};

using LargeString = std::basic_string<char, std::char_traits<char>, LargeAllocator<char>>;

} // namespace weir
