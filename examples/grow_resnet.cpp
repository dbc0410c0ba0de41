// grow_resnet: trains a small residual network on images, alone and with seeds that grow into it.
#include <kasmina/hosts/resnet.hpp>

#include "grow_images.hpp"

namespace {

using namespace kasmina;
using namespace kasmina::examples;

/// Eight layers: three stages of one block.
struct SmallResNet {
    using Host = hosts::ResNet<Chosen>;
    static constexpr const char* program = "grow_resnet";
    static constexpr const char* network = "a residual network";

    static CommandLine defaults() {
        CommandLine line;
        line.slots = {"r0c2"};
        return line;
    }

    static Host make_host(Chosen::Context& context, const ImageSet& images) {
        return Host(context, {.classes = images.classes,
                              .in_channels = images.channels,
                              .base = 4,
                              .stages = 3,
                              .blocks = 1});
    }
};

}  // namespace

int main(int argc, char** argv) {
    return GrowImages<SmallResNet>::main(argc, argv);
}
