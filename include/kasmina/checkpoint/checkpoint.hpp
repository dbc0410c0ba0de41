// Checkpoints: save, load, peek, a rotating folder of them, and weights of other programs.
#pragma once

#include <kasmina/checkpoint/file/rotating.hpp>
#include <kasmina/checkpoint/load.hpp>
#include <kasmina/checkpoint/peek.hpp>
#include <kasmina/checkpoint/save.hpp>
#include <kasmina/checkpoint/weights.hpp>
