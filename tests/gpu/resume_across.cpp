// A run that is saved on one backend and gone on with on another: a program for each of the
// two.
//
// usage: resume_across live FOLDER     a whole life, saved in its middle, and how it ended
//        resume_across go_on FOLDER    from what another program saved there to its own end
// Both write the final values, and the two texts are what script/gpu-check compares.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

#include <kasmina/checkpoint/checkpoint.hpp>

#include "checkpoint/life.hpp"
#include "support/chosen_backend.hpp"

namespace {

using namespace kasmina;
namespace fs = std::filesystem;
using Backend = test::Chosen64;
using Life = test::Life<Backend, optim::AdamWRule>;

/// In mid-life, between germination and judgement.
constexpr int saved_after = 10;

/// One value a line: losses of epochs, and all parameters.
void write_end(const fs::path& file, Life& life) {
    std::ofstream out(file);
    out.precision(17);
    for (const double loss : life.diary.losses) out << loss << '\n';
    for (const auto& named : life.model.parameters()) {
        for (const double value : named.parameter->value().to_host(life.context)) {
            out << value << '\n';
        }
    }
    if (out.flush()) return;
    throw DataError("the end was not written", "resume_across", "a folder that can be written to",
                    file.string(), "name another folder");
}

void live(const fs::path& folder) {
    Backend::Context context;
    Life life(context);
    life.grow(saved_after);
    checkpoint::save(folder / "life", life.model, life.trainer, life.diary);
    life.grow();
    write_end(folder / "lived", life);
}

void go_on(const fs::path& folder) {
    Backend::Context context;
    Life life(context, 99);
    checkpoint::load(folder / "life", life.model, life.trainer, life.diary);
    life.grow();
    write_end(folder / "gone_on", life);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::string verb = argc == 3 ? argv[1] : "";
        if (verb == "live") {
            live(argv[2]);
        } else if (verb == "go_on") {
            go_on(argv[2]);
        } else {
            std::fputs("usage: resume_across live|go_on FOLDER\n", stderr);
            return 2;
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "resume_across: %s\n", error.what());
        return 1;
    }
}
