// What tests of the core parse once for all.
#pragma once

#include "support/catch.hpp"
