// Which sanitizer a test is built with: g++ says so by a macro, clang by a feature.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define KASMINA_TEST_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KASMINA_TEST_ADDRESS_SANITIZER
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define KASMINA_TEST_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KASMINA_TEST_THREAD_SANITIZER
#endif
#endif
