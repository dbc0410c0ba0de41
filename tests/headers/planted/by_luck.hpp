// Uses std::vector, whose header another standard header may happen to include.
#pragma once

#include <functional>

inline std::vector<std::function<void()>> planted();
