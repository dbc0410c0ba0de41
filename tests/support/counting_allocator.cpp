// The global operator new that counts; see counting_allocator.hpp.
#include "support/counting_allocator.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::atomic<std::size_t> count{0};
std::atomic<std::size_t> freed{0};
std::atomic<std::size_t> bytes{0};
std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> most{0};

void note_live(std::size_t now) noexcept {
    std::size_t known = most;
    while (now > known && !most.compare_exchange_weak(known, now)) {
    }
}

void* counted_or_null(std::size_t size, std::size_t alignment) noexcept {
    const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (memory != nullptr) {
        ++count;
        bytes += rounded;
        const std::size_t usable = malloc_usable_size(memory);
        note_live(live_bytes.fetch_add(usable) + usable);
    }
    return memory;
}

void* counted(std::size_t size, std::size_t alignment) {
    void* memory = counted_or_null(size, alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

void release(void* memory) noexcept {
    if (memory == nullptr) return;
    ++freed;
    live_bytes -= malloc_usable_size(memory);
    std::free(memory);
}

}  // namespace

namespace kasmina::test {

std::size_t allocations() noexcept {
    return count;
}

std::size_t live_allocations() noexcept {
    return count - freed;
}

std::size_t allocated_bytes() noexcept {
    return bytes;
}

std::size_t most_bytes() noexcept {
    return most;
}

std::size_t forget_most_bytes() noexcept {
    most = live_bytes.load();
    return most;
}

}  // namespace kasmina::test

void* operator new(std::size_t size) {
    return counted(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size) {
    return counted(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counted_or_null(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return counted_or_null(size, alignof(std::max_align_t));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return counted_or_null(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return counted_or_null(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    release(memory);
}
void operator delete[](void* memory) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    release(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    release(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    release(memory);
}
