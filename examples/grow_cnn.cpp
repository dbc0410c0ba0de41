// grow_cnn: trains a small CNN on images, alone and with seeds that grow into it, and compares.
#include "grow_images.hpp"

namespace {

using namespace kasmina;
using namespace kasmina::examples;

struct SmallCnn {
    using Host = hosts::Cnn<Chosen>;
    static constexpr const char* program = "grow_cnn";
    static constexpr const char* network = "a CNN";

    static CommandLine defaults() { return {}; }

    static Host make_host(Chosen::Context& context, const ImageSet& images) {
        return Host(context, {.classes = images.classes,
                              .in_channels = images.channels,
                              .base = 8,
                              .height = images.height,
                              .width = images.width});
    }
};

}  // namespace

int main(int argc, char** argv) {
    return GrowImages<SmallCnn>::main(argc, argv);
}
