// What tests on the CPU backend parse once for all.
#pragma once

#include <kasmina/kasmina.hpp>

#include "support/catch.hpp"
#include "support/eigen_instances.hpp"
