// Code size: words for functions that are not worth the compiler's time, or the cache's room.
#pragma once

#include <kasmina/requirements.hpp>

/// `KASMINA_COLD`: called where something is wrong; kept out of the code that is run.
/// `KASMINA_RARE`: called now and then and not in every step (making, listing and restoring
/// things): compiled for size, which takes the compiler a fraction of the time. `KASMINA_APART`:
/// called in every step by many, and long beside a call: never copied into them.
#if defined(__GNUC__)
#define KASMINA_COLD [[gnu::cold, gnu::noinline]]
#define KASMINA_RARE [[gnu::cold, gnu::noinline]]
#define KASMINA_APART [[gnu::noinline]]
#else
#define KASMINA_COLD
#define KASMINA_RARE
#define KASMINA_APART
#endif
