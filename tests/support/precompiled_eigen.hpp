// What tests on the CPU backend parse once for all.
#pragma once

#include <kasmina/backends/eigen.hpp>
#include <kasmina/kasmina.hpp>

#include "support/catch.hpp"
