// Inference without training code: a grown network, loaded from the file of save_network.cpp.
#include <cstdio>
#include <exception>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/blueprints/cnn.hpp>
#include <kasmina/inference/network.hpp>

#include "stripes.hpp"
#include "support/arguments.hpp"

using namespace kasmina;
using Cpu = ForwardOnly<backends::Eigen<float>>;  // no way back is compiled

int main(int argc, char** argv) {
    const examples::Arguments arguments(argc, argv, "FILE");
    try {
        Cpu::Context cpu;
        const inference::Network network(cpu, examples::PointCnn<Cpu>{cpu}, CnnBlueprints{},
                                         arguments.value());
        Tape<Cpu> tape(cpu);
        Pass<Cpu> pass(tape, Mode::evaluation);
        const auto batch = std::move(examples::stripes<Cpu>(cpu, 1, 3)[0]);
        for (const float logit : network.forward(pass, batch.input).to_host()) {
            std::printf("%a\n", static_cast<double>(logit));
        }
    } catch (const std::exception& error) {
        return std::puts(error.what()), 2;
    }
}
