// Memory and time of training steps of a transformer with a large vocabulary: its logits whole, or
// made in chunks for the loss.
//
// usage: tied_head whole|chunks [steps] [vocabulary] [batch] [time]   (defaults: 3 50257 8 256)
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <kasmina/backends/eigen.hpp>
#include <kasmina/hosts/transformer.hpp>
#include <kasmina/nn/parameters.hpp>
#include <kasmina/optim/adamw.hpp>

namespace {

using namespace kasmina;
using Backend = backends::Eigen<float>;
using Clock = std::chrono::steady_clock;

/// The most memory that the process has had, in MB; 0 where the system does not tell.
double most_megabytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) * 1024e-6;
    }
    return 0.0;
}

template <class Head>
void run(Index steps, Index vocabulary, Index batch, Index time) {
    Backend::Context context;
    Generator random(1);
    hosts::Transformer<Backend, Head> host(
        context, {.vocabulary = vocabulary, .block = time, .dropout = 0.0}, random);
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> next;
    for (Index i = 0; i < batch * time; ++i) {
        ids.push_back(
            static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(vocabulary))));
        next.push_back(
            static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(vocabulary))));
    }
    const TokenIds<Backend> input(context, {batch, time}, ids, vocabulary);
    const ClassLabels<Backend> labels(context, next, vocabulary);
    optim::AdamW<Backend> adamw;
    adamw.add_group({.learning_rate = 1e-3});
    adamw.synchronise(0, nn::parameters<Backend>(host));
    Tape<Backend> tape(context);
    Pass<Backend> pass(tape, Mode::training, random);
    for (Index step = 0; step < steps; ++step) {
        const auto start = Clock::now();
        tape.clear();
        adamw.zero_gradients();
        const Variable<Backend> loss = [&] {
            using ops::cross_entropy;
            return cross_entropy(hosts::forward(host, pass, input), labels);
        }();
        tape.backward(loss);
        adamw.step(context);
        const float value = loss.item();
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        std::printf("step %ld: loss %.4f, %.2f s, at most %.0f MB\n", static_cast<long>(step),
                    static_cast<double>(value), seconds, most_megabytes());
    }
}

Index number(int count, char** arguments, int at, Index otherwise) {
    if (at >= count) return otherwise;
    const std::string_view text = arguments[at];
    Index value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size() && value > 0) return value;
    throw OptionError("an argument is no number", "tied_head", "a whole number above 0",
                      std::string(text),
                      "tied_head whole|chunks [steps] [vocabulary] [batch] [time]");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::string_view head = argc > 1 ? argv[1] : "";
        const Index steps = number(argc, argv, 2, 3);
        const Index vocabulary = number(argc, argv, 3, 50257);
        const Index batch = number(argc, argv, 4, 8);
        const Index time = number(argc, argv, 5, 256);
        if (head == "whole") {
            run<hosts::WholeLogits>(steps, vocabulary, batch, time);
        } else if (head == "chunks") {
            run<hosts::LogitsInChunks>(steps, vocabulary, batch, time);
        } else {
            throw OptionError("which head is not said", "tied_head", "whole or chunks",
                              head.empty() ? "nothing" : std::string(head),
                              "tied_head whole|chunks [steps] [vocabulary] [batch] [time]");
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "tied_head: %s\n", error.what());
        return 2;
    }
}
